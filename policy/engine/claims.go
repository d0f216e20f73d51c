package engine

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// claim holds the peers of one source prefix, the one to try first in front,
// and leads on to the next shorter prefix that holds this one.
type claim struct {
	peers []*Peer
	wider *claim
}

// claims gathers who claims which prefix of a zone.
type claims map[netip.Prefix][]*Peer

// configured adds the prefixes the file gives a peer.
func (c claims) configured(p *Peer, prefixes []netip.Prefix) error {
	for _, prefix := range prefixes {
		for _, other := range c[prefix] {
			if other != p && other.match == p.match {
				return fmt.Errorf("source %s belongs to peer %s", prefix, other.Name)
			}
		}
		c.add(p, prefix)
	}
	return nil
}

// resolved adds the addresses a peer's names led to.
func (c claims) resolved(p *Peer, addrs []netip.Addr) {
	for _, a := range addrs {
		if a = a.Unmap(); a.IsValid() {
			c.add(p, netip.PrefixFrom(a, a.BitLen())) // which drops a scope
		}
	}
}

func (c claims) add(p *Peer, prefix netip.Prefix) {
	if !slices.Contains(c[prefix], p) {
		c[prefix] = append(c[prefix], p)
	}
}

// recognize makes the table of a zone's sources out of what its peers claim.
func (z *Zone) recognize(c claims) {
	prefixes := make([]netip.Prefix, 0, len(c))
	for prefix := range c {
		prefixes = append(prefixes, prefix)
	}
	// The shortest go in first, so that each finds the next wider one in the table.
	slices.SortFunc(prefixes, func(a, b netip.Prefix) int { return cmp.Compare(a.Bits(), b.Bits()) })
	for _, prefix := range prefixes {
		peers := c[prefix]
		slices.SortFunc(peers, func(a, b *Peer) int {
			return cmp.Or(cmp.Compare(b.match.conditions(), a.match.conditions()), cmp.Compare(a.order, b.order))
		})
		wider, _ := z.sources.LookupPrefix(prefix)
		z.sources.Insert(prefix, &claim{peers: peers, wider: wider})
	}
}

// claimOf takes an address as a socket gives it: an IPv4 source of a dual-stack
// socket is mapped into IPv6, and a link-local one has a scope, which the table
// does not look at.
func (z *Zone) claimOf(src netip.Addr) *claim {
	c, _ := z.sources.Lookup(src.Unmap())
	return c
}

// PeerFor returns the peer of the zone a request of this source belongs to:
// the one whose source has the longest prefix that holds src and whose match
// the request fits. Of several with one prefix the one that asks most comes
// first, then the first of the file. A peer whose match the request does not
// fit is passed over, and when none is left at a prefix the next shorter one is
// tried; nil when nobody is left.
func (s *Snapshot) PeerFor(zone string, src netip.Addr, f Facts) *Peer {
	z := s.byZone[zone]
	if z == nil {
		return nil
	}
	for c := z.claimOf(src); c != nil; c = c.wider {
		for _, p := range c.peers {
			if p.match.fits(&f) {
				return p
			}
		}
	}
	return nil
}
