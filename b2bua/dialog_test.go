package b2bua_test

import (
	"strings"
	"testing"
	"time"
)

func TestB051_RequestThatMatchesNoDialog_Gets481(t *testing.T) {
	for _, tc := range []struct{ name, old, fake string }{
		{"our tag", ";tag=${atag}", ";tag=other"},
		{"their tag", ";tag=a1", ";tag=a2"},
		{"no tag of theirs", ";tag=a1", ""},
		{"Call-ID", "call-1@10.0.0.20", "call-9@10.0.0.20"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			play(t, nothingLeft(t), established, strings.Replace(byeA, tc.old, tc.fake, 1), `
<A SIP/2.0 481 Call/Transaction Does Not Exist
<A CSeq: 5 BYE
<A ...
`, strings.Replace(strings.Replace(ackA, "CSeq: 1 ACK", "CSeq: 77 ACK", 1), tc.old, tc.fake, 1), `
quiet 40s
`, strings.ReplaceAll(endA, "CSeq: 5", "CSeq: 6"))
		})
	}
}

func TestB051_DialogOfTheOtherLeg_IsNotReachedFromHere(t *testing.T) {
	// The tag of our leg toward B, used from A's side.
	play(t, nothingLeft(t), established, strings.Replace(byeA, ";tag=${atag}", ";tag=${btag}", 1), `
<A SIP/2.0 481 Call/Transaction Does Not Exist
<A ...
`, strings.ReplaceAll(endA, "CSeq: 5", "CSeq: 6"))
}

func TestB051_DialogIdentifiersUsedInAnotherZone_NameNothing(t *testing.T) {
	// Somebody outside has seen Call-ID and tags of the leg inside.
	stolen := strings.NewReplacer("A>", "B>", "@10.0.0.1:5060 SIP", "@203.0.113.10:5060 SIP").Replace(byeA)
	play(t, nothingLeft(t), established, stolen, `
<B SIP/2.0 481 Call/Transaction Does Not Exist
<B ...
quiet 40s
`, endA)
}

func TestB051_StrayReinvite_IsRefusedOnceItsACKCame(t *testing.T) {
	// As after a restart: tags of ours that mean nothing any more.
	for _, tag := range []string{"other", strings.Repeat("a", 26)} {
		stale := strings.NewReplacer("${acontact}", "gone", ";tag=${atag}", ";tag="+tag)
		play(t, untouched(t, 0), peers, stale.Replace(reinviteHeadA+sdpA2), `
<A SIP/2.0 481 Call/Transaction Does Not Exist
<A ...
`, stale.Replace(refusalACK2), `
quiet 40s
`)
	}
}

func TestB051_ACKOfRefusalWithoutItsTag_StopsTheRepeats(t *testing.T) {
	// RFC 3261 §17.2.3 matches it by branch; the tag is not asked for.
	play(t, nothingLeft(t), peers, invite, refusedByB("486 Busy Here"), `
<A SIP/2.0 486 Busy Here
<A ...
`, strings.Replace(refusalACK, "A> ${last To}", "A> To: <sip:+13125550100@10.0.0.1>", 1), `
quiet 40s
`)
}

func TestB051_CallerWithoutTag_IsMatchedByNone(t *testing.T) {
	// An RFC 2543 caller: its tag counts as null (RFC 3261 §12.1.1).
	old := func(s string) string { return strings.ReplaceAll(s, ";tag=a1", "") }
	play(t, nothingLeft(t), old(established), old(endA))
}

func TestB052_CSeqLowerThanTheLast_Gets500(t *testing.T) {
	play(t, nothingLeft(t), established, strings.Replace(optionsA, "CSeq: 2", "CSeq: 40", 1), `
<A SIP/2.0 200 OK
<A CSeq: 40 OPTIONS
<A ...
`, byeA, `
<A SIP/2.0 500 Server Internal Error
<A CSeq: 5 BYE
<A ...
`, strings.Replace(reinviteHeadA, "CSeq: 2", "CSeq: 39", 1)+sdpA2, `
<A SIP/2.0 500 Server Internal Error
<A CSeq: 39 INVITE
<A ...
`, strings.Replace(refusalACK2, "CSeq: 2", "CSeq: 39", 1), `
quiet 40s
# A gap is no fault.
`, strings.ReplaceAll(endA, "CSeq: 5", "CSeq: 4000000"))
}

