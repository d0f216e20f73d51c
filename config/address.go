package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"gatehouse/config/strict"
)

// Every function here turns one text of the file into a value, or into an
// error that says what is wanted. None of them resolves names.

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

// parseHostIP takes the address of one host: parseIP without 0.0.0.0 and ::.
func parseHostIP(s string) (netip.Addr, error) {
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

// parseBind takes ADDRESS:PORT for something we listen on.
func parseBind(s string) (netip.AddrPort, error) {
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

// parseListener takes udp://ADDRESS:PORT or tcp://ADDRESS:PORT.
func parseListener(s string) (Listener, error) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return Listener{}, fmt.Errorf("want udp://ADDRESS:PORT or tcp://ADDRESS:PORT, got %s", strict.Quote(s))
	}
	t, err := parseTransport(scheme)
	if err != nil {
		return Listener{}, err
	}
	a, err := parseBind(rest)
	if err != nil {
		return Listener{}, err
	}
	return Listener{Transport: t, Addr: a}, nil
}

// parseTransport takes the transport of a listener or target.
func parseTransport(s string) (Transport, error) {
	switch strings.ToLower(s) {
	case "udp":
		return UDP, nil
	case "tcp":
		return TCP, nil
	case "tls", "ws", "wss":
		return 0, fmt.Errorf("transport %s is %s", strings.ToLower(s), strict.NotYet)
	}
	return 0, fmt.Errorf("unknown transport %s, want udp or tcp", strict.Plain(s))
}

// parseTarget takes sip:HOST[:PORT][;transport=udp|tcp].
func parseTarget(s string) (Target, error) {
	scheme, rest, ok := strings.Cut(s, ":")
	switch {
	case ok && strings.EqualFold(scheme, "sips"):
		return Target{}, errors.New("sips is " + strict.NotYet)
	case !ok || !strings.EqualFold(scheme, "sip"):
		return Target{}, fmt.Errorf("want sip:HOST[:PORT][;transport=udp|tcp], got %s", strict.Quote(s))
	case strings.Contains(rest, "@"):
		return Target{}, fmt.Errorf("the address of a peer has no user part, got %s", strict.Quote(s))
	case strings.Contains(rest, "?"):
		return Target{}, fmt.Errorf("the address of a peer has no headers, got %s", strict.Quote(s))
	}
	hostport, params, _ := strings.Cut(rest, ";")
	t := Target{Raw: s}
	var err error
	if t.Host, t.Port, err = parseHostPort(hostport); err != nil {
		return Target{}, err
	}
	if strings.Contains(rest, ";") {
		if t.Transport, err = parseTargetParams(params); err != nil {
			return Target{}, err
		}
	}
	return t, nil
}

func parseTargetParams(params string) (Transport, error) {
	name, val, _ := strings.Cut(params, "=")
	if !strings.EqualFold(name, "transport") || strings.Contains(val, ";") {
		return 0, fmt.Errorf("the only parameter here is transport=udp or transport=tcp, got %s", strict.Quote(params))
	}
	return parseTransport(val)
}

// parseHostPort takes the host and port of a URI; the port is 0 when absent.
func parseHostPort(s string) (string, uint16, error) {
	host, port, bracketed, err := splitHostPort(s)
	if err != nil {
		return "", 0, err
	}
	a, ipErr := parseHostIP(host)
	switch {
	case bracketed && (ipErr != nil || !a.Is6()):
		return "", 0, fmt.Errorf("want an IPv6 address in the brackets, got %s", strict.Quote(s))
	case ipErr == nil:
		host = a.String()
	case isLiteral(host):
		return "", 0, ipErr
	default:
		if host, err = parseHostName(host); err != nil {
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

// parseHostName takes a name by the rules of RFC 3261 §25.1, with underscores
// let through because networks have them. A name whose last label starts with
// a digit is a mistyped address.
func parseHostName(s string) (string, error) {
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

// parsePrefix takes a prefix, or an address that stands for itself.
func parsePrefix(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		a, err := parseHostIP(s)
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

// parsePorts takes LOW-HIGH. A range that ends on an even port loses that
// port, which has no partner; the caller compares High to know.
func parsePorts(s string) (r PortRange, unused bool, err error) {
	low, high, ok := strings.Cut(s, "-")
	if !ok {
		return PortRange{}, false, fmt.Errorf("want a range of ports such as 16384-32767, got %s", strict.Quote(s))
	}
	if r.Low, err = parsePort(strings.TrimSpace(low), 1); err != nil {
		return PortRange{}, false, err
	}
	if r.High, err = parsePort(strings.TrimSpace(high), 1); err != nil {
		return PortRange{}, false, err
	}
	switch {
	case r.High < r.Low:
		return PortRange{}, false, fmt.Errorf("the range %s ends before it starts", strict.Plain(s))
	case r.Low < minMediaPort:
		return PortRange{}, false, fmt.Errorf("the range %s has ports below %d", strict.Plain(s), minMediaPort)
	case r.Low%2 != 0:
		return PortRange{}, false, fmt.Errorf("the range %s starts on an odd port: RTP takes an even one, RTCP the next, so start at %d", strict.Plain(s), r.Low+1)
	}
	if r.High%2 == 0 {
		r.High, unused = r.High-1, true
	}
	if r.Len() < minMediaPorts || r.High < r.Low {
		return PortRange{}, false, fmt.Errorf("the range %s is too small: one stream takes %d ports", strict.Plain(s), minMediaPorts)
	}
	return r, unused, nil
}
