package b2bua_test

import (
	"strings"
	"testing"
)

const (
	// ackRefusalB2 is our ACK of a refusal of the re-INVITE at B.
	ackRefusalB2 = `
<B ACK sip:b@203.0.113.20:5060 SIP/2.0
<B Via: SIP/2.0/UDP 203.0.113.10:5060;branch=${bbranch2};rport
<B CSeq: 2 ACK
<B ...
`
	ackRefusalA2 = `
<A ACK sip:100@10.0.0.20:5060 SIP/2.0
<A Via: SIP/2.0/UDP 10.0.0.1:5060;branch=${abranch2};rport
<A CSeq: 1 ACK
<A ...
`
	// endedBoth are our BYEs to both sides after a re-INVITE of A.
	endedBoth = `
<A BYE sip:100@10.0.0.20:5060 SIP/2.0
<A CSeq: 1 BYE
<A ...
` + okByeA + `
<B BYE sip:b@203.0.113.20:5060 SIP/2.0
<B CSeq: 3 BYE
<B ...
` + okByeB
)

// gets is a response to A's re-INVITE.
func gets(status string) string {
	return "\n<A SIP/2.0 " + status + "\n<A To: <sip:+13125550100@10.0.0.1>;tag=${atag}\n<A CSeq: 2 INVITE\n<A ...\n"
}

// getsB is a response to B's re-INVITE.
func getsB(status string) string {
	return "\n<B SIP/2.0 " + status + "\n<B CSeq: 50 INVITE\n<B ...\n"
}

func TestB057_ReinviteKillsTheDialog_BothLegsEnd(t *testing.T) {
	for _, tc := range []struct{ theirs, ours string }{
		{"481 Call/Transaction Does Not Exist", "481 Call/Transaction Does Not Exist"},
		{"408 Request Timeout", "408 Request Timeout"},
		{"404 Not Found", "404 Not Found"},
		{"410 Gone", "410 Gone"},
		{"482 Loop Detected", "482 Loop Detected"},
		{"485 Ambiguous", "485 Ambiguous"},
		{"480 Temporarily Unavailable", "480 Temporarily Unavailable"},
		{"502 Bad Gateway", "502 Bad Gateway"},
		{"604 Does Not Exist Anywhere", "604 Does Not Exist Anywhere"},
	} {
		t.Run(tc.theirs[:3], func(t *testing.T) {
			play(t, nothingLeft(t), established, reinviteA, fromB2(tc.theirs), ackRefusalB2, gets(tc.ours), refusalACK2, endedBoth)
		})
	}
}

func TestB057_ReinviteOfBKillsTheDialogOfA_BothLegsEnd(t *testing.T) {
	play(t, nothingLeft(t), established, reinviteB, fromA2("481 Call/Transaction Does Not Exist"), ackRefusalA2,
		getsB("481 Call/Transaction Does Not Exist"), refusalACK2B, `
<A BYE sip:100@10.0.0.20:5060 SIP/2.0
<A CSeq: 2 BYE
<A ...
`, okByeA, `
<B BYE sip:b@203.0.113.20:5060 SIP/2.0
<B CSeq: 2 BYE
<B ...
`, okByeB)
}

func TestB057_ReinviteTimesOut_BothLegsEnd(t *testing.T) {
	play(t, both(nothingLeft(t), func(r *rig) {
		r.wire.checkTimes(t, addrB, "INVITE sip:b@", 0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5)
	}), established, reinviteA, `
repeats ignore
timeout 33s
`, gets("408 Request Timeout"), refusalACK2, endedBoth)
}

