package txn

import (
	"strconv"

	"gatehouse/sip/msg"
)

// Events are what the table wants its owner to do, in order. The owner reuses the slice.
type Events = []Event

// Event is one thing for the owner to do or to know. Exactly one of Client and Server is set.
type Event struct {
	Kind   EventKind
	Method msg.Method // Transmit: of the request in Raw, or of the one Raw answers; else the transaction's
	Repeat bool       // Transmit: Raw was sent before
	Code   int        // Transmit of a response: its status. Timeout: 408, TransportFailed: 503 (RFC 3261 §8.1.3.1)
	Client *Client
	Server *Server
	Raw    []byte // Transmit: the bytes to send to the transaction's Dest; nobody changes them afterwards
}

// EventKind says what an Event is.
type EventKind uint8

// The kinds of event. A client transaction gives at most one of: a final response, Timeout, TransportFailed.
const (
	// Transmit asks to send Raw to the Dest of the transaction.
	Transmit EventKind = iota
	// Timeout says that the peer did not answer: a client's Timer B or F, or 64*T1 after the CANCEL of an INVITE; for an
	// INVITE server Timer H: its refusal was not acknowledged. Terminated follows.
	Timeout
	// TransportFailed says that the request could not be sent. Terminated follows.
	TransportFailed
	// Terminated says that the transaction has left the table.
	Terminated
)

// String names the kind for logs.
func (k EventKind) String() string {
	switch k {
	case Transmit:
		return "transmit"
	case Timeout:
		return "timeout"
	case TransportFailed:
		return "transport failed"
	case Terminated:
		return "terminated"
	}
	return "event(" + strconv.Itoa(int(k)) + ")"
}

// Disposition is what became of a request that was looked up.
type Disposition uint8

// The dispositions.
const (
	New      Disposition = iota // no transaction has it: the caller decides, and calls NewServer to answer
	Absorbed                    // a repeat, or the ACK of a refusal: nothing is left to do but the events
	Pass                        // an ACK that is for a dialog: of a 2xx, or of no transaction
)

// String names the disposition for logs.
func (d Disposition) String() string {
	switch d {
	case New:
		return "new"
	case Absorbed:
		return "absorbed"
	case Pass:
		return "pass"
	}
	return "disposition(" + strconv.Itoa(int(d)) + ")"
}

// The statuses a failure without a response is taken for (RFC 3261 §8.1.3.1).
const (
	codeTrying  = 100
	codeTimeout = 408
	codeUnsent  = 503
)
