package b2bua_test

import (
	"strings"
	"testing"
	"time"
)

const (
	// cancelAtB is the CANCEL of our INVITE, which must be told apart from no
	// other (RFC 3261 §9.1).
	cancelAtB = `
<B CANCEL sip:+13125550100@203.0.113.20:5060 SIP/2.0
<B Via: SIP/2.0/UDP 203.0.113.10:5060;branch=${bbranch};rport
<B From: "Reception" <sip:100@203.0.113.10>;tag=${btag}
<B To: <sip:+13125550100@203.0.113.20>
<B Call-ID: ${bcall}
<B CSeq: 1 CANCEL
<B ...
<B !Require
<B !Proxy-Require
<B !Contact
`
	okCancelB = `
B> SIP/2.0 200 OK
B> ${last CANCEL Via}
B> ${last CANCEL From}
B> ${last CANCEL To};tag=b1
B> ${last CANCEL Call-ID}
B> ${last CANCEL CSeq}
`
	terminatedB = terminatedOnlyB + ackRefusalB
	// terminatedOnlyB is the same where no ACK is expected.
	terminatedOnlyB = `
B> SIP/2.0 487 Request Terminated
` + replyB
	// ackRefusalB is our ACK of a refusal: hop by hop, the INVITE's branch.
	ackRefusalB = `
<B ACK sip:+13125550100@203.0.113.20:5060 SIP/2.0
<B Via: SIP/2.0/UDP 203.0.113.10:5060;branch=${bbranch};rport
<B From: "Reception" <sip:100@203.0.113.10>;tag=${btag}
<B To: <sip:+13125550100@203.0.113.20>;tag=b1
<B Call-ID: ${bcall}
<B CSeq: 1 ACK
<B ...
`
	tryingB = `
B> SIP/2.0 100 Trying
` + replyB
)

// fromB is a response of B to our INVITE with header lines "B> ..." of its own.
func fromB(status string, more ...string) string {
	return "\nB> SIP/2.0 " + status + "\n" + replyB + strings.Join(more, "")
}

// refusedByB is a refusal of B with our ACK of it.
func refusedByB(status string, more ...string) string {
	return fromB(status, more...) + ackRefusalB
}

func TestB006_CancelWhileRinging_Gets200And487AtOnceWithOneTag(t *testing.T) {
	play(t, both(nothingLeft(t), func(r *rig) {
		if c := r.cdrs.list()[0]; c.Code != 487 || c.HangupBy != "pbx" || c.Result() != "cancelled" {
			t.Errorf("record: code %d, by %s, %s", c.Code, c.HangupBy, c.Result())
		}
	}), peers, invite, ring, cancelA, `
timeout 1ms
<A SIP/2.0 200 OK
<A To: <sip:+13125550100@10.0.0.1>;tag=${atag}
<A CSeq: 1 CANCEL
<A ...
<A SIP/2.0 487 Request Terminated
<A To: <sip:+13125550100@10.0.0.1>;tag=${atag}
<A CSeq: 1 INVITE
<A ...
`, refusalACK, cancelAtB, okCancelB, terminatedB, `
quiet 40s
`)
}

func TestB006_CancelDuringFailover_ReachesEveryPendingBranch(t *testing.T) {
	// The first target never answers in time but rings on; the second rings too.
	play(t, nothingLeft(t), changed(t, "second: {zone: outside, ", "second: {zone: outside, sip: {ring_timeout: 60s}, ",
		"carrier: {zone: outside, ", "carrier: {zone: outside, sip: {ring_timeout: 5s}, "),
		dialing("7775550100", peers, peerC, invite, tryingB, `
wait 5s
`, cancelAtB, inviteC, onC(tryingB), cancelA, cancelled, onC(cancelAtB), `
repeats ignore
`, terminatedB, onC(terminatedB)))
}

// inviteC is the INVITE of a call's second attempt.
const inviteC = `
<C INVITE sip:+13125550100@203.0.113.30:5060 SIP/2.0
<C Via: SIP/2.0/UDP 203.0.113.10:5060;branch=${cbranch:word};rport
<C From: "Reception" <sip:100@203.0.113.10>;tag=${ctag:token}
<C Call-ID: ${ccall:token}
<C ...
`

func TestB006_CancelWhileTheTargetIsLookedUp_NothingGoesOut(t *testing.T) {
	playWith(t, func(r *rig) { r.dns.answer("slow.example", "203.0.113.20", 2*time.Second) }, both(nothingLeft(t), func(r *rig) {
		r.wire.checkCount(t, addrB, "", 0)
	}), changed(t, `"sip:203.0.113.20:5060"`, `"sip:slow.example", source: [203.0.113.20/32]`), peers, inviteHead+sdpA, tryingA, `
wait 1s
`, cancelA, cancelled, `
quiet 40s
`)
}

