package b2bua_test

import (
	"context"
	"strings"
	"testing"
	"time"
)

// asking is a request of A outside any dialog.
func asking(method, uri string, more ...string) string {
	return `
A> ` + method + ` ` + uri + ` SIP/2.0
A> Via: SIP/2.0/UDP ${local};branch=${branch};rport
A> Max-Forwards: 70
A> From: "Reception" <sip:100@10.0.0.20>;tag=a1
A> To: <sip:+13125550100@10.0.0.1>
A> Call-ID: other-1@10.0.0.20
A> CSeq: 1 ` + method + `
A> Contact: <sip:100@${local}>
` + strings.Join(more, "")
}

// turnedDown is what A is told, with lines of its own.
func turnedDown(status string, lines ...string) string {
	return "\n<A SIP/2.0 " + status + "\n<A To: <sip:+13125550100@10.0.0.1>;tag=${:any}\n" + strings.Join(lines, "") + "<A ...\n"
}

// untouched checks that nothing crossed and nothing is left of a refusal:
// neither a call nor, for anything but an INVITE, a record.
func untouched(t *testing.T, records int) func(*rig) {
	t.Helper()
	return func(r *rig) {
		t.Helper()
		r.checkEmpty(t)
		if got := len(r.cdrs.list()); got != records {
			t.Errorf("%d records, want %d", got, records)
		}
		r.wire.checkCount(t, addrB, "", 0)
	}
}

const allowLine = "<A Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\n"

func TestB017_MethodsWeDoNotDo_AreRefusedWithAllow(t *testing.T) {
	for method, want := range map[string]string{
		"FOO": "501 Not Implemented", "invite": "501 Not Implemented",
		"REGISTER": "405 Method Not Allowed", "SUBSCRIBE": "405 Method Not Allowed", "NOTIFY": "405 Method Not Allowed",
		"MESSAGE": "405 Method Not Allowed", "REFER": "405 Method Not Allowed", "PUBLISH": "405 Method Not Allowed",
		"UPDATE": "405 Method Not Allowed", "INFO": "405 Method Not Allowed", "PRACK": "405 Method Not Allowed",
	} {
		t.Run(method, func(t *testing.T) {
			play(t, untouched(t, 0), peers, asking(method, "sip:+13125550100@10.0.0.1"), turnedDown(want, allowLine), `
quiet 1m
`)
		})
	}
	t.Run("BYE", func(t *testing.T) {
		play(t, untouched(t, 0), peers, asking("BYE", "sip:+13125550100@10.0.0.1"), turnedDown("481 Call/Transaction Does Not Exist"))
	})
}

func TestB017_MethodsWeDoNotDoInADialog_AreRefusedAndTheCallGoesOn(t *testing.T) {
	for method, want := range map[string]string{
		"FOO": "501 Not Implemented", "INFO": "405 Method Not Allowed", "UPDATE": "405 Method Not Allowed",
		"REFER": "405 Method Not Allowed", "PRACK": "405 Method Not Allowed", "MESSAGE": "405 Method Not Allowed",
	} {
		t.Run(method, func(t *testing.T) {
			play(t, nothingLeft(t), established, strings.ReplaceAll(optionsA, "OPTIONS", method), `
<A SIP/2.0 `+want+`
`+allowLine+`<A ...
quiet 10s
`, endA)
		})
	}
}

