package flow

import "net/netip"

// Deniable says that media is never sent to dest from a socket of the address local, whatever a session description says: no multicast,
// broadcast, "this network" or reserved address, and neither loopback nor link-local (cloud metadata services live there) unless local is
// of that kind itself.
func Deniable(local, dest netip.Addr) bool {
	dest = dest.Unmap()
	switch {
	case dest.IsMulticast():
		return true
	case dest.IsLoopback():
		return !local.IsLoopback()
	case dest.IsLinkLocalUnicast():
		return !local.IsLinkLocalUnicast()
	case dest.Is4():
		first := dest.As4()[0]
		return first == thisNetwork || first >= reservedFrom
	}
	return false
}

// IPv4 blocks that hold no host (RFC 6890 §2.2.2): 0.0.0.0/8, and 240.0.0.0/4 with the limited broadcast address.
const (
	thisNetwork  = 0
	reservedFrom = 240
)

// Hidden says that an address cannot be reached from the public Internet, so that a peer which signals it is behind NAT: private (RFC 1918,
// RFC 4193), shared (RFC 6598), loopback and link-local.
func Hidden(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() ||
		a.Is4() && a.As4()[0] == 100 && a.As4()[1]&0xc0 == 64
}
