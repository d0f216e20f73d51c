package b2bua_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/testlab/memnet"
	"gatehouse/media/profile"
)

// withVideo is an audio and a video line of a peer, in PCMU and H261.
func withVideo(who string, port int) []string {
	return append(audio(who, "sendrecv"), fmt.Sprintf("m=video %d RTP/AVP 31", port), "a=rtpmap:31 H261/90000")
}

// relayedVideo is the same as a peer sees it; name captures the video port.
func relayedVideo(who, name string) []string {
	return append(relayed(who, "sendrecv"), "m=video ${"+name+":port} RTP/AVP 31", "a=rtpmap:31 H261/90000", "a=sendrecv")
}

// withoutVideo is the second line refused or removed.
func withoutVideo(lines []string) []string { return append(lines, "m=video 0 RTP/AVP 31") }

func relayedWithoutVideo(who string) []string {
	return append(relayed(who, "sendrecv"), "m=video 0 RTP/AVP 0", "a=inactive")
}

// portsShown gives the ports of an m-line kind over all bodies a peer received,
// each once, in order, port zero left out.
func portsShown(r *rig, to, kind string) []string {
	line := regexp.MustCompile(`(?m)^m=` + kind + ` ([1-9]\d*) `)
	var out []string
	for _, p := range r.wire.sent(to, "") {
		for _, m := range line.FindAllStringSubmatch(string(p.Data), -1) {
			if len(out) == 0 || out[len(out)-1] != m[1] {
				out = append(out, m[1])
			}
		}
	}
	return out
}

func holds(t *testing.T, want int) func(*rig) {
	t.Helper()
	return func(r *rig) {
		t.Helper()
		if n := r.media.held(); n != want {
			t.Errorf("%d pairs of ports held, want %d", n, want)
		}
	}
}

func TestB078_Answer_HasTheLinesOfTheOfferInItsOrder(t *testing.T) {
	offer := []string{"m=message 9 TCP/MSRP *", "m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 31", "m=application 4004 UDP/TLS/RTP/SAVPF 96", "m=audio 0 RTP/AVP 8"}
	crosses := []string{"m=message 0 TCP/MSRP *", "a=inactive", "m=audio ${p1:port} RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=sendrecv",
		"m=video ${p2:port} RTP/AVP 31", "a=rtpmap:31 H261/90000", "a=sendrecv", "m=application 0 UDP/TLS/RTP/SAVPF 0", "a=inactive", "m=audio 0 RTP/AVP 0", "a=inactive"}
	answer := []string{"m=message 0 TCP/MSRP *", "m=audio 6000 RTP/AVP 0", "m=video 0 RTP/AVP 31", "m=application 0 UDP/TLS/RTP/SAVPF 96", "m=audio 0 RTP/AVP 8"}
	back := []string{"m=message 0 TCP/MSRP *", "a=inactive", "m=audio ${p3:port} RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=sendrecv",
		"m=video 0 RTP/AVP 0", "a=inactive", "m=application 0 UDP/TLS/RTP/SAVPF 0", "a=inactive", "m=audio 0 RTP/AVP 0", "a=inactive"}
	play(t, both(flowsAre(t, "off <> off off off"), holds(t, 2)),
		setup(says("A", 1, offer...), hears("B", 1, crosses...)), pickUp(says("B", 7, answer...), hears("A", 1, back...)), ackA)
}

func TestB078_RefusedSlot_StaysAndCanBeReused(t *testing.T) {
	refusedVideo := setup(says("A", 1, withVideo("A", 4002)...), hears("B", 1, relayedVideo("B", "vb1")...)) +
		pickUp(says("B", 7, withoutVideo(audio("B", "sendrecv"))...), hears("A", 1, relayedWithoutVideo("A")...)) + ackA
	// The slot is used for another medium, and by the other side.
	image := []string{"m=image 6004 udptl t38", "a=T38FaxVersion:0"}
	play(t, both(flowsAre(t, "<> off", "<> -", "<> off"), holds(t, 2)), refusedVideo,
		offers("B", 50, says("B", 8, append(audio("B", "sendrecv"), append(image, "a=inactive")...)...),
			hears("A", 2, append(relayed("A", "sendrecv"), "m=image ${ia:port} udptl t38", "a=T38FaxVersion:0", "a=inactive")...)),
		settles("B", 50, says("A", 2, append(audio("A", "sendrecv"), "m=image 4004 udptl t38", "a=inactive")...),
			hears("B", 2, append(relayed("B", "sendrecv"), "m=image ${ib:port} udptl t38", "a=inactive")...)),
		// A gives the line up again.
		offers("A", 2, says("A", 3, append(audio("A", "sendrecv"), "m=image 0 udptl t38")...),
			hears("B", 3, append(relayed("B", "sendrecv"), "m=image 0 udptl t38", "a=inactive")...)),
		settles("A", 2, says("B", 9, append(audio("B", "sendrecv"), "m=image 0 udptl t38")...),
			hears("A", 3, append(relayed("A", "sendrecv"), "m=image 0 udptl t38", "a=inactive")...)))
}