func TestB007_Cancel_WaitsForAProvisional(t *testing.T) {
	for _, tc := range []struct{ name, provisional string }{
		{"100", tryingB},
		{"183", fromB("183 Session Progress")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			play(t, nothingLeft(t), peers, invite, cancelA, cancelled, `
repeats ignore
quiet B 10s
`, tc.provisional, cancelAtB, okCancelB, terminatedB, `
quiet 40s
`)
		})
	}
}

func TestB007_CancelledInvite_FinalBeforeProvisional_NoCancelAtAll(t *testing.T) {
	play(t, both(nothingLeft(t), func(r *rig) {
		r.wire.checkCount(t, addrB, "CANCEL", 0)
	}), peers, invite, cancelA, cancelled, refusedByB("486 Busy Here"), `
quiet 40s
`)
}

func TestB007_CancelledInvite_SilentPeer_NeverSendsCancel(t *testing.T) {
	play(t, both(nothingLeft(t), func(r *rig) {
		r.wire.checkCount(t, addrB, "CANCEL", 0)
		// Timer A goes on to Timer B: there is nothing else to stop it with.
		r.wire.checkTimes(t, addrB, "INVITE", 0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5)
	}), peers, invite, cancelA, cancelled, `
repeats ignore
quiet 60s
# Far too late: its transaction has ended.
`, fromB("180 Ringing"), `
quiet 10s
`)
}

func TestB007_CancelWithoutFinal_BranchIsGivenUpAfter64T1(t *testing.T) {
	play(t, both(nothingLeft(t), func(r *rig) {
		// The CANCEL was answered: it is not repeated.
		r.wire.checkCount(t, addrB, "CANCEL", 1)
	}), peers, invite, ring, cancelA, cancelled, cancelAtB, okCancelB, `
wait 32001ms
# The transaction is gone: no ACK for this.
`, terminatedOnlyB, `
quiet 10s
`)
}

func TestB007_FinalJustBeforeGivingUp_StillAcknowledged(t *testing.T) {
	play(t, nothingLeft(t), peers, invite, ring, cancelA, cancelled, cancelAtB, okCancelB, `
wait 31900ms
`, terminatedB)
}

func TestB008_CancelCrosses200_AckThenByeAndCallerKeeps487(t *testing.T) {
	play(t, both(nothingLeft(t), func(r *rig) {
		r.wire.checkCount(t, addrA, "SIP/2.0 200 OK", 1) // of the CANCEL
		r.wire.checkCount(t, addrA, "BYE", 0)
	}), peers, invite, ring, cancelA, cancelled, cancelAtB, `
B> SIP/2.0 481 Call/Transaction Does Not Exist
B> ${last CANCEL Via}
B> ${last CANCEL From}
B> ${last CANCEL To};tag=b1
B> ${last CANCEL Call-ID}
B> ${last CANCEL CSeq}
`, okB+sdpB, `
<B ACK sip:b@203.0.113.20:5060 SIP/2.0
<B To: <sip:+13125550100@203.0.113.20>;tag=b1
<B CSeq: 1 ACK
<B ...
<B BYE sip:b@203.0.113.20:5060 SIP/2.0
<B To: <sip:+13125550100@203.0.113.20>;tag=b1
<B CSeq: 2 BYE
<B ...
`, okByeB, `
# The 2xx again, because the ACK was lost: the same ACK, no second BYE.
`, okB+sdpB, `
again B
quiet 40s
`)
}

func TestB008_200OvertakesCancel_CancelIsAnsweredWithoutEffect(t *testing.T) {
	play(t, nothingLeft(t), peers, invite, ring, answer, cancelA, `
<A SIP/2.0 200 OK
<A To: <sip:+13125550100@10.0.0.1>;tag=${atag}
<A CSeq: 1 CANCEL
<A ...
`, ackA, `
quiet 40s
`, endA)
}

func TestB008_481ToCancel_ChangesNothing(t *testing.T) {
	play(t, nothingLeft(t), peers, invite, ring, cancelA, cancelled, cancelAtB, `
B> SIP/2.0 481 Call/Transaction Does Not Exist
B> ${last CANCEL Via}
B> ${last CANCEL From}
B> ${last CANCEL To};tag=b1
B> ${last CANCEL Call-ID}
B> ${last CANCEL CSeq}
wait 5s
`, terminatedB)
}

