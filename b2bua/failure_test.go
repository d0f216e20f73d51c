package b2bua_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// told is what A is told of its INVITE.
func told(status string, lines ...string) string {
	return "\n<A SIP/2.0 " + status + "\n<A To: <sip:+13125550100@10.0.0.1>;tag=${:token}\n<A CSeq: 1 INVITE\n" + strings.Join(lines, "") +
		"<A ...\n<A !Retry-After\n<A !WWW-Authenticate\n<A !Proxy-Authenticate\n"
}

// attempts checks the record of a failed or answered call.
func attempts(t *testing.T, code int, each ...string) func(*rig) {
	t.Helper()
	return func(r *rig) {
		t.Helper()
		rec := r.cdrs.list()[0]
		var got []string
		for _, a := range rec.Attempts {
			got = append(got, fmt.Sprint(a.Peer, " ", a.Code))
		}
		if rec.Code != code || strings.Join(got, ",") != strings.Join(each, ",") {
			t.Errorf("record: code %d after %v, want %d after %v", rec.Code, got, code, each)
		}
	}
}

func TestB014_NoResponse_TimerAThenTimerBThen408(t *testing.T) {
	play(t, both(nothingLeft(t), attempts(t, 408, "carrier 408"), func(r *rig) {
		r.wire.checkTimes(t, addrB, "INVITE", 0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5)
		invite, answer := r.wire.sent(addrB, "INVITE")[0], r.wire.sent(addrA, "SIP/2.0 408")[0]
		if after := answer.At.Sub(invite.At); after != 32*time.Second {
			t.Errorf("408 after %v, want 64*T1", after)
		}
	}), peers, invite, `
repeats ignore
timeout 33s
`, told("408 Request Timeout", "<A Reason: Q.850;cause=102\n"), refusalACK)
}

func TestB014_NoResponseOverTCP_OnlyTimerB(t *testing.T) {
	viaTCP := strings.NewReplacer("SIP/2.0/UDP 203", "SIP/2.0/TCP 203", "sip:+13125550100@203.0.113.20:5060 SIP", "sip:+13125550100@203.0.113.20:5060;transport=tcp SIP",
		"@203.0.113.10:5060>", "@203.0.113.10:5060;transport=tcp>")
	play(t, both(nothingLeft(t), attempts(t, 408, "carrier 408"), func(r *rig) {
		if n := len(r.wire.sent(addrB, "INVITE")); n != 1 {
			t.Errorf("INVITE sent %d times over TCP", n)
		}
	}), changed(t, `"sip:203.0.113.20:5060"`, `"sip:203.0.113.20:5060;transport=tcp"`),
		strings.Replace(peers, "peer B 203", "peer B tcp 203", 1), viaTCP.Replace(invite), `
timeout 33s
`, told("408 Request Timeout"), refusalACK)
}

func TestB014_TransportError_CountsAs503AndIsMapped(t *testing.T) {
	// Nobody listens there: the connection is refused.
	onlyA := "peer A 10.0.0.20:5060 -> 10.0.0.1:5060\n"
	play(t, both(nothingLeft(t), attempts(t, 500, "carrier 503")), changed(t, `"sip:203.0.113.20:5060"`, `"sip:203.0.113.20:5060;transport=tcp"`), onlyA, inviteHead+sdpA, `
<A SIP/2.0 100 Trying
<A ...
`, told("500 Server Internal Error", "<A Reason: Q.850;cause=41\n"), refusalACK)
}

func TestB014_TargetThatDoesNotResolve_CountsAs503AndIsMapped(t *testing.T) {
	play(t, both(nothingLeft(t), attempts(t, 500, "carrier 503")), changed(t, `"sip:203.0.113.20:5060"`, `"sip:nobody.example", source: [203.0.113.20/32]`), peers, inviteHead+sdpA, `
<A SIP/2.0 100 Trying
<A ...
`, told("500 Server Internal Error"), refusalACK)
}

