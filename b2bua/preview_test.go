package b2bua_test

import (
	"strings"
	"testing"

	"gatehouse/media/profile"
)

// Early media and delayed offers: which SDP counts, and what the caller sees.

// session is B's 183 with SDP and what A hears of it.
func session(answer, crosses string) string {
	return "\nB> SIP/2.0 183 Session Progress\n" + replyB + "B> Contact: <sip:b@${local}>\n" + answer + `
<A SIP/2.0 183 Session Progress
<A To: <sip:+13125550100@10.0.0.1>;tag=${atag:token}
` + crosses
}

// audioOf is the audio line of a peer with PCMU, PCMA or both, by number;
// relayedOf is the same as a peer sees it from us.
func audioOf(who, formats, direction string) []string {
	port := map[string]string{"A": "4000", "B": "6000"}[who]
	return []string{"m=audio " + port + " RTP/AVP " + formats, "a=" + direction}
}

func relayedOf(who, formats, direction string) []string {
	lines := []string{"m=audio ${port" + who + ":port} RTP/AVP " + formats}
	for _, pt := range strings.Fields(formats) {
		lines = append(lines, map[string]string{"0": "a=rtpmap:0 PCMU/8000", "8": "a=rtpmap:8 PCMA/8000"}[pt])
	}
	return append(lines, "a="+direction)
}

func TestB037_EarlySDP_IsTheSameInEveryResponseToTheCaller(t *testing.T) {
	offer := setup(says("A", 1, audioOf("A", "0 8", "sendrecv")...), hears("B", 1, relayedOf("B", "0 8", "sendrecv")...))
	early := func(formats, direction string) string {
		return session(says("B", 7, audioOf("B", formats, direction)...), hears("A", 1, relayedOf("A", formats, direction)...))
	}
	moved := []string{"m=audio 6100 RTP/AVP 0", "c=IN IP4 203.0.113.21", "a=sendrecv"}
	for _, tc := range []struct {
		name, early, final, hears string
		flows                     []string
		to                        string
	}{
		{"unchanged", early("0", "sendrecv"), says("B", 7, audioOf("B", "0", "sendrecv")...),
			hears("A", 1, relayedOf("A", "0", "sendrecv")...), []string{"<>", "<>"}, "203.0.113.20:6000"},
		{"no SDP in the 2xx", early("0", "sendrecv"), "",
			hears("A", 1, relayedOf("A", "0", "sendrecv")...), []string{"<>", "<>"}, "203.0.113.20:6000"},
		{"other address in the 2xx", early("0", "sendrecv"), says("B", 8, moved...),
			hears("A", 1, relayedOf("A", "0", "sendrecv")...), []string{"<>", "<>"}, "203.0.113.21:6100"},
		{"more codecs in the 2xx", early("0", "sendrecv"), says("B", 8, audioOf("B", "0 8", "sendrecv")...),
			hears("A", 1, relayedOf("A", "0", "sendrecv")...), []string{"<>", "<>"}, "203.0.113.20:6000"},
		{"held in the 2xx", early("0", "sendrecv"), says("B", 8, audioOf("B", "0", "sendonly")...),
			hears("A", 1, relayedOf("A", "0", "sendrecv")...), []string{"<>", "<"}, "203.0.113.20:6000"},
		// Where the old words would make a silent call, the 2xx has new ones.
		{"other codec in the 2xx", early("0", "sendrecv"), says("B", 8, audioOf("B", "8", "sendrecv")...),
			hears("A", 2, relayedOf("A", "8", "sendrecv")...), []string{"<>", "<>"}, "203.0.113.20:6000"},
		{"fewer codecs in the 2xx", early("0 8", "sendrecv"), says("B", 8, audioOf("B", "8", "sendrecv")...),
			hears("A", 2, relayedOf("A", "8", "sendrecv")...), []string{"<>", "<>"}, "203.0.113.20:6000"},
		{"announcement only until the 2xx", early("0", "sendonly"), says("B", 8, audioOf("B", "0", "sendrecv")...),
			hears("A", 2, relayedOf("A", "0", "sendrecv")...), []string{"<", "<>"}, "203.0.113.20:6000"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			play(t, both(flowsAre(t, tc.flows...), func(r *rig) {
				s := lastStreams(t, r)[0]
				sendsTo(t, s.B, tc.to)
				if _, ok := s.A.PT.Map(codecIn(tc.hears)); !ok {
					t.Errorf("the codec the caller was told is dropped")
				}
			}, nothingLeft(t)), offer, tc.early, pickUp(tc.final, tc.hears), ackA, hangsUp("A", 9))
		})
	}
}

