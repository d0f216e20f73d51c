package b2bua_test

import (
	"strings"
	"testing"
)

// fork turns a message of B into one of another fork of it.
func fork(s string) string {
	return strings.NewReplacer(";tag=b1", ";tag=b2", "sip:b@${local}", "sip:fork@${local}").Replace(s)
}

// endedFork is the end of the other fork: acknowledged, then a BYE in its own
// dialog.
const endedFork = `
<B ACK sip:fork@203.0.113.20:5060 SIP/2.0
<B To: <sip:+13125550100@203.0.113.20>;tag=b2
<B From: "Reception" <sip:100@203.0.113.10>;tag=${btag}
<B CSeq: 1 ACK
<B ...
<B !Content-Type
<B BYE sip:fork@203.0.113.20:5060 SIP/2.0
<B To: <sip:+13125550100@203.0.113.20>;tag=b2
<B From: "Reception" <sip:100@203.0.113.10>;tag=${btag}
<B Call-ID: ${bcall}
<B CSeq: 2 BYE
<B ...
`

func TestB025_TwoForksRing_CallerSeesOneDialogAndTheAnsweredOneIsIt(t *testing.T) {
	ring2 := fork(ring) // the same To-tag for A: ${atag}
	for _, tc := range []struct{ name, answered, bye string }{
		{"the last that rang", fork(answer), fork(endA)},
		{"the first that rang", answer, endA},
	} {
		t.Run(tc.name, func(t *testing.T) {
			answered := strings.Replace(tc.answered, "<B ACK sip:b@203.0.113.20:5060", "<B ACK sip:${who:word}@203.0.113.20:5060", 1)
			bye := strings.Replace(tc.bye, "<B BYE sip:b@203.0.113.20:5060 SIP/2.0", "<B BYE sip:${who}@203.0.113.20:5060 SIP/2.0", 1)
			play(t, both(nothingLeft(t), func(r *rig) {
				last := r.wire.sent(addrB, "BYE")[0]
				want := "tag=b1"
				if tc.name == "the last that rang" {
					want = "tag=b2"
				}
				if to := headers(last, "To")[0]; !strings.HasSuffix(to, want) {
					t.Errorf("BYE to %s, want %s", to, want)
				}
			}), peers, invite, ring, ring2, answered, ackA, bye)
		})
	}
}

func TestB025_Second2xx_IsAcknowledgedAndEnded(t *testing.T) {
	play(t, nothingLeft(t), established, `
wait 1s
`, fork(okB)+fork(sdpB), endedFork, fork(okByeB), `
# Its repeat gets the same ACK and no second BYE, and so does the other's.
`, fork(okB)+fork(sdpB), `
again B
`, okB+sdpB, `
again B
quiet 40s
`, endA)
}

func TestB025_Second2xxHasItsOwnRoutesAndTarget(t *testing.T) {
	routed := strings.Replace(fork(okB), "B> Contact", "B> Record-Route: <sip:198.51.100.1;lr>, <sip:203.0.113.20;lr;f=2>\nB> Contact", 1)
	ended := strings.NewReplacer("<B CSeq", "<B Route: <sip:203.0.113.20;lr;f=2>\n<B Route: <sip:198.51.100.1;lr>\n<B CSeq").Replace(endedFork)
	play(t, nothingLeft(t), peers, invite, ring, strings.Replace(answer, "B> Contact", "B> Record-Route: <sip:203.0.113.20;lr;f=1>\nB> Contact", 1), ackA,
		routed+fork(sdpB), ended, fork(okByeB), strings.Replace(endA, "<B BYE sip:b@203.0.113.20:5060 SIP/2.0",
			"<B BYE sip:b@203.0.113.20:5060 SIP/2.0\n<B Route: <sip:203.0.113.20;lr;f=1>", 1))
}

func TestB025_ByeOfTheEndedFork_Gets481AndTheCallGoesOn(t *testing.T) {
	play(t, nothingLeft(t), established, fork(okB)+fork(sdpB), endedFork, strings.Replace(byeB, ";tag=b1", ";tag=b2", 1), `
<B SIP/2.0 481 Call/Transaction Does Not Exist
<B ...
`, fork(okByeB), `
quiet 40s
`, endA)
}

func TestB025_Second2xxAfterTheCallEnded_IsEndedToo(t *testing.T) {
	play(t, nothingLeft(t), established, endA, `
wait 5s
`, fork(okB)+fork(sdpB), endedFork, fork(okByeB))
}

func TestB025_2xxAfterTimerM_IsNobodys(t *testing.T) {
	play(t, nothingLeft(t), established, `
wait 32001ms
`, fork(okB)+fork(sdpB), `
quiet 1s
`, endA)
}

func TestB025_TwoAnswersToACancelledInvite_AreBothEnded(t *testing.T) {
	ended := strings.NewReplacer("sip:fork@", "sip:b@", "tag=b2", "tag=b1").Replace(endedFork)
	play(t, nothingLeft(t), peers, invite, ring, cancelA, cancelled, cancelAtB, okCancelB,
		okB+sdpB, ended, okByeB, fork(okB)+fork(sdpB), endedFork, fork(okByeB), `
quiet 40s
`)
}

func TestB027_199_IsNotRelayed(t *testing.T) {
	play(t, nothingLeft(t), peers, invite, ring, fork(fromB("199 Early Dialog Terminated")), `
quiet A 1s
`, answer, ackA, endA)
}

func TestB025_UnwantedAnswerToAnOfferlessInvite_GetsAValidAnswer(t *testing.T) {
	// The 2xx of the second fork makes an offer too: its ACK must answer it.
	play(t, nothingLeft(t), peers, offerless, ring, okB+sdpB, `
<A SIP/2.0 200 OK
<A Contact: <sip:${acontact:token}@10.0.0.1:5060>
<A Content-Type: application/sdp
<A ...
`, fork(okB)+fork(sdpB), `
<B ACK sip:fork@203.0.113.20:5060 SIP/2.0
<B To: <sip:+13125550100@203.0.113.20>;tag=b2
<B Content-Type: application/sdp
<B ...
<B
<B ...
<B m=audio 0 RTP/AVP ${*}
<B ...

<B BYE sip:fork@203.0.113.20:5060 SIP/2.0
<B ...
`, fork(okByeB), strings.TrimRight(ackA, "\n")+"\n"+answerA, `
<B ACK sip:b@203.0.113.20:5060 SIP/2.0
<B Content-Type: application/sdp
<B ...
`, endA)
}

// offerless is an INVITE without SDP, up to the INVITE at B.
const offerless = inviteHead + `
<A SIP/2.0 100 Trying
<A ...
<B INVITE sip:+13125550100@203.0.113.20:5060 SIP/2.0
<B From: "Reception" <sip:100@203.0.113.10>;tag=${btag:token}
<B Call-ID: ${bcall:token}
<B ...
<B !Content-Type
`

// answerA is A's answer to what B offered.
const answerA = `A> Content-Type: application/sdp
A>
A> v=0
A> o=pbx 11 1 IN IP4 10.0.0.20
A> s=-
A> c=IN IP4 10.0.0.20
A> t=0 0
A> m=audio 4000 RTP/AVP 0 101
A> a=rtpmap:101 telephone-event/8000
`
