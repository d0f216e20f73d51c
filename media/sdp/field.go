package sdp

import (
	"hash/fnv"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
)

// originWords is how many words follow the user name in o=.
const originWords = 5

// readOrigin reads o= from its end, because some devices put blanks into the user name.
func readOrigin(value string) Origin {
	words := appendWords(make([]string, 0, usualWords), value)
	o := Origin{User: "-", Addr: "0.0.0.0"}
	if n := len(words); n > originWords {
		o.User = strings.Join(words[:n-originWords], "_")
		words = words[n-originWords:]
	} else if n > 0 {
		o.User, words = words[0], words[1:]
	}
	if !isVisible(o.User) {
		o.User = "-"
	}
	if len(words) > 0 {
		o.SessID = sessionNumber(words[0])
	}
	if len(words) > 1 {
		o.Version = sessionNumber(words[1])
	}
	if len(words) > 3 {
		if h := words[len(words)-1]; isVisible(h) && len(h) <= maxHostBytes {
			o.Addr, _ = canonicalHost(h)
		}
	}
	return o
}

// sessionNumber makes a 64-bit number of what should be one. A number beyond 64 bits or a word is hashed, so that a
// changed version is still seen as changed.
func sessionNumber(word string) uint64 {
	if n, err := strconv.ParseUint(word, 10, 64); err == nil {
		return n
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(word)) // a hash never fails to write
	return h.Sum64()
}

// canonicalHost gives the host as it is written, and its address type by what it is, not by what the peer called it.
func canonicalHost(host string) (canonical, addrType string) {
	a, err := netip.ParseAddr(host)
	switch {
	case err != nil || a.Is4():
		return host, "IP4"
	case a.Is4In6():
		return a.Unmap().String(), "IP4"
	}
	return a.WithZone("").String(), "IP6"
}

// readAddr reads c=; the zero Addr when there is no usable address. Only the last word counts: RFC 8866 §5.7 puts network
// and address type before it, and a multicast TTL after a slash.
func readAddr(value string) Addr {
	words := appendWords(make([]string, 0, usualWords), value)
	if len(words) == 0 {
		return Addr{}
	}
	host, _, _ := strings.Cut(words[len(words)-1], "/")
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if host == "" || len(host) > maxHostBytes || !isVisible(host) ||
		strings.EqualFold(host, "IP4") || strings.EqualFold(host, "IP6") || strings.EqualFold(host, "IN") {
		return Addr{}
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return Addr{IP: a.Unmap().WithZone("")}
	}
	return Addr{Host: host}
}

// unbounded is the timing of a session that has no times.
const unbounded = "0 0"

// readTiming reads t= (RFC 8866 §5.9); anything but two numbers means an unbounded session.
func readTiming(value string) string {
	if value == unbounded {
		return unbounded
	}
	words := appendWords(make([]string, 0, usualWords), value)
	if len(words) < 2 {
		return unbounded
	}
	for i, w := range words[:2] {
		n, err := strconv.ParseUint(w, 10, 64)
		if err != nil || len(w) > maxTimeDigits {
			return unbounded
		}
		words[i] = strconv.FormatUint(n, 10)
	}
	return words[0] + " " + words[1]
}

// readBandwidth reads b=; a modifier that is not registered, or a value that is no number, is ignored as RFC 8866 §5.8
// asks.
func readBandwidth(value string) (Bandwidth, bool) {
	kind, number, found := strings.Cut(value, ":")
	if !found {
		return Bandwidth{}, false
	}
	kind = strings.TrimSpace(kind)
	switch kind {
	case "CT", "AS", "TIAS", "RS", "RR":
	default:
		name, private := strings.CutPrefix(kind, "X-")
		if !private || name == "" || !isVisible(name) {
			return Bandwidth{}, false
		}
	}
	n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 64)
	if err != nil {
		return Bandwidth{}, false
	}
	return Bandwidth{Type: kind, Value: n}, true
}

// readAttr reads a=; false when there is nothing in it, or a control byte.
func readAttr(value string) (Attr, bool) {
	if value == "" || hasControl(value) {
		return Attr{}, false
	}
	key, rest := value, ""
	if i := strings.IndexByte(value, ':'); i > 0 {
		key, rest = value[:i], value[i+1:]
	}
	return Attr{Key: strings.TrimSpace(key), Value: strings.TrimSpace(rest)}, true
}

// appendWords appends the words of s, parted by white space.
func appendWords(words []string, s string) []string {
	for {
		s = strings.TrimLeftFunc(s, unicode.IsSpace)
		if s == "" {
			return words
		}
		end := strings.IndexFunc(s, unicode.IsSpace)
		if end < 0 {
			end = len(s)
		}
		words = append(words, s[:end])
		s = s[end:]
	}
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