func TestB079_SessionIdentity_IsOursOnEachLeg(t *testing.T) {
	offer := strings.Replace(says("A", 1, audio("A", "sendrecv")...), "t=0 0", "t=2873397496 2873404696", 1)
	back := strings.Replace(hears("A", 1, relayed("A", "sendrecv")...), "t=0 0", "t=2873397496 2873404696", 1)
	play(t, func(r *rig) {
		ids := map[string]bool{}
		for _, to := range []string{addrA, addrB} {
			for _, p := range r.wire.sent(to, "") {
				for _, m := range regexp.MustCompile(`o=- (\d+) `).FindAllStringSubmatch(string(p.Data), -1) {
					ids[m[1]] = true
				}
			}
		}
		if len(ids) != 2 {
			t.Errorf("session ids %v, want one for each leg", ids)
		}
	}, setup(offer, hears("B", 1, relayed("B", "sendrecv")...)), pickUp(says("B", 7, audio("B", "sendrecv")...), back), ackA)
}

func TestB079_Refresh_IsAnsweredAndChangesNothing(t *testing.T) {
	play(t, both(flowsAre(t, "<>", "<>", "<>"), func(r *rig) {
		h := r.media.history()
		for i, s := range h[1:] {
			if s[0].A.Generation != h[0][0].A.Generation || s[0].B.Generation != h[0][0].B.Generation {
				t.Errorf("refresh %d opens latching again", i+1)
			}
		}
	}, holds(t, 2)), talking(),
		offers("A", 2, says("A", 1, audio("A", "sendrecv")...), hears("B", 1, relayed("B", "sendrecv")...)),
		settles("A", 2, says("B", 7, audio("B", "sendrecv")...), hears("A", 1, relayed("A", "sendrecv")...)),
		offers("B", 50, says("B", 7, audio("B", "sendrecv")...), hears("A", 1, relayed("A", "sendrecv")...)),
		settles("B", 50, says("A", 1, audio("A", "sendrecv")...), hears("B", 1, relayed("B", "sendrecv")...)))
}

func TestB079_NewAddress_OpensLatchingAgainAndMovesTheMedia(t *testing.T) {
	moved := []string{"m=audio 4444 RTP/AVP 0", "c=IN IP4 10.0.0.44", "a=sendrecv"}
	play(t, func(r *rig) {
		h := r.media.history()
		if h[0][0].A.Generation == h[1][0].A.Generation || h[0][0].B.Generation != h[1][0].B.Generation {
			t.Error("only the side that moved may be latched anew")
		}
		sendsTo(t, h[1][0].A, "10.0.0.44:4444")
	}, talking(),
		// The body toward B does not change: it names our address.
		offers("A", 2, says("A", 2, moved...), hears("B", 1, relayed("B", "sendrecv")...)),
		settles("A", 2, says("B", 7, audio("B", "sendrecv")...), hears("A", 1, relayed("A", "sendrecv")...)))
}

func TestB080_B081_VideoAddedRemovedAndAddedAgain(t *testing.T) {
	add := func(seq, va, vb, version int, names ...string) string {
		return offers("A", seq, says("A", seq, withVideo("A", va)...), hears("B", version, relayedVideo("B", names[0])...)) +
			settles("A", seq, says("B", 6+seq, withVideo("B", vb)...), hears("A", version, relayedVideo("A", names[1])...))
	}
	play(t, both(flowsAre(t, "<>", "<> <>", "<> off", "<> <>"), holds(t, 4), func(r *rig) {
		for _, to := range []string{addrA, addrB} {
			if shown := portsShown(r, to, "video"); len(shown) != 2 || shown[0] == shown[1] {
				t.Errorf("video ports shown to %s: %v, want two different ones", to, shown)
			}
			if shown := portsShown(r, to, "audio"); len(shown) != 1 {
				t.Errorf("audio ports shown to %s: %v, want one", to, shown)
			}
		}
	}), talking(), add(2, 4002, 6002, 2, "vb1", "va1"),
		offers("A", 3, says("A", 3, withoutVideo(audio("A", "sendrecv"))...), hears("B", 3, relayedWithoutVideo("B")...)),
		settles("A", 3, says("B", 9, withoutVideo(audio("B", "sendrecv"))...), hears("A", 3, relayedWithoutVideo("A")...)),
		add(4, 4004, 6004, 4, "vb2", "va2"))
}

