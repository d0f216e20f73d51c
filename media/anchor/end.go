package anchor

import (
	"fmt"
	"net/netip"

	"gatehouse/media/flow"
	"gatehouse/media/ports"
	"gatehouse/media/profile"
)

// end is one side's local ports.
type end struct {
	id      profile.EndID
	owner   *owner
	sibling *end // next end of the same owner
	zone    *zone
	peer    *end // what it is connected to
	streams []stream
}

// stream is the ports of one m-line: usually one pair, a second one when the peer's address family changed.
type stream struct {
	port  *port
	other *port
	// flowing says that both sides send by their direction, so that silence means something.
	flowing bool
	// offered is the Side.Generation of the last Connect.
	offered uint32
}

// port is a pair of ports that an end holds.
type port struct {
	pool      *pool
	state     *flow.State
	advertise netip.Addr
	slot      uint32
	pair      ports.Pair
}

// owner is one call: all ends opened for it.
type owner struct {
	id     uint64
	ends   *end  // list by sibling
	base   int64 // worker time from which silence is counted
	source netip.Addr
}

// endSlot is a position in the dense list of ends; a new generation makes old ids invalid.
type endSlot struct {
	end        *end
	generation uint32
}

const endIndexBits = 32

// Open makes an end for owner in zone. It binds nothing. The error is about an unknown zone or a closed plane.
func (p *Plane) Open(ownerID uint64, zoneName string) (profile.EndID, error) {
	var source netip.Addr
	if p.source != nil {
		source = p.source(ownerID)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return 0, errClosed
	}
	z := p.zones[zoneName]
	if z == nil || len(z.addresses) == 0 {
		return 0, fmt.Errorf("open media end in zone %s: %w", zoneName, errUnknownZone)
	}
	o := p.owners[ownerID]
	if o == nil {
		o = &owner{id: ownerID, source: source, base: p.workerTime(p.now())}
		p.owners[ownerID] = o
	}
	e := &end{owner: o, zone: z, sibling: o.ends}
	o.ends = e
	z.ends++
	var i uint32
	if n := len(p.unused); n > 0 {
		i = p.unused[n-1]
		p.unused = p.unused[:n-1]
	} else {
		i = uint32(len(p.ends))
		p.ends = append(p.ends, endSlot{})
	}
	s := &p.ends[i]
	s.end = e
	s.generation++
	e.id = profile.EndID(s.generation)<<endIndexBits | profile.EndID(i)
	return e.id, nil
}

// endLocked finds an open end.
func (p *Plane) endLocked(id profile.EndID) *end {
	i := uint64(id & (1<<endIndexBits - 1))
	if i >= uint64(len(p.ends)) || id == 0 {
		return nil
	}
	if e := p.ends[i].end; e != nil && e.id == id {
		return e
	}
	return nil
}

// Release gives back the ports of one stream for good. Their flow ends at once; they stay bound and rest, so late packets go nowhere.
func (p *Plane) Release(id profile.EndID, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.endLocked(id); e != nil && n >= 0 && n < len(e.streams) {
		p.releaseLocked(e, n)
	}
}

// releaseLocked ends stream n of e, and the flow that led to it.
func (p *Plane) releaseLocked(e *end, n int) {
	if e.peer != nil && n < len(e.peer.streams) {
		p.cutLocked(&e.peer.streams[n])
	}
	s := &e.streams[n]
	p.cutLocked(s)
	now := p.now()
	for _, h := range [...]*port{s.port, s.other} {
		if h != nil {
			p.restLocked(e, h, p.workerTime(now))
			p.brokenLocked(h.pool.ports.Rest(h.pair, now))
		}
	}
	*s = stream{}
}

// restLocked makes a pair drop what still comes, and remember whose packets those are.
func (p *Plane) restLocked(e *end, h *port, at int64) {
	rest := &flow.Rest{Since: at}
	for c := range rest.Heard {
		rest.Heard[c] = h.state.Learnt(flow.Component(c)).Addr()
	}
	p.relay.Slot(h.slot).Idle(rest)
	p.quota.Give(e.owner.source)
}

// cutLocked ends the flows that enter at a stream's ports.
func (p *Plane) cutLocked(s *stream) {
	s.flowing = false
	for _, h := range [...]*port{s.port, s.other} {
		if h != nil {
			p.setLocked(h, nil)
		}
	}
}

// setLocked swaps the flow that enters at a port.
func (p *Plane) setLocked(h *port, next *flow.Entry) {
	slot := p.relay.Slot(h.slot)
	if slot.Entry() != nil {
		p.flows--
	}
	if next != nil {
		p.flows++
	}
	slot.Connect(next)
}

// Close gives back all ports of an end and ends its flows. It may be called again.
func (p *Plane) Close(id profile.EndID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.endLocked(id)
	if e == nil {
		return
	}
	for n := range e.streams {
		p.releaseLocked(e, n)
	}
	p.unlinkLocked(e)
	o := e.owner
	for at := &o.ends; *at != nil; at = &(*at).sibling {
		if *at == e {
			*at = e.sibling
			break
		}
	}
	if o.ends == nil {
		delete(p.owners, o.id)
	}
	e.zone.ends--
	i := uint32(id & (1<<endIndexBits - 1))
	p.ends[i].end = nil
	p.unused = append(p.unused, i)
}

// unlinkLocked parts an end from its peer; both ends' flows end.
func (p *Plane) unlinkLocked(e *end) {
	peer := e.peer
	if peer == nil {
		return
	}
	for _, side := range [...]*end{e, peer} {
		side.peer = nil
		for n := range side.streams {
			p.cutLocked(&side.streams[n])
		}
	}
}
