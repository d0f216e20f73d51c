package call

import (
	"strings"

	"gatehouse/sip/msg"
)

// nilSession is the UUID of a side that is not known yet (RFC 7989 §5).
const nilSession = "00000000000000000000000000000000"

// sessionIDs holds the Session-ID UUID of each side of a call. Each side sees
// the other's as local and its own as remote (RFC 7989 §6, §7).
type sessionIDs struct{ a, b string }

// learn takes the UUIDs a message from the given leg carries. A side that has
// none gets one made for it (RFC 7989 §7), so the far side always sees one.
func (s *sessionIDs) learn(m *msg.Message, fromA bool, generate func() string) {
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

// header is the Session-ID value of a message toward the A or the B side.
func (s *sessionIDs) header(toA bool) string {
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