func TestB041_Challenge_IsMappedAndCrossesNeitherWay(t *testing.T) {
	for _, code := range []string{"401 Unauthorized", "407 Proxy Authentication Required"} {
		t.Run(code[:3], func(t *testing.T) {
			play(t, both(nothingLeft(t), attempts(t, 403, "carrier "+code[:3])), trusted(t), peers, `
forbid A carrier.example abcdef
forbid B digestsecret
`, strings.Replace(invite, inviteHead, inviteHead+`A> Authorization: Digest username="u", realm="pbx", nonce="1", uri="sip:x", response="digestsecret"
A> Proxy-Authorization: Digest username="u", realm="pbx", nonce="1", uri="sip:x", response="digestsecret"
`, 1), refusedByB(code, `B> WWW-Authenticate: Digest realm="carrier.example", nonce="abcdef"
B> Proxy-Authenticate: Digest realm="carrier.example", nonce="abcdef"
B> Authentication-Info: nextnonce="abcdef"
`), told("403 Forbidden", "<A Reason: Q.850;cause=21\n"), refusalACK)
		})
	}
	t.Run("with a cause", func(t *testing.T) {
		play(t, nothingLeft(t), peers, invite, refusedByB("407 Proxy Authentication Required", "B> Reason: Q.850;cause=1;text=\"x\"\n"),
			told("404 Not Found", "<A Reason: Q.850;cause=1\n"), refusalACK)
	})
}

// failover is a call to a route with two targets, up to the first INVITE.
var failover = dialing("7775550100", peers, peerC, invite)

// second is the call at the second target, to its end.
var second = dialing("7775550100", inviteC, onC(ring), onC(answer), ackA, onC(endA))

func TestB043_ServerThatCannotServe_NextTargetIsTried(t *testing.T) {
	for _, code := range []string{"408 Request Timeout", "500 Server Internal Error", "502 Bad Gateway", "503 Service Unavailable", "504 Server Time-out"} {
		t.Run(code[:3], func(t *testing.T) {
			play(t, both(nothingLeft(t), attempts(t, 200, "carrier "+code[:3], "second 200")), failover,
				dialing("7775550100", refusedByB(code, "B> Retry-After: 30\n")), second)
		})
	}
}

func TestB043_SilentTarget_NextTargetIsTriedAfterTimerB(t *testing.T) {
	play(t, both(nothingLeft(t), attempts(t, 200, "carrier 408", "second 200"), func(r *rig) {
		first, next := r.wire.sent(addrB, "INVITE")[0], r.wire.sent(addrC, "INVITE")[0]
		if after := next.At.Sub(first.At); after != 32*time.Second {
			t.Errorf("second attempt after %v, want 64*T1", after)
		}
		if a, b := headers(first, "Call-ID")[0], headers(next, "Call-ID")[0]; a == b {
			t.Errorf("both attempts have Call-ID %s", a)
		}
	}), failover, `
repeats ignore
timeout 33s
`, second)
}

func TestB043_TargetThatCannotBeReached_NextTargetIsTriedAtOnce(t *testing.T) {
	for name, address := range map[string]string{
		"refused": `"sip:203.0.113.40:5060;transport=tcp"`, "no such name": `"sip:nobody.example", source: [203.0.113.20/32]`,
	} {
		t.Run(name, func(t *testing.T) {
			play(t, both(nothingLeft(t), attempts(t, 200, "carrier 503", "second 200")), changed(t, `"sip:203.0.113.20:5060"`, address),
				dialing("7775550100", peers, peerC, inviteHead+sdpA, `
<A SIP/2.0 100 Trying
<A ...
timeout 1ms
`, inviteC, onC(ring), onC(answer), ackA, onC(endA)))
		})
	}
}

func TestB043_FailureAfterEarlyMedia_NextTargetIsTried(t *testing.T) {
	early := fromB("183 Session Progress", "B> Contact: <sip:b@${local}>\n", sdpB)
	play(t, both(nothingLeft(t), attempts(t, 200, "carrier 503", "second 200")), failover, dialing("7775550100", early, `
<A SIP/2.0 183 Session Progress
<A ...
`, refusedByB("503 Service Unavailable")), second)
}

func TestB043_EveryTargetFails_CallerGetsTheBestAnswer(t *testing.T) {
	for _, tc := range []struct{ first, next, want string }{
		{"503 Service Unavailable", "503 Service Unavailable", "500 Server Internal Error"},
		{"503 Service Unavailable", "486 Busy Here", "486 Busy Here"},
		{"500 Server Internal Error", "404 Not Found", "404 Not Found"},
		{"503 Service Unavailable", "600 Busy Everywhere", "600 Busy Everywhere"},
		{"504 Server Time-out", "500 Server Internal Error", "504 Server Time-out"},
	} {
		t.Run(tc.first[:3]+" "+tc.next[:3], func(t *testing.T) {
			var code int
			fmt.Sscan(tc.want, &code)
			play(t, both(nothingLeft(t), attempts(t, code, "carrier "+tc.first[:3], "second "+tc.next[:3])), failover,
				dialing("7775550100", refusedByB(tc.first), inviteC, onC(refusedByB(tc.next)), told(tc.want), refusalACK))
		})
	}
}