// codecIn is the first payload type of the audio in an expected body.
func codecIn(body string) uint8 {
	if strings.Contains(body, "RTP/AVP 8") {
		return 8
	}
	return 0
}

func TestB037_SecondEarlySDP_MovesTheMediaBehindTheSameAnswer(t *testing.T) {
	same := hears("A", 1, relayed("A", "sendrecv")...)
	play(t, both(flowsAre(t, "<>", "<>", "<>"), func(r *rig) {
		for i, want := range []string{"203.0.113.20:6000", "203.0.113.9:6200", "203.0.113.20:6000"} {
			sendsTo(t, r.media.history()[i][0].B, want)
		}
	}, nothingLeft(t)),
		setup(says("A", 1, audio("A", "sendrecv")...), hears("B", 1, relayed("B", "sendrecv")...)),
		session(says("B", 7, audio("B", "sendrecv")...), same),
		session(says("B", 8, "m=audio 6200 RTP/AVP 0", "c=IN IP4 203.0.113.9"), same),
		pickUp(says("B", 9, audio("B", "sendrecv")...), same), ackA, hangsUp("A", 9))
}

func TestB037_BrokenEarlySDP_IsPassedOver(t *testing.T) {
	for name, body := range map[string]string{
		"not SDP":        prefixed("B", "Content-Type: application/sdp\n\nrubbish\n"),
		"other m-lines":  says("B", 7, "m=audio 6000 RTP/AVP 0", "m=video 6002 RTP/AVP 31"),
		"no such codecs": says("B", 7, "m=audio 6000 RTP/AVP 18"),
		"other type":     prefixed("B", "Content-Type: text/plain\n\nringing\n"),
	} {
		t.Run(name, func(t *testing.T) {
			play(t, both(flowsAre(t, "<>"), nothingLeft(t)),
				setup(says("A", 1, audio("A", "sendrecv")...), hears("B", 1, relayed("B", "sendrecv")...)),
				session(body, hearsNothing("A")),
				pickUp(says("B", 8, audio("B", "sendrecv")...), hears("A", 1, relayed("A", "sendrecv")...)), ackA, hangsUp("A", 9))
		})
	}
}

func TestB046_FailoverAfterEarlyMedia_CallerKeepsItsAnswer(t *testing.T) {
	same := hears("A", 1, relayed("A", "sendrecv")...)
	first := dialing("7770100", setup(says("A", 1, audio("A", "sendrecv")...), hears("B", 1, relayed("B", "sendrecv")...)),
		session(says("B", 7, audio("B", "sendrecv")...), same))
	play(t, both(flowsAre(t, "<>", "<>"), func(r *rig) {
		sendsTo(t, lastStreams(t, r)[0].B, "203.0.113.30:6000")
	}, nothingLeft(t)), peerC, first, `
B> SIP/2.0 503 Service Unavailable
`+replyB+`
<B ACK sip:7770100@203.0.113.20:5060 SIP/2.0
<B ...
<C INVITE sip:7770100@203.0.113.30:5060 SIP/2.0
<C Content-Type: application/sdp
<C ...
<C
<C ...
<C m=audio ${portC:port} RTP/AVP 0
<C ...
C> SIP/2.0 200 OK
C> ${last INVITE Via}
C> ${last INVITE From}
C> ${last INVITE To};tag=c1
C> ${last INVITE Call-ID}
C> ${last INVITE CSeq}
C> Contact: <sip:c@${local}>
`+onC(says("B", 7, audio("B", "sendrecv")...))+`
<C ACK sip:c@203.0.113.30:5060 SIP/2.0
<C ...
`, dialing("7770100", up(same), ackA, request("A", "BYE", 9))+`
<A SIP/2.0 200 OK
<A CSeq: 9 BYE
<A ...
<C BYE sip:c@203.0.113.30:5060 SIP/2.0
<C ...
C> SIP/2.0 200 OK
C> ${last BYE Via}
C> ${last BYE From}
C> ${last BYE To}
C> ${last BYE Call-ID}
C> ${last BYE CSeq}
`)
}

// delayed is an established call whose INVITE had no offer, up to A's 200.
func delayed(offer, crosses string) string {
	return setup("", hearsNothing("B")) + okB + offer + up(crosses)
}

// answersInACK is A's ACK with a body.
func answersInACK(body string) string { return strings.TrimRight(ackA, "\n") + "\n" + body }

