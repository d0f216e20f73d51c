package b2bua_test

import (
	"strings"
	"testing"
)

func TestB001_Invite_Gets100AtOnceWithoutTag(t *testing.T) {
	play(t, nil, peers, inviteHead+"A> Timestamp: 54\n"+sdpA, `
<A SIP/2.0 100 Trying
<A Timestamp: 54
<A To: <sip:+13125550100@10.0.0.1>
<A ...
<A !Contact
<B INVITE sip:+13125550100@203.0.113.20:5060 SIP/2.0
<B ...
<B !Timestamp
B> SIP/2.0 100 Trying
`+replyB+`
quiet 10s
`)
}

func TestB002_InviteRepeated_ReplaysLastResponseAndPlacesNoSecondCall(t *testing.T) {
	play(t, nothingLeft(t), peers, invite, `
resend A
<A SIP/2.0 100 Trying
<A ...
`, ring, `
resend A
again A
quiet B 2s
`, answer, `
resend A
quiet B 400ms
repeats ignore
`, ackA, endA)
}

func TestB003_MergedInvite_Gets482AndTheFirstGoesOn(t *testing.T) {
	play(t, nothingLeft(t), peers, invite, inviteHead+sdpA, `
<A SIP/2.0 482 Loop Detected
<A ...
`, refusalACK, ring, answer, ackA, endA)
}

func TestB004_SecondLeg_SharesNothingWithTheFirst(t *testing.T) {
	play(t, nil, peers, inviteHead+`A> Record-Route: <sip:proxy.inside.example;lr>
A> User-Agent: PBX/1.2.3
`+sdpA, `
forbid B call-1
forbid B tag=a1
forbid B 10.0.0.20
forbid B 10.0.0.1
forbid B proxy.inside.example
forbid B PBX/1.2.3
<A SIP/2.0 100 Trying
<A ...
<B INVITE sip:+13125550100@203.0.113.20:5060 SIP/2.0
<B Via: SIP/2.0/UDP 203.0.113.10:5060;branch=z9hG4bK${:word};rport
<B From: "Reception" <sip:100@203.0.113.10>;tag=${:token}
<B Call-ID: ${:token}
<B CSeq: 1 INVITE
<B Contact: <sip:${:token}@203.0.113.10:5060>
<B ...
<B !Route
<B !Record-Route
`)
}

func TestB005_MaxForwards_GoesDownByOneAndZeroIsRefused(t *testing.T) {
	for _, tc := range []struct{ name, in, out string }{
		{"69 for 70", "A> Max-Forwards: 70\n", "69"},
		{"0 for 1", "A> Max-Forwards: 1\n", "0"},
		{"70 when missing", "", "70"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			play(t, nil, peers, withMaxForwards(tc.in), `
<A SIP/2.0 100 Trying
<A ...
<B INVITE sip:+13125550100@203.0.113.20:5060 SIP/2.0
<B Max-Forwards: `+tc.out+`
<B ...
`)
		})
	}
	t.Run("483 for 0", func(t *testing.T) {
		play(t, nil, peers, withMaxForwards("A> Max-Forwards: 0\n"), `
<A SIP/2.0 483 Too Many Hops
<A ...
`, refusalACK)
	})
}

// withMaxForwards is the INVITE with its Max-Forwards line replaced.
func withMaxForwards(line string) string {
	return strings.Replace(inviteHead, "A> Max-Forwards: 70\n", line, 1) + sdpA
}
