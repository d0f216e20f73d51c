package offer

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"gatehouse/media/profile"
	"gatehouse/media/sdp"
)

// private is one of each line that names an address, a key, a device or a person; canary marks what must not cross.
const canary = "canary"

var privateSession = []string{
	"v=0", "o=canary 11 22 IN IP4 canary.example", "s=canary", "i=canary", "u=http://canary.example/", "e=canary@x", "p=+1canary", "c=IN IP4 10.9.8.7",
	"b=X-canary:1", "t=0 0", "k=clear:canary", "a=tool:canary", "a=group:BUNDLE canary", "a=msid-semantic:WMS canary", "a=ice-ufrag:canary", "a=ice-pwd:canary",
	"a=ice-options:canary", "a=ice-lite", "a=fingerprint:sha-256 canary", "a=setup:actpass", "a=identity:canary", "a=cname:canary", "a=x-canary:1", "a=canary",
}

var privateMedia = []string{
	"i=canary", "k=clear:canary", "a=candidate:1 1 UDP 1 10.9.8.7 9 typ host raddr 10.9.8.7 rport 9", "a=remote-candidates:1 10.9.8.7 9", "a=end-of-candidates",
	"a=ice-ufrag:canary", "a=ice-pwd:canary", "a=fingerprint:sha-256 canary", "a=setup:actpass", "a=tls-id:canary", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:canary",
	"a=ssrc:1 cname:canary", "a=ssrc-group:FID 1 2", "a=msid:canary canary", "a=mid:canary", "a=mid:0", "a=label:0", "a=label:canary", "a=path:msrp://canary", "a=rid:canary send",
	"a=extmap:1 urn:canary", "a=curr:qos local none", "a=key-mgmt:mikey canary", "a=rtcp:4501 IN IP4 10.9.8.7", "a=des:canary", "a=X-canary", "a=gpmd:0 canary",
}

func TestB110_PrivateLines_NeverCross(t *testing.T) {
	private := func(m string) *sdp.Session {
		return parse(t, []byte(strings.Join(append(append(append([]string{}, privateSession...), m), privateMedia...), "\r\n")+"\r\n"))
	}
	c := newCall(t)
	c.offer(c.a, c.b, private("m=audio 4000 RTP/AVP 0"))
	c.b.Rollback()
	ok(t, c.a.Offered(private("m=audio 4000 RTP/AVP 0")))
	offer, err := c.b.BuildOffer(c.a, at(ourB, 30000, c.b.OfferLines(c.a)))
	ok(t, err)
	ok(t, c.b.Answered(private("m=audio 6000 RTP/AVP 0")))
	answer, err := c.a.BuildAnswer(c.b, at(ourA, 20000, c.a.AnswerLines(c.b)))
	ok(t, err)
	for name, got := range map[string]string{"offer": string(offer), "answer": string(answer)} {
		if strings.Contains(strings.ToLower(got), canary) || strings.Contains(got, "10.9.8.7") {
			t.Errorf("%s leaks:\n%s", name, got)
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(got, "\r\n"), "\r\n") {
			switch {
			case strings.HasPrefix(line, "a=") && line != "a=rtpmap:0 PCMU/8000" && line != "a=sendrecv":
				t.Errorf("%s: %s", name, line)
			case !strings.Contains("vosctma", line[:1]):
				t.Errorf("%s: %s", name, line)
			}
		}
	}
}

func TestB087_NamedAttributes_Cross(t *testing.T) {
	pass := []string{
		"a=lang:en", "a=sdplang:en", "a=charset:utf-8", "a=framerate:25", "a=content:slides", "a=orient:portrait", "a=quality:10", "a=rtcp-rsize",
		"a=silenceSupp:off - - - -", "a=imageattr:96 send * recv *", "a=imageattr:* recv *", "a=framesize:96 176-144",
	}
	c := newCall(t)
	ok(t, c.a.Offered(desc(t, addrA, append([]string{"m=video 4000 RTP/AVP 96", "a=rtpmap:96 VP8/90000", "a=imageattr:99 send *"}, pass...)...)))
	// On B's leg 96 means something else already, so VP8 gets another number there.
	c.b.table(0).bind(96, "taken")
	body, err := c.b.BuildOffer(c.a, at(ourB, 30000, c.b.OfferLines(c.a)))
	must(t, body, err)
	for _, want := range pass {
		if want = strings.Replace(want, ":96 ", ":97 ", 1); !strings.Contains(string(body), want+"\r\n") {
			t.Errorf("%s is missing", want)
		}
	}
	if strings.Contains(string(body), "imageattr:99") || strings.Contains(string(body), ":96") {
		t.Errorf("a number of the other leg:\n%s", body)
	}
}