func TestB043_AnswerOfAGivenUpTarget_IsEndedAndTheSecondGoesOn(t *testing.T) {
	// The first rings for too long; it is picked up just as it is cancelled.
	play(t, both(nothingLeft(t), attempts(t, 200, "carrier 408", "second 200")),
		changed(t, "carrier: {zone: outside, ", "carrier: {zone: outside, sip: {ring_timeout: 20s}, "), failover,
		dialing("7775550100", tryingB, `
wait 20s
`, cancelAtB+"<B Reason: SIP;cause=408\n", inviteC, okB+sdpB, `
<B ACK sip:b@203.0.113.20:5060 SIP/2.0
<B ...
<B BYE sip:b@203.0.113.20:5060 SIP/2.0
<B CSeq: 2 BYE
<B ...
`, okByeB, okCancelB, onC(ring), onC(answer), ackA, onC(endA)))
}

func TestB044_503_IsNotRelayed(t *testing.T) {
	play(t, both(nothingLeft(t), attempts(t, 500, "carrier 503")), peers, invite, refusedByB("503 Service Unavailable", "B> Retry-After: 3600\n"),
		told("500 Server Internal Error", "<A Reason: Q.850;cause=41\n"), refusalACK)
}

func TestB044_503WithACause_BecomesWhatTheCauseSays(t *testing.T) {
	for cause, want := range map[string]string{"17": "486 Busy Here", "1": "404 Not Found", "34": "500 Server Internal Error", "20": "480 Temporarily Unavailable"} {
		t.Run(cause, func(t *testing.T) {
			play(t, nothingLeft(t), peers, invite, refusedByB("503 Service Unavailable", "B> Reason: Q.850;cause="+cause+"\n"),
				told(want, "<A Reason: Q.850;cause="+cause+"\n"), refusalACK)
		})
	}
}

func TestB045_AnswerOfTheUser_StopsFailover(t *testing.T) {
	for _, code := range []string{"486 Busy Here", "404 Not Found", "480 Temporarily Unavailable", "484 Address Incomplete", "488 Not Acceptable Here",
		"403 Forbidden", "600 Busy Everywhere", "603 Decline", "604 Does Not Exist Anywhere", "606 Not Acceptable", "501 Not Implemented", "513 Message Too Large"} {
		t.Run(code[:3], func(t *testing.T) {
			var n int
			fmt.Sscan(code, &n)
			play(t, both(nothingLeft(t), attempts(t, n, "carrier "+code[:3]), func(r *rig) {
				r.wire.checkCount(t, addrC, "", 0)
			}), failover, dialing("7775550100", refusedByB(code), told(code), refusalACK))
		})
	}
	t.Run("408 after ringing", func(t *testing.T) {
		play(t, both(nothingLeft(t), attempts(t, 408, "carrier 408")), failover, dialing("7775550100", ring, refusedByB("408 Request Timeout"), told("408 Request Timeout"), refusalACK))
	})
}

