package value

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"gatehouse/config/strict"
)

// Limits of addresses and names.
const (
	// maxPort is the largest port number.
	maxPort = 65535
	// maxHostBytes and maxLabelBytes are the longest host name and label, RFC 1035 §2.3.4.
	maxHostBytes, maxLabelBytes = 253, 63
)

// parseIP takes a plain address that can stand in SIP and SDP.
func parseIP(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil && strings.HasPrefix(s, "["):
		return netip.Addr{}, fmt.Errorf("want an address without brackets or port, got %s", strict.Quote(s))
	case err != nil:
		return netip.Addr{}, fmt.Errorf("want an address, got %s", strict.Quote(s))
	case a.Zone() != "":
		return netip.Addr{}, fmt.Errorf("%s has a scope, which SIP cannot carry", strict.Quote(s))
	case a.Is4In6():
		return netip.Addr{}, fmt.Errorf("%s is an IPv4 address in IPv6 form, write %s", strict.Quote(s), a.Unmap())
	case a.IsMulticast(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return netip.Addr{}, fmt.Errorf("%s is not the address of one host", strict.Quote(s))
	}
	return a, nil
}

// ParseHostIP takes the address of one host: parseIP without 0.0.0.0 and ::.
func ParseHostIP(s string) (netip.Addr, error) {
	a, err := parseIP(s)
	if err == nil && a.IsUnspecified() {
		return netip.Addr{}, fmt.Errorf("%s is not the address of one host", strict.Quote(s))
	}
	return a, err
}

// parsePort takes a port as digits; low is 0 or 1.
func parsePort(s string, low int) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || int(n) < low || strings.HasPrefix(s, "+") {
		return 0, fmt.Errorf("want a port from %d to %d, got %s", low, maxPort, strict.Quote(s))
	}
	return uint16(n), nil
}

// splitHostPort parts HOST, HOST:PORT, [IPv6] and [IPv6]:PORT. bracketed tells
// whether the host stood in brackets.
func splitHostPort(s string) (host, port string, bracketed bool, err error) {
	if rest, ok := strings.CutPrefix(s, "["); ok {
		host, after, found := strings.Cut(rest, "]")
		if !found || (after != "" && !strings.HasPrefix(after, ":")) {
			return "", "", false, fmt.Errorf("the brackets of %s do not match", strict.Quote(s))
		}
		if after == ":" {
			return "", "", false, fmt.Errorf("no port after the colon of %s", strict.Quote(s))
		}
		return host, strings.TrimPrefix(after, ":"), true, nil
	}
	host, port, colon := strings.Cut(s, ":")
	switch {
	case strings.Contains(port, ":"):
		return "", "", false, fmt.Errorf("an IPv6 address stands in brackets, got %s", strict.Quote(s))
	case colon && port == "":
		return "", "", false, fmt.Errorf("no port after the colon of %s", strict.Quote(s))
	}
	return host, port, false, nil
}

// ParseBind takes ADDRESS:PORT for something we listen on.
func ParseBind(s string) (netip.AddrPort, error) {
	host, port, bracketed, err := splitHostPort(s)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if port == "" || host == "" {
		return netip.AddrPort{}, fmt.Errorf("want ADDRESS:PORT, got %s", strict.Quote(s))
	}
	a, err := parseIP(host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if bracketed && a.Is4() {
		return netip.AddrPort{}, fmt.Errorf("only IPv6 addresses stand in brackets, got %s", strict.Quote(s))
	}
	p, err := parsePort(port, 0)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(a, p), nil
}

// ParseHostPort takes the host and port of a URI; the port is 0 when absent.
func ParseHostPort(s string) (string, uint16, error) {
	host, port, bracketed, err := splitHostPort(s)
	if err != nil {
		return "", 0, err
	}
	a, ipErr := ParseHostIP(host)
	switch {
	case bracketed && (ipErr != nil || !a.Is6()):
		return "", 0, fmt.Errorf("want an IPv6 address in the brackets, got %s", strict.Quote(s))
	case ipErr == nil:
		host = a.String()
	case isLiteral(host):
		return "", 0, ipErr
	default:
		if host, err = ParseHostName(host); err != nil {
			return "", 0, err
		}
	}
	if port == "" {
		return host, 0, nil
	}
	p, err := parsePort(port, 1)
	return host, p, err
}

// isLiteral reports whether the text is an address of any kind.
func isLiteral(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// ParseHostName takes a name by the rules of RFC 3261 §25.1, with underscores
// let through because networks have them. A name whose last label starts with
// a digit is a mistyped address.
func ParseHostName(s string) (string, error) {
	bad := fmt.Errorf("want an address or a host name, got %s", strict.Quote(s))
	if s == "" || len(s) > maxHostBytes {
		return "", bad
	}
	labels := strings.Split(strings.ToLower(s), ".")
	for _, l := range labels {
		if l == "" || len(l) > maxLabelBytes || l[0] == '-' || l[len(l)-1] == '-' {
			return "", bad
		}
		for i := range len(l) {
			if !isHostByte(l[i]) {
				return "", bad
			}
		}
	}
	if last := labels[len(labels)-1]; '0' <= last[0] && last[0] <= '9' {
		return "", bad
	}
	return strings.Join(labels, "."), nil
}

func isHostByte(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// ParsePrefix takes a prefix, or an address that stands for itself.
func ParsePrefix(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		a, err := ParseHostIP(s)
		if err != nil {
			return netip.Prefix{}, err
		}
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("want a prefix such as 192.0.2.0/24 or an address, got %s", strict.Quote(s))
	case p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%s is an IPv4 prefix in IPv6 form, write it as IPv4", strict.Quote(s))
	case p != p.Masked():
		return netip.Prefix{}, fmt.Errorf("%s has bits beyond its length, want %s or %s/%d", strict.Quote(s), p.Masked(), p.Addr(), p.Addr().BitLen())
	}
	return p, nil
}

// ParseHost takes an address without brackets or a host name.
func ParseHost(s string) (string, error) {
	if a, err := ParseHostIP(s); err == nil {
		return a.String(), nil
	}
	host, err := ParseHostName(s)
	if err != nil {
		return "", fmt.Errorf("want an address without brackets or a host name, without a port, got %s", strict.Quote(s))
	}
	return host, nil
}

// ParseServer takes ADDRESS or ADDRESS:PORT of somebody we ask; a name would
// have to be resolved first.
func ParseServer(s string, port uint16) (netip.AddrPort, error) {
	if isLiteral(s) { // IPv6 too, which needs no brackets without a port
		a, err := ParseHostIP(s)
		return netip.AddrPortFrom(a, port), err
	}
	host, given, err := ParseHostPort(s)
	if err != nil {
		return netip.AddrPort{}, err
	}
	a, err := ParseHostIP(host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if given != 0 {
		port = given
	}
	return netip.AddrPortFrom(a, port), nil
}

// DecodeHost takes a key whose value is one ParseHost takes; what is wrong is
// reported, and then the host is "".
func DecodeHost(d *strict.Decoder, v strict.Value) string {
	s, ok := d.Text(v)
	if !ok {
		return ""
	}
	host, err := ParseHost(s)
	if err != nil {
		d.Fail(v.Place, "%v", err)
	}
	return host
}
