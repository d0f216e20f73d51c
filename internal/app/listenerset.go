package app

import (
	"crypto/tls"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"

	"gatehouse/config"
	"gatehouse/sip/transport"
)

// listenerSet is an immutable picture of the open listeners; the engine reads
// it for every request it sends, so everything it asks is worked out before.
type listenerSet struct {
	open map[listenerKey]*transport.Listener
	// order keeps the order of the file: the first match is the one used.
	order []listenerKey
	first map[place]*transport.Listener
	zones map[string]usableZone
	own   map[ownAddr]bool
	keys  *atomic.Pointer[keyring] // in force, which may be newer than the set
}

// place is where something is sent from.
type place struct {
	zone  string
	proto transport.Proto
	v6    bool
}

// ownAddr is an address of ours.
type ownAddr struct {
	addr  netip.AddrPort
	proto transport.Proto
}

// usableZone is what a zone has listeners for.
type usableZone struct {
	transports []string // in the order of the file, which is that of preference
	v4, v6     bool
}

// usable works out what a zone has listeners for.
func usable(keys []listenerKey, zone string) (transports []string, v4, v6 bool) {
	for _, k := range keys {
		if k.zone != zone {
			continue
		}
		if name := k.proto.String(); !slices.Contains(transports, name) {
			transports = append(transports, name)
		}
		six := k.addr.Addr().Unmap().Is6()
		v4, v6 = v4 || !six, v6 || six
	}
	return transports, v4, v6
}

// index works out the answers once every listener of the set is open.
func (s *listenerSet) index(c *config.Config) {
	s.first = make(map[place]*transport.Listener, len(s.order))
	s.zones = make(map[string]usableZone, len(c.Zones))
	s.own = make(map[ownAddr]bool, len(s.order))
	advertised := make(map[string]netip.Addr, len(c.Zones))
	for _, z := range c.Zones {
		transports, v4, v6 := usable(s.order, z.Name)
		s.zones[z.Name] = usableZone{transports, v4, v6}
		if a, err := netip.ParseAddr(z.Advertise); err == nil {
			advertised[z.Name] = a.Unmap()
		}
	}
	for _, k := range s.order {
		l := s.open[k]
		bound := l.Addr().Addr().Unmap()
		at := place{k.zone, k.proto, bound.Is6()}
		if s.first[at] == nil {
			s.first[at] = l
		}
		addrs := []netip.Addr{bound}
		if bound.IsUnspecified() {
			addrs = localAddrs(bound.Is6())
		}
		for _, a := range append(addrs, advertised[k.zone]) {
			s.own[ownAddr{netip.AddrPortFrom(a, l.Addr().Port()), k.proto}] = true
		}
	}
}

// localAddrs are the addresses of this machine, of one family: where a
// listener on all of them is reached. Without them only the rest is known.
func localAddrs(v6 bool) []netip.Addr {
	found, _ := net.InterfaceAddrs() // a machine that does not tell has no more than its listeners
	var addrs []netip.Addr
	for _, f := range found {
		if p, err := netip.ParsePrefix(f.String()); err == nil && p.Addr().Unmap().Is6() == v6 {
			addrs = append(addrs, p.Addr().Unmap())
		}
	}
	return addrs
}

// Find gives the first listener of a zone for a transport and family.
func (s *listenerSet) Find(zone string, p transport.Proto, v6 bool) *transport.Listener {
	return s.first[place{zone, p, v6}]
}

// Usable gives the transports and families a zone has listeners for, most
// wanted first. The slice is shared.
func (s *listenerSet) Usable(zone string) (transports []string, v4, v6 bool) {
	z := s.zones[zone]
	return z.transports, z.v4, z.v6
}

// Own tells whether an address is one of our listeners.
func (s *listenerSet) Own(a netip.AddrPort, p transport.Proto) bool {
	return s.own[ownAddr{netip.AddrPortFrom(a.Addr().Unmap(), a.Port()), p}]
}

// ownAny tells the same of an address with any transport.
func (s *listenerSet) ownAny(a netip.AddrPort) bool {
	for _, k := range s.order {
		if s.Own(a, k.proto) {
			return true
		}
	}
	return false
}

// Client says how a connection to a domain is secured: for a peer, or for a
// target in a zone that no peer names. The configuration in force when it is
// dialed is used.
func (s *listenerSet) Client(zone, peer, domain string) *transport.ClientTLS {
	keys := s.keys
	now := keys.Load()
	name := "zone " + zone
	if _, ok := now.peers[peer]; ok {
		name = "peer " + peer
	}
	if proven := now.towards(zone, peer).name; proven != "" {
		domain = proven
	}
	return &transport.ClientTLS{Name: name, Domain: domain, Config: func() *tls.Config { return keys.Load().client(zone, peer, domain) }}
}
