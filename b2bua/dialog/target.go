package dialog

import (
	"strings"

	"gatehouse/sip/msg"
	"gatehouse/sip/uri"
)

// Target reads the remote target out of a Contact: a sip or sips URI, as it
// may stand in a request line (RFC 3261 §19.1.1). ok is false when the message
// has none that can be used.
func Target(m *msg.Message) (target string, ok bool) {
	c, ok := m.Contact()
	if !ok || c.IsStar() {
		return "", false
	}
	return requestURI(string(c.URI))
}

// requestURI takes from a SIP URI what a request line must not have, headers
// and the method parameter; other URIs are left as they were written.
func requestURI(raw string) (string, bool) {
	u, err := uri.Parse(raw)
	if err != nil || !u.IsSIP() {
		return "", false
	}
	_, method := u.Param("method")
	if u.Headers == "" && !method {
		return raw, true
	}
	u.Headers = ""
	var params []string
	for p := range strings.SplitSeq(u.Params, ";") {
		if name, _, _ := strings.Cut(p, "="); p != "" && !strings.EqualFold(name, "method") {
			params = append(params, p)
		}
	}
	u.Params = strings.Join(params, ";")
	return u.String(), true
}
