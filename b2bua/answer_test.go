package b2bua_test

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// overTCP turns fragments into those of a caller on a connection.
func overTCP(parts ...string) string {
	s := strings.Join(parts, "\n")
	s = strings.Replace(s, "peer A 10", "peer A tcp 10", 1)
	s = strings.ReplaceAll(s, "A> Via: SIP/2.0/UDP", "A> Via: SIP/2.0/TCP")
	return strings.ReplaceAll(s, "A> Contact: <sip:100@${local}>", "A> Contact: <sip:100@${local};transport=tcp>")
}

// answerTimes is when a 2xx nobody acknowledges is sent: T1 doubling up to T2,
// for 64*T1.
var answerTimes = []float64{0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5}

func TestB011_AnswerWithoutACK_IsRepeatedThenBothSidesGetBye(t *testing.T) {
	unacknowledged := peers + invite + ring + answer + `
repeats ignore
timeout 40s
<A BYE sip:100@10.0.0.20:5060 SIP/2.0
<A ...
` + okByeA + `
<B BYE sip:b@203.0.113.20:5060 SIP/2.0
<B CSeq: 2 BYE
<B ...
` + okByeB
	check := func(t *testing.T) func(*rig) {
		return func(r *rig) {
			r.wire.checkTimes(t, addrA, "SIP/2.0 200 OK", answerTimes...)
			byes := r.wire.order("BYE")
			if want := []string{addrA, addrB}; !slices.Equal(byes, want) {
				t.Errorf("BYE went to %v, want %v", byes, want)
			}
			answered := r.wire.sent(addrA, "SIP/2.0 200 OK")[0].At
			if after := r.wire.sent(addrA, "BYE")[0].At.Sub(answered); after != 32*time.Second {
				t.Errorf("BYE %v after the answer, want 64*T1", after)
			}
		}
	}
	t.Run("udp", func(t *testing.T) {
		play(t, both(nothingLeft(t), check(t)), unacknowledged)
	})
	t.Run("tcp", func(t *testing.T) {
		s := strings.Replace(overTCP(unacknowledged), "<A BYE sip:100@10.0.0.20:5060 ", "<A BYE sip:100@10.0.0.20:5060;transport=tcp ", 1)
		s = strings.Replace(s, "<A Contact: <sip:${acontact:token}@10.0.0.1:5060>", "<A Contact: <sip:${acontact:token}@10.0.0.1:5060;transport=tcp>", 1)
		play(t, nothingLeft(t), strings.Replace(s, "repeats ignore\n", "", 1)[:strings.Index(s, "repeats ignore")], `
timeout 600ms
again A
timeout 1100ms
again A
timeout 2100ms
again A
timeout 4100ms
again A
again A
again A
again A
again A
again A
again A
timeout 600ms
<A BYE sip:100@10.0.0.20:5060;transport=tcp SIP/2.0
<A ...
`, okByeA, `
<B BYE sip:b@203.0.113.20:5060 SIP/2.0
<B ...
`, okByeB)
	})
}

func TestB011_ReinviteWhoseACKNeverComes_EndsBothSides(t *testing.T) {
	play(t, both(nothingLeft(t), func(r *rig) {
		r.wire.checkTimes(t, addrA, "SIP/2.0 200 OK", slices.Concat([]float64{0}, shifted(answerTimes, 10))...)
	}), established, `
wait 10s
`, reinviteA, reinvitedA, `
repeats ignore
timeout 40s
`, endedBoth)
}

// shifted adds to each of some times.
func shifted(times []float64, by float64) []float64 {
	out := slices.Clone(times)
	for i := range out {
		out[i] += by
	}
	return out
}

func TestB011_ACKOfAnotherRequest_DoesNotStopTheRepeats(t *testing.T) {
	play(t, nothingLeft(t), peers, invite, ring, answer, strings.Replace(ackA, "CSeq: 1 ACK", "CSeq: 7 ACK", 1), `
timeout 501ms
again A
`, ackA, `
quiet 40s
`, endA)
}

func TestB011_RequestsBeforeTheAnswer_DoNotConfuseItsACK(t *testing.T) {
	// The CSeq of the ACK is the INVITE's, whatever was asked meanwhile.
	play(t, nothingLeft(t), peers, invite, ring, optionsA, `
<A SIP/2.0 200 OK
<A CSeq: 2 OPTIONS
<A ...
`, answer, ackA, `
quiet 60s
`, endA)
}

