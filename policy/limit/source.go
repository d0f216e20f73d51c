package limit

import (
	"encoding/binary"
	"net/netip"
)

// source names those who are judged together: one IPv4 address, or the upper
// half of an IPv6 address. IPv4 lies in a block of multicast addresses, which
// cannot send (RFC 4291 §2.7).
type source uint64

// ipv4Block is the upper half of what IPv4 sources are named.
const ipv4Block source = 0xffff_ffff << 32

// sourceOf takes an address as a socket gives it.
func sourceOf(a netip.Addr) source {
	if a.Is4() || a.Is4In6() {
		b := a.As4()
		return ipv4Block | source(binary.BigEndian.Uint32(b[:]))
	}
	b := a.As16()
	return source(binary.BigEndian.Uint64(b[:]))
}

// prefix gives the addresses of a source.
func (s source) prefix() netip.Prefix {
	if s&ipv4Block == ipv4Block {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(s))
		return netip.PrefixFrom(netip.AddrFrom4(b), 32)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(s))
	return netip.PrefixFrom(netip.AddrFrom16(b), sourceBits)
}

// String writes an IPv4 address, or an IPv6 prefix.
func (s source) String() string {
	p := s.prefix()
	if p.Addr().Is4() {
		return p.Addr().String()
	}
	return p.String()
}

// parseSources reads an address or a prefix and gives the prefix of the
// sources it covers: an address in IPv6 covers its whole source.
func parseSources(text string) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, false
		}
		p = netip.PrefixFrom(a, a.BitLen()) // which drops a scope
	}
	if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	if p.Addr().Is6() && p.Bits() > sourceBits {
		p = netip.PrefixFrom(p.Addr(), sourceBits)
	}
	return p.Masked(), true
}