func TestB057_OtherRefusalsOfReinvite_TheCallGoesOn(t *testing.T) {
	for _, tc := range []struct{ theirs, ours string }{
		{"488 Not Acceptable Here", "488 Not Acceptable Here"},
		{"486 Busy Here", "486 Busy Here"},
		{"491 Request Pending", "491 Request Pending"},
		{"403 Forbidden", "403 Forbidden"},
		{"407 Proxy Authentication Required", "403 Forbidden"},
		{"415 Unsupported Media Type", "415 Unsupported Media Type"},
		{"500 Server Internal Error", "500 Server Internal Error"},
		{"503 Service Unavailable", "500 Server Internal Error"},
		{"504 Server Time-out", "504 Server Time-out"},
		{"600 Busy Everywhere", "600 Busy Everywhere"},
		{"603 Decline", "603 Decline"},
		{"302 Moved Temporarily", "488 Not Acceptable Here"},
	} {
		t.Run(tc.theirs[:3], func(t *testing.T) {
			play(t, nothingLeft(t), established, reinviteA, fromB2(tc.theirs, "B> Proxy-Authenticate: Digest realm=\"x\", nonce=\"y\"\nB> Contact: <sip:far@198.51.100.9>\n"), ackRefusalB2, `
forbid A 198.51.100.9 realm=
`, gets(tc.ours), refusalACK2, `
quiet 60s
`, endA)
		})
	}
}

func TestB066_InviteWhileOursIsPending_Gets491(t *testing.T) {
	play(t, nothingLeft(t), established, reinviteA, reinviteHeadB+sdpB2, `
<B SIP/2.0 100 Trying
<B ...
`, getsB("491 Request Pending"), refusalACK2B, reinvitedA, ackReinviteA, `
quiet 40s
`, endA)
}

func TestB066_SecondInviteBeforeTheFirstIsAnswered_Gets500AndRetryAfter(t *testing.T) {
	second := strings.Replace(reinviteHeadA, "CSeq: 2 INVITE", "CSeq: 3 INVITE", 1) + sdpA2 + tryingA + `
<A SIP/2.0 500 Server Internal Error
<A Retry-After: ${wait:num}
<A CSeq: 3 INVITE
<A ...
` + strings.Replace(refusalACK2, "CSeq: 2 ACK", "CSeq: 3 ACK", 1)
	t.Run("confirmed", func(t *testing.T) {
		play(t, nothingLeft(t), established, reinviteA, second, reinvitedA, ackReinviteA, `
quiet 40s
`, endA)
	})
	t.Run("early", func(t *testing.T) {
		play(t, nothingLeft(t), peers, invite, strings.Replace(ring, "<A To:", "<A Contact: <sip:${acontact:token}@10.0.0.1:5060>\n<A To:", 1),
			second, answer, ackA, `
quiet 60s
`, endA)
	})
}

func TestB066_InviteFromBInEarlyDialog_Gets491(t *testing.T) {
	play(t, nothingLeft(t), peers, invite, ring, reinviteHeadB+sdpB2, `
<B SIP/2.0 100 Trying
<B ...
`, getsB("491 Request Pending"), refusalACK2B, answerAfter491, ackA, endA)
}

// answerAfter491 is the answer of B to the INVITE after other messages.
const answerAfter491 = okFirstB + `
<B ACK sip:b@203.0.113.20:5060 SIP/2.0
<B ...
<A SIP/2.0 200 OK
<A To: <sip:+13125550100@10.0.0.1>;tag=${atag:token}
<A Contact: <sip:${acontact:token}@10.0.0.1:5060>
<A ...
`

func TestB066_ReinviteBeforeTheACKOfTheOtherSide_WaitsForIt(t *testing.T) {
	play(t, nothingLeft(t), peers, invite, ring, answer, reinviteHeadB+sdpB2, tryingBack, `
repeats ignore
quiet 10s
`, ackA, reinviteAtA, reinvitedB, ackReinviteB, `
quiet 40s
`, endA)
}

func TestB066_ReinviteWaitingForAnACKThatNeverComes_EndsWithTheCall(t *testing.T) {
	play(t, nothingLeft(t), peers, invite, ring, answer, reinviteHeadB+sdpB2, tryingBack, `
repeats ignore
timeout 33s
`, getsB("487 Request Terminated"), refusalACK2B, `
<A BYE sip:100@10.0.0.20:5060 SIP/2.0
<A ...
`, okByeA, `
<B BYE sip:b@203.0.113.20:5060 SIP/2.0
<B ...
`, okByeB)
}

func TestB066_ReinviteInsteadOfTheACK_ReleasesTheOneThatWaits(t *testing.T) {
	// B's re-INVITE waits for A's ACK. That was lost, but A goes on and so has
	// the 2xx: the two collide, and B's must not wait for ever.
	play(t, nothingLeft(t), peers, invite, ring, answer, reinviteHeadB+sdpB2, tryingBack, reinviteHeadA+sdpA2, tryingA,
		gets("491 Request Pending"), refusalACK2, reinviteAtA, reinvitedB, ackReinviteB, `
quiet 40s
`, endA)
}

