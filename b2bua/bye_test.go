package b2bua_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"
)

// endedByB is a BYE of B with what it causes.
const endedByB = byeB + `
<B SIP/2.0 200 OK
<B CSeq: 90 BYE
<B ...
<A BYE sip:100@10.0.0.20:5060 SIP/2.0
<A From: <sip:+13125550100@10.0.0.1>;tag=${atag}
<A To: "Reception" <sip:100@10.0.0.20>;tag=a1
<A Call-ID: call-1@10.0.0.20
<A CSeq: 1 BYE
<A ...
` + okByeA

func by(t *testing.T, party string) func(*rig) {
	t.Helper()
	return func(r *rig) {
		t.Helper()
		if c := r.cdrs.list()[0]; c.HangupBy != party || c.Q850 != 16 {
			t.Errorf("record: hung up by %q with cause %d, want %q with 16", c.HangupBy, c.Q850, party)
		}
	}
}

func TestB055_ByeOfEitherSide_Gets200AtOnceAndEndsTheOther(t *testing.T) {
	t.Run("caller", func(t *testing.T) { play(t, both(nothingLeft(t), by(t, "pbx")), established, "\nwait 10s\n", endA) })
	t.Run("called", func(t *testing.T) {
		play(t, both(nothingLeft(t), by(t, "carrier")), established, "\nwait 10s\n", endedByB)
	})
	t.Run("the other side is gone", func(t *testing.T) {
		// The 200 does not wait for the other leg, and nothing comes of its silence.
		play(t, both(nothingLeft(t), func(r *rig) {
			r.wire.checkTimes(t, addrB, "BYE", 0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5)
		}), established, byeA, `
timeout 1ms
<A SIP/2.0 200 OK
<A CSeq: 5 BYE
<A ...
timeout 5s
<B BYE sip:b@203.0.113.20:5060 SIP/2.0
<B ...
repeats ignore
quiet 40s
`, strings.Replace(okByeB, "200 OK", "200 Late", 1), `
quiet 5s
`)
	})
}

func TestB016_UnansweredNonInvite_Never408AndNothingLate(t *testing.T) {
	play(t, both(nothingLeft(t), func(r *rig) {
		for _, to := range []string{addrA, addrB} {
			r.wire.checkCount(t, to, "SIP/2.0 408", 0)
		}
	}), established, byeA, `
<A SIP/2.0 200 OK
<A CSeq: 5 BYE
<A ...
# Repeated requests get the same answer, until Timer J.
wait 20s
resend A
again A
wait 11s
resend A
again A
wait 2s
# The transaction is gone; the dialog too.
resend A
<A SIP/2.0 481 Call/Transaction Does Not Exist
<A CSeq: 5 BYE
<A ...
repeats ignore
<B BYE sip:b@203.0.113.20:5060 SIP/2.0
<B ...
quiet 40s
`)
}

func TestB055_ByesCross_BothAreAnsweredAndOneRecordIsWritten(t *testing.T) {
	play(t, both(nothingLeft(t), by(t, "pbx")), established, byeA, byeB, `
<A SIP/2.0 200 OK
<A CSeq: 5 BYE
<A ...
<B BYE sip:b@203.0.113.20:5060 SIP/2.0
<B ...
<B SIP/2.0 200 OK
<B CSeq: 90 BYE
<B ...
`, okByeB, `
quiet 40s
`)
}

func TestB055_ByeAnsweredWith481_IsAsGoodAs200(t *testing.T) {
	play(t, nothingLeft(t), established, byeA, `
<A SIP/2.0 200 OK
<A ...
<B BYE sip:b@203.0.113.20:5060 SIP/2.0
<B ...
`, strings.Replace(okByeB, "200 OK", "481 Call/Transaction Does Not Exist", 1), `
quiet 40s
`)
}

