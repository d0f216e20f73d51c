package anchor

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"gatehouse/media/flow"
	"gatehouse/media/portable"
	"gatehouse/media/ports"
	"gatehouse/media/profile"
)

// Refused counts reservations that were refused and destinations that were not accepted, since the start.
type Refused struct {
	NoPorts     uint64 // pool exhausted
	Quota       uint64 // source holds too many pairs
	Descriptors uint64 // process or system out of file descriptors, also when stocking the reserve
	InUse       uint64 // pairs set aside because another program has one of the ports
	Denied      uint64 // destinations that media is never sent to
}

// Reserve gives the ports of one stream of an end. The same stream and family give the same ports until Release or Close. family Any is that of
// the zone's first address. The error wraps profile.ErrNoPorts when the pool, the source's quota or the file descriptors are used up.
func (p *Plane) Reserve(id profile.EndID, n int, family profile.Family) (profile.Local, error) {
	local, err := p.reserveStream(id, n, family)
	if err != nil {
		return profile.Local{}, fmt.Errorf("reserve media ports: %w", err)
	}
	return local, nil
}

func (p *Plane) reserveStream(id profile.EndID, n int, family profile.Family) (profile.Local, error) {
	if n < 0 || n >= maxStreams {
		return profile.Local{}, errStream
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return profile.Local{}, errClosed
	}
	e := p.endLocked(id)
	if e == nil {
		return profile.Local{}, errUnknownEnd
	}
	if family == profile.Any {
		family = e.zone.addresses[0].pool.family()
	}
	for len(e.streams) <= n {
		e.streams = append(e.streams, stream{})
	}
	if h := e.streams[n].of(family); h != nil {
		return h.local(), nil
	}
	h, err := p.takeLocked(e, family)
	if err != nil {
		return profile.Local{}, err
	}
	// Binding may have let others in meanwhile.
	if p.endLocked(id) != e || n >= len(e.streams) || e.streams[n].of(family) != nil {
		p.restLocked(e, h, p.workerTime(p.now()))
		return profile.Local{}, errors.Join(errUnknownEnd, h.pool.ports.Rest(h.pair, p.now()))
	}
	s := &e.streams[n]
	if s.port == nil {
		s.port = h
	} else {
		s.other = h
	}
	return h.local(), nil
}

// of gives the stream's port of a family.
func (s *stream) of(f profile.Family) *port {
	for _, h := range [...]*port{s.port, s.other} {
		if h != nil && h.pool.family() == f {
			return h
		}
	}
	return nil
}

func (h *port) local() profile.Local {
	return profile.Local{
		RTP:  netip.AddrPortFrom(h.advertise, h.pool.ports.RTP(h.pair)),
		RTCP: netip.AddrPortFrom(h.advertise, h.pool.ports.RTCP(h.pair)),
	}
}

// takeLocked gets a pair from the zone's first address of the family that has one left.
func (p *Plane) takeLocked(e *end, family profile.Family) (*port, error) {
	if !p.quota.Take(e.owner.source) {
		p.refused.Quota++
		return nil, fmt.Errorf("quota of the source: %w", errNoPorts)
	}
	err := errNoFamily
	for i := range e.zone.addresses {
		a := &e.zone.addresses[i]
		if a.pool.family() != family {
			continue
		}
		var pair ports.Pair
		if pair, err = p.pairLocked(a.pool); err == nil {
			return p.holdLocked(a, pair), nil
		}
	}
	p.quota.Give(e.owner.source)
	if errors.Is(err, errNoPorts) {
		p.refused.NoPorts++
	}
	return nil, fmt.Errorf("zone %s: %w", e.zone.name, err)
}

func (p *Plane) holdLocked(a *address, pair ports.Pair) *port {
	h := &port{
		pool: a.pool, pair: pair, slot: a.pool.slots[pair], advertise: a.advertise,
		state: flow.NewState(p.workerTime(p.now())),
	}
	p.relay.Slot(h.slot).Hold()
	return h
}

// pairLocked makes a pair of the pool busy: a warm one, else one that rested long enough, else one bound now.
func (p *Plane) pairLocked(l *pool) (ports.Pair, error) {
	now := p.now()
	l.taken = true
	for pair, ok := l.ports.Take(); ok; pair, ok = l.ports.Take() {
		if !p.straggling(l, pair, now) {
			if l.ports.Usage().Warm < l.low() {
				p.wake()
			}
			return pair, nil
		}
		if err := l.ports.Rest(pair, now); err != nil {
			return 0, err
		}
	}
	p.wake()
	for pair, ok := l.ports.Ripe(now); ok; pair, ok = l.ports.Ripe(now) {
		if !p.straggling(l, pair, now) {
			return pair, l.ports.Hold(pair)
		}
		if err := l.ports.Extend(pair, now); err != nil {
			return 0, err
		}
	}
	return p.bindLocked(l, now)
}

// straggling says that the last call's peer still sends to a pair, so that its packets would reach the next call.
func (p *Plane) straggling(l *pool, pair ports.Pair, now time.Time) bool {
	rest := p.relay.Slot(l.slots[pair]).Resting()
	if rest == nil || rest.LastLate() == 0 {
		return false
	}
	at := p.workerTime(now)
	return at-rest.LastLate() < int64(ports.Quarantine) && at-rest.Since < int64(restMax)
}

// bindLocked binds a free pair for a caller that found the reserve empty. It lets go of the mutex around the system calls.
func (p *Plane) bindLocked(l *pool, now time.Time) (ports.Pair, error) {
	for range bindTries {
		pair, ok := l.ports.Draw(now)
		if !ok {
			return 0, errNoPorts
		}
		p.mu.Unlock()
		slot, err := p.relay.Bind(l.rtp(pair), l.rtcp(pair))
		p.mu.Lock()
		if err == nil {
			l.slots[pair] = slot
			return pair, l.ports.Hold(pair)
		}
		if err := p.bindFailedLocked(l, pair, err); err != nil {
			return 0, err
		}
	}
	return 0, errNoPorts
}

// bindFailedLocked puts a pair away that could not be bound. The error says that trying another is no use.
func (p *Plane) bindFailedLocked(l *pool, pair ports.Pair, cause error) error {
	if errors.Is(cause, portable.ErrInUse) {
		p.refused.InUse++
		p.complainLocked(cause, "media port in use by another program")
		return l.ports.Block(pair, p.now())
	}
	if errors.Is(cause, portable.ErrDescriptors) {
		p.refused.Descriptors++
		p.complainLocked(cause, "no file descriptor for a media port")
		cause = fmt.Errorf("%w: %w", errNoPorts, cause)
	}
	return errors.Join(cause, l.ports.Discard(pair))
}
