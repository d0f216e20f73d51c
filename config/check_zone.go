package config

import (
	"net/netip"

	"gatehouse/config/strict"
)

// checkZones compares the listeners and relay addresses of all zones.
func (d *decoder) checkZones() {
	var listeners []bound[Listener]
	var pools []bound[MediaAddress]
	for _, z := range d.zones {
		for _, l := range z.listen {
			d.checkListener(l, z, listeners)
			listeners = append(listeners, bound[Listener]{Located: l, zone: z})
		}
		for _, m := range z.media {
			d.checkPool(m, pools)
			pools = append(pools, bound[MediaAddress]{Located: m, zone: z})
		}
		d.checkFamilies(z)
		d.checkAdvertise(z)
	}
	for _, l := range listeners {
		d.checkListenerInPool(l, pools)
	}
}

// bound is something on a local address, with its zone.
type bound[T any] struct {
	strict.Located[T]
	zone *zoneDraft
}

// sameAddress reports whether two sockets on these addresses meet: 0.0.0.0
// holds every IPv4 address and :: every IPv6 one. Our sockets have one family
// each, so :: leaves IPv4 alone.
func sameAddress(a, b netip.Addr) bool {
	return a == b || a.Is4() == b.Is4() && (a.IsUnspecified() || b.IsUnspecified())
}

func (d *decoder) checkListener(l strict.Located[Listener], z *zoneDraft, earlier []bound[Listener]) {
	addr := l.V.Addr
	if addr.Port() == 0 {
		d.Warn(l.Place, "port 0 takes whatever port is free at the start")
	}
	if addr.Addr().IsUnspecified() && z.advertise.V == "" {
		d.Fail(l.Place, "%s cannot be shown to peers: give the zone an advertise", addr.Addr())
	}
	for _, e := range earlier {
		if e.V.Transport.Stream() != l.V.Transport.Stream() || addr.Port() == 0 || e.V.Addr.Port() != addr.Port() || !sameAddress(e.V.Addr.Addr(), addr.Addr()) {
			continue
		}
		switch {
		case e.zone != z:
			d.Fail(l.Place, "%s already listens here (line %d)", e.zone.describe(), e.Pos.Line)
		case e.V.Transport != l.V.Transport:
			d.Fail(l.Place, "the same port as the %s listener on line %d", e.V.Transport, e.Pos.Line)
		default:
			d.Fail(l.Place, "the same listener as on line %d", e.Pos.Line)
		}
		return
	}
}

func (d *decoder) checkPool(m strict.Located[MediaAddress], earlier []bound[MediaAddress]) {
	for _, e := range earlier {
		if e.V.Addr == m.V.Addr && e.V.Ports.Overlaps(m.V.Ports) {
			d.Fail(m.Place, "ports %s of %s overlap %s of %s (line %d)", m.V.Ports, m.V.Addr, e.V.Ports, e.zone.describe(), e.Pos.Line)
			return
		}
	}
	if isPrivate(m.V.Advertise) && !isPrivate(m.V.Addr) {
		d.Warn(m.Place, "SDP will show the private address %s instead of the public %s", m.V.Advertise, m.V.Addr)
	}
}

// checkListenerInPool finds UDP listeners on a port the relay would take.
func (d *decoder) checkListenerInPool(l bound[Listener], pools []bound[MediaAddress]) {
	if l.V.Transport.Stream() {
		return
	}
	for _, m := range pools {
		if sameAddress(l.V.Addr.Addr(), m.V.Addr) && m.V.Ports.Contains(l.V.Addr.Port()) {
			d.Fail(l.Place, "port %d belongs to the media ports %s of %s (line %d)", l.V.Addr.Port(), m.V.Ports, m.zone.describe(), m.Pos.Line)
			return
		}
	}
}

// checkFamilies wants a relay address for each family the zone listens on: a
// peer reached over one family expects media over it.
func (d *decoder) checkFamilies(z *zoneDraft) {
	if len(z.media) == 0 {
		return // missing or wrong, and reported
	}
	var v4, v6 bool
	for _, m := range z.media {
		v4, v6 = v4 || m.V.Addr.Is4(), v6 || m.V.Addr.Is6()
	}
	for _, l := range z.listen {
		switch is4 := l.V.Addr.Addr().Is4(); {
		case is4 && !v4:
			d.Fail(l.Place, "the zone listens on IPv4 but has no IPv4 media address")
			v4 = true // once is enough
		case !is4 && !v6:
			d.Fail(l.Place, "the zone listens on IPv6 but has no IPv6 media address")
			v6 = true
		}
	}
}

// checkAdvertise looks at the host the zone shows in place of its listeners.
func (d *decoder) checkAdvertise(z *zoneDraft) {
	shown, err := netip.ParseAddr(z.advertise.V)
	if err != nil || len(z.listen) == 0 {
		return // none, or a name
	}
	same, other, public := 0, 0, 0
	for _, l := range z.listen {
		a := l.V.Addr.Addr()
		if a.Is4() == shown.Is4() {
			same++
		} else {
			other++
		}
		if !isPrivate(a) && !a.IsUnspecified() {
			public++
		}
	}
	switch {
	case same == 0:
		d.Fail(z.advertise.Place, "the zone has no listener of the family of %s", shown)
	case other > 0:
		d.Warn(z.advertise.Place, "%s is shown on the listeners of the other family too: a host name serves both", shown)
	}
	if isPrivate(shown) && public > 0 {
		d.Warn(z.advertise.Place, "Via and Contact will show the private address %s instead of the public address of a listener", shown)
	}
}

// isPrivate reports an address that means nothing beyond a private network:
// RFC 1918, RFC 4193, RFC 6598 shared space, loopback and link-local.
func isPrivate(a netip.Addr) bool {
	shared := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10)
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || shared.Contains(a)
}

// checkAdmin keeps the API off other machines without a token, and off the
// SIP listeners.
func (d *decoder) checkAdmin() {
	a := &d.admin
	if !a.given || !a.admin.Listen.IsValid() {
		return
	}
	if a.admin.TokenFile == "" && a.admin.Token.IsZero() && !a.tokenGiven && !a.admin.Listen.Addr().IsLoopback() {
		d.Fail(a.listen, "%s is reachable from elsewhere: give token_file, or listen on 127.0.0.1", a.admin.Listen)
	}
	for _, z := range d.zones {
		for _, l := range z.listen {
			if l.V.Transport.Stream() && l.V.Addr.Port() == a.admin.Listen.Port() && l.V.Addr.Port() != 0 &&
				(sameAddress(l.V.Addr.Addr(), a.admin.Listen.Addr()) || a.admin.Listen.Addr().IsUnspecified()) {
				d.Fail(a.listen, "%s listens on %s (line %d)", z.describe(), l.V.Addr, l.Pos.Line)
				return
			}
		}
	}
}