func TestB052_OurRequests_RiseByOne(t *testing.T) {
	second := strings.NewReplacer("CSeq: 2 ", "CSeq: 3 ", "bbranch2", "bbranch3")
	play(t, both(nothingLeft(t), func(r *rig) {
		var got []string
		for _, p := range r.wire.sent(addrB, "") {
			if cseq := headers(p, "CSeq")[0]; !strings.HasSuffix(cseq, "ACK") && !strings.HasPrefix(string(p.Data), "SIP/2.0") {
				got = append(got, cseq)
			}
		}
		if want := "1 INVITE,2 INVITE,3 INVITE,4 BYE"; strings.Join(got, ",") != want {
			t.Errorf("CSeq %v, want %s", got, want)
		}
	}), established, reinviteA, fromB2("488 Not Acceptable Here"), ackRefusalB2, gets("488 Not Acceptable Here"), refusalACK2,
		second.Replace(reinviteA+reinvitedA+ackReinviteA), endA)
}

func TestB053_RecordRouteOfTheCaller_IsCopiedAndUsed(t *testing.T) {
	// p1 added its line first, p2 is the next to us: our route set is in the
	// order of the lines (RFC 3261 §12.1.1).
	recorded := strings.Replace(invite, inviteHead, inviteHead+"A> Record-Route: <sip:10.0.0.20:5060;lr;a=1>,<sip:10.0.0.98;lr>\nA> Record-Route: <sip:p1.inside.example;lr>\n", 1)
	withRoutes := func(s, start string) string {
		return strings.Replace(s, start, start+"\n<A Record-Route: <sip:10.0.0.20:5060;lr;a=1>,<sip:10.0.0.98;lr>\n<A Record-Route: <sip:p1.inside.example;lr>", 1)
	}
	play(t, both(nothingLeft(t), func(r *rig) {
		if p := r.wire.sent(addrA, "SIP/2.0 100")[0]; len(headers(p, "Record-Route")) != 0 {
			t.Errorf("100 has Record-Route %q", headers(p, "Record-Route"))
		}
		for _, p := range r.wire.sent(addrB, "") {
			if len(headers(p, "Route"))+len(headers(p, "Record-Route")) != 0 {
				t.Errorf("routes of A reached B:\n%s", p.Data)
			}
		}
	}), peers, recorded, withRoutes(ring, "<A SIP/2.0 180 Ringing"), withRoutes(answer, "<A SIP/2.0 200 OK"), ackA, byeB, `
<B SIP/2.0 200 OK
<B ...
<A BYE sip:100@10.0.0.20:5060 SIP/2.0
<A Route: <sip:10.0.0.20:5060;lr;a=1>
<A Route: <sip:10.0.0.98;lr>
<A Route: <sip:p1.inside.example;lr>
<A ...
`, okByeA)
}

func TestB053_RecordRouteOfTheCalled_IsReversedPerLegAndTakenAnewFromThe2xx(t *testing.T) {
	early := "B> Record-Route: <sip:early.example;lr>\n"
	late := "B> Record-Route: <sip:198.51.100.1;lr>\nB> Record-Route: <sip:198.51.100.2;lr>, <sip:203.0.113.20;lr>\n"
	routes := "\n<B Route: <sip:203.0.113.20;lr>\n<B Route: <sip:198.51.100.2;lr>\n<B Route: <sip:198.51.100.1;lr>"
	atB := func(s, start string) string { return strings.Replace(s, start, start+routes, 1) }
	play(t, both(nothingLeft(t), func(r *rig) {
		for _, p := range r.wire.sent(addrA, "") {
			if len(headers(p, "Route"))+len(headers(p, "Record-Route")) != 0 {
				t.Errorf("routes of B reached A:\n%s", p.Data)
			}
		}
	}), peers, invite, strings.Replace(ring, "B> Contact", early+"B> Contact", 1),
		atB(strings.Replace(answer, "B> Contact", late+"B> Contact", 1), "<B ACK sip:b@203.0.113.20:5060 SIP/2.0"), ackA,
		// What a 2xx to a re-INVITE records changes nothing any more.
		atB(reinviteA, "<B INVITE sip:b@203.0.113.20:5060 SIP/2.0"),
		atB(strings.Replace(reinvitedA, "B> Contact", early+"B> Contact", 1), "<B ACK sip:b@203.0.113.20:5060 SIP/2.0"), ackReinviteA,
		atB(endA, "<B BYE sip:b@203.0.113.20:5060 SIP/2.0"))
}

