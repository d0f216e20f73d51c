package crossing

import (
	"strconv"
	"strings"

	"gatehouse/sip/grammar"
	"gatehouse/sip/msg"
)

// Reasons reads the Reason header of a message, one value per protocol, cut
// down to protocol and cause; the text goes along only between zones of full
// trust (RFC 3326 §2).
func Reasons(m *msg.Message, text bool) []string {
	if m.Count(msg.HeaderReason) == 0 {
		return nil
	}
	var out []string
	seen := map[string]bool{}
	for v := range m.Values(msg.HeaderReason) {
		proto, params, _ := strings.Cut(string(v), ";")
		proto = strings.TrimSpace(proto)
		key := strings.ToUpper(proto)
		if proto == "" || seen[key] || !grammar.IsToken(proto) {
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