func TestB081_RemovedLine_FreesItsPorts(t *testing.T) {
	both2 := setup(says("A", 1, withVideo("A", 4002)...), hears("B", 1, relayedVideo("B", "vb1")...)) +
		pickUp(says("B", 7, withVideo("B", 6002)...), hears("A", 1, relayedVideo("A", "va1")...)) + ackA
	play(t, both(flowsAre(t, "<> <>", "<> off"), holds(t, 2)), both2,
		offers("B", 50, says("B", 8, withoutVideo(audio("B", "sendrecv"))...), hears("A", 2, relayedWithoutVideo("A")...)),
		settles("B", 50, says("A", 2, withoutVideo(audio("A", "sendrecv"))...), hears("B", 2, relayedWithoutVideo("B")...)))
}

func TestB065_VideoRefused_ItsPortsComeBackAtOnce(t *testing.T) {
	play(t, both(flowsAre(t, "<>"), holds(t, 2)), talking(),
		offers("A", 2, says("A", 2, withVideo("A", 4002)...), hears("B", 2, relayedVideo("B", "vb1")...)),
		refused("A", 2, "488 Not Acceptable Here", "488 Not Acceptable Here"))
}

func TestB065_VideoRefused_TheSlotWasNeverThere(t *testing.T) {
	play(t, both(flowsAre(t, "<>", "<>"), holds(t, 2)), talking(),
		offers("A", 2, says("A", 2, withVideo("A", 4002)...), hears("B", 2, relayedVideo("B", "vb1")...)),
		refused("A", 2, "488 Not Acceptable Here", "488 Not Acceptable Here"),
		offers("B", 50, says("B", 7, audio("B", "sendrecv")...), hears("A", 1, relayed("A", "sendrecv")...)),
		settles("B", 50, says("A", 1, audio("A", "sendrecv")...), hears("B", 1, relayed("B", "sendrecv")...)))
}

func TestB089_NoCommonCodec_Gets488WithWarning(t *testing.T) {
	t.Run("nothing the border relays", func(t *testing.T) {
		play(t, nothingLeft(t), peers, inviteHead+says("A", 1, "m=audio 4000 RTP/SAVP 0"), `
<A SIP/2.0 100 Trying
<A ...
<A SIP/2.0 488 Not Acceptable Here
<A Warning: 302 gatehouse "Incompatible transport protocol"
<A ...
`, refusalACK)
	})
	t.Run("nothing the other side was offered", func(t *testing.T) {
		play(t, nothingLeft(t), setup(says("A", 1, audio("A", "sendrecv")...), hears("B", 1, relayed("B", "sendrecv")...)),
			okB+says("B", 7, "m=audio 6000 RTP/AVP 18"), `
<B ACK sip:b@203.0.113.20:5060 SIP/2.0
<B Content-Length: 0
<B ...
`, isHungUp("B"), `
<A SIP/2.0 488 Not Acceptable Here
<A Warning: 305 gatehouse "Incompatible media format"
<A ...
`, refusalACK)
	})
	t.Run("every line refused by the other side", func(t *testing.T) {
		play(t, both(flowsAre(t, "off"), holds(t, 0)), setup(says("A", 1, audio("A", "sendrecv")...), hears("B", 1, relayed("B", "sendrecv")...)),
			pickUp(says("B", 7, "m=audio 0 RTP/AVP 0"), expected("A", "Content-Type: application/sdp\n...\n\n...\nm=audio 0 RTP/AVP 0\n...\n")), ackA)
	})
	t.Run("in a re-INVITE the session stays", func(t *testing.T) {
		play(t, both(flowsAre(t, "<>"), holds(t, 2)), talking(), request("A", "INVITE", 2)+says("A", 2, "m=audio 4000 RTP/SAVP 0"), trying("A"),
			refusal("A", 2, "488 Not Acceptable Here"), `
quiet 60s
`)
	})
}