func TestB055_ByeDuringReinvite_487ToIt(t *testing.T) {
	t.Run("of the one who asked", func(t *testing.T) {
		play(t, nothingLeft(t), established, reinviteA, byeA, `
<A SIP/2.0 200 OK
<A CSeq: 5 BYE
<A ...
`, gets("487 Request Terminated"), refusalACK2, `
<B BYE sip:b@203.0.113.20:5060 SIP/2.0
<B CSeq: 3 BYE
<B ...
`, okByeB, `
# B gives up the re-INVITE as well (RFC 3261 §15.1.2).
`, fromB2("487 Request Terminated"), ackRefusalB2, `
quiet 40s
`)
	})
	t.Run("of the other", func(t *testing.T) {
		play(t, nothingLeft(t), established, reinviteA, strings.Replace(byeB, "${next_url}", "sip:${bcontact}@203.0.113.10:5060", 1), `
<B SIP/2.0 200 OK
<B CSeq: 90 BYE
<B ...
`, fromB2("487 Request Terminated"), ackRefusalB2, gets("487 Request Terminated"), refusalACK2, `
<A BYE sip:100@10.0.0.20:5060 SIP/2.0
<A CSeq: 1 BYE
<A ...
`, okByeA, `
quiet 40s
`)
	})
	t.Run("and it never gets its final response", func(t *testing.T) {
		// The peer forgets the re-INVITE with the dialog. The CANCEL bounds it.
		play(t, nothingLeft(t), established, reinviteA, fromB2("100 Trying"), byeA, `
<A SIP/2.0 200 OK
<A CSeq: 5 BYE
<A ...
`, gets("487 Request Terminated"), refusalACK2, `
<B CANCEL sip:b@203.0.113.20:5060 SIP/2.0
<B CSeq: 2 CANCEL
<B ...
<B BYE sip:b@203.0.113.20:5060 SIP/2.0
<B CSeq: 3 BYE
<B ...
`, okByeB, `
B> SIP/2.0 481 Call/Transaction Does Not Exist
B> ${last CANCEL Via}
B> ${last CANCEL From}
B> ${last CANCEL To}
B> ${last CANCEL Call-ID}
B> ${last CANCEL CSeq}
quiet 40s
`)
	})
	t.Run("and the answer comes all the same", func(t *testing.T) {
		play(t, nothingLeft(t), established, reinviteA, byeA, `
<A SIP/2.0 200 OK
<A CSeq: 5 BYE
<A ...
`, gets("487 Request Terminated"), refusalACK2, `
<B BYE sip:b@203.0.113.20:5060 SIP/2.0
<B CSeq: 3 BYE
<B ...
`, okReinviteB, `
<B ACK sip:b@203.0.113.20:5060 SIP/2.0
<B CSeq: 2 ACK
<B ...
`, okReinviteB, `
again B
`, okByeB, `
quiet 40s
`)
	})
}

func TestB055_ReinviteAfterOurBye_Gets481(t *testing.T) {
	play(t, nothingLeft(t), established, byeB, `
<B SIP/2.0 200 OK
<B ...
<A BYE sip:100@10.0.0.20:5060 SIP/2.0
<A ...
`, reinviteHeadA+sdpA2, gets("481 Call/Transaction Does Not Exist"), refusalACK2, okByeA, `
quiet 40s
`)
}

