package anchor

import (
	"time"

	"gatehouse/media/flow"
	"gatehouse/media/ports"
	"gatehouse/media/profile"
	"gatehouse/media/rtp"
)

// pathName is the data path every flow has now.
const pathName = "portable"

// Stats gives the counters of one stream of an end since its ports were reserved; all zero when there is no such stream. RTCP is not in the packet
// counts, but in LastRx.
func (p *Plane) Stats(id profile.EndID, n int) profile.Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	var st profile.Stats
	e := p.endLocked(id)
	if e == nil || n < 0 || n >= len(e.streams) {
		return st
	}
	for _, h := range [...]*port{e.streams[n].port, e.streams[n].other} {
		if h != nil {
			p.addStatsLocked(&st, h)
		}
	}
	return st
}

func (p *Plane) addStatsLocked(st *profile.Stats, h *port) {
	c := h.state.Counters()
	st.RxPackets += c.RxPackets
	st.RxBytes += c.RxBytes
	st.TxPackets += c.TxPackets
	st.TxBytes += c.TxBytes
	st.Lost += c.Lost
	if at := p.wallTime(c.LastRx); at.After(st.LastRx) {
		st.LastRx = at
	}
	if f := p.relay.Slot(h.slot).Entry(); f != nil {
		st.Path = pathName
		st.Latched = h.state.Learnt(flow.RTP)
		st.JitterMs = float64(rtp.JitterTime(c.JitterUnits, f.ClockHz)) / float64(time.Millisecond)
	} else if !st.Latched.IsValid() {
		st.Latched = h.state.Learnt(flow.RTP)
	}
	for _, cause := range flow.Causes() {
		if count := c.Drops[cause]; count > 0 {
			if st.Drops == nil {
				st.Drops = make(map[string]uint64)
			}
			st.Drops[cause.String()] += uint64(count)
		}
	}
}

// Usage is the state of the whole plane, for metrics.
type Usage struct {
	Zones   map[string]ports.Usage // pairs by zone and state; zones that share an address show it each
	Flows   map[string]int         // flows, one for each direction, by data path
	Drops   map[string]uint64      // packets dropped since the start, by cause
	Relayed uint64                 // packets relayed since the start, RTCP too
	Calls   int                    // owners with an open end
	Ends    int
	Sockets int // bound UDP sockets
	Refused Refused
}

// Usage counts what is in use. Counters never go down.
func (p *Plane) Usage() Usage {
	totals, bound := p.relay.Totals(), p.relay.Bound()
	u := Usage{
		Zones: make(map[string]ports.Usage), Drops: make(map[string]uint64), Relayed: totals.Relayed, Sockets: 2 * bound,
	}
	for _, cause := range flow.Causes() {
		u.Drops[cause.String()] = totals.Drops[cause]
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, z := range p.zones {
		var sum ports.Usage
		for i := range z.addresses {
			sum.Add(z.addresses[i].pool.ports.Usage())
		}
		u.Zones[name] = sum
	}
	u.Flows = map[string]int{pathName: p.flows}
	u.Calls, u.Ends, u.Refused = len(p.owners), len(p.ends)-len(p.unused), p.refused
	return u
}
