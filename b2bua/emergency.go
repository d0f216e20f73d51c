package b2bua

import (
	"bytes"

	"gatehouse/sip/grammar"
	"gatehouse/sip/msg"
)

// Emergency tells whether a request is one of those that are given up last when
// there is too much to do: it asks for an emergency service (RFC 5031 §4.2), or
// carries a priority above the ordinary in its Resource-Priority (RFC 4412 §3.1,
// RFC 7135) or Priority (RFC 3261 §20.26). It allocates nothing.
//
// Anybody can write these headers, so it says what a request claims to be; who
// is believed is for the caller.
func Emergency(m *msg.Message) bool {
	if !m.IsRequest() {
		return false
	}
	if isEmergencyService(m.RequestURI()) {
		return true
	}
	if v, ok := m.Get(msg.HeaderPriority); ok && grammar.EqualFold(v, "emergency") {
		return true
	}
	for v := range m.Values(msg.HeaderResourcePriority) {
		if hasPrecedence(v) {
			return true
		}
	}
	return false
}

// isEmergencyService tells whether a request URI is urn:service:sos or below it.
func isEmergencyService(u []byte) bool {
	const sos = "urn:service:sos"
	return len(u) >= len(sos) && grammar.EqualFold(u[:len(sos)], sos) && (len(u) == len(sos) || u[len(sos)] == '.')
}

// hasPrecedence tells whether one Resource-Priority value is of a namespace that
// stands for emergencies or for precedence, and not the lowest of it, which all
// ordinary calls of such a network carry (RFC 4412 §10, RFC 7135).
func hasPrecedence(v []byte) bool {
	namespace, priority, _ := bytes.Cut(v, []byte{'.'})
	for _, known := range [...]struct{ name, lowest string }{
		{"esnet", ""}, {"ets", ""}, {"wps", ""},
		{"dsn", "routine"}, {"drsn", "routine"}, {"q735", "4"},
	} {
		if grammar.EqualFold(namespace, known.name) {
			return len(priority) > 0 && !grammar.EqualFold(priority, known.lowest)
		}
	}
	return false
}