// optionsA is an OPTIONS inside the dialog of A.
const optionsA = `
A> OPTIONS ${next_url} SIP/2.0
A> Via: SIP/2.0/UDP ${local};branch=${branch}
A> Max-Forwards: 70
A> From: "Reception" <sip:100@10.0.0.20>;tag=a1
A> To: <sip:+13125550100@10.0.0.1>;tag=${atag}
A> Call-ID: call-1@10.0.0.20
A> CSeq: 2 OPTIONS
`

func TestB012_RepeatedAnswer_GetsTheSameACKEveryTime(t *testing.T) {
	play(t, nothingLeft(t), established, okB+sdpB, `
again B
wait 10s
`, okB+sdpB, `
again B
# Timer M runs 64*T1 from the first 2xx.
wait 21s
`, okB+sdpB, `
again B
wait 1s
# Now the transaction is gone, and so is what would answer.
`, okB+sdpB, `
quiet 1s
`, endA)
}

func TestB012_AnswerRepeatedAfterReinvite_GetsItsOwnACK(t *testing.T) {
	play(t, both(nothingLeft(t), func(r *rig) {
		if acks := r.wire.sent(addrB, "ACK"); len(acks) != 4 || string(acks[0].Data) != string(acks[2].Data) || string(acks[1].Data) != string(acks[3].Data) {
			t.Errorf("%d ACKs, or not the same ones again", len(acks))
		}
	}), established, `
wait 1s
`, reinviteA, reinvitedA, ackReinviteA, `
# The ACK of the first INVITE was lost: its 2xx comes again.
`, okFirstB, `
again B
# So does that of the second.
`, okReinviteB, `
again B
quiet 40s
`, endA)
}

func TestB012_AnswerRepeatedWhileItsTargetIsLookedUp_CallGoesOn(t *testing.T) {
	playWith(t, func(r *rig) { r.dns.answer("b.example", "203.0.113.20", 2*time.Second) }, nothingLeft(t),
		peers, invite, fromB("200 OK", "B> Contact: <sip:b@b.example>\n", sdpB), `
<A SIP/2.0 200 OK
<A To: <sip:+13125550100@10.0.0.1>;tag=${atag:token}
<A Contact: <sip:${acontact:token}@10.0.0.1:5060>
<A ...
`, ackA, `
wait 1s
`, fromB("200 OK", "B> Contact: <sip:b@b.example>\n", sdpB), `
<B ACK sip:b@b.example SIP/2.0
<B ...
`, fromB("200 OK", "B> Contact: <sip:b@b.example>\n", sdpB), `
again B
quiet 20s
`, strings.ReplaceAll(endA, "sip:b@203.0.113.20:5060", "sip:b@b.example"))
}

func TestB013_ACKOfRefusal_IsHopByHop(t *testing.T) {
	play(t, nothingLeft(t), peers, invite, ring, refusedByB("486 Busy Here", "B> Contact: <sip:elsewhere@203.0.113.99>\nB> Record-Route: <sip:203.0.113.98;lr>\n"), `
<A SIP/2.0 486 Busy Here
<A ...
<A !Contact
`, refusalACK, `
# Again, because the ACK was lost: the same ACK, and nothing for A.
`, fromB("486 Busy Here"), `
again B
quiet 40s
`)
}

func TestB013_ACKOfAnswer_IsARequestOfItsOwn(t *testing.T) {
	play(t, both(nothingLeft(t), func(r *rig) {
		invite, ack := r.wire.sent(addrB, "INVITE")[0], r.wire.sent(addrB, "ACK")[0]
		if a, b := headers(invite, "Via")[0], headers(ack, "Via")[0]; a == b {
			t.Errorf("the ACK has the INVITE's Via %q", a)
		}
	}), peers, invite, fromB("200 OK", "B> Contact: <sip:gw@198.51.100.7:5070>\nB> Record-Route: <sip:198.51.100.1;lr>, <sip:203.0.113.20;lr;x=1>\n", sdpB), `
<B ACK sip:gw@198.51.100.7:5070 SIP/2.0
<B Route: <sip:203.0.113.20;lr;x=1>
<B Route: <sip:198.51.100.1;lr>
<B From: "Reception" <sip:100@203.0.113.10>;tag=${btag}
<B To: <sip:+13125550100@203.0.113.20>;tag=b1
<B CSeq: 1 ACK
<B ...
<A SIP/2.0 200 OK
<A ...
`)
}