func TestB055_CalledHangsUpBeforeTheACK_ByeWaitsForIt(t *testing.T) {
	byeAtA := `
<A BYE sip:100@10.0.0.20:5060 SIP/2.0
<A CSeq: 1 BYE
<A ...
` + okByeA
	bye := byeB + `
<B SIP/2.0 200 OK
<B ...
`
	t.Run("ACK", func(t *testing.T) {
		play(t, both(nothingLeft(t), by(t, "carrier")), peers, invite, ring, answer, bye, `
repeats ignore
quiet 10s
`, ackA, byeAtA)
	})
	t.Run("64*T1", func(t *testing.T) {
		play(t, both(nothingLeft(t), func(r *rig) {
			answered := r.wire.sent(addrA, "SIP/2.0 200")[0].At
			if after := r.wire.sent(addrA, "BYE")[0].At.Sub(answered); after != 32*time.Second {
				t.Errorf("BYE %v after the answer, want 64*T1", after)
			}
		}), peers, invite, ring, answer, bye, `
repeats ignore
timeout 33s
`, byeAtA)
	})
	t.Run("re-INVITE instead", func(t *testing.T) {
		// The ACK is lost and A has not noticed: the BYE must not be lost with it.
		play(t, nothingLeft(t), peers, invite, ring, answer, bye, `
wait 100ms
`, reinviteHeadA+sdpA2, `
<A SIP/2.0 100 Trying
<A ...
`, gets("481 Call/Transaction Does Not Exist"), refusalACK2, `
repeats ignore
timeout 33s
`, byeAtA)
	})
	t.Run("the caller hangs up as well", func(t *testing.T) {
		play(t, nothingLeft(t), peers, invite, ring, answer, bye, byeA, `
<A SIP/2.0 200 OK
<A CSeq: 5 BYE
<A ...
quiet 40s
`)
	})
}

func TestB056_ByeOnTheEarlyDialog_EndsTheCallWithCancel(t *testing.T) {
	play(t, nothingLeft(t), peers, invite, strings.Replace(ring, "<A To:", "<A Contact: <sip:${acontact:token}@10.0.0.1:5060>\n<A To:", 1), byeA, `
<A SIP/2.0 200 OK
<A CSeq: 5 BYE
<A ...
<A SIP/2.0 487 Request Terminated
<A CSeq: 1 INVITE
<A ...
`, refusalACK, cancelAtB, okCancelB, terminatedB, `
quiet 40s
`)
}

func TestB056_WeNeverSendByeOnAnEarlyDialog(t *testing.T) {
	// Whatever ends a call that rings: a final response to A, a CANCEL to B.
	config := changed(t, "carrier: {zone: outside, ", "carrier: {zone: outside, sip: {ring_timeout: 10s}, ")
	for name, end := range map[string]string{
		"refused by B": refusedByB("486 Busy Here") + told("486 Busy Here") + refusalACK,
		"too long":     "\ntimeout 11s\n" + told("408 Request Timeout") + refusalACK + cancelAtB + okCancelB + terminatedB,
		"BYE of B": `
B> BYE sip:${bcontact}@203.0.113.10:5060 SIP/2.0
B> Via: SIP/2.0/UDP ${local};branch=${branch}
B> From: <sip:+13125550100@203.0.113.20>;tag=b1
B> To: "Reception" <sip:100@203.0.113.10>;tag=${btag}
B> Call-ID: ${bcall}
B> CSeq: 90 BYE
<B SIP/2.0 200 OK
<B CSeq: 90 BYE
<B ...
` + cancelAtB + `
<A SIP/2.0 487 Request Terminated
<A ...
` + refusalACK + okCancelB + terminatedB,
	} {
		t.Run(name, func(t *testing.T) {
			play(t, both(nothingLeft(t), func(r *rig) {
				if byes := r.wire.order("BYE"); !slices.Equal(byes, nil) && name != "BYE of B" {
					t.Errorf("BYE to %v", byes)
				}
				r.wire.checkCount(t, addrA, "BYE", 0)
				r.wire.checkCount(t, addrB, "BYE", 0)
			}), config, peers, invite, ring, end)
		})
	}
}

func TestB116_ReasonOfBye_Crosses(t *testing.T) {
	const reason = "A> Reason: SIP;cause=600;text=\"innermost words\"\nA> Reason: Q.850;cause=21\nA> Reason: Q.850;cause=22\n"
	check := func(code int) func(*rig) {
		return func(r *rig) {
			if c := r.cdrs.list()[0]; c.Q850 != code {
				t.Errorf("record: cause %d, want %d", c.Q850, code)
			}
		}
	}
	t.Run("text stays inside", func(t *testing.T) {
		play(t, both(nothingLeft(t), check(21)), established, "\nforbid B innermost\n", byeA+reason, `
<A SIP/2.0 200 OK
<A ...
<B BYE sip:b@203.0.113.20:5060 SIP/2.0
<B Reason: SIP;cause=600
<B Reason: Q.850;cause=21
<B ...
`, okByeB)
	})
	t.Run("text between trusted zones", func(t *testing.T) {
		play(t, both(nothingLeft(t), check(21)), trusted(t), established, byeA+reason, `
<A SIP/2.0 200 OK
<A ...
<B BYE sip:b@203.0.113.20:5060 SIP/2.0
<B Reason: SIP;cause=600;text="innermost words"
<B Reason: Q.850;cause=21
<B ...
`, okByeB)
	})
}

