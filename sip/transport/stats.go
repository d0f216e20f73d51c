package transport

import (
	"sync/atomic"

	"gatehouse/sip/msg"
)

// Direction of a message as this process sees it.
type Direction uint8

// The directions.
const (
	In Direction = iota
	Out
)

// String gives "in" or "out", the metric label.
func (d Direction) String() string {
	switch d {
	case In:
		return "in"
	case Out:
		return "out"
	}
	return "unknown"
}

// Cause says why something was dropped, refused or closed.
type Cause uint8

// The causes counted in Stats.Drops.
const (
	CauseNotSIP           Cause = iota // nothing that could be answered: no request line, no Via
	CauseResponse                      // a malformed response, always dropped (RFC 3261 §18.3)
	CauseACK                           // a malformed ACK, which has no response
	CauseSilent                        // a malformed request of a source that gets no answers
	CauseAmplification                 // an answer to a stranger's datagram that would be larger than the datagram
	CauseKeepAlive                     // a datagram of CRLFs (RFC 5626 §3.5.1 uses them on streams only)
	CauseFraming                       // a stream whose message boundaries cannot be trusted; closed
	CauseOversize                      // a stream message over msg.MaxMessageBytes; closed
	CauseMalformedLimit                // a stream that sent too many malformed messages; closed
	CauseHeadTimeout                   // a stream whose message head took too long; closed
	CauseMessageTimeout                // a stream whose message took too long; closed
	CauseFirstTimeout                  // an accepted stream that sent no message; closed
	CauseIdle                          // a stream nobody used; closed
	CauseConnLimit                     // an accepted connection over the cap of all
	CauseSourceLimit                   // an accepted connection over the cap of its source
	CauseEvicted                       // an unproven connection closed to make room for another source
	CauseAcceptError                   // accept failed, e.g. no file descriptors
	CauseReadError                     // a datagram socket that failed to read
	CauseQueueFull                     // a message not sent because its queue was full
	CauseWriteError                    // a message the socket did not take, or whose connection ended first
	CauseDialError                     // a connection that could not be opened
	CauseHandshake                     // an accepted connection whose TLS or WebSocket handshake failed
	CauseHandshakeTimeout              // one whose handshake took too long
	CauseHandshakeLimit                // one that came while too many were in their handshakes
	CauseNoPong                        // a connection we opened that stopped answering keep-alives
	CauseDenied                        // a datagram or connection of a source that is denied
	CausePanic                         // a message whose handling panicked
	numCauses
)

// causeNames are the metric labels, in the order of the constants.
func causeNames() [numCauses]string {
	return [numCauses]string{
		"not_sip", "response", "ack", "silent", "amplification", "keep_alive", "framing", "oversize",
		"malformed_limit", "head_timeout", "message_timeout", "first_timeout", "idle", "conn_limit", "source_limit",
		"evicted", "accept_error", "read_error", "queue_full", "write_error", "dial_error", "handshake",
		"handshake_timeout", "handshake_limit", "no_pong", "denied", "panic",
	}
}

// String gives the metric label.
func (c Cause) String() string {
	if c < numCauses {
		return causeNames()[c]
	}
	return "unknown"
}

// MessageCount is how many messages of one kind crossed.
type MessageCount struct {
	Direction Direction
	Method    msg.Method
	Code      int // 0 for requests
	N         uint64
}

// ParseErrorCount is how many messages were malformed in one way, by the code such a request deserves.
type ParseErrorCount struct {
	Code int
	N    uint64
}

// Stats is a copy of the counters, monotonic since New except for the gauges.
type Stats struct {
	Messages    []MessageCount    // well-formed messages, only kinds that occurred
	ParseErrors []ParseErrorCount // malformed messages, only codes that occurred
	Drops       map[Cause]uint64  // only causes that occurred
	Refusals    uint64            // stateless answers to malformed requests
	Pongs       uint64            // CRLF keep-alives answered
	Accepted    uint64            // connections accepted and kept
	Dialed      uint64            // connections opened by us
	Conns       int               // gauge: connections now
	ConnsBy     map[string]int    // gauge: of those, by the name of the transport
	Handshakes  int               // gauge: of those, accepted and in their handshakes
	QueuedBytes int64             // gauge: bytes waiting for streams now
}

const (
	statMethods  = 32  // room for every msg.Method; one outside counts as Unknown
	statCodeBase = 100 // the first response code
	statCodes    = 601 // slot 0: requests; then codes 100..699
)

// counters are the live numbers; every field is atomic.
type counters struct {
	messages    [2][statMethods][statCodes]atomic.Uint64
	parseErrors [statCodes]atomic.Uint64
	drops       [numCauses]atomic.Uint64
	refusals    atomic.Uint64
	pongs       atomic.Uint64
	accepted    atomic.Uint64
	dialed      atomic.Uint64
}

// codeSlot maps a response code to its counter; anything else is slot 0.
func codeSlot(code int) int {
	if code < statCodeBase || code >= statCodeBase+statCodes-1 {
		return 0
	}
	return code - statCodeBase + 1
}

// slotCode is the inverse of codeSlot.
func slotCode(slot int) int {
	if slot == 0 {
		return 0
	}
	return slot + statCodeBase - 1
}

func (c *counters) message(d Direction, m msg.Method, code int) {
	if m >= statMethods {
		m = msg.Unknown
	}
	c.messages[d][m][codeSlot(code)].Add(1)
}

func (c *counters) drop(cause Cause) { c.drops[cause].Add(1) }

// snapshot copies everything that is not zero.
func (c *counters) snapshot() Stats {
	s := Stats{
		Drops:    make(map[Cause]uint64),
		Refusals: c.refusals.Load(),
		Pongs:    c.pongs.Load(),
		Accepted: c.accepted.Load(),
		Dialed:   c.dialed.Load(),
	}
	for d := range c.messages {
		for m := range c.messages[d] {
			for slot := range c.messages[d][m] {
				if n := c.messages[d][m][slot].Load(); n != 0 {
					s.Messages = append(s.Messages, MessageCount{Direction(d), msg.Method(m), slotCode(slot), n})
				}
			}
		}
	}
	for slot := range c.parseErrors {
		if n := c.parseErrors[slot].Load(); n != 0 {
			s.ParseErrors = append(s.ParseErrors, ParseErrorCount{slotCode(slot), n})
		}
	}
	for i := range c.drops {
		if n := c.drops[i].Load(); n != 0 {
			s.Drops[Cause(i)] = n
		}
	}
	return s
}

// statusOf reads the status code of an outgoing message; 0 for a request.
func statusOf(raw []byte) int {
	const at = len("SIP/2.0 ")
	if len(raw) < at+3 || string(raw[:at]) != "SIP/2.0 " {
		return 0
	}
	code := 0
	for _, c := range raw[at : at+3] {
		if c < '0' || c > '9' {
			return 0
		}
		code = code*10 + int(c-'0')
	}
	return code
}
