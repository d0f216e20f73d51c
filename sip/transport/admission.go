package transport

import (
	"net/netip"

	"gatehouse/sip/msg"
)

// Standing says how a source is treated before anything it sent was read.
type Standing uint8

// The standings of a source.
const (
	// Known is a configured peer.
	Known Standing = iota
	// Stranger is anybody else whose requests are refused with an answer.
	Stranger
	// Silent is a source that gets no stateless answer at all.
	Silent
	// Denied is a source nothing is read from: its datagrams are dropped unread and its connections closed at once.
	Denied
)

// String names the standing for logs.
func (s Standing) String() string {
	switch s {
	case Known:
		return "known"
	case Stranger:
		return "stranger"
	case Silent:
		return "silent"
	case Denied:
		return "denied"
	}
	return "unknown"
}

// Arrival is what Admission is asked about.
type Arrival struct {
	Zone    string
	Source  netip.AddrPort // IPv4 never in mapped form
	Proto   Proto
	Opening bool // a connection is being accepted; else a message arrived
}

// Offence is something no well-behaved source does.
type Offence struct {
	Zone   string
	Source netip.Addr
	Proven bool   // it came by a stream, so the source is who it says; the source of a datagram may be forged
	Reason string // a fixed word
}

// Admission tells how to treat a source, and is told who misbehaves. It is asked on reader goroutines, once per
// message and once per accepted connection, before anything is parsed; it must be quick and safe for concurrent use.
type Admission interface {
	// Admit gives the standing of who a message or a connection comes from.
	Admit(a Arrival) Standing
	// Offend reports a malformed message, a stream that cannot be framed, a handshake that failed or a connection
	// that was too slow. Known sources are not reported.
	Offend(o Offence)
}

// Handler takes what arrives. Its methods are called from many goroutines and must not block.
type Handler interface {
	// Receive takes ownership of one well-formed message and must call in.Release exactly once, from any goroutine.
	Receive(in *Inbound)
	// SendFailed reports that a request given to Send with this branch was not sent; it is called at most once for it,
	// and not at all when Send returned an error (RFC 3261 §18.4).
	SendFailed(branch string, method msg.Method, err error)
	// ConnLost reports, once, that a connection has ended over which at least one well-formed message came or a message
	// of ours went, unless its listener is closing. It is called from the connection's goroutine.
	ConnLost(c *Conn, err error)
}

// everyoneKnown is the admission of a stack that was given none.
type everyoneKnown struct{}

// Admit implements Admission.
func (everyoneKnown) Admit(Arrival) Standing { return Known }

// Offend implements Admission.
func (everyoneKnown) Offend(Offence) {}
