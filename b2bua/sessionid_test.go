package b2bua_test

import (
	"fmt"
	"strings"
	"testing"
)

// The UUIDs of the peers, and the one of nobody (RFC 7989 §5).
const (
	uuidA   = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	uuidB   = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	uuidC   = "cccccccccccccccccccccccccccccccc"
	uuidD   = "dddddddddddddddddddddddddddddddd"
	uuidNil = "00000000000000000000000000000000"
)

// sessionLine is a Session-ID line of a peer: prefix, sender, receiver.
func sessionLine(prefix, local, remote string) string {
	return prefix + " Session-ID: " + local + ";remote=" + remote + "\n"
}

// session checks the Session-ID of every packet to a peer that starts so.
func (r *rig) session(t *testing.T, to, start, local, remote string) {
	t.Helper()
	sent := r.wire.sent(to, start)
	if len(sent) == 0 {
		t.Errorf("nothing like %q went to %s", start, to)
	}
	for _, p := range sent {
		if got := fmt.Sprint(headers(p, "Session-ID")); got != "["+local+";remote="+remote+"]" {
			t.Errorf("%q to %s has Session-ID %s, want %s;remote=%s", start, to, got, local, remote)
		}
	}
}

func TestB108_SessionID_PassesEndToEnd(t *testing.T) {
	inviteID := strings.Replace(invite, inviteHead, inviteHead+sessionLine("A>", uuidA, uuidNil), 1)
	ringID := strings.Replace(ring, "B> Contact", sessionLine("B>", uuidB, uuidA)+"B> Contact", 1)
	answerID := strings.Replace(answer, "B> Contact", sessionLine("B>", uuidB, uuidA)+"B> Contact", 1)
	play(t, both(nothingLeft(t), func(r *rig) {
		r.session(t, addrB, "INVITE", uuidA, uuidNil)
		r.session(t, addrA, "SIP/2.0 100", uuidNil, uuidA)
		r.session(t, addrA, "SIP/2.0 180", uuidB, uuidA)
		r.session(t, addrA, "SIP/2.0 200", uuidB, uuidA) // of INVITE and BYE
		r.session(t, addrB, "ACK", uuidA, uuidB)
		r.session(t, addrB, "BYE", uuidA, uuidB)
	}), peers, inviteID, ringID, answerID, ackA, endA)
}

func TestB108_SilentPeers_GetOneMadeForThem(t *testing.T) {
	// The rig's UUIDs are 1, 2, 3 ... in 32 digits.
	one, two := fmt.Sprintf("%032x", 1), fmt.Sprintf("%032x", 2)
	play(t, both(nothingLeft(t), func(r *rig) {
		r.session(t, addrB, "INVITE", one, uuidNil)
		r.session(t, addrA, "SIP/2.0 180", uuidNil, one)
		r.session(t, addrA, "SIP/2.0 200", two, one)
		r.session(t, addrB, "ACK", one, two)
		r.session(t, addrA, "BYE", two, one)
		r.session(t, addrB, "SIP/2.0 200", one, two) // of BYE
	}), established, byeB, `
<B SIP/2.0 200 OK
<B ...
<A BYE sip:100@10.0.0.20:5060 SIP/2.0
<A ...
`, okByeA)
}

func TestB108_BrokenSessionID_CountsAsNone(t *testing.T) {
	for _, bad := range []string{"short", strings.Repeat("g", 32), strings.Repeat("a", 33), ";remote=" + uuidB, uuidNil} {
		play(t, both(nothingLeft(t), func(r *rig) {
			r.session(t, addrB, "INVITE", fmt.Sprintf("%032x", 1), uuidNil)
		}), peers, strings.Replace(invite, inviteHead, inviteHead+"A> Session-ID: "+bad+"\n", 1), ring, answer, ackA, endA)
	}
}

func TestB108_Cancel_HasTheSessionIDOfItsInvite(t *testing.T) {
	inviteID := strings.Replace(invite, inviteHead, inviteHead+sessionLine("A>", uuidA, uuidNil), 1)
	play(t, both(nothingLeft(t), func(r *rig) {
		r.session(t, addrB, "CANCEL", uuidA, uuidNil)
		r.session(t, addrB, "ACK", uuidA, uuidB)
		r.session(t, addrA, "SIP/2.0 487", uuidB, uuidA)
	}), peers, inviteID, strings.Replace(ring, "B> Contact", sessionLine("B>", uuidB, uuidA)+"B> Contact", 1),
		cancelA+sessionLine("A>", uuidD, uuidNil), `
<A SIP/2.0 200 OK
<A Session-ID: `+uuidB+`;remote=`+uuidD+`
<A ...
<A SIP/2.0 487 Request Terminated
<A ...
`, refusalACK, cancelAtB, okCancelB, fromB("487 Request Terminated", sessionLine("B>", uuidB, uuidA)), ackRefusalB)
}

