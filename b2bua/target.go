package b2bua

import (
	"bytes"
	"net/netip"
	"time"

	"gatehouse/b2bua/call"
	"gatehouse/b2bua/path"
	"gatehouse/sip/grammar"
	"gatehouse/sip/msg"
	"gatehouse/sip/resolve"
	"gatehouse/sip/transport"
)

const (
	// unheardPenalty is how long a target that could not be reached, or said
	// nothing, is tried after the others: calls of the next half minute need not
	// wait for it as well (RFC 3263 §4.3 leaves the time to us).
	unheardPenalty = 30 * time.Second
	// maxRetryAfter bounds how long one 503 can keep us away from a target.
	maxRetryAfter = time.Hour
	// datagramOnly is how long a target that could not be reached by TCP gets
	// large requests by UDP at once.
	datagramOnly = 10 * time.Minute
	// maxDatagramOnly bounds the targets remembered so.
	maxDatagramOnly = 4096
	// streamWithin is how long a connection for the sake of a large request may
	// take to open before UDP has to do: callers wait meanwhile.
	streamWithin = 2 * time.Second
)

// Heard takes a response to a request of ours: its target is there. A 503 that
// says for how long it wants to be left alone gets its wish
// (RFC 3261 §21.5.4, §20.33).
func (s *shard) Heard(r *call.Request, m *msg.Message, first bool) {
	if first {
		s.settled(r)
		if r.Hop.Dest.Conn == nil {
			s.e.o.Resolver.Forgive(targetOf(r))
		}
	}
	if m.Status() != 503 || r.Hop.Dest.Conn != nil {
		return
	}
	if d := retryAfter(m); d > 0 {
		s.e.o.Resolver.Penalize(targetOf(r), min(d, maxRetryAfter), true)
	}
}

// targetOf is the target a request was for. The one that was moved to TCP was
// for UDP, and that is what the next call will ask for.
func targetOf(r *call.Request) resolve.Target {
	t := r.Hop.Target()
	if r.Moved {
		t.Transport = transport.UDP.String()
	}
	return t
}

// retryAfter reads the seconds of a Retry-After; 0 when there are none.
func retryAfter(m *msg.Message) time.Duration {
	v, _ := m.Get(msg.HeaderRetryAfter)
	if i := bytes.IndexAny(v, " \t;("); i >= 0 {
		v = v[:i]
	}
	// What is longer than a year is a year; a wrong number is none.
	const most = 365 * 24 * 3600
	n, ok := grammar.ParseDecimal(v, most)
	if !ok {
		return 0
	}
	return time.Duration(n) * time.Second
}

// Unheard takes the news that nobody answered a request of ours. When it had
// been moved to TCP, that is what fails with this target; else the target does.
func (s *shard) Unheard(r *call.Request, _ int) {
	s.settled(r)
	switch {
	case r.Moved:
		s.stayWithDatagrams(r.Hop.Dest.Addr)
	case r.Hop.Dest.Conn == nil:
		s.e.o.Resolver.Penalize(targetOf(r), unheardPenalty, false)
	}
}

// fit moves a request that is too large for a datagram to TCP, with the hop it
// was for behind it (RFC 3261 §18.1.1). The zone sets the size, the URI can pin
// UDP, and a target that TCP has failed with is not asked again for a while.
func (s *shard) fit(r *call.Request) {
	d := r.Hop.Dest
	if d.Listener.Proto() != transport.UDP || r.Hop.Pinned || !s.tooLarge(d.Listener.Zone(), len(r.Raw)) {
		return
	}
	l := s.e.o.Listen().Find(d.Listener.Zone(), transport.TCP, d.Addr.Addr().Is6())
	if l == nil || s.now.Before(s.paths.datagramOnly[d.Addr]) {
		return
	}
	byUDP := r.Hop
	h := s.hop(transport.Dest{Listener: l, Addr: d.Addr, Within: streamWithin}, l)
	if err := s.Reroute(r, h); err != nil {
		s.e.o.Log.Error().Err(err).Stringer("method", r.Method).Msg("large request cannot be moved to TCP")
		return
	}
	r.Moved = true
	r.More = append([]path.Hop{byUDP}, r.More...)
}

func (s *shard) tooLarge(zone string, size int) bool {
	z := s.e.Snapshot().Zone(zone)
	return z != nil && z.UDPMax > 0 && size > z.UDPMax
}

// stayWithDatagrams remembers that TCP has failed with a target. When too many
// are remembered, those whose time is up go, and if none is, any of them.
func (s *shard) stayWithDatagrams(a netip.AddrPort) {
	if s.paths.datagramOnly == nil {
		s.paths.datagramOnly = map[netip.AddrPort]time.Time{}
	}
	known := s.paths.datagramOnly
	if len(known) >= maxDatagramOnly {
		for k, until := range known {
			if !s.now.Before(until) {
				delete(known, k)
			}
		}
		for k := range known {
			if len(known) < maxDatagramOnly {
				break
			}
			delete(known, k)
		}
	}
	known[a] = s.now.Add(datagramOnly)
}
