// Package acl says which addresses may talk to a zone at all.
//
// It owns List, the compiled allow and deny prefixes of one zone, and the rule
// between them: the longest prefix that holds an address decides, and deny wins
// over allow of the same length. It refuses to know about peers, messages and
// rates. A List never changes after New, so any number of goroutines may ask
// it; policy/engine builds one for each zone of a snapshot and asks it before
// anything else about a source.
package acl

import (
	"net/netip"

	"github.com/gaissmai/bart"
)

// List is a compiled access list. A nil List lets everybody in.
type List struct {
	verdicts bart.Table[bool]
	others   bool // the verdict on an address that no prefix holds
}

// mappedBits is how much longer a prefix is when its IPv4 address is written in the mapped form of RFC 4291 §2.5.5.2.
const mappedBits = 96

// New compiles a list. When allow has any prefix, whoever no prefix holds is
// denied, else such an address is allowed. Without any prefix the list is nil.
// Host bits are ignored, and a mapped IPv4 prefix means the IPv4 one; a prefix
// that is not valid holds nobody.
func New(allow, deny []netip.Prefix) *List {
	if len(allow) == 0 && len(deny) == 0 {
		return nil
	}
	l := &List{others: len(allow) == 0}
	for _, p := range allow {
		l.verdicts.Insert(plain(p), true)
	}
	for _, p := range deny { // last, so that deny wins at equal length
		l.verdicts.Insert(plain(p), false)
	}
	return l
}

// plain gives a prefix the form of the addresses Allows looks up.
func plain(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= mappedBits {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mappedBits)
	}
	return p.Masked()
}

// Allows says whether an address may talk to us. It takes addresses as a
// socket gives them, IPv4 in its mapped form and IPv6 with a scope included,
// and allocates nothing.
func (l *List) Allows(a netip.Addr) bool {
	if l == nil {
		return true
	}
	if allowed, ok := l.verdicts.Lookup(a.Unmap()); ok {
		return allowed
	}
	return l.others
}
