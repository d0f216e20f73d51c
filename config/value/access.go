package value

import (
	"net/netip"
	"slices"
)

// Access tells what a list of allowed and denied prefixes does to others. The
// longest prefix that holds an address decides; an address in none is let in
// unless there is something allowed.
type Access struct {
	denied map[netip.Prefix]bool // every prefix of the lists, and whether it denies
	// allowed is sorted by address, to find what lies inside a prefix.
	allowed []netip.Prefix
}

// NewAccess makes the table of two lists that have no prefix in common.
func NewAccess(allow, deny []netip.Prefix) *Access {
	t := &Access{denied: make(map[netip.Prefix]bool, len(allow)+len(deny)), allowed: slices.Clone(allow)}
	for _, p := range allow {
		t.denied[p] = false
	}
	for _, p := range deny {
		t.denied[p] = true
	}
	slices.SortFunc(t.allowed, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	return t
}

// Shuts reports whether no address of the prefix is let in, and the denied
// prefix that does it; that is not valid when the prefix is only not allowed.
func (t *Access) Shuts(p netip.Prefix) (by netip.Prefix, shut bool) {
	if t.allowsInside(p) {
		return netip.Prefix{}, false
	}
	for bits := p.Bits(); bits >= 0; bits-- {
		wider := netip.PrefixFrom(p.Addr(), bits).Masked()
		if denied, ok := t.denied[wider]; ok {
			return wider, denied
		}
	}
	return netip.Prefix{}, len(t.allowed) > 0
}

// allowsInside reports whether a part of the prefix is allowed by itself.
func (t *Access) allowsInside(p netip.Prefix) bool {
	i, _ := slices.BinarySearchFunc(t.allowed, p.Addr(), func(a netip.Prefix, b netip.Addr) int { return a.Addr().Compare(b) })
	for ; i < len(t.allowed) && p.Contains(t.allowed[i].Addr()); i++ {
		if t.allowed[i].Bits() > p.Bits() {
			return true
		}
	}
	return false
}