func TestB108_Failover_KeepsTheCallersAndForgetsTheOther(t *testing.T) {
	inviteID := strings.Replace(invite, inviteHead, inviteHead+sessionLine("A>", uuidA, uuidNil), 1)
	play(t, both(nothingLeft(t), func(r *rig) {
		r.session(t, addrB, "ACK", uuidA, uuidB)
		r.session(t, addrC, "INVITE", uuidA, uuidNil)
		r.session(t, addrC, "ACK", uuidA, uuidC)
		r.session(t, addrA, "SIP/2.0 183", uuidB, uuidA)
		r.session(t, addrA, "SIP/2.0 200", uuidC, uuidA)
	}), dialing("7775550100", peers, peerC, inviteID,
		fromB("183 Session Progress", sessionLine("B>", uuidB, uuidA), "B> Contact: <sip:b@${local}>\n"), `
<A SIP/2.0 183 Session Progress
<A ...
`, refusedByB("503 Service Unavailable", sessionLine("B>", uuidB, uuidA)), inviteC,
		onC(strings.Replace(answer, "B> Contact", sessionLine("B>", uuidC, uuidA)+"B> Contact", 1)), ackA, onC(endA)))
}

func TestB108_Reinvite_NewUUIDIsTakenOnlyWhenItSucceeds(t *testing.T) {
	inviteID := strings.Replace(invite, inviteHead, inviteHead+sessionLine("A>", uuidA, uuidNil), 1)
	answerID := strings.Replace(answer, "B> Contact", sessionLine("B>", uuidB, uuidA)+"B> Contact", 1)
	reinvite := reinviteHeadA + sessionLine("A>", uuidC, uuidB) + sdpA2 + tryingA + reinviteAtB + "<B Session-ID: " + uuidC + ";remote=" + uuidB + "\n"
	t.Run("refused", func(t *testing.T) {
		play(t, both(nothingLeft(t), func(r *rig) {
			r.session(t, addrA, "SIP/2.0 488", uuidB, uuidC)
			r.session(t, addrB, "BYE", uuidA, uuidB)
		}), peers, inviteID, ring, answerID, ackA, reinvite, fromB2("488 Not Acceptable Here"), ackRefusalB2,
			gets("488 Not Acceptable Here"), refusalACK2, endA)
	})
	t.Run("accepted, and the other side changes too", func(t *testing.T) {
		play(t, both(nothingLeft(t), func(r *rig) {
			r.session(t, addrB, "BYE", uuidC, uuidD)
		}), peers, inviteID, ring, answerID, ackA, reinvite,
			strings.Replace(reinvitedA, "B> Contact", sessionLine("B>", uuidD, uuidC)+"B> Contact", 1), ackReinviteA, endA)
	})
	t.Run("refused by A", func(t *testing.T) {
		play(t, both(nothingLeft(t), func(r *rig) {
			r.session(t, addrB, "SIP/2.0 488", uuidD, uuidB)
			r.session(t, addrB, "BYE", uuidD, uuidB)
		}), peers, inviteID, ring, answerID, ackA, reinviteB, fromA2("488 Not Acceptable Here", sessionLine("A>", uuidD, uuidB)), ackRefusalA2,
			getsB("488 Not Acceptable Here"), refusalACK2B, endA)
	})
}

func TestB108_RequestsInTheDialog_AreAnsweredWithIt(t *testing.T) {
	inviteID := strings.Replace(invite, inviteHead, inviteHead+sessionLine("A>", uuidA, uuidNil), 1)
	info := strings.ReplaceAll(optionsA, "OPTIONS", "INFO")
	play(t, both(nothingLeft(t), func(r *rig) {
		r.session(t, addrA, "SIP/2.0 405", fmt.Sprintf("%032x", 1), uuidA)
	}), peers, inviteID, ring, answer, ackA, info, `
<A SIP/2.0 405 Method Not Allowed
<A ...
`, endA)
}