func refusal(t *testing.T, err error, warning int) {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) || r.Code != 488 || r.Warning != warning || r.Text == "" || !strings.Contains(r.Error(), r.Text) {
		t.Fatalf("error %v, want warning %d", err, warning)
	}
}

func TestB089_NothingInCommon_Is488WithWarning(t *testing.T) {
	build := func(lines []string, give bool) error {
		a, b := NewLeg(1), NewLeg(2)
		ok(t, a.Offered(desc(t, addrA, lines...)))
		var local []Address
		if give {
			local = at(ourB, 30000, b.OfferLines(a))
		}
		_, err := b.BuildOffer(a, local)
		if b.Open() == (err != nil) {
			t.Errorf("exchange open: %v", b.Open())
		}
		return err
	}
	refusal(t, build([]string{"m=audio 4000 RTP/SAVP 0"}, true), 302)
	refusal(t, build([]string{"m=audio 4000 UDP/TLS/RTP/SAVPF 0", "m=application 9 UDP/DTLS/SCTP 5000"}, true), 302)
	refusal(t, build([]string{"m=message 4000 TCP/MSRP *"}, true), 302)
	refusal(t, build([]string{"m=audio 4000 RTP/AVP 96 97"}, true), 305)
	refusal(t, build([]string{"m=audio 4000 RTP/AVP 0"}, false), 304)
	ok(t, build([]string{"m=audio 4000 RTP/SAVP 0", "m=audio 4002 RTP/AVP 0"}, true))
	ok(t, build([]string{"m=audio 0 RTP/AVP 0"}, true)) // nothing asked, nothing refused
	ok(t, build(nil, true))
}

func TestB089_LineWithoutCommonCodec_GetsPortZero(t *testing.T) {
	offered := append(pcmuOffer, "m=video 4002 RTP/AVP 31 34")
	_, _, toA := setup(t, offered, append(pcmuAnswer, "m=video 6002 RTP/AVP 26"))
	if toA.Media[0].Rejected() || !toA.Media[1].Rejected() {
		t.Fatalf("%+v", toA.Media)
	}
	c := newCall(t)
	c.offer(c.a, c.b, desc(t, addrA, offered...))
	ok(t, c.b.Answered(desc(t, addrB, "m=audio 6000 RTP/AVP 9", "m=video 0 RTP/AVP 31")))
	_, err := c.a.BuildAnswer(c.b, at(ourA, 20000, []Line{{Relay: true}, {Relay: true}}))
	refusal(t, err, 305)
	// events alone are no common codec either
	ok(t, c.b.Answered(desc(t, addrB, "m=audio 6000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000", "m=video 0 RTP/AVP 31")))
	_, err = c.a.BuildAnswer(c.b, at(ourA, 20000, []Line{{Relay: true}, {Relay: true}}))
	refusal(t, err, 305)
}

func TestB089_FarSideRefusesAll_AnswerDoesToo(t *testing.T) {
	c, _, toA := setup(t, pcmuOffer, []string{"m=audio 0 RTP/AVP 0"})
	if !toA.Media[0].Rejected() || Streams(c.a, c.b)[0].Kind != profile.Off {
		t.Fatalf("%+v", toA.Media)
	}
}

var t38 = []string{
	"m=image 4000 udptl t38", "a=T38FaxVersion:0", "a=T38MaxBitRate:14400", "a=T38FaxRateManagement:transferredTCF", "a=T38FaxMaxBuffer:262",
	"a=T38FaxMaxDatagram:90", "a=T38FaxUdpEC:t38UDPRedundancy",
}

func TestB099_FaxSwitch_BothLegsTogetherAndBack(t *testing.T) {
	c, _, _ := setup(t, pcmuOffer, pcmuAnswer)
	toA := c.offer(c.b, c.a, desc(t, addrB, t38...))
	if m := toA.Media[0]; len(toA.Media) != 1 || m.Kind != "image" || m.Proto != "udptl" || m.Formats[0] != "t38" || len(m.Attrs) != 6 || m.Port != 20000 {
		t.Fatalf("%+v", m)
	}
	for i, a := range toA.Media[0].Attrs {
		if "a="+a.Key+":"+a.Value != t38[i+1] {
			t.Errorf("%+v, want %s", a, t38[i+1])
		}
	}
	toB := c.answer(c.a, c.b, desc(t, addrA, t38...))
	if m := toB.Media[0]; m.Kind != "image" || m.Rejected() || len(m.Attrs) != 6 {
		t.Fatalf("%+v", m)
	}
	c.commit()
	s := Streams(c.a, c.b)[0]
	if s.Kind != profile.Datagram || s.A.RTP.String() != addrA+":4000" || s.A.RTCP.IsValid() || s.A.PT != nil || !s.A.Sends || !s.B.Sends {
		t.Fatalf("%+v", s)
	}
	// image-only refresh, answered image-only and unchanged
	version := c.b.Version()
	toA = c.offer(c.b, c.a, desc(t, addrB, t38...))
	toB = c.answer(c.a, c.b, desc(t, addrA, t38...))
	c.commit()
	if len(toA.Media) != 1 || len(toB.Media) != 1 || c.b.Version() != version {
		t.Fatalf("refresh: %d, %d lines, version %d", len(toA.Media), len(toB.Media), c.b.Version())
	}
	// back to audio
	c.offer(c.a, c.b, desc(t, addrA, pcmuOffer...))
	c.answer(c.b, c.a, desc(t, addrB, pcmuAnswer...))
	c.commit()
	if s := Streams(c.a, c.b)[0]; s.Kind != profile.RTP || maps(s.A.PT) != "0>0 101>101" {
		t.Fatalf("%+v", s)
	}
}