func TestB048_StatusAndCause_AreMappedAndAnExistingReasonWins(t *testing.T) {
	for _, tc := range []struct{ status, reason, want string }{
		{"486 Busy Here", "", "Q.850;cause=17"},
		{"404 Not Found", "", "Q.850;cause=1"},
		{"480 Temporarily Unavailable", "", "Q.850;cause=18"},
		{"603 Decline", "", "Q.850;cause=21"},
		{"488 Not Acceptable Here", "", "Q.850;cause=31"},
		{"499 Odd", "", "Q.850;cause=31"},
		{"480 Temporarily Unavailable", "B> Reason: Q.850;cause=20;text=\"absent\"\n", "Q.850;cause=20"},
		{"486 Busy Here", "B> Reason: q.850 ; cause=34, SIP;cause=486\n", "q.850;cause=34"},
		// Only Q.850 speaks in responses (RFC 6432 §3).
		{"486 Busy Here", "B> Reason: SIP;cause=200\nB> Reason: Preemption;cause=1\n", "Q.850;cause=17"},
		{"486 Busy Here", "B> Reason: Q.850;cause=x\n", "Q.850;cause=17"},
	} {
		t.Run(tc.status[:3]+" "+tc.reason, func(t *testing.T) {
			play(t, both(nothingLeft(t), func(r *rig) {
				final := r.wire.sent(addrA, "SIP/2.0 "+tc.status[:3])[0]
				if got := headers(final, "Reason"); len(got) != 1 || got[0] != tc.want {
					t.Errorf("Reason %q, want %q", got, tc.want)
				}
				if got := headers(r.wire.sent(addrA, "SIP/2.0 100")[0], "Reason"); got != nil {
					t.Errorf("100 has Reason %q", got)
				}
			}), peers, invite, refusedByB(tc.status, tc.reason), "\n<A SIP/2.0 "+tc.status[:3]+" ${*}\n<A ...\n", refusalACK)
		})
	}
}

func TestB116_ReasonOfResponses_IsQ850OnlyEvenBetweenTrustedZones(t *testing.T) {
	const reason = "B> Reason: SIP;cause=302;text=\"far\", Q.850;cause=31;text=\"near\"\n"
	play(t, both(nothingLeft(t), func(r *rig) {
		for _, start := range []string{"SIP/2.0 180", "SIP/2.0 486"} {
			if got := headers(r.wire.sent(addrA, start)[0], "Reason"); len(got) != 1 || got[0] != `Q.850;cause=31;text="near"` {
				t.Errorf("%s has Reason %q", start, got)
			}
		}
	}), trusted(t), peers, invite, strings.Replace(ring, "B> Contact", reason+"B> Contact", 1), refusedByB("486 Busy Here", reason), told("486 Busy Here"), refusalACK)
}

func TestRedirect_LeadsBackToUsAndHidesTheTargets(t *testing.T) {
	play(t, both(nothingLeft(t), attempts(t, 302, "carrier 302")), peers, invite, `
forbid A 198.51.100.9 far.example secret
`, refusedByB("302 Moved Temporarily", "B> Contact: \"secret\" <sip:+13125550177@198.51.100.9:5070;transport=tcp;x=secret?Subject=secret>;q=0.5, <sip:200@far.example;user=phone>\nB> Contact: <mailto:secret@far.example>\n"), `
<A SIP/2.0 302 Moved Temporarily
<A Contact: <sip:+13125550177@10.0.0.1:5060>
<A Contact: <sip:200@10.0.0.1:5060;user=phone>
<A ...
`, refusalACK)
}

func TestRedirect_WithoutAUsableTarget_BecomesAnError(t *testing.T) {
	for _, more := range []string{"", "B> Contact: <mailto:a@b>\n", "B> Contact: <sip:198.51.100.9>\n", "B> Contact: *\n"} {
		play(t, nothingLeft(t), peers, invite, refusedByB("302 Moved Temporarily", more), told("480 Temporarily Unavailable"), refusalACK)
	}
}

func TestRingTimeout_GivesUpAndCancels(t *testing.T) {
	play(t, both(nothingLeft(t), attempts(t, 408, "carrier 408"), func(r *rig) {
		invite, final := r.wire.sent(addrB, "INVITE")[0], r.wire.sent(addrA, "SIP/2.0 408")[0]
		if after := final.At.Sub(invite.At); after != 45*time.Second {
			t.Errorf("408 after %v, want 45s", after)
		}
	}), changed(t, "carrier: {zone: outside, ", "carrier: {zone: outside, sip: {ring_timeout: 45s}, "), peers, invite, ring, `
timeout 46s
`, told("408 Request Timeout", "<A Reason: Q.850;cause=102\n"), refusalACK, cancelAtB+"<B Reason: SIP;cause=408\n", okCancelB, terminatedB)
}

func TestRingTimeout_ShorterThanTimerB_GoesOnAndCancelsOnlyWhatAnswers(t *testing.T) {
	// Nothing at all from the first for 10 s: the second is tried, and the
	// first is cancelled as soon as it shows a sign of life (RFC 3261 §9.1).
	play(t, both(nothingLeft(t), attempts(t, 200, "carrier 408", "second 200")),
		changed(t, "carrier: {zone: outside, ", "carrier: {zone: outside, sip: {ring_timeout: 10s}, "), failover, `
repeats ignore
wait 10s
`, dialing("7775550100", inviteC, onC(ring), fromB("180 Ringing"), cancelAtB, okCancelB, terminatedB, onC(answer), ackA, onC(endA)))
}

