package value

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"gatehouse/config/strict"
)

// AnyOrigin stands for every page.
const AnyOrigin = "*"

// ParseOrigin takes SCHEME://HOST[:PORT] or AnyOrigin and gives it as a browser
// writes it: lower case, without the default port of http and https, IPv6 in
// brackets (RFC 6454 §6.2).
func ParseOrigin(s string) (string, error) {
	if s == AnyOrigin {
		return s, nil
	}
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || !validScheme(scheme) {
		return "", fmt.Errorf(`want an origin such as https://app.example, or "*", got %s`, strict.Quote(s))
	}
	if strings.ContainsAny(rest, "/?#@") {
		return "", fmt.Errorf("an origin ends with its host or port, got %s", strict.Quote(s))
	}
	host, port, err := ParseHostPort(rest)
	if err != nil {
		return "", err
	}
	scheme = strings.ToLower(scheme)
	if a, err := netip.ParseAddr(host); err == nil && a.Is6() {
		host = "[" + host + "]"
	}
	if port == 0 || scheme == "http" && port == wsPort || scheme == "https" && port == wssPort {
		return scheme + "://" + host, nil
	}
	return scheme + "://" + host + ":" + strconv.Itoa(int(port)), nil
}

// validScheme follows RFC 3986 §3.1: applications that wrap a page have schemes
// of their own.
func validScheme(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		letter := 'a' <= c && c <= 'z'
		other := '0' <= s[i] && s[i] <= '9' || s[i] == '+' || s[i] == '-' || s[i] == '.'
		if !letter && (i == 0 || !other) {
			return false
		}
	}
	return s != ""
}