func TestB017_TargetsAndBodies_AreRefusedByTheirKind(t *testing.T) {
	const number = "sip:+13125550100@10.0.0.1"
	body := func(ctype, text string, more ...string) string {
		return strings.Join(more, "") + "A> Content-Type: " + ctype + "\nA>\nA> " + text + "\n"
	}
	for _, tc := range []struct {
		name, uri, more, status string
		lines                   []string
	}{
		{"unknown scheme", "http://10.0.0.1/", "", "416 Unsupported URI Scheme", nil},
		{"sips", "sips:+13125550100@10.0.0.1", "", "480 Temporarily Unavailable", []string{"<A Warning: 380 gatehouse \"SIPS Not Allowed\"\n"}},
		{"not ours", "sip:555@10.0.0.1", "", "404 Not Found", nil},
		{"body type", number, body("application/x-unknown", "x"), "415 Unsupported Media Type",
			[]string{"<A Accept: application/sdp, multipart/mixed\n"}},
		{"body encoding", number, body("application/sdp", "x", "A> Content-Encoding: gzip\n"), "415 Unsupported Media Type",
			[]string{"<A Accept-Encoding: identity\n"}},
		{"answer nobody takes", number, "A> Accept: text/plain\n", "406 Not Acceptable", nil},
		{"body without type", number, "A>\nA> x\n", "400 Bad Request", nil},
		{"broken SDP", number, body("application/sdp", "m=audio x RTP/AVP 0"), "400 Bad Request", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			play(t, untouched(t, 1), peers, asking("INVITE", tc.uri, tc.more), turnedDown(tc.status, tc.lines...), ackOther(tc.uri), `
quiet 40s
`)
		})
	}
	t.Run("optional body", func(t *testing.T) {
		play(t, nil, peers, asking("INVITE", number, body("application/x-unknown", "x", "A> Content-Disposition: render;handling=optional\n")), `
<A SIP/2.0 100 Trying
<A ...
<B INVITE sip:+13125550100@203.0.113.20:5060 SIP/2.0
<B ...
<B !Content-Type
`)
	})
}

// ackOther acknowledges the refusal of an INVITE that asking made.
func ackOther(uri string) string {
	return `
A> ACK ` + uri + ` SIP/2.0
A> ${sent INVITE Via}
A> From: "Reception" <sip:100@10.0.0.20>;tag=a1
A> ${last To}
A> Call-ID: other-1@10.0.0.20
A> CSeq: 1 ACK
`
}

func TestB018_RequireNotUnderstood_Gets420WithEveryTag(t *testing.T) {
	const number = "sip:+13125550100@10.0.0.1"
	for _, tc := range []struct{ method, more, unsupported string }{
		{"INVITE", "A> Require: 100rel, foo\nA> Require: bar\n", "100rel, foo, bar"},
		{"INVITE", "A> Proxy-Require: privacy\n", "privacy"},
		{"OPTIONS", "A> Require: foo\n", "foo"},
	} {
		t.Run(tc.method+" "+tc.unsupported, func(t *testing.T) {
			records, ack := 0, ""
			if tc.method == "INVITE" {
				records, ack = 1, ackOther(number)
			}
			play(t, untouched(t, records), peers, asking(tc.method, number, tc.more), turnedDown("420 Bad Extension", "<A Unsupported: "+tc.unsupported+"\n"), ack, `
quiet 40s
`)
		})
	}
}

func TestB018_RequireInADialog_CancelAndACKIgnoreIt(t *testing.T) {
	const require = "A> Require: foo\n"
	t.Run("ack and bye", func(t *testing.T) {
		play(t, nothingLeft(t), peers, invite, ring, answer, ackA+require, `
quiet 40s
`, byeA+require, `
<A SIP/2.0 420 Bad Extension
<A Unsupported: foo
<A ...
`, strings.Replace(endA, "CSeq: 5 BYE", "CSeq: 6 BYE", 2))
	})
	t.Run("cancel and its ack", func(t *testing.T) {
		play(t, nothingLeft(t), peers, invite, ring, cancelA+require, strings.TrimRight(cancelled, "\n")+"\n"+require, `
repeats ignore
`, cancelAtB, okCancelB, terminatedB, `
quiet 40s
`)
	})
	t.Run("reinvite", func(t *testing.T) {
		play(t, nothingLeft(t), established, reinviteHeadA+require+sdpA2, `
<A SIP/2.0 420 Bad Extension
<A Unsupported: foo
<A ...
`, refusalACK2, `
quiet 40s
`, endA)
	})
}