func TestMaxDuration_EndsBothLegs(t *testing.T) {
	ended := `
timeout 31s
<A BYE sip:100@10.0.0.20:5060 SIP/2.0
<A Reason: Q.850;cause=102
<A ...
` + okByeA + `
<B BYE sip:b@203.0.113.20:5060 SIP/2.0
<B Reason: Q.850;cause=102
<B ...
` + okByeB
	check := func(r *rig) {
		if c := r.cdrs.list()[0]; c.DurationMs != 30000 || c.HangupBy != "gatehouse" || c.Q850 != 102 {
			t.Errorf("record: %d ms, by %s, cause %d", c.DurationMs, c.HangupBy, c.Q850)
		}
	}
	for _, tc := range []struct{ name, pbx, carrier string }{
		{"of the caller", "30s", "60s"}, {"of the called", "60s", "30s"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			play(t, both(nothingLeft(t), check), changed(t, "pbx: {zone: inside, ", "pbx: {zone: inside, sip: {max_duration: "+tc.pbx+"}, ",
				"carrier: {zone: outside, ", "carrier: {zone: outside, sip: {max_duration: "+tc.carrier+"}, "), established, ended)
		})
	}
	t.Run("before the ACK", func(t *testing.T) {
		play(t, nothingLeft(t), changed(t, "pbx: {zone: inside, ", "pbx: {zone: inside, sip: {max_duration: 5s}, "), peers, invite, ring, answer, `
repeats ignore
timeout 6s
<B BYE sip:b@203.0.113.20:5060 SIP/2.0
<B ...
`, okByeB, `
quiet A 1s
`, ackA, `
<A BYE sip:100@10.0.0.20:5060 SIP/2.0
<A ...
`, okByeA)
	})
}

func TestBye_TargetThatIsLookedUp_GetsItLaterAndTheCallIsForgotten(t *testing.T) {
	slow := strings.NewReplacer("B> Contact: <sip:b@${local}>", "B> Contact: <sip:b@b.example>", "ACK sip:b@203.0.113.20:5060", "ACK sip:b@b.example", "BYE sip:b@203.0.113.20:5060", "BYE sip:b@b.example")
	t.Run("found", func(t *testing.T) {
		playWith(t, func(r *rig) { r.dns.answer("b.example", "203.0.113.20", 2*time.Second) }, nothingLeft(t),
			peers, invite, ring, "\nrepeats ignore\n", slow.Replace(answer), ackA, "\nwait 1m\n", slow.Replace(endA))
	})
	t.Run("not to be reached", func(t *testing.T) {
		// sips never leaves on a clear transport, not even by the path the dialog has.
		playWith(t, nil, nothingLeft(t), peers, invite, ring, fromB("200 OK", "B> Contact: <sips:b@gone.example>\n", sdpB), `
<A SIP/2.0 200 OK
<A Contact: <sip:${acontact:token}@10.0.0.1:5060>
<A ...
`, ackA, byeA, `
<A SIP/2.0 200 OK
<A ...
quiet 40s
`)
	})
}

func TestEngine_StatsFollowACall(t *testing.T) {
	var during int
	playWith(t, func(r *rig) {
		go func() {
			time.Sleep(5 * time.Second)
			during = r.engine.Stats(context.Background()).Dialogs
		}()
	}, both(nothingLeft(t), func(*rig) {
		if during != 2 {
			t.Errorf("%d dialogs during the call, want 2", during)
		}
	}), established, "\nwait 10s\n", endA)
}
