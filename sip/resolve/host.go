package resolve

import (
	"net/netip"
	"strings"
)

const (
	maxNameBytes  = 253 // RFC 1035 §2.3.4, without the root's length byte
	maxLabelBytes = 63  // RFC 1035 §2.3.4
)

// literal reads an address, IPv6 with or without brackets, and without a zone: no URI has one (RFC 3261 §25.1).
func literal(host string) (netip.Addr, bool) {
	if len(host) > 2 && host[0] == '[' && host[len(host)-1] == ']' {
		host = host[1 : len(host)-1]
		if !strings.Contains(host, ":") {
			return netip.Addr{}, false
		}
	}
	a, err := netip.ParseAddr(host)
	return a.Unmap(), err == nil && a.Zone() == ""
}

// canonical lower-cases a host name and drops the root's dot. It refuses what is no host name (RFC 3261 §25.1,
// RFC 1123 §2.1, underscores allowed because they are in use), above all what some resolvers take for an address: a
// last label of digits only, or an empty one.
func canonical(host string) (string, bool) {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if len(host) == 0 || len(host) > maxNameBytes {
		return "", false
	}
	last := ""
	for label := range strings.SplitSeq(host, ".") {
		if len(label) == 0 || len(label) > maxLabelBytes || label[0] == '-' || label[len(label)-1] == '-' {
			return "", false
		}
		if strings.ContainsFunc(label, notInLabel) {
			return "", false
		}
		last = label
	}
	if last[0] >= '0' && last[0] <= '9' {
		// A top label begins with a letter (RFC 3261 §25.1); "0x7f.1" and "127.1" end here too.
		return "", false
	}
	return host, true
}

func notInLabel(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
}