func TestBadAnswer_EndsTheAttemptOrTheCallCleanly(t *testing.T) {
	for name, body := range map[string]string{
		"too many lines": says("B", 7, withVideo("B", 6002)...),
		"no line":        says("B", 7, "a=sendrecv"),
		"other medium":   says("B", 7, "m=video 6000 RTP/AVP 31"),
		"other profile":  says("B", 7, "m=audio 6000 udptl t38"),
		"not SDP":        prefixed("B", "Content-Type: application/sdp\n\nrubbish\n"),
		"none":           "",
	} {
		t.Run(name+" in the first answer", func(t *testing.T) {
			play(t, both(flowsAre(t), nothingLeft(t)), setup(says("A", 1, audio("A", "sendrecv")...), hears("B", 1, relayed("B", "sendrecv")...)),
				okB+body, `
<B ACK sip:b@203.0.113.20:5060 SIP/2.0
<B Content-Length: 0
<B ...
`, isHungUp("B"), `
<A SIP/2.0 502 Bad Gateway
<A ...
`, refusalACK)
		})
		t.Run(name+" in a later one", func(t *testing.T) {
			play(t, both(flowsAre(t, "<>"), nothingLeft(t)), talking(),
				offers("A", 2, says("A", 2, audio("A", "sendonly")...), hears("B", 2, relayed("B", "sendonly")...)),
				replies("B", "200 OK", body), `
<B ACK sip:b@203.0.113.20:5060 SIP/2.0
<B Content-Length: 0
<B ...
`, isHungUp("B"), refusal("A", 2, "502 Bad Gateway"), isHungUp("A"))
		})
	}
}

func TestB100_MediaTimeout_EndsBothLegsWithOneRecord(t *testing.T) {
	playWith(t, func(r *rig) {
		go func() {
			time.Sleep(30 * time.Second)
			r.media.fallSilent()
		}()
	}, both(nothingLeft(t), func(r *rig) {
		if rec := r.cdrs.list()[0]; rec.Cause != "media timeout" || rec.Q850 != 102 || rec.Verdict != "no media" || rec.HangupBy != "gatehouse" || rec.DurationMs != 30000 {
			t.Errorf("recorded %+v", rec)
		}
	}), talking(), `
timeout 31s
`, isHungUp("A", "Reason: Q.850;cause=102"), isHungUp("B", "Reason: Q.850;cause=102"))
}

func TestB100_MediaTimeoutAfterTheEnd_DoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		r := newRig(t, n.Host(), "")
		for _, owner := range []uint64{0, 1, 1 << 60, ^uint64(0)} {
			r.engine.MediaTimeout(owner)
		}
		r.checkEmpty(t)
	})
}

func TestB101_PoolExhausted_Gets503AndThePortsComeBack(t *testing.T) {
	for _, tc := range []struct{ name, old, new string }{
		{"on the caller's side", "address: 10.0.0.1, ports: 16384-32767", "address: 10.0.0.1, ports: 16384-16385"},
		{"on the called side", "address: 203.0.113.10, ports: 16384-32767", "address: 203.0.113.10, ports: 16384-16385"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			play(t, both(func(r *rig) {
				r.checkEmpty(t)
				if got := len(r.cdrs.list()); got != 3 {
					t.Errorf("%d records, want 3", got)
				}
			}, holds(t, 0)), changed(t, tc.old, tc.new), talking(),
				// The called side hears nothing of a call we cannot carry.
				another(2, inviteHead+says("A", 1, audio("A", "sendrecv")...), trying("A"), `
<A SIP/2.0 503 Service Unavailable
<A ...
`, refusalACK), hangsUp("A", 9), `
wait 1s
`, another(3, talking(), hangsUp("A", 9)))
		})
	}
}