func TestFailover_IntoALessTrustedZone_LeaksNothingOfTheFirst(t *testing.T) {
	// carrier's zone is trusted, second's is not: each gets what its own may see.
	config := configured(`
node: gw1
zones:
  inside:
    listen: [udp://10.0.0.1:5060]
    trust: full
    media: {address: 10.0.0.1, ports: 16384-32767}
  partner:
    listen: [udp://203.0.113.10:5060]
    trust: full
    media: {address: 203.0.113.10, ports: 16384-32767}
  outside:
    listen: [udp://203.0.113.11:5060]
    media: {address: 203.0.113.11, ports: 16384-32767}
peers:
  pbx: {zone: inside, address: "sip:10.0.0.20:5060"}
  carrier: {zone: partner, address: "sip:203.0.113.20:5060"}
  second: {zone: outside, address: "sip:203.0.113.30:5060"}
routes:
  - {name: out, from: pbx, to: [carrier, second]}
`)
	theirs := strings.NewReplacer("203.0.113.10:5060", "203.0.113.11:5060", "100@203.0.113.10", "100@203.0.113.11")
	play(t, both(nothingLeft(t), func(r *rig) {
		first := r.wire.sent(addrB, "INVITE")[0]
		if headers(first, "P-Asserted-Identity") == nil || headers(first, "X-Inner") == nil {
			t.Errorf("the trusted side got no identity:\n%s", first.Data)
		}
	}), config, peers, theirs.Replace(peerC), `
forbid C secret P-Asserted-Identity X-Inner Diversion 203.0.113.10
`, strings.Replace(invite, inviteHead, inviteHead+`A> P-Asserted-Identity: "secret" <sip:secret@10.0.0.20>
A> X-Inner: secret
A> Diversion: <sip:secret@10.0.0.20>;reason=unconditional
A> Reason: Q.850;cause=16;text="secret"
`, 1), refusedByB("503 Service Unavailable"), theirs.Replace(inviteC), theirs.Replace(onC(ring)), theirs.Replace(onC(answer)), ackA, theirs.Replace(onC(endA)))
}

func TestRefusalAboutOurOwnRequest_DoesNotBecomeTheCallers(t *testing.T) {
	// Each needs a header that says to us what we did wrong (RFC 3261 §21.4).
	for _, tc := range []struct{ theirs, more, ours, line string }{
		{"405 Method Not Allowed", "B> Allow: BYE\n", "500 Server Internal Error", "<A Reason: Q.850;cause=63\n"},
		{"420 Bad Extension", "B> Unsupported: x\n", "500 Server Internal Error", "<A Reason: Q.850;cause=127\n"},
		{"421 Extension Required", "B> Require: 100rel\n", "500 Server Internal Error", "<A Reason: Q.850;cause=127\n"},
		{"422 Session Interval Too Small", "B> Min-SE: 90\n", "500 Server Internal Error", "<A Reason: Q.850;cause=31\n"},
		{"415 Unsupported Media Type", "B> Accept: text/plain\n", "415 Unsupported Media Type", "<A Accept: application/sdp\n"},
	} {
		t.Run(tc.theirs[:3], func(t *testing.T) {
			play(t, nothingLeft(t), peers, invite, refusedByB(tc.theirs, tc.more), told(tc.ours, tc.line), refusalACK)
		})
	}
}

// TestContact_NameOnlyItsSideKnows_TheDialogKeepsItsPath: the Contact of many a
// PBX is a name that resolves nowhere else.
func TestContact_NameOnlyItsSideKnows_TheDialogKeepsItsPath(t *testing.T) {
	named := strings.NewReplacer("B> Contact: <sip:b@${local}>", "B> Contact: <sip:b@pbx.local>", "<B ACK sip:b@203.0.113.20:5060", "<B ACK sip:b@pbx.local",
		"<B BYE sip:b@203.0.113.20:5060", "<B BYE sip:b@pbx.local")
	play(t, nothingLeft(t), peers, invite, ring, named.Replace(answer), ackA, named.Replace(endA))
}
