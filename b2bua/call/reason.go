package call

import (
	"strconv"
	"strings"

	"gatehouse/sip/msg"
)

// reasons reads the Reason header of a message, one value per protocol, cut
// down to protocol and cause; the text goes along only between zones of full
// trust (RFC 3326 §2).
func reasons(m *msg.Message, text bool) []string {
	if m.Count(msg.HeaderReason) == 0 {
		return nil
	}
	var out []string
	seen := map[string]bool{}
	for v := range m.Values(msg.HeaderReason) {
		proto, params, _ := strings.Cut(string(v), ";")
		proto = strings.TrimSpace(proto)
		key := strings.ToUpper(proto)
		if proto == "" || seen[key] || !isToken(proto) {
			continue
		}
		value := proto
		if cause, ok := param(params, "cause"); ok {
			n, err := strconv.ParseUint(cause, 10, 16)
			if err != nil {
				continue
			}
			value += ";cause=" + strconv.FormatUint(n, 10)
		}
		if t, ok := param(params, "text"); ok && text {
			value += ";text=" + t
		}
		seen[key] = true
		out = append(out, value)
	}
	return out
}

// param finds one parameter in a raw parameter string, quotes kept.
func param(params, name string) (string, bool) {
	na := msg.NameAddr{Params: []byte(params)}
	v, ok := na.Param(name)
	return strings.TrimSpace(string(v)), ok
}

func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && !strings.ContainsRune("-.!%*_+`'~", rune(c)) {
			return false
		}
	}
	return s != ""
}
