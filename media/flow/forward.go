// Package flow decides about every media packet: whom it is taken from, what it must look like, where it goes, and what is counted.
//
// It owns the table of slots, one per bound pair of ports, and the rules: demultiplexing (RFC 7983), rtcp-mux (RFC 5761), latching
// (RFC 7362), payload types and drops by cause. It has no socket, clock, goroutine or log: a data path (media/portable) calls
// Slot.Forward with bytes it read and does what Out says. One writer, media/anchor, changes slots; packet workers read immutable entries
// through atomic pointers and own the receive state of their pairs. It never looks at SDP direction: music on hold is relayed like
// speech.
package flow

import (
	"errors"
	"net/netip"

	"gatehouse/media/profile"
	"gatehouse/media/rtp"
)

// Out says where an accepted packet goes. The packet's bytes were changed in place as far as needed.
type Out struct {
	Peer      uint32 // slot to send from
	Component Component
	Dest      netip.AddrPort
	media     bool
	size      int
	state     *State // of the receiving pair
	peer      *State
}

// Sent counts the packet as sent.
func (o *Out) Sent() {
	if o.media {
		o.peer.txPackets.Add(1)
		o.peer.txBytes.Add(uint64(o.size))
	}
}

// Failed counts the packet as refused by the operating system.
func (o *Out) Failed() { o.state.Drop(Send) }

// Forward decides about one datagram that arrived at the slot's component c from src at now. b is its bytes, size its real length, which
// is larger when b was cut. None means: send b as out says. Any other cause was counted already. No allocation, except when a source is learnt.
func (s *Slot) Forward(now int64, c Component, src netip.AddrPort, b []byte, size int, out *Out) Cause {
	e := s.entry.Load()
	if e == nil {
		return s.idle(now, c, src.Addr())
	}
	var cause Cause
	switch {
	case size > MaxPacketBytes || size > len(b):
		cause = Oversize
	case e.Kind == profile.RTP:
		cause = s.media(now, e, c, src, b, out)
	case e.Kind == profile.Datagram:
		cause = s.datagram(now, e, c, src, b, out)
	default:
		cause = Stray
	}
	if cause != None {
		e.State.Drop(cause)
	}
	return cause
}

// media handles one datagram of an RTP profile.
func (s *Slot) media(now int64, e *Entry, c Component, src netip.AddrPort, b []byte, out *Out) Cause {
	if len(b) == 0 {
		// RFC 6263 §4.1: an empty datagram keeps a NAT binding; it teaches no unsignalled address.
		if !s.source(now, e, c, src, Mark{}) {
			return Source
		}
		return Keepalive
	}
	switch rtp.Classify(b[0]) {
	case rtp.Media:
	case rtp.STUN:
		return STUN
	case rtp.DTLS:
		return DTLS
	case rtp.ZRTP, rtp.TURN, rtp.Unknown:
		if b[0] >= firstVersioned {
			return Version
		}
		return Demux
	}
	if c == RTCP || e.MuxIn && rtp.IsRTCP(b) {
		return s.control(now, e, c, src, b, out)
	}
	h, err := rtp.Parse(b)
	if err != nil {
		if errors.Is(err, rtp.ErrVersion) {
			return Version
		}
		return Malformed
	}
	if cause := s.admit(now, e, c, src, Mark{Numbered: true, Seq: h.Seq, SSRC: h.SSRC, Need: LatchPackets}); cause != None {
		return cause
	}
	pt, ok := e.payload(now, h.PT)
	if !ok {
		return Payload
	}
	if pt != h.PT {
		rtp.SetPT(b, pt)
	}
	st := e.State
	st.rxPackets.Add(1)
	st.rxBytes.Add(uint64(len(b)))
	st.receiver.Note(&h, now, e.ClockHz)
	st.lost.Store(st.receiver.Lost())
	st.jitter.Store(st.receiver.JitterUnits())
	return e.send(RTP, len(b), out)
}

// firstVersioned is the first byte value that RFC 7983 leaves to nobody below RTP's: its top bits are a version field of 1 or 3.
const firstVersioned = 64

// control handles one RTCP datagram.
func (s *Slot) control(now int64, e *Entry, c Component, src netip.AddrPort, b []byte, out *Out) Cause {
	if rtp.CheckCompound(b) != nil {
		return Malformed
	}
	need := uint8(1)
	if c == RTP {
		need = LatchPackets // on a shared port RTCP must not be an easier way in than RTP
	}
	if cause := s.admit(now, e, c, src, Mark{Need: need}); cause != None {
		return cause
	}
	return e.send(RTCP, len(b), out)
}

// datagram handles one packet of an opaque stream.
func (s *Slot) datagram(now int64, e *Entry, c Component, src netip.AddrPort, b []byte, out *Out) Cause {
	if c != RTP {
		return Stray
	}
	if len(b) == 0 {
		if !s.source(now, e, c, src, Mark{}) {
			return Source
		}
		return Keepalive
	}
	if cause := s.admit(now, e, c, src, Mark{Need: LatchPackets}); cause != None {
		return cause
	}
	if !e.State.bucket.take(now) {
		return Rate
	}
	e.State.rxPackets.Add(1)
	e.State.rxBytes.Add(uint64(len(b)))
	return e.send(RTP, len(b), out)
}

// admit checks the source and says why it is refused.
func (s *Slot) admit(now int64, e *Entry, c Component, src netip.AddrPort, m Mark) Cause {
	switch {
	case s.source(now, e, c, src, m):
		return None
	case e.Open && s.tainted(e.State.held, src.Addr()):
		return Tainted
	}
	return Source
}

// source asks the latch.
func (s *Slot) source(now int64, e *Entry, c Component, src netip.AddrPort, m Mark) bool {
	r := Rule{Signalled: e.Signalled[c], Generation: e.Generation, Open: e.Open}
	if e.Open && src != e.State.latch[c].source {
		if c == RTCP {
			r.Anchor = e.State.latch[RTP].Source().Addr()
		}
		if s.tainted(e.State.held, src.Addr()) {
			r.Open = false
		}
	}
	return e.State.accept(now, c, &r, src, m)
}

// payload translates a payload type; the map of the previous offer/answer counts for a short while (RFC 3264 §8.3.2).
func (e *Entry) payload(now int64, pt uint8) (uint8, bool) {
	if !e.MuxIn && rtp.Reserved(pt) {
		return 0, false
	}
	out, ok := e.PT.Map(pt)
	if !ok && e.FormerPT != nil && now < e.FormerTill {
		return e.FormerPT.Map(pt)
	}
	return out, ok
}

// send fills in where a packet of the given kind goes.
func (e *Entry) send(kind Component, size int, out *Out) Cause {
	port := kind
	if e.MuxOut {
		port = RTP
	}
	dest := e.Dest[port]
	if e.Follow && dest.IsValid() {
		if a := e.PeerState.learnt[port].Load(); a != nil {
			dest = *a
		}
	}
	if !dest.IsValid() {
		if e.Refused {
			return Denied
		}
		return NoAddress
	}
	*out = Out{Peer: e.Peer, Component: port, Dest: dest, media: kind == RTP, size: size, state: e.State, peer: e.PeerState}
	return None
}
