package resolve

import (
	"net/netip"
	"slices"
)

// special are the addresses that are nobody else's: this machine, this link, groups, and none.
var special = [...]netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("224.0.0.0/3"), // multicast, reserved, broadcast
	netip.MustParsePrefix("::/96"),       // unspecified, loopback, IPv4-compatible
	netip.MustParsePrefix("::ffff:0:0/96"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("ff00::/8"),
}

// filter keeps names from leading to special addresses, but for those in it.
type filter []netip.Prefix

// refuses tells whether an address is one no name may lead to.
func (f filter) refuses(a netip.Addr) bool {
	holds := func(p netip.Prefix) bool { return p.Contains(a) }
	return !slices.ContainsFunc(f, holds) && (slices.ContainsFunc(special[:], holds) || !a.IsValid())
}
