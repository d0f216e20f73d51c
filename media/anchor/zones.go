package anchor

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"gatehouse/media/portable"
	"gatehouse/media/ports"
	"gatehouse/media/profile"
)

// zone is the media addresses of one zone of one configuration. Ends keep the one they were opened with.
type zone struct {
	name      string
	addresses []address
	ends      int
}

type address struct {
	pool      *pool
	advertise netip.Addr
}

// pool is the ports of one address and the slots of those that are bound.
type pool struct {
	addr   netip.Addr
	lo, hi uint16
	ports  *ports.Pool
	slots  []uint32 // by pair; good while the pair is bound
	target int      // size of the reserve
	active bool     // a zone of the present configuration uses it
	taken  bool     // a pair was taken since the keeper last looked

	filling bool // the reserve fell low and is being filled
}

// low is the size of the reserve at which it is filled up again. The gap keeps pairs from being bound and closed with each call.
func (l *pool) low() int { return (l.target + 1) / 2 }

func (l *pool) rtp(pair ports.Pair) netip.AddrPort {
	return netip.AddrPortFrom(l.addr, l.ports.RTP(pair))
}

func (l *pool) rtcp(pair ports.Pair) netip.AddrPort {
	return netip.AddrPortFrom(l.addr, l.ports.RTCP(pair))
}

func (l *pool) family() profile.Family { return profile.FamilyOf(l.addr) }

// SetZones replaces the zones. Ends that exist keep the addresses and ports they were opened with until they are closed; an address with
// the same ports goes on with its pool. On an error nothing is changed.
func (p *Plane) SetZones(zones map[string][]Address) error {
	p.mu.Lock()
	closed, present := p.closed, append([]*pool(nil), p.pools...)
	p.mu.Unlock()
	if closed {
		return errClosed
	}
	built, pools, err := p.build(zones, present)
	if err != nil {
		return err
	}
	if err := p.probe(pools[len(present):]); err != nil {
		return err
	}
	p.mu.Lock()
	for _, z := range p.zones {
		if z.ends > 0 {
			p.old = append(p.old, z)
		}
	}
	p.zones, p.pools = built, pools
	for _, l := range p.pools {
		l.active = false
	}
	for _, z := range built {
		for _, a := range z.addresses {
			a.pool.active = true
		}
	}
	p.mu.Unlock()
	p.wake()
	return nil
}

// build makes the zones, with new pools appended to the present ones where none fits.
func (p *Plane) build(zones map[string][]Address, present []*pool) (map[string]*zone, []*pool, error) {
	pools := append([]*pool(nil), present...)
	built := make(map[string]*zone, len(zones))
	var errs []error
	names := make([]string, 0, len(zones))
	for name := range zones {
		names = append(names, name)
	}
	slices.Sort(names)
	var used []*pool
	for _, name := range names {
		z := &zone{name: name}
		for _, a := range zones[name] {
			l, err := p.poolFor(a, pools, used)
			if err != nil {
				errs = append(errs, fmt.Errorf("zone %s: media address %s: %w", name, a.Addr, err))
				continue
			}
			used = append(used, l)
			if !slices.Contains(pools, l) {
				pools = append(pools, l)
			}
			advertise := a.Advertise.Unmap()
			if !advertise.IsValid() {
				advertise = l.addr
			}
			z.addresses = append(z.addresses, address{l, advertise})
		}
		built[name] = z
	}
	return built, pools, errors.Join(errs...)
}

// poolFor finds the pool of an address or makes one. used are the pools of the same configuration: ranges of one address are equal or apart.
func (p *Plane) poolFor(a Address, pools, used []*pool) (*pool, error) {
	addr := a.Addr.Unmap()
	switch {
	case !addr.IsValid() || addr.IsUnspecified() || addr.IsMulticast():
		return nil, errors.New("not the address of an interface")
	case a.Advertise.IsValid() && profile.FamilyOf(a.Advertise) != profile.FamilyOf(addr):
		return nil, fmt.Errorf("advertised address %s is of another family", a.Advertise)
	}
	lo, hi := a.Ports[0], a.Ports[1]
	for _, l := range used {
		if l.addr == addr && (l.lo != lo || l.hi != hi) && l.lo <= hi && lo <= l.hi {
			return nil, fmt.Errorf("ports %d-%d overlap %d-%d of the same address", lo, hi, l.lo, l.hi)
		}
	}
	for _, l := range pools {
		if l.addr == addr && l.lo == lo && l.hi == hi {
			return l, nil
		}
	}
	pairs, err := ports.New(lo, hi, random)
	if err != nil {
		return nil, err
	}
	return &pool{
		addr: addr, lo: lo, hi: hi, ports: pairs, slots: make([]uint32, pairs.Size()), target: min(p.reserve, pairs.Size()),
	}, nil
}

// probe binds one pair of each new pool, which nobody else knows yet: addresses that are not ours show up here.
func (p *Plane) probe(pools []*pool) error {
	var errs []error
	for _, l := range pools {
		if err := p.probeOne(l); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		return nil
	}
	for _, l := range pools {
		if pair, ok := l.ports.Trim(); ok {
			p.relay.Unbind([]uint32{l.slots[pair]})
		}
	}
	return errors.Join(errs...)
}

func (p *Plane) probeOne(l *pool) error {
	var last error
	for range bindTries {
		pair, ok := l.ports.Draw(p.now())
		if !ok {
			break
		}
		slot, err := p.relay.Bind(l.rtp(pair), l.rtcp(pair))
		if err == nil {
			l.slots[pair] = slot
			return l.ports.Stock(pair)
		}
		last = err
		if !errors.Is(err, portable.ErrInUse) {
			return err
		}
		p.mu.Lock()
		p.refused.InUse++
		p.mu.Unlock()
		if err := l.ports.Block(pair, p.now()); err != nil {
			return err
		}
	}
	// Ports that others use now may be free later: the pool is good, only short at the moment.
	p.log.Warn().Str("addr", l.addr.String()).AnErr("cause", last).Msg("media ports are in use by another program")
	return nil
}

// retireLocked forgets replaced zones that no end uses, and pools that nothing is left of.
func (p *Plane) retireLocked() {
	kept := p.old[:0]
	used := make(map[*pool]bool)
	for _, z := range p.old {
		if z.ends == 0 {
			continue
		}
		kept = append(kept, z)
		for _, a := range z.addresses {
			used[a.pool] = true
		}
	}
	clear(p.old[len(kept):])
	p.old = kept
	pools := make([]*pool, 0, len(p.pools))
	for _, l := range p.pools {
		u := l.ports.Usage()
		if l.active || used[l] || u.Busy+u.Resting+u.Warm+u.Drawn > 0 {
			pools = append(pools, l)
		}
	}
	p.pools = pools
}

// ownLocked says that an address is one of our media ports, as bound or as advertised: sending there would make a loop.
func (p *Plane) ownLocked(a netip.AddrPort) bool {
	for _, l := range p.pools {
		if l.addr == a.Addr() && l.ports.Contains(a.Port()) {
			return true
		}
	}
	for _, z := range p.zones {
		if z.advertises(a) {
			return true
		}
	}
	for _, z := range p.old {
		if z.advertises(a) {
			return true
		}
	}
	return false
}

func (z *zone) advertises(a netip.AddrPort) bool {
	for i := range z.addresses {
		if z.addresses[i].advertise == a.Addr() && z.addresses[i].pool.ports.Contains(a.Port()) {
			return true
		}
	}
	return false
}
