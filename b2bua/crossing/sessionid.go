package crossing

import (
	"strings"

	"gatehouse/sip/msg"
)

// nilSession is the UUID of a side that is not known yet (RFC 7989 §5).
const nilSession = "00000000000000000000000000000000"

// Sessions holds the Session-ID UUID of each side of a call. Each side sees
// the other's as local and its own as remote (RFC 7989 §6, §7).
type Sessions struct{ a, b string }

// Learn takes the UUIDs a message from the given leg carries. A side that has
// none gets one made for it (RFC 7989 §7), so the far side always sees one.
func (s *Sessions) Learn(m *msg.Message, fromA bool, generate func() string) {
	own := &s.b
	if fromA {
		own = &s.a
	}
	if local, ok := localSession(m); ok && local != nilSession {
		*own = local
		return
	}
	if *own == "" && generate != nil {
		*own = generate()
	}
}

// Restore takes back what one side said in a request that was refused
// (RFC 7989 §8).
func (s *Sessions) Restore(before Sessions, fromA bool) {
	if fromA {
		s.a = before.a
		return
	}
	s.b = before.b
}

// ForgetB drops what the B side said: another party takes its place
// (RFC 7989 §6).
func (s *Sessions) ForgetB() { s.b = "" }

// Header is the Session-ID value of a message toward the A or the B side.
func (s *Sessions) Header(toA bool) string {
	local, remote := s.a, s.b
	if toA {
		local, remote = s.b, s.a
	}
	return orNil(local) + ";remote=" + orNil(remote)
}

func orNil(s string) string {
	if s == "" {
		return nilSession
	}
	return s
}

// Known tells whether either side has said or been given a UUID.
func (s *Sessions) Known() bool { return s.a != "" || s.b != "" }

// localSession reads the sender's UUID: 32 lower-case hex digits.
func localSession(m *msg.Message) (string, bool) {
	v, ok := m.Get(msg.HeaderSessionID)
	if !ok {
		return "", false
	}
	id, _, _ := strings.Cut(string(v), ";")
	id = strings.ToLower(strings.TrimSpace(id))
	if len(id) != len(nilSession) || strings.Trim(id, "0123456789abcdef") != "" {
		return "", false
	}
	return id, true
}
