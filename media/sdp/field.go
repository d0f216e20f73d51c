package sdp

import (
	"hash/fnv"
	"net/netip"
	"strconv"
	"strings"
)

// originWords is how many words follow the user name in o=.
const originWords = 5

// canonicalOrigin reads o= from its end, because some devices put blanks into the user name.
func canonicalOrigin(value string) string {
	words := strings.Fields(value)
	user, id, version, host := "-", "0", "0", "0.0.0.0"
	if n := len(words); n > originWords {
		user = strings.Join(words[:n-originWords], "_")
		words = words[n-originWords:]
	} else if n > 0 {
		user, words = words[0], words[1:]
	}
	if !isVisible(user) {
		user = "-"
	}
	if len(words) > 0 {
		id = words[0]
	}
	if len(words) > 1 {
		version = words[1]
	}
	if len(words) > 3 {
		if h := words[len(words)-1]; isVisible(h) && len(h) <= maxHostBytes {
			host = h
		}
	}
	return user + " " + sessionNumber(id) + " " + sessionNumber(version) + " " + netHost(host)
}

// sessionNumber makes a 64-bit number of what should be one. A number beyond 64 bits or a word is hashed, so that a
// changed version is still seen as changed.
func sessionNumber(word string) string {
	if n, err := strconv.ParseUint(word, 10, 64); err == nil {
		return strconv.FormatUint(n, 10)
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(word)) // a hash never fails to write
	return strconv.FormatUint(h.Sum64(), 10)
}

// netHost gives "IN IP4 host" or "IN IP6 host" by what the host is, not by what the peer called it.
func netHost(host string) string {
	if a, err := netip.ParseAddr(host); err == nil {
		a = a.Unmap().WithZone("")
		if a.Is6() {
			return "IN IP6 " + a.String()
		}
		return "IN IP4 " + a.String()
	}
	return "IN IP4 " + host
}

// canonicalConn reads c=; "" when there is no usable address. Only the last word counts: RFC 8866 §5.7 puts network
// and address type before it, and a multicast TTL after a slash.
func canonicalConn(value string) string {
	words := strings.Fields(value)
	if len(words) == 0 {
		return ""
	}
	host, _, _ := strings.Cut(words[len(words)-1], "/")
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if host == "" || len(host) > maxHostBytes || !isVisible(host) ||
		strings.EqualFold(host, "IP4") || strings.EqualFold(host, "IP6") || strings.EqualFold(host, "IN") {
		return ""
	}
	return netHost(host)
}

// canonicalTiming reads t= (RFC 8866 §5.9); anything but two numbers means an unbounded session.
func canonicalTiming(value string) string {
	words := strings.Fields(value)
	if len(words) < 2 {
		return "0 0"
	}
	for i, w := range words[:2] {
		n, err := strconv.ParseUint(w, 10, 64)
		if err != nil || len(w) > maxTimeDigits {
			return "0 0"
		}
		words[i] = strconv.FormatUint(n, 10)
	}
	return words[0] + " " + words[1]
}

// canonicalBandwidth reads b=; a modifier that is not registered, or a value that is no number, is ignored as
// RFC 8866 §5.8 asks.
func canonicalBandwidth(value string) (string, bool) {
	kind, number, found := strings.Cut(value, ":")
	if !found {
		return "", false
	}
	kind = strings.TrimSpace(kind)
	switch kind {
	case "CT", "AS", "TIAS", "RS", "RR":
	default:
		name, private := strings.CutPrefix(kind, "X-")
		if !private || name == "" || !isVisible(name) {
			return "", false
		}
	}
	n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 64)
	if err != nil {
		return "", false
	}
	return kind + ":" + strconv.FormatUint(n, 10), true
}

// hasControl says that s has a control byte other than a tab: no attribute needs one, and none may get out again.
func hasControl(s string) bool {
	for i := range len(s) {
		if (s[i] < ' ' && s[i] != '\t') || s[i] == 0x7f {
			return true
		}
	}
	return false
}

// isVisible says that s is printable ASCII without blanks.
func isVisible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}
