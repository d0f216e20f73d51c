package leak

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
)

// stunCookie is the value STUN XORs addresses with, RFC 8489 §5.
const stunCookie = 0x2112A442

// needlesOf lists the ways to write a secret.
func needlesOf(secret string) []needle {
	if secret == "" {
		return nil
	}
	a, err := netip.ParseAddr(strings.Trim(secret, "[]"))
	if err != nil {
		return []needle{{form: "plain", text: []byte(strings.ToLower(secret))}}
	}
	if a = a.Unmap(); a.Is4() {
		return v4Needles(a)
	}
	return v6Needles(a)
}

func v4Needles(a netip.Addr) []needle {
	b := a.As4()
	n := binary.BigEndian.Uint32(b[:])
	high, low := n>>16, n&0xffff
	text := func(form string, e edge, format string, args ...any) needle {
		return needle{form: form, edge: e, text: fmt.Appendf(nil, format, args...)}
	}
	out := []needle{
		text("plain", edgeNotDigit, "%d.%d.%d.%d", b[0], b[1], b[2], b[3]),
		text("padded", edgeNotDigit, "%03d.%03d.%03d.%03d", b[0], b[1], b[2], b[3]),
		text("dashed", edgeNotDigit, "%d-%d-%d-%d", b[0], b[1], b[2], b[3]),
		text("underscored", edgeNotDigit, "%d_%d_%d_%d", b[0], b[1], b[2], b[3]),
		text("reversed", edgeNotDigit, "%d.%d.%d.%d.in-addr", b[3], b[2], b[1], b[0]),
		text("ipv4 as integer", edgeNotDigit, "%d", n),
		text("ipv4 in hex", edgeAny, "%08x", n),
		text("ipv4 in hex", edgeNotHex, "0x%x", n),
		text("ipv4 in octal", edgeNotDigit, "0%o", n),
		text("ipv4 in hex parts", edgeNotHex, "0x%x.0x%x.0x%x.0x%x", b[0], b[1], b[2], b[3]),
		text("ipv4 in hex parts", edgeNotHex, "%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3]),
		text("ipv4 in ipv6", edgeHexEnds, ":%x:%x", high, low),
		text("ipv4 in ipv6", edgeHexEnds, ":%04x:%04x", high, low),
		text("6to4", edgeNotHex, "2002:%x:%x", high, low),
	}
	out = append(out, rawNeedle("raw bytes", b[:])...)
	var xored [4]byte
	binary.BigEndian.PutUint32(xored[:], n^stunCookie)
	return append(out, rawNeedle("raw bytes under the STUN cookie", xored[:])...)
}

// rawNeedle searches an address as bytes, unless those bytes are all printable
// and so would be found in ordinary text. Views are lower-cased, and so is it.
func rawNeedle(form string, b []byte) []needle {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return []needle{{form: form, text: lower(b)}}
		}
	}
	return nil
}

func v6Needles(a netip.Addr) []needle {
	a = a.WithZone("")
	b := a.As16()
	var nibbles []string
	for i := len(b) - 1; i >= 0; i-- {
		nibbles = append(nibbles, fmt.Sprintf("%x.%x", b[i]&0xf, b[i]>>4))
	}
	var groups []string
	for i := 0; i < len(b); i += 2 {
		groups = append(groups, fmt.Sprintf("%x", binary.BigEndian.Uint16(b[i:])))
	}
	return append(rawNeedle("raw bytes", b[:]),
		needle{form: "plain", edge: edgeNotHex, text: []byte(a.String())},
		needle{form: "uncompressed", edge: edgeNotHex, text: []byte(strings.Join(groups, ":"))},
		needle{form: "expanded", edge: edgeNotHex, text: []byte(a.StringExpanded())},
		needle{form: "dashed", edge: edgeNotHex, text: []byte(strings.ReplaceAll(a.String(), ":", "-"))},
		needle{form: "ipv6 in hex", edge: edgeAny, text: fmt.Appendf(nil, "%x", b)},
		needle{form: "reversed", edge: edgeNotHex, text: []byte(strings.Join(nibbles, "."))},
	)
}