func TestB069_ReinviteBeforeTheACKOfTheLastOne_IsNoCollision(t *testing.T) {
	// B's re-INVITE is answered; its ACK is still under way when A sends its own.
	play(t, nothingLeft(t), established, reinviteB, reinvitedB, reinviteHeadA+sdpA2, tryingA, `
quiet 100ms
`, ackReinviteB, reinviteAtB, reinvitedA, ackReinviteA, `
quiet 40s
`, endA)
}

func TestB065_CancelOfReinvite_ReachesTheFarSideAndItsAnswerDecides(t *testing.T) {
	cancel := strings.Replace(strings.Replace(ackReinviteA, "A> ACK", "A> CANCEL", 1), "CSeq: 2 ACK", "CSeq: 2 CANCEL", 1)
	cancel = strings.Replace(cancel, "A> Via: SIP/2.0/UDP ${local};branch=${branch}\n", "A> ${sent INVITE Via}\n", 1)
	ok := "\n<A SIP/2.0 200 OK\n<A CSeq: 2 CANCEL\n<A ...\n"
	cancelled := `
<B CANCEL sip:b@203.0.113.20:5060 SIP/2.0
<B Via: SIP/2.0/UDP 203.0.113.10:5060;branch=${bbranch2};rport
<B To: <sip:+13125550100@203.0.113.20>;tag=b1
<B CSeq: 2 CANCEL
<B ...
B> SIP/2.0 200 OK
B> ${last CANCEL Via}
B> ${last CANCEL From}
B> ${last CANCEL To}
B> ${last CANCEL Call-ID}
B> ${last CANCEL CSeq}
`
	t.Run("487", func(t *testing.T) {
		play(t, nothingLeft(t), established, reinviteA, fromB2("100 Trying"), cancel, ok, cancelled, fromB2("487 Request Terminated"), ackRefusalB2,
			gets("487 Request Terminated"), refusalACK2, `
quiet 40s
`, endA)
	})
	t.Run("waits for a provisional", func(t *testing.T) {
		play(t, nothingLeft(t), established, reinviteA, cancel, ok, `
quiet 400ms
`, fromB2("100 Trying"), cancelled, fromB2("487 Request Terminated"), ackRefusalB2,
			gets("487 Request Terminated"), refusalACK2, `
quiet 40s
`, endA)
	})
	t.Run("crossed by 200", func(t *testing.T) {
		play(t, nothingLeft(t), established, reinviteA, fromB2("100 Trying"), cancel, ok, cancelled, reinvitedA, ackReinviteA, `
quiet 40s
`, endA)
	})
	t.Run("silence", func(t *testing.T) {
		// Not even a provisional: the peer is gone, as without the CANCEL.
		play(t, nothingLeft(t), established, reinviteA, cancel, ok, `
repeats ignore
timeout 33s
`, gets("487 Request Terminated"), refusalACK2, endedBoth)
	})
	t.Run("no final after CANCEL", func(t *testing.T) {
		play(t, nothingLeft(t), established, reinviteA, fromB2("100 Trying"), cancel, ok, cancelled, `
timeout 33s
`, gets("487 Request Terminated"), refusalACK2, `
quiet 40s
`, endA)
	})
}

func TestReinvite_RingsForTooLong_IsCancelledAndTimesOut(t *testing.T) {
	play(t, nothingLeft(t), changed(t, "carrier: {zone: outside, ", "carrier: {zone: outside, sip: {ring_timeout: 20s}, "),
		established, reinviteA, fromB2("180 Ringing"), `
timeout 21s
<B CANCEL sip:b@203.0.113.20:5060 SIP/2.0
<B CSeq: 2 CANCEL
<B ...
`, fromB2("487 Request Terminated"), `
B> SIP/2.0 200 OK
B> ${last CANCEL Via}
B> ${last CANCEL From}
B> ${last CANCEL To}
B> ${last CANCEL Call-ID}
B> ${last CANCEL CSeq}
`, ackRefusalB2, gets("408 Request Timeout"), refusalACK2, `
quiet 40s
`, endA)
}
