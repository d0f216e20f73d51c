package transport

import (
	"net/netip"

	"gatehouse/sip/msg"
)

// arrivals is a listener as its socket sees it.
type arrivals struct{ *Listener }

// ReadFailed counts ICMP errors and the like.
func (l arrivals) ReadFailed(error) { l.stack.count.drop(CauseReadError) }

// Datagram takes one datagram; more tells that they come faster than they are handled.
func (l arrivals) Datagram(data []byte, src netip.AddrPort, more bool) {
	s := l.stack
	defer s.contain()
	if onlyCRLF(data) {
		s.count.drop(CauseKeepAlive)
		return
	}
	standing := s.standing(l.Listener, src, false)
	if standing == Denied {
		s.count.drop(CauseDenied)
		return
	}
	in := s.pool.get(data)
	in.Source, in.Listener, in.Standing, in.At, in.More = src, l.Listener, standing, s.now(), more
	s.receive(in, msg.Datagram)
}

// onlyCRLF reports a keep-alive: nothing but line ends (RFC 3261 §7.5).
func onlyCRLF(b []byte) bool {
	for _, c := range b {
		if c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}