func TestB099_FaxRefused_AudioGoesOn(t *testing.T) {
	c, _, _ := setup(t, pcmuOffer, pcmuAnswer)
	c.offer(c.b, c.a, desc(t, addrB, t38...))
	c.a.Rollback() // A said 488
	c.b.Rollback()
	if s := Streams(c.a, c.b)[0]; s.Kind != profile.RTP || !s.A.Sends || !s.B.Sends {
		t.Fatalf("%+v", s)
	}
}

func TestRelayKind_Transports(t *testing.T) {
	for proto, want := range map[string]profile.Kind{
		"RTP/AVP": profile.RTP, "rtp/avpf": profile.RTP, "udptl": profile.Datagram, "UDPTL": profile.Datagram, "udp": profile.Datagram, "UDP/BFCP": profile.Datagram,
		"RTP/SAVP": profile.Off, "RTP/SAVPF": profile.Off, "UDP/TLS/RTP/SAVP": profile.Off, "UDP/TLS/UDPTL": profile.Off, "UDP/DTLS/SCTP": profile.Off,
		"TCP/MSRP": profile.Off, "TCP/RTP/AVP": profile.Off, "DTLS/SCTP": profile.Off, "TCP": profile.Off, "UDP/TLS/BFCP": profile.Off,
	} {
		if got := relayKind(&sdp.Media{Proto: proto}); got != want {
			t.Errorf("%s: %v, want %v", proto, got, want)
		}
	}
}

func TestLines_Family_FollowsThePeer(t *testing.T) {
	c := newCall(t)
	ok(t, c.a.Offered(desc(t, "2001:db8::20", "m=audio 4000 RTP/AVP 0", "m=video 0 RTP/AVP 31", "m=image 4004 udptl t38", "m=audio 4006 RTP/SAVP 0")))
	if got := c.b.OfferLines(c.a); len(got) != 4 || got[0] != (Line{true, profile.RTP, profile.Any}) || got[1].Relay || got[2].Kind != profile.Datagram || got[3].Relay {
		t.Fatalf("%+v", got)
	}
	_, err := c.b.BuildOffer(c.a, at(ourB, 30000, c.b.OfferLines(c.a)))
	ok(t, err)
	ok(t, c.b.Answered(desc(t, addrB, "m=audio 6000 RTP/AVP 0", "m=video 0 RTP/AVP 31", "m=image 0 udptl t38", "m=audio 0 RTP/SAVP 0")))
	if got := c.a.AnswerLines(c.b); len(got) != 4 || got[0] != (Line{true, profile.RTP, profile.IPv6}) || got[1].Relay || got[2].Relay || got[3].Relay {
		t.Fatalf("%+v", got)
	}
	b, err := c.a.BuildAnswer(c.b, []Address{{RTP: netip.MustParseAddrPort("[2001:db8::1]:20000")}})
	if s := must(t, b, err); s.Media[0].Addr.String() != "2001:db8::1" || !strings.Contains(string(b), "c=IN IP6 2001:db8::1\r\n") {
		t.Fatalf("%s", b)
	}
	c.commit()
	// from now on both families are known
	ok(t, c.a.Offered(desc(t, "2001:db8::20", "m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 31", "m=image 0 udptl t38", "m=audio 0 RTP/SAVP 0")))
	if got := c.b.OfferLines(c.a); len(got) != 4 || got[0].Family != profile.IPv4 || got[1].Family != profile.IPv4 || got[2].Relay {
		t.Fatalf("%+v", got)
	}
	if NewLeg(1).OfferLines(NewLeg(2)) != nil || NewLeg(1).AnswerLines(NewLeg(2)) != nil {
		t.Error("lines out of nothing")
	}
}