func TestB077_OfferlessInvite_OfferIn2xxAndAnswerInACKCross(t *testing.T) {
	play(t, both(flowsAre(t, "<>"), func(r *rig) {
		sendsTo(t, lastStreams(t, r)[0].A, "10.0.0.20:4000")
		sendsTo(t, lastStreams(t, r)[0].B, "203.0.113.20:6000")
	}, nothingLeft(t)),
		delayed(says("B", 7, audioOf("B", "0 8", "sendrecv")...), hears("A", 1, relayedOf("A", "0 8", "sendrecv")...)), `
quiet B 300ms
`, answersInACK(says("A", 1, audioOf("A", "8", "sendrecv")...)), `
<B ACK sip:b@203.0.113.20:5060 SIP/2.0
<B CSeq: 1 ACK
`+hears("B", 1, relayedOf("B", "8", "sendrecv")...), hangsUp("A", 9))
}

func TestB077_OfferlessInvite_ProvisionalCarriesNothing(t *testing.T) {
	play(t, both(flowsAre(t, "<>"), nothingLeft(t)), setup("", hearsNothing("B")),
		// Unreliable, so the offer cannot be in it (RFC 3261 §13.2.1).
		session(says("B", 7, audio("B", "sendrecv")...), hearsNothing("A")),
		okB+says("B", 7, audio("B", "sendrecv")...), up(hears("A", 1, relayed("A", "sendrecv")...)),
		answersInACK(says("A", 1, audio("A", "sendrecv")...)), `
<B ACK sip:b@203.0.113.20:5060 SIP/2.0
`+hears("B", 1, relayed("B", "sendrecv")...), hangsUp("B", 90))
}

// rejecting is the valid answer that takes nothing of one audio line.
func rejecting(who string) string {
	return expected(who, "Content-Type: application/sdp\n...\n\nv=0\no=- ${sessR:num} ${verR:num} IN IP4 ${ipR:any}\ns=-\nc=IN IP4 ${ipR}\nt=0 0\nm=audio 0 RTP/AVP 0\n...\n")
}

func TestB077_MissingOrBadAnswerInACK_EndsBothLegsWithAValidAnswer(t *testing.T) {
	for name, body := range map[string]string{
		"missing":       "",
		"not SDP":       prefixed("A", "Content-Type: application/sdp\n\nrubbish\n"),
		"other m-lines": says("A", 1, "m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 31"),
		"other medium":  says("A", 1, "m=video 4000 RTP/AVP 31"),
		"no such codec": says("A", 1, "m=audio 4000 RTP/AVP 18"),
		"other type":    prefixed("A", "Content-Type: text/plain\n\nhello\n"),
	} {
		t.Run(name, func(t *testing.T) {
			play(t, both(flowsAre(t), nothingLeft(t)),
				delayed(says("B", 7, audio("B", "sendrecv")...), hears("A", 1, relayed("A", "sendrecv")...)),
				answersInACK(body), `
<B ACK sip:b@203.0.113.20:5060 SIP/2.0
<B CSeq: 1 ACK
`+rejecting("B"), isHungUp("B"), isHungUp("A"))
		})
	}
}

func TestB077_RefusedInACK_TheCallStaysWithoutMedia(t *testing.T) {
	play(t, both(flowsAre(t, "off"), nothingLeft(t), func(r *rig) {
		if n := r.media.held(); n != 0 {
			t.Errorf("%d ports held", n)
		}
	}), delayed(says("B", 7, audio("B", "sendrecv")...), hears("A", 1, relayed("A", "sendrecv")...)),
		answersInACK(says("A", 1, "m=audio 0 RTP/AVP 0")), `
<B ACK sip:b@203.0.113.20:5060 SIP/2.0
`+rejecting("B"), hangsUp("A", 9))
}

func TestB077_OfferlessInvite_NoACK_BothLegsEnd(t *testing.T) {
	play(t, nothingLeft(t),
		delayed(says("B", 7, audio("B", "sendrecv")...), hears("A", 1, relayed("A", "sendrecv")...)), `
repeats ignore
timeout 40s
<B ACK sip:b@203.0.113.20:5060 SIP/2.0
`+rejecting("B"), isHungUp("B"), isHungUp("A", "Reason: SIP;cause=408"))
}

func TestB077_2xxWithoutTheOffer_FailsTheCall(t *testing.T) {
	play(t, nothingLeft(t), setup("", hearsNothing("B")), okB, `
<B ACK sip:b@203.0.113.20:5060 SIP/2.0
<B Content-Length: 0
<B ...
`, isHungUp("B"), `
<A SIP/2.0 502 Bad Gateway
<A ...
`, refusalACK)
}

