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
	}
	return "unknown"
}

// Admission tells how to treat a source. It is asked on reader goroutines, once per message and once per accepted
// connection, before anything is parsed; it must be quick and safe for concurrent use.
type Admission interface {
	// Admit gives the standing of an address (IPv4 never in mapped form) in a zone.
	Admit(zone string, src netip.Addr) Standing
}

// Handler takes what arrives. Its methods are called from many goroutines and must not block.
type Handler interface {
	// Receive takes ownership of one well-formed message and must call in.Release exactly once, from any goroutine.
	Receive(in *Inbound)
	// SendFailed reports that a request given to Send with this branch was not sent; it is called at most once for it,
	// and not at all when Send returned an error (RFC 3261 §18.4).
	SendFailed(branch string, method msg.Method, err error)
}

// everyoneKnown is the admission of a stack that was given none.
type everyoneKnown struct{}

// Admit implements Admission.
func (everyoneKnown) Admit(string, netip.Addr) Standing { return Known }
