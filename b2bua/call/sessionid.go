package call

import (
	"gatehouse/b2bua/crossing"
	"gatehouse/sip/msg"
)

// SessionReply is the Session-ID line of a response that is not part of what
// a call says: to its sender, its own UUID comes back as the remote one
// (RFC 7989 §7, §8). leg is where the request came in, or nil. ok is false
// when neither side is known.
func SessionReply(m *msg.Message, leg *Leg) (h crossing.Header, ok bool) {
	var s crossing.Sessions
	toA := leg == nil || leg.role == roleUAS
	if leg != nil {
		s = leg.call.sessions
	}
	s.Learn(m, toA, nil)
	if !s.Known() {
		return crossing.Header{}, false
	}
	return crossing.Header{Name: "Session-ID", Value: s.Header(toA)}, true
}