func TestB111_OfferOf2xxNobodyWants_GetsAValidAnswerThenBye(t *testing.T) {
	offer := says("B", 7, audio("B", "sendrecv")...)
	rejected := `
<B ACK sip:b@203.0.113.20:5060 SIP/2.0
` + rejecting("B") + isHungUp("B")
	t.Run("call cancelled", func(t *testing.T) {
		play(t, nothingLeft(t), setup("", hearsNothing("B")), ring, cancelA, cancelled, `
<B CANCEL sip:+13125550100@203.0.113.20:5060 SIP/2.0
<B ...
`, okB+offer, rejected, `
B> SIP/2.0 200 OK
B> ${last CANCEL Via}
B> ${last CANCEL From}
B> ${last CANCEL To}
B> ${last CANCEL Call-ID}
B> ${last CANCEL CSeq}
`)
	})
	t.Run("offer of nothing we relay", func(t *testing.T) {
		play(t, nothingLeft(t), setup("", hearsNothing("B")), okB+says("B", 7, "m=audio 6000 RTP/SAVP 0"), `
<B ACK sip:b@203.0.113.20:5060 SIP/2.0
<B Content-Type: application/sdp
<B ...
<B
<B ...
<B m=audio 0 RTP/SAVP 0
<B ...
`, isHungUp("B"), `
<A SIP/2.0 488 Not Acceptable Here
<A Warning: 302 gatehouse "Incompatible transport protocol"
<A ...
`, refusalACK)
	})
	t.Run("caller hangs up while a re-INVITE waits for it", func(t *testing.T) {
		play(t, nothingLeft(t), talking(), request("A", "INVITE", 2), trying("A"), reaches("B", hearsNothing("B")),
			request("A", "BYE", 3), `
<A SIP/2.0 200 OK
<A CSeq: 3 BYE
<A ...
`, refusal("A", 2, "487 Request Terminated"), isHungUp("B"), replies("B", "200 OK", offer), `
<B ACK sip:b@203.0.113.20:5060 SIP/2.0
<B CSeq: 2 ACK
`+rejecting("B"))
	})
	t.Run("re-INVITE of the caller, offer of nothing we relay", func(t *testing.T) {
		play(t, nothingLeft(t), talking(), request("A", "INVITE", 2), trying("A"), reaches("B", hearsNothing("B")),
			replies("B", "200 OK", says("B", 8, "m=audio 6000 RTP/SAVP 0")), `
<B ACK sip:b@203.0.113.20:5060 SIP/2.0
<B Content-Type: application/sdp
<B ...
<B
<B ...
<B m=audio 0 RTP/SAVP 0
<B ...
`, refusal("A", 2, "488 Not Acceptable Here"), isHungUp("A"), isHungUp("B"))
	})
}

func TestB075_OfferlessReinvite_OfferIsFetchedFromTheOtherSide(t *testing.T) {
	for _, who := range []string{"A", "B"} {
		t.Run("by "+who, func(t *testing.T) {
			o := far(who)
			seq := map[string]int{"A": 2, "B": 50}[who]
			play(t, both(flowsAre(t, "<>", "<>"), nothingLeft(t)), talking(),
				request(who, "INVITE", seq), trying(who), reaches(o, hearsNothing(o)),
				replies(o, "200 OK", says(o, 8, audioOf(o, "0 8", "sendrecv")...)), `
<`+who+` SIP/2.0 200 OK
`+hears(who, 2, relayedOf(who, "0 8", "sendrecv")...),
				strings.TrimRight(request(who, "ACK", seq), "\n")+"\n"+says(who, 9, audioOf(who, "8", "sendrecv")...), `
<`+o+` ACK `+sides[o].target+` SIP/2.0
`+hears(o, 2, relayedOf(o, "8", "sendrecv")...), hangsUp(who, seq+7))
		})
	}
}

func TestB075_OfferlessReinviteUnderHold_EachSideSaysItsPresentWish(t *testing.T) {
	hold := offers("A", 2, says("A", 2, audio("A", "sendonly")...), hears("B", 2, relayed("B", "sendonly")...)) +
		settles("A", 2, says("B", 8, audio("B", "recvonly")...), hears("A", 2, relayed("A", "recvonly")...))
	play(t, both(flowsAre(t, "<>", ">", ">"), func(r *rig) {
		if k := lastStreams(t, r)[0].Kind; k != profile.RTP {
			t.Errorf("stream is %v", k)
		}
	}, nothingLeft(t)), talking(), hold,
		// B refreshes; A offers its hold anew, and B may answer all it wants.
		request("B", "INVITE", 50), trying("B"), reaches("A", hearsNothing("A")),
		replies("A", "200 OK", says("A", 2, audio("A", "sendonly")...)), `
<B SIP/2.0 200 OK
`+hears("B", 2, relayed("B", "sendonly")...),
		strings.TrimRight(request("B", "ACK", 50), "\n")+"\n"+says("B", 8, audio("B", "recvonly")...), `
<A ACK sip:100@10.0.0.20:5060 SIP/2.0
`+hears("A", 2, relayed("A", "recvonly")...), hangsUp("B", 90))
}