func TestB019_Capabilities_AreOursOnEachLeg(t *testing.T) {
	// What the peers can do is not what we say we can.
	theirs := "Allow: INVITE, ACK, CANCEL, BYE, PRACK, REFER\n"
	check := func(r *rig) {
		for _, p := range append(r.wire.sent(addrB, "INVITE"), r.wire.sent(addrA, "SIP/2.0 200")[0]) {
			if got := headers(p, "Allow"); len(got) != 1 || got[0] != "INVITE, ACK, CANCEL, BYE, OPTIONS" {
				t.Errorf("Allow %q", got)
			}
			if got := headers(p, "Supported"); len(got) != 1 || got[0] != "" {
				t.Errorf("Supported %q", got)
			}
			if got := headers(p, "Require"); got != nil {
				t.Errorf("Require %q", got)
			}
		}
	}
	play(t, both(nothingLeft(t), check), trusted(t), peers,
		strings.Replace(invite, inviteHead, inviteHead+"A> "+theirs+"A> Supported: 100rel, timer, replaces\nA> Accept: application/sdp, text/plain\n", 1),
		ring, strings.Replace(answer, "B> Contact", "B> "+theirs+"B> Supported: timer\nB> Contact", 1), ackA, endA)
}

func TestB060_OptionsToUs_IsAnsweredHere(t *testing.T) {
	play(t, untouched(t, 0), peers, asking("OPTIONS", "sip:10.0.0.1"), turnedDown("200 OK",
		allowLine, "<A Accept: application/sdp, multipart/mixed\n", "<A Accept-Encoding: identity\n", "<A Supported:\n"), strings.NewReplacer("Max-Forwards: 70", "Max-Forwards: 0", "CSeq: 1", "CSeq: 2").Replace(
		asking("OPTIONS", "sip:nobody@10.0.0.1", "A> Accept: application/x\n")), turnedDown("200 OK"))
}

func TestB060_OptionsInTheDialog_LeavesItAlone(t *testing.T) {
	play(t, nothingLeft(t), established, optionsA, `
<A SIP/2.0 200 OK
<A CSeq: 2 OPTIONS
`+allowLine+`<A ...
quiet 40s
`, endA)
}

func TestB060_OptionsInADialogThatIsNot_Gets481(t *testing.T) {
	play(t, untouched(t, 0), peers, strings.Replace(asking("OPTIONS", "sip:10.0.0.1"), "A> To: <sip:+13125550100@10.0.0.1>", "A> To: <sip:+13125550100@10.0.0.1>;tag=unknown", 1), `
<A SIP/2.0 481 Call/Transaction Does Not Exist
<A To: <sip:+13125550100@10.0.0.1>;tag=unknown
<A ...
`)
}

func TestDrain_NewCallsAreRefusedAndTheLastEndWithBye(t *testing.T) {
	drain := func(r *rig) {
		go func() {
			time.Sleep(2 * time.Second)
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			r.engine.Drain(ctx)
		}()
	}
	play2 := strings.Replace(strings.Replace(inviteHead, "call-1@", "call-2@", 1), "tag=a1", "tag=a2", 1) + sdpA
	playWith(t, drain, func(r *rig) {
		r.checkEmpty(t)
		if got := len(r.cdrs.list()); got != 2 {
			t.Errorf("%d records, want 2", got)
		}
	}, established, `
wait 3s
`, play2, `
<A SIP/2.0 503 Service Unavailable
<A ...
A> ACK sip:+13125550100@10.0.0.1 SIP/2.0
A> ${sent INVITE Via}
A> From: "Reception" <sip:100@10.0.0.20>;tag=a2
A> ${last To}
A> Call-ID: call-2@10.0.0.20
A> CSeq: 1 ACK
`, asking("OPTIONS", "sip:10.0.0.1"), turnedDown("503 Service Unavailable"), `
# The call that is up goes on, and may be changed.
`, reinviteA, reinvitedA, ackReinviteA, `
timeout 10s
`, endedBoth)
}

