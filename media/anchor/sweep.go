package anchor

import (
	"time"

	"gatehouse/media/profile"
)

// sweepLoop looks for silent calls once a second.
func (p *Plane) sweepLoop() {
	defer p.wg.Done()
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-ticker.C:
		}
		p.sweep()
	}
}

// sweep reports the owners whose media has been silent for the timeout.
func (p *Plane) sweep() {
	for from := 0; from >= 0; {
		var silent []uint64
		silent, from = p.sweepSome(from)
		if p.onTimeout == nil {
			continue
		}
		for _, id := range silent {
			p.onTimeout(id)
		}
	}
}

// sweepSome looks at a batch of ends and gives the silent owners among them and where to go on, -1 at the end.
func (p *Plane) sweepSome(from int) (silent []uint64, next int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timeout <= 0 || p.closed {
		return nil, -1
	}
	now := p.workerTime(p.now())
	to := min(from+sweepBatch, len(p.ends))
	for i := from; i < to; i++ {
		// An owner is looked at once, with the end that heads its list.
		e := p.ends[i].end
		if e == nil || e.owner.ends != e {
			continue
		}
		last, watched := p.heardLocked(e.owner)
		if !watched || now-last < int64(p.timeout) {
			continue
		}
		e.owner.base = now
		silent = append(silent, e.owner.id)
	}
	if to == len(p.ends) {
		return silent, -1
	}
	return silent, to
}

// heardLocked gives when an owner was last heard on any stream, and whether its silence means anything: some stream is to flow both ways
// (RFC 3264 §5.1 lets a held one be silent) and none is an opaque one such as T.38.
func (p *Plane) heardLocked(o *owner) (last int64, watched bool) {
	last = o.base
	for e := o.ends; e != nil; e = e.sibling {
		for n := range e.streams {
			s := &e.streams[n]
			watched = watched || s.flowing
			for _, h := range [...]*port{s.port, s.other} {
				if h == nil {
					continue
				}
				last = max(last, h.state.LastRx())
				if f := p.relay.Slot(h.slot).Entry(); f != nil && f.Kind == profile.Datagram {
					return last, false
				}
			}
		}
	}
	return last, watched
}