func TestB009_CancelOfNothing_Gets481(t *testing.T) {
	play(t, nil, peers, `
A> CANCEL sip:+13125550100@10.0.0.1 SIP/2.0
A> Via: SIP/2.0/UDP ${local};branch=${branch}
A> From: <sip:100@10.0.0.20>;tag=a1
A> To: <sip:+13125550100@10.0.0.1>
A> Call-ID: nothing@10.0.0.20
A> CSeq: 1 CANCEL
<A SIP/2.0 481 Call/Transaction Does Not Exist
<A To: <sip:+13125550100@10.0.0.1>;tag=${:any}
<A CSeq: 1 CANCEL
<A ...
`)
}

func TestB009_CancelAfterFinal_Gets200WithTheTagOfTheFinal(t *testing.T) {
	// Refused without a call, and refused by one.
	for _, tc := range []struct{ name, refused string }{
		{"no route", dialing("555", peers, inviteHead+sdpA, `
<A SIP/2.0 404 Not Found
<A To: <sip:+13125550100@10.0.0.1>;tag=${final:any}
<A ...
`)},
		{"busy", peers + invite + refusedByB("486 Busy Here") + `
<A SIP/2.0 486 Busy Here
<A To: <sip:+13125550100@10.0.0.1>;tag=${final:any}
<A ...
`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cancel, ack := cancelA, refusalACK
			to := "<A To: <sip:+13125550100@10.0.0.1>;tag=${final}\n"
			if tc.name == "no route" {
				cancel, ack, to = dialing("555", cancel), dialing("555", ack), dialing("555", to)
			}
			play(t, nothingLeft(t), tc.refused, cancel, `
<A SIP/2.0 200 OK
<A CSeq: 1 CANCEL
`+to+`<A ...
`, ack, `
quiet 40s
`)
		})
	}
}

func TestB009_CancelAfterAnswer_Gets200AndTheCallGoesOn(t *testing.T) {
	play(t, nothingLeft(t), established, `
wait 10s
`, cancelA, `
<A SIP/2.0 200 OK
<A To: <sip:+13125550100@10.0.0.1>;tag=${atag}
<A CSeq: 1 CANCEL
<A ...
quiet 40s
# Timer L is over: nothing to cancel any more.
`, cancelA, `
<A SIP/2.0 481 Call/Transaction Does Not Exist
<A CSeq: 1 CANCEL
<A ...
`, endA)
}

func TestB009_CancelFromAnotherAddress_DoesNotCancel(t *testing.T) {
	play(t, nothingLeft(t), peers+`
peer X 10.0.0.66:5060 -> 10.0.0.1:5060
`, invite, ring, `
X> CANCEL sip:+13125550100@10.0.0.1 SIP/2.0
X> Via: SIP/2.0/UDP 10.0.0.20:5060;branch=z9hG4bK-A-1;rport
X> From: "Reception" <sip:100@10.0.0.20>;tag=a1
X> To: <sip:+13125550100@10.0.0.1>
X> Call-ID: call-1@10.0.0.20
X> CSeq: 1 CANCEL
# Not even a 481: it would be larger than what the stranger sent.
quiet 1s
`, answer, ackA, endA)
}

func TestB010_ReasonOfCancel_CrossesOneValueAProtocol(t *testing.T) {
	reasons := `A> Reason: SIP ;cause=200 ;text="Call completed elsewhere"
A> Reason: Q.850;cause=26, SIP;cause=600;text="x"
A> Reason: Q.850;cause=31
`
	t.Run("text stays inside", func(t *testing.T) {
		play(t, nothingLeft(t), peers, invite, ring, cancelA+reasons, cancelled, `
forbid B elsewhere
`, cancelAtB+`<B Reason: SIP;cause=200
<B Reason: Q.850;cause=26
`, `
quiet B 100ms
`, okCancelB, terminatedB)
	})
	t.Run("text between trusted zones", func(t *testing.T) {
		play(t, both(nothingLeft(t), func(r *rig) {
			if n := len(headers(r.wire.sent(addrB, "CANCEL")[0], "Reason")); n != 2 {
				t.Errorf("%d Reason lines, want 2", n)
			}
		}), trusted(t), peers, invite, ring, cancelA+reasons, cancelled, cancelAtB+`<B Reason: SIP;cause=200;text="Call completed elsewhere"
<B Reason: Q.850;cause=26
`, okCancelB, terminatedB)
	})
}
