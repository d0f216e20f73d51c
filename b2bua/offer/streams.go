package offer

import (
	"math"
	"net/netip"
	"slices"

	"gatehouse/media/profile"
	"gatehouse/media/sdp"
)

// Streams derives what the relay has to do from both legs' agreements; the index is the m-line. A line that is off on
// either leg is off. Payload types that were not agreed on both legs are dropped.
func Streams(a, b *Leg) []profile.Stream {
	out := make([]profile.Stream, max(len(a.cur.lines), len(b.cur.lines)))
	for i := range out {
		if i >= len(a.cur.lines) || i >= len(b.cur.lines) {
			continue
		}
		la, lb := &a.cur.lines[i], &b.cur.lines[i]
		if la.kind == profile.Off || la.kind != lb.kind {
			continue
		}
		ma, mb := &a.cur.remote.Media[i], &b.cur.remote.Media[i]
		s := profile.Stream{Kind: la.kind, A: side(la, ma), B: side(lb, mb)}
		s.A.Generation, s.B.Generation = a.cur.generation, b.cur.generation
		s.A.Sends = flows(la, ma, lb, mb)
		s.B.Sends = flows(lb, mb, la, ma)
		if la.kind == profile.RTP {
			s.A.PT, s.B.PT = translation(la, lb), translation(lb, la)
		}
		out[i] = s
	}
	return out
}

// Serves says that the answer this leg's peer has from us still stands up to what the far leg's peer said last: all
// that it lets our peer send, the far peer takes, and nothing is shut out that the far peer would let through. Where the
// far side wants less than we promised, media ends at the relay and the answer serves all the same.
func (l *Leg) Serves(far *Leg) bool {
	if l.x.role != theirs || !l.x.answered {
		return true
	}
	for i := range min(len(l.cur.lines), len(far.cur.lines)) {
		here, there := &l.cur.lines[i], &far.cur.lines[i]
		if there.kind == profile.Off || l.x.offer.Media[i].Rejected() {
			continue
		}
		open := there.wish.And(l.x.offer.Media[i].Direction.Reverse())
		switch {
		case here.kind != there.kind:
			return false
		case open.Sends() && !here.ours.Sends(), open.Receives() && !here.ours.Receives():
			return false
		case !covers(there.codecs, here.codecs):
			return false
		}
	}
	return true
}

// covers says that every main codec of one list is in the other.
func covers(all, part []codec) bool {
	return !slices.ContainsFunc(part, func(c codec) bool {
		return !auxiliary(c.Name) && !slices.ContainsFunc(all, func(o codec) bool { return o.key == c.key })
	})
}

// flows says that media from the first side's peer may reach the other's: both peers and both our answers allow it.
func flows(from *line, fm *sdp.Media, to *line, tm *sdp.Media) bool {
	return fm.Direction.Sends() && from.ours.Receives() && to.ours.Sends() && tm.Direction.Receives()
}

// side gives where one leg's peer receives, and how.
func side(ln *line, m *sdp.Media) profile.Side {
	s := profile.Side{Mux: ln.mux}
	if m.Addr.IsValid() && !m.Addr.IsUnspecified() { // nothing is sent to 0.0.0.0, RTCP included (RFC 3264 §8.4)
		s.RTP = netip.AddrPortFrom(m.Addr, m.Port)
	}
	if ln.kind != profile.RTP {
		return s
	}
	s.RTCP = control(ln, m, s.RTP)
	for i := range ln.codecs {
		if c := &ln.codecs[i]; !auxiliary(c.Name) || s.ClockHz == 0 {
			s.ClockHz = c.ClockHz
			if !auxiliary(c.Name) {
				break
			}
		}
	}
	return s
}

// control gives where the peer takes RTCP: the RTP port when shared, what a=rtcp says, else the next port (RFC 3550 §11,
// RFC 3605 §2.1, RFC 5761 §5.1.1).
func control(ln *line, m *sdp.Media, rtp netip.AddrPort) netip.AddrPort {
	switch {
	case !rtp.IsValid():
		return netip.AddrPort{}
	case ln.mux:
		return rtp
	case m.RTCP.Port() != 0:
		if a := m.RTCP.Addr(); !a.IsValid() || a.IsUnspecified() {
			return netip.AddrPort{}
		}
		return m.RTCP
	case rtp.Port() == math.MaxUint16:
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(rtp.Addr(), rtp.Port()+1)
}

// translation maps the payload types that the first leg's peer sends to those the other's peer takes. A peer that sends
// with the number of its own answer, against RFC 3264 §6.1, is understood where that number means nothing else.
func translation(from, to *line) *profile.PTMap {
	m := profile.NewPTMap()
	pairs := common(from.codecs, to.codecs)
	for _, p := range pairs {
		m.Set(from.codecs[p.x].recv, to.codecs[p.y].send)
	}
	for _, p := range pairs {
		if own := from.codecs[p.x].send; m.To[own] == profile.Unmapped && !receives(from.codecs, own) {
			m.Set(own, to.codecs[p.y].send)
		}
	}
	return m
}

// receives says that a number was given to one of the codecs.
func receives(codecs []codec, pt uint8) bool {
	for i := range codecs {
		if codecs[i].recv == pt {
			return true
		}
	}
	return false
}