func TestB053_StrictRouter_BecomesTheRequestURI(t *testing.T) {
	strict := "B> Record-Route: <sip:198.51.100.1;lr>, <sip:203.0.113.20;x=1>\n"
	at := func(method string) string {
		return "<B " + method + " sip:203.0.113.20;x=1 SIP/2.0\n<B Route: <sip:198.51.100.1;lr>\n<B Route: <sip:b@203.0.113.20:5060>"
	}
	play(t, nothingLeft(t), peers, invite, ring,
		strings.Replace(strings.Replace(answer, "B> Contact", strict+"B> Contact", 1), "<B ACK sip:b@203.0.113.20:5060 SIP/2.0", at("ACK"), 1), ackA,
		strings.Replace(reinviteA, "<B INVITE sip:b@203.0.113.20:5060 SIP/2.0", at("INVITE"), 1),
		strings.Replace(reinvitedA, "<B ACK sip:b@203.0.113.20:5060 SIP/2.0", at("ACK"), 1), ackReinviteA,
		strings.Replace(endA, "<B BYE sip:b@203.0.113.20:5060 SIP/2.0", at("BYE"), 1))
}

func TestB053_RouteThatIsNone_DoesNotCutTheDialogOff(t *testing.T) {
	for _, bad := range []string{"<sip:", "nonsense", "<http://x>", "<sip:203.0.113.20;lr", "\"x"} {
		t.Run(bad, func(t *testing.T) {
			play(t, nothingLeft(t), peers, invite, ring, strings.Replace(answer, "B> Contact", "B> Record-Route: "+bad+"\nB> Contact", 1), ackA, endA)
		})
	}
}

func TestB053_RouteOfTheCallerThatIsNone_DoesNotCutTheDialogOff(t *testing.T) {
	for _, bad := range []string{"nonsense", "<http://x>", "<sip:"} {
		t.Run(bad, func(t *testing.T) {
			play(t, nothingLeft(t), peers, strings.Replace(invite, inviteHead, inviteHead+"A> Record-Route: "+bad+"\n", 1), ring, answer, ackA, endedByB)
		})
	}
}

func TestB054_ContactOfAReinvite_IsTheNewTarget(t *testing.T) {
	play(t, nothingLeft(t), peers+`
peer D 10.0.0.21:5060 -> 10.0.0.1:5060
peer E 203.0.113.21:5060 -> 203.0.113.10:5060
`, invite, ring, answer, ackA,
		strings.Replace(reinviteHeadA, "<sip:100@${local}>", "<sip:100@10.0.0.21:5060>", 1)+sdpA2+tryingA+reinviteAtB,
		fromB2("200 OK", "B> Contact: <sip:b2@203.0.113.21:5060>\n", sdpB2), `
# Even the ACK goes to the new target.
<E ACK sip:b2@203.0.113.21:5060 SIP/2.0
<E CSeq: 2 ACK
<E ...
<A SIP/2.0 200 OK
<A CSeq: 2 INVITE
<A ...
`, ackReinviteA, byeB, `
<B SIP/2.0 200 OK
<B ...
<D BYE sip:100@10.0.0.21:5060 SIP/2.0
<D ...
D> SIP/2.0 200 OK
D> ${last BYE Via}
D> ${last BYE From}
D> ${last BYE To}
D> ${last BYE Call-ID}
D> ${last BYE CSeq}
`)
}

func TestB054_RefusedReinvite_LeavesTheOldTarget(t *testing.T) {
	play(t, nothingLeft(t), established,
		strings.Replace(reinviteHeadA, "<sip:100@${local}>", "<sip:100@10.0.0.21:5060>", 1)+sdpA2+tryingA+reinviteAtB,
		fromB2("488 Not Acceptable Here", "B> Contact: <sip:b2@203.0.113.21:5060>\n"), ackRefusalB2, gets("488 Not Acceptable Here"), refusalACK2,
		byeB, `
<B SIP/2.0 200 OK
<B ...
<A BYE sip:100@10.0.0.20:5060 SIP/2.0
<A ...
`, okByeA)
}

func TestB054_ContactWithHeaders_MakesACleanRequestURI(t *testing.T) {
	// RFC 3261 §19.1.1: a request URI has no headers and no method.
	play(t, nothingLeft(t), peers, invite, ring,
		strings.Replace(answer, "B> Contact: <sip:b@${local}>", "B> Contact: <sip:b@${local};method=REFER?Replaces=x&Subject=y>", 1), ackA, endA)
}

func TestB054_ReinviteToANameThatIsSlow_ComesThrough(t *testing.T) {
	playWith(t, func(r *rig) { r.dns.answer("b.example", "203.0.113.20", time.Second) }, nothingLeft(t),
		peers, invite, ring, strings.NewReplacer("B> Contact: <sip:b@${local}>", "B> Contact: <sip:b@b.example>", "ACK sip:b@203.0.113.20:5060", "ACK sip:b@b.example").Replace(answer), ackA, `
repeats ignore
wait 40s
`, strings.Replace(reinviteA, "sip:b@203.0.113.20:5060", "sip:b@b.example", 1), reinvitedA, ackReinviteA, `
wait 1s
`, endA)
}
