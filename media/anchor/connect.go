package anchor

import (
	"net/netip"

	"gatehouse/media/flow"
	"gatehouse/media/profile"
)

// Connect makes the flows between two ends what streams say, one element for each m-line; what was between them before, or between one of
// them and a third end, is gone. Streams that are Off, missing, or lack ports on a side have no flow. An end that is closed makes it do
// nothing.
func (p *Plane) Connect(a, b profile.EndID, streams []profile.Stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ea, eb := p.endLocked(a), p.endLocked(b)
	if ea == nil || eb == nil || ea == eb {
		return
	}
	if ea.peer != eb {
		p.unlinkLocked(ea)
		p.unlinkLocked(eb)
		ea.peer, eb.peer = eb, ea
	}
	now := p.workerTime(p.now())
	ea.owner.base, eb.owner.base = now, now
	for n := range max(len(ea.streams), len(eb.streams)) {
		var s profile.Stream
		if n < len(streams) {
			s = streams[n]
		}
		p.connectLocked(ea, eb, n, &s, now)
	}
}

// connectLocked sets the two flows of stream n.
func (p *Plane) connectLocked(ea, eb *end, n int, s *profile.Stream, now int64) {
	var ha, hb *port
	if s.Kind != profile.Off && n < len(ea.streams) && n < len(eb.streams) {
		ha, hb = p.portLocked(&ea.streams[n], &s.A), p.portLocked(&eb.streams[n], &s.B)
	}
	if ha == nil || hb == nil {
		for _, e := range [...]*end{ea, eb} {
			if n < len(e.streams) {
				p.cutLocked(&e.streams[n])
			}
		}
		return
	}
	sa, sb := &ea.streams[n], &eb.streams[n]
	toB := p.entryLocked(s.Kind, sa, ha, &s.A, hb, &s.B, now)
	toA := p.entryLocked(s.Kind, sb, hb, &s.B, ha, &s.A, now)
	sa.offered, sb.offered = s.A.Generation, s.B.Generation
	sa.flowing = s.Kind == profile.RTP && s.A.Sends && s.B.Sends
	sb.flowing = sa.flowing
	p.onlyLocked(sa, ha, toB)
	p.onlyLocked(sb, hb, toA)
}

// onlyLocked makes e the flow that enters at h, and ends the one at the stream's other port.
func (p *Plane) onlyLocked(s *stream, h *port, e *flow.Entry) {
	for _, have := range [...]*port{s.port, s.other} {
		if have != nil && have != h {
			p.setLocked(have, nil)
		}
	}
	p.setLocked(h, e)
}

// portLocked chooses the stream's port by the family of the peer's address; without one the port in use stays.
func (p *Plane) portLocked(s *stream, side *profile.Side) *port {
	if a := side.RTP.Addr(); a.IsValid() && !a.IsUnspecified() {
		if h := s.of(profile.FamilyOf(a)); h != nil {
			return h
		}
	}
	if s.other != nil && p.relay.Slot(s.other.slot).Entry() != nil {
		return s.other
	}
	return s.port
}

// entryLocked makes the flow of packets that arrive at in, from the peer that side from describes, to the peer that side to describes.
func (p *Plane) entryLocked(kind profile.Kind, s *stream, in *port, from *profile.Side, out *port, to *profile.Side, now int64) *flow.Entry {
	e := &flow.Entry{
		Kind: kind, MuxIn: from.Mux, MuxOut: to.Mux, ClockHz: from.ClockHz,
		Open: opens(from, in), Follow: opens(to, out),
		PT: from.PT, State: in.state, Peer: out.slot, PeerState: out.state,
	}
	e.Signalled = addresses(from)
	e.Dest = addresses(to)
	for c := range e.Dest {
		p.clearLocked(e, &e.Dest[c], out)
	}
	before := p.relay.Slot(in.slot).Entry()
	if before == nil {
		e.Generation = in.state.NextGeneration()
		return e
	}
	e.Generation = before.Generation
	if before.Signalled != e.Signalled {
		in.state.Forget()
	}
	if before.Signalled != e.Signalled || before.Open != e.Open || s.offered != from.Generation {
		e.Generation = in.state.NextGeneration()
	}
	e.Supersede(before, now)
	return e
}

// addresses gives where a side receives, and so sends from: RTCP beside RTP unless it said otherwise.
func addresses(s *profile.Side) [2]netip.AddrPort {
	rtp := netip.AddrPortFrom(s.RTP.Addr().Unmap(), s.RTP.Port())
	rtcp := netip.AddrPortFrom(s.RTCP.Addr().Unmap(), s.RTCP.Port())
	if !rtcp.Addr().IsValid() && s.Mux && rtp.Port() != 0xffff {
		// With rtcp-mux nothing was said about a second port. A peer that sends RTCP there all the same is heard.
		rtcp = netip.AddrPortFrom(rtp.Addr(), rtp.Port()+1)
	}
	return [2]netip.AddrPort{rtp, rtcp}
}

// clearLocked empties a destination that cannot or must not be sent to.
func (p *Plane) clearLocked(e *flow.Entry, dest *netip.AddrPort, from *port) {
	a := dest.Addr()
	if !a.IsValid() || a.IsUnspecified() || dest.Port() == 0 || profile.FamilyOf(a) != from.pool.family() {
		*dest = netip.AddrPort{}
		return
	}
	if flow.Deniable(from.pool.addr, a) || p.ownLocked(*dest) {
		*dest = netip.AddrPort{}
		e.Refused = true
		p.refused.Denied++
	}
}

// opens says that a side's source is learnt because it is behind NAT: always, or when it signalled an address that we, as we appear
// to it, cannot reach.
func opens(s *profile.Side, h *port) bool {
	switch s.NAT {
	case profile.NATOff:
		return false
	case profile.NATOn:
		return true
	case profile.NATAuto:
		a := s.RTP.Addr()
		return a.IsValid() && flow.Hidden(a) && !flow.Hidden(h.advertise)
	}
	return false
}