// TestDrain_ByeThatWaitsForAnACK_IsWaitedFor: the caller's ACK comes after the
// drain; the process must not end between the two.
func TestDrain_ByeThatWaitsForAnACK_IsWaitedFor(t *testing.T) {
	var settled time.Duration
	playWith(t, func(r *rig) {
		go func() {
			time.Sleep(time.Second)
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			r.engine.Drain(ctx)
			from := time.Now()
			r.engine.Settle(time.Minute)
			settled = time.Since(from)
		}()
	}, func(r *rig) {
		nothingLeft(t)(r)
		if settled < time.Second {
			t.Errorf("settled after %v, before the BYE to the caller", settled)
		}
	}, peers, invite, ring, answer, "\nrepeats ignore\n", `
<B BYE sip:b@203.0.113.20:5060 SIP/2.0
<B ...
`, okByeB, "\nwait 2s\n", ackA, `
<A BYE sip:100@10.0.0.20:5060 SIP/2.0
<A ...
`, okByeA)
}

func TestDrain_RingingCallIsEndedToo(t *testing.T) {
	playWith(t, func(r *rig) {
		go func() {
			time.Sleep(2 * time.Second)
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			r.engine.Drain(ctx)
		}()
	}, nothingLeft(t), peers, invite, ring, `
<A SIP/2.0 503 Service Unavailable
<A ...
`, refusalACK, cancelAtB, okCancelB, terminatedB)
}

func TestUnknownSource_GetsWhatItsZoneSays(t *testing.T) {
	// The inside rejects by default, the outside drops.
	strangers := peers + `
peer X 10.0.0.66:5060 -> 10.0.0.1:5060
peer Y 203.0.113.66:5060 -> 203.0.113.10:5060
`
	fromX := func(who, method, tag string) string {
		return `
` + who + `> ` + method + ` sip:+13125550100@10.0.0.1 SIP/2.0
` + who + `> Via: SIP/2.0/UDP ${local};branch=z9hG4bKx1;rport
` + who + `> From: <sip:100@10.0.0.66>;tag=x1
` + who + `> To: <sip:+13125550100@10.0.0.1>` + tag + `
` + who + `> Call-ID: x-1
` + who + `> CSeq: 1 ` + method + `
` + who + `> Contact: <sip:100@${local}>
`
	}
	const padding = "X> User-Agent: a phone whose maker likes long names, in order that an answer need not be larger than the request\n"
	rejected := func(status string) string { return "\n<X SIP/2.0 " + status + "\n<X To: ${to:any}\n<X ...\n" }
	t.Run("reject", func(t *testing.T) {
		// Counted, but not recorded: a spoofed flood must not fill the disk.
		play(t, untouched(t, 0), strangers, fromX("X", "INVITE", ""), rejected("403 Forbidden"), `
# The ACK is swallowed, an INVITE is answered by the same words.
`, strings.Replace(fromX("X", "ACK", ""), "X> To: <sip:+13125550100@10.0.0.1>", "X> To: ${to}", 1), `
quiet 10s
`)
	})
	t.Run("reject the rest", func(t *testing.T) {
		play(t, untouched(t, 0), strangers, fromX("X", "OPTIONS", ""), rejected("403 Forbidden"), fromX("X", "CANCEL", "")+padding, `
<X SIP/2.0 481 Call/Transaction Does Not Exist
<X ...
`, fromX("X", "BYE", ";tag=none")+padding, `
<X SIP/2.0 481 Call/Transaction Does Not Exist
<X ...
`)
	})
	t.Run("nothing larger than was sent", func(t *testing.T) {
		play(t, untouched(t, 0), strangers, fromX("X", "CANCEL", ""), "quiet 1s")
	})
	for _, method := range []string{"INVITE", "OPTIONS", "REGISTER", "CANCEL", "BYE", "ACK", "FOO"} {
		t.Run("drop "+method, func(t *testing.T) {
			play(t, untouched(t, 0), strangers, fromX("Y", method, ""), fromX("Y", method, ";tag=none"), `
quiet 40s
`)
		})
	}
}