func TestB101_NoPortsInOneZone_TheNextTargetIsInAnother(t *testing.T) {
	cfg := changed(t, "peers:\n", `  far:
    listen: [udp://198.51.100.10:5060]
    media: {address: 198.51.100.10, ports: 16384-32767}
peers:
`, "address: 203.0.113.10, ports: 16384-32767", "address: 203.0.113.10, ports: 16384-16385", `second: {zone: outside, address: "sip:203.0.113.30:5060"}`,
		`second: {zone: far, address: "sip:198.51.100.30:5060"}`)
	play(t, func(r *rig) {
		if rec := r.cdrs.list(); len(rec) != 1 || len(rec[0].Attempts) != 2 || rec[0].Attempts[0].Code != 503 || rec[0].Attempts[1].Code != 486 {
			t.Errorf("recorded %+v", rec)
		}
	}, cfg, "peer C 198.51.100.30:5060 -> 198.51.100.10:5060", talking(), another(2, dialing("7770100", inviteHead+says("A", 1, audio("A", "sendrecv")...), trying("A"))), `
<C INVITE sip:7770100@198.51.100.30:5060 SIP/2.0
<C ...
C> SIP/2.0 486 Busy Here
C> ${last INVITE Via}
C> ${last INVITE From}
C> ${last INVITE To};tag=c1
C> ${last INVITE Call-ID}
C> ${last INVITE CSeq}

<C ACK sip:7770100@198.51.100.30:5060 SIP/2.0
<C ...
<A SIP/2.0 486 Busy Here
<A ...
`, another(2, dialing("7770100", refusalACK)))
}

// another turns fragments into those of another call of the same peers.
func another(n int, parts ...string) string {
	text := strings.Replace(strings.Join(parts, "\n"), peers, "", 1)
	text = strings.NewReplacer("call-1@", fmt.Sprintf("call-%d@", n), "tag=a1", fmt.Sprintf("tag=a1%d", n), "tag=b1", fmt.Sprintf("tag=b1%d", n)).Replace(text)
	for _, name := range []string{"atag", "btag", "acontact", "bcontact", "bcall", "sessA", "sessB", "portA", "portB", "seqB"} {
		text = strings.NewReplacer("${"+name+"}", fmt.Sprintf("${%s%d}", name, n), "${"+name+":", fmt.Sprintf("${%s%d:", name, n)).Replace(text)
	}
	return text
}

func TestB101_NoPortsForAnotherLine_TheCallGoesOn(t *testing.T) {
	for name, full := range map[string]string{"on the asking side": "address: 10.0.0.1, ports: ", "on the other side": "address: 203.0.113.10, ports: "} {
		t.Run(name, func(t *testing.T) {
			play(t, both(flowsAre(t, "<>"), holds(t, 2)), changed(t, full+"16384-32767", full+"16384-16385"),
				talking(), request("A", "INVITE", 2)+says("A", 2, withVideo("A", 4002)...), trying("A"), refusal("A", 2, "503 Service Unavailable"), `
quiet 60s
`)
		})
	}
}

func TestB099_T38_SwitchAndBack(t *testing.T) {
	fax := func(port string) []string {
		return []string{"m=image " + port + " udptl t38", "a=T38FaxVersion:0", "a=T38MaxBitRate:14400", "a=T38FaxRateManagement:transferredTCF",
			"a=T38FaxMaxBuffer:1024", "a=T38FaxMaxDatagram:400", "a=T38FaxUdpEC:t38UDPRedundancy"}
	}
	for _, who := range []string{"A", "B"} {
		t.Run("asked by "+who, func(t *testing.T) {
			o := far(who)
			seq := map[string]int{"A": 2, "B": 50}[who]
			play(t, both(flowsAre(t, "<>", "<>", "<>"), func(r *rig) {
				if k := r.media.history()[1][0].Kind; k != profile.Datagram {
					t.Errorf("fax is relayed as %v", k)
				}
				if r.media.history()[1][0].A.RTCP.IsValid() {
					t.Error("UDPTL has no RTCP")
				}
			}, holds(t, 2)), talking(),
				offers(who, seq, says(who, 2, fax("4900")...), hears(o, 2, append(fax("${port"+o+":port}"), "a=sendrecv")...)),
				settles(who, seq, says(o, 8, fax("6900")...), hears(who, 2, append(fax("${port"+who+":port}"), "a=sendrecv")...)),
				offers(who, seq+1, says(who, 3, audio(who, "sendrecv")...), hears(o, 3, relayed(o, "sendrecv")...)),
				settles(who, seq+1, says(o, 9, audio(o, "sendrecv")...), hears(who, 3, relayed(who, "sendrecv")...)))
		})
	}
	t.Run("refused", func(t *testing.T) {
		play(t, both(flowsAre(t, "<>"), holds(t, 2)), talking(),
			offers("B", 50, says("B", 8, fax("6900")...), hears("A", 2, append(fax("${portA:port}"), "a=sendrecv")...)),
			refused("B", 50, "488 Not Acceptable Here", "488 Not Acceptable Here"), `
quiet 60s
`)
	})
}
