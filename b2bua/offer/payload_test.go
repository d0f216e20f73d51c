package offer

import (
	"strings"
	"testing"

	"gatehouse/media/sdp"
)

func TestB085_AnswerWithOtherNumbers_IsMappedBothWays(t *testing.T) {
	c, toB, toA := setup(t,
		[]string{"m=audio 4000 RTP/AVP 96 0 101", "a=rtpmap:96 opus/48000/2", "a=rtpmap:101 telephone-event/8000"},
		[]string{"m=audio 6000 RTP/AVP 111 0 120", "a=rtpmap:111 OPUS/48000/2", "a=rtpmap:120 telephone-event/8000"})
	if got := codecs(&toB.Media[0]); got != "96 opus/48000/2, 0 pcmu/8000, 101 telephone-event/8000" {
		t.Errorf("offer: %s", got)
	}
	if got := codecs(&toA.Media[0]); got != "96 opus/48000/2, 0 pcmu/8000, 101 telephone-event/8000" {
		t.Errorf("answer: %s", got)
	}
	if name := toA.Media[0].Codecs[0].Name; name != "opus" {
		t.Errorf("A wrote opus and reads %s", name)
	}
	s := Streams(c.a, c.b)[0]
	if got := maps(s.A.PT); got != "0>0 96>111 101>120" {
		t.Errorf("A to B: %s", got)
	}
	// B should send with what it was offered; one that sends with its own numbers is understood.
	if got := maps(s.B.PT); got != "0>0 96>96 101>101 111>96 120>101" {
		t.Errorf("B to A: %s", got)
	}
	if s.A.ClockHz != 48000 || s.B.ClockHz != 48000 {
		t.Errorf("clocks %d, %d", s.A.ClockHz, s.B.ClockHz)
	}
}

func TestB085_OwnNumberOfAnotherCodec_IsNotGuessed(t *testing.T) {
	// B answers with the two numbers swapped: 96 in its packets can only mean what we offered as 96.
	c, _, _ := setup(t,
		[]string{"m=audio 4000 RTP/AVP 96 97", "a=rtpmap:96 opus/48000/2", "a=rtpmap:97 iLBC/8000"},
		[]string{"m=audio 6000 RTP/AVP 97 96", "a=rtpmap:97 opus/48000/2", "a=rtpmap:96 iLBC/8000"})
	s := Streams(c.a, c.b)[0]
	if got := maps(s.A.PT); got != "96>97 97>96" {
		t.Errorf("A to B: %s", got)
	}
	if got := maps(s.B.PT); got != "96>96 97>97" {
		t.Errorf("B to A: %s", got)
	}
	// What the peer did changes nothing in what our numbers mean on its leg.
	toB := c.offer(c.a, c.b, desc(t, addrA, "m=audio 4000 RTP/AVP 97 96", "a=rtpmap:96 opus/48000/2", "a=rtpmap:97 iLBC/8000"))
	if got := codecs(&toB.Media[0]); got != "97 ilbc/8000, 96 opus/48000/2" {
		t.Errorf("next offer: %s", got)
	}
}

func TestB085_OwnNumberWithoutParameters_MeansTheOfferedOne(t *testing.T) {
	amr := []string{"m=audio 4000 RTP/AVP 96 97", "a=rtpmap:96 AMR/8000", "a=fmtp:96 octet-align=1", "a=rtpmap:97 AMR/8000"}
	for pt, want := range map[string]string{"96": "96>96", "97": "97>97"} {
		c, _, toA := setup(t, amr, []string{"m=audio 6000 RTP/AVP " + pt, "a=rtpmap:" + pt + " AMR/8000"})
		if got := maps(Streams(c.a, c.b)[0].A.PT); got != want || len(toA.Media[0].Codecs) != 1 {
			t.Errorf("%s: %s", pt, got)
		}
	}
	// An own number: the parameters tell which.
	c, _, _ := setup(t, amr, []string{"m=audio 6000 RTP/AVP 98", "a=rtpmap:98 AMR/8000"})
	if got := maps(Streams(c.a, c.b)[0].A.PT); got != "97>98" {
		t.Errorf("own number: %s", got)
	}
}

func TestB085_RetransmissionFormats_FollowTheirCodec(t *testing.T) {
	c, _, toA := setup(t, []string{
		"m=video 4000 RTP/AVP 96 97 98 99", "a=rtpmap:96 VP8/90000", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96;rtx-time=3000",
		"a=rtpmap:98 VP9/90000", "a=rtpmap:99 rtx/90000", "a=fmtp:99 apt=98;rtx-time=3000",
	}, []string{
		"m=video 6000 RTP/AVP 120 121", "a=rtpmap:120 VP9/90000", "a=rtpmap:121 rtx/90000", "a=fmtp:121 rtx-time=1000; apt=120",
	})
	if got := codecs(&toA.Media[0]); got != "98 vp9/90000, 99 rtx/90000" || toA.Media[0].Codecs[1].Fmtp[0] != "apt=98;rtx-time=1000" {
		t.Fatalf("%s, %+v", got, toA.Media[0].Codecs)
	}
	if got := maps(Streams(c.a, c.b)[0].A.PT); got != "98>120 99>121" {
		t.Fatalf("%s", got)
	}
	// one whose codec is not there, or that names none, does not cross
	_, toB, _ := setup(t, []string{
		"m=video 4000 RTP/AVP 96 97 98", "a=rtpmap:96 VP8/90000", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=111", "a=rtpmap:98 rtx/90000",
	}, []string{"m=video 6000 RTP/AVP 96", "a=rtpmap:96 VP8/90000"})
	if got := codecs(&toB.Media[0]); got != "96 vp8/90000" {
		t.Fatalf("%s", got)
	}
}

func TestIdentity_DefiningParameters_TellCodecsApart(t *testing.T) {
	key := func(name, fmtp string) string {
		c := sdp.Codec{Name: name, ClockHz: 90000, Channels: 1, Fmtp: []string{fmtp}}
		return identity(&c, []sdp.Codec{c})
	}
	for _, c := range []struct {
		name, x, y string
		same       bool
	}{
		{"H264", "profile-level-id=42E01F", "profile-level-id=42e00a;packetization-mode=0", true},
		{"H264", "profile-level-id=42e01f", "profile-level-id=640c1f", false},
		{"H265", "profile-id=1", "profile-id=2", false},
		{"AMR-WB", "octet-align=1", "octet-align=0", false},
		{"AMR-WB", "octet-align=0", "mode-set=2", true},
		{"VP9", "profile-id=0", "profile-id=2", false},
		{"AV1", "profile=0;level-idx=5", "profile=0;level-idx=8", true},
		{"G7221", "bitrate=24000", "bitrate=32000", false},
		{"mpeg4-generic", "config=1190", "config=1210", false},
		{"opus", "useinbandfec=1", "stereo=1", true},
		{"iLBC", "mode=20", "mode=30", true},
	} {
		if got := key(c.name, c.x) == key(c.name, c.y); got != c.same {
			t.Errorf("%+v: %s, %s", c, key(c.name, c.x), key(c.name, c.y))
		}
	}
}

func TestB085_NumberTakenOnTheOtherLeg_GetsAFreeOne(t *testing.T) {
	c, _, _ := setup(t,
		[]string{"m=audio 4000 RTP/AVP 96 0", "a=rtpmap:96 opus/48000/2"},
		[]string{"m=audio 6000 RTP/AVP 96 0", "a=rtpmap:96 opus/48000/2"})
	// B offers 97 for iLBC; later A uses 97 for Speex: on B's leg 97 is taken for good.
	c.offer(c.b, c.a, desc(t, addrB, "m=audio 6000 RTP/AVP 96 97 0", "a=rtpmap:96 opus/48000/2", "a=rtpmap:97 iLBC/8000"))
	c.answer(c.a, c.b, desc(t, addrA, "m=audio 4000 RTP/AVP 0"))
	c.commit()
	toB := c.offer(c.a, c.b, desc(t, addrA, "m=audio 4000 RTP/AVP 97 0", "a=rtpmap:97 speex/16000"))
	if got := codecs(&toB.Media[0]); got != "98 speex/16000, 0 pcmu/8000" {
		t.Fatalf("offer to B: %s", got)
	}
	toA := c.answer(c.b, c.a, desc(t, addrB, "m=audio 6000 RTP/AVP 98", "a=rtpmap:98 speex/16000"))
	if got := codecs(&toA.Media[0]); got != "97 speex/16000" {
		t.Fatalf("answer to A: %s", got)
	}
	s := Streams(c.a, c.b)[0]
	if maps(s.A.PT) != "97>98" || maps(s.B.PT) != "98>97" {
		t.Fatalf("%s, %s", maps(s.A.PT), maps(s.B.PT))
	}
	c.commit()
	// and opus comes back under its old number on both
	toB = c.offer(c.a, c.b, desc(t, addrA, "m=audio 4000 RTP/AVP 100", "a=rtpmap:100 opus/48000/2"))
	if got := codecs(&toB.Media[0]); got != "96 opus/48000/2" {
		t.Fatalf("offer to B: %s", got)
	}
}

func TestB085_SameNameTwice_IsToldApartByDefiningParameters(t *testing.T) {
	h264 := func(pt, mode string) []string {
		return []string{"a=rtpmap:" + pt + " H264/90000", "a=fmtp:" + pt + " profile-level-id=42e01f;packetization-mode=" + mode}
	}
	offered := append([]string{"m=video 4000 RTP/AVP 96 97 98"}, append(h264("96", "1"), h264("97", "0")...)...)
	offered = append(offered, "a=rtpmap:98 rtx/90000", "a=fmtp:98 apt=97")
	// B takes only mode 0, under its own number and another level, with its retransmissions.
	c, toB, toA := setup(t, offered, []string{
		"m=video 6000 RTP/AVP 120 121", "a=rtpmap:120 H264/90000", "a=fmtp:120 packetization-mode=0;profile-level-id=42e00c",
		"a=rtpmap:121 rtx/90000", "a=fmtp:121 apt=120",
	})
	if got := codecs(&toB.Media[0]); got != "96 h264/90000, 97 h264/90000, 98 rtx/90000" {
		t.Errorf("offer: %s", got)
	}
	if got := codecs(&toA.Media[0]); got != "97 h264/90000, 98 rtx/90000" {
		t.Errorf("answer: %s", got)
	}
	if f := toA.Media[0].Codecs; f[0].Fmtp[0] != "packetization-mode=0;profile-level-id=42e00c" || f[1].Fmtp[0] != "apt=97" {
		t.Errorf("parameters %v, %v", f[0].Fmtp, f[1].Fmtp)
	}
	if got := maps(Streams(c.a, c.b)[0].A.PT); got != "97>120 98>121" {
		t.Errorf("A to B: %s", got)
	}
}

func TestB085_AnswerWithoutRTPMap_MeansWhatWasOffered(t *testing.T) {
	_, _, toA := setup(t, []string{"m=audio 4000 RTP/AVP 96 0", "a=rtpmap:96 opus/48000/2"}, []string{"m=audio 6000 RTP/AVP 96"})
	if got := codecs(&toA.Media[0]); got != "96 opus/48000/2" {
		t.Fatalf("%s", got)
	}
}

func TestB085_StaticNumberMisused_IsNotSpread(t *testing.T) {
	_, toB, _ := setup(t, []string{"m=audio 4000 RTP/AVP 8 0", "a=rtpmap:8 opus/48000/2"}, []string{"m=audio 6000 RTP/AVP 0"})
	if got := codecs(&toB.Media[0]); got != "96 opus/48000/2, 0 pcmu/8000" {
		t.Fatalf("%s", got)
	}
}

func TestB085_AllDynamicNumbersTaken_OthersAreUsed(t *testing.T) {
	table := paytable{}
	for pt := uint8(96); pt < 128; pt++ {
		table.bind(pt, "taken")
	}
	var used [128]bool
	c := codec{Codec: sdp.Codec{PT: 96, Name: "opus", ClockHz: 48000, Channels: 2}, key: "opus/48000/2"}
	if pt, ok := table.assign(&c, &used, false); !ok || pt != 35 {
		t.Fatalf("%d, %v", pt, ok)
	}
	for pt := uint8(35); pt < 64; pt++ {
		table.bind(pt, "taken")
	}
	used = [128]bool{}
	if pt, ok := table.assign(&c, &used, false); ok {
		t.Fatalf("%d", pt)
	}
}

func TestB086_TelephoneEvent_ListIsAlwaysThere(t *testing.T) {
	_, toB, toA := setup(t,
		[]string{"m=audio 4000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000"},
		[]string{"m=audio 6000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000"})
	for _, m := range []*sdp.Media{&toB.Media[0], &toA.Media[0]} {
		if f := m.Codecs[1].Fmtp; len(f) != 1 || f[0] != "0-15" {
			t.Errorf("events %v", f)
		}
	}
	_, _, toA = setup(t,
		[]string{"m=audio 4000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16"},
		[]string{"m=audio 6000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-11"})
	if f := toA.Media[0].Codecs[1].Fmtp; len(f) != 1 || f[0] != "0-11" {
		t.Errorf("the far list is %v", f)
	}
}

func TestB086_TelephoneEvent_IsMatchedPerClock(t *testing.T) {
	offered := []string{
		"m=audio 4000 RTP/AVP 96 0 101 102", "a=rtpmap:96 opus/48000/2", "a=rtpmap:101 telephone-event/48000", "a=fmtp:101 0-15",
		"a=rtpmap:102 telephone-event/8000", "a=fmtp:102 0-15",
	}
	c, _, toA := setup(t, offered, []string{"m=audio 6000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000"})
	if got := codecs(&toA.Media[0]); got != "0 pcmu/8000, 102 telephone-event/8000" {
		t.Errorf("answer: %s", got)
	}
	s := Streams(c.a, c.b)[0]
	if got := maps(s.A.PT); got != "0>0 102>101" {
		t.Errorf("A to B: %s", got)
	}
	// 101 was offered to B at 48 kHz: with that number B can only mean its answer when it sends 8 kHz events.
	if got := maps(s.B.PT); got != "0>0 101>102 102>102" {
		t.Errorf("B to A: %s", got)
	}
}

func TestB087_CodecParameters_PassUnchanged(t *testing.T) {
	offered := []string{
		"m=audio 4000 RTP/AVPF 96 18", "b=AS:80", "b=TIAS:64000", "b=X-secret:1", "a=rtpmap:96 AMR-WB/16000", "a=fmtp:96 octet-align=1;mode-set=0,2", "a=fmtp:18 annexb=no",
		"a=rtcp-fb:96 nack", "a=rtcp-fb:* ccm tmmbr", "a=ptime:30", "a=maxptime:60",
	}
	_, toB, toA := setup(t, offered, []string{
		"m=audio 6000 RTP/AVPF 96", "b=AS:40", "a=rtpmap:96 AMR-WB/16000", "a=fmtp:96 octet-align=1;mode-set=2", "a=rtcp-fb:96 nack", "a=ptime:40",
	})
	m := toB.Media[0]
	if m.Proto != "RTP/AVPF" || m.Codecs[0].Fmtp[0] != "octet-align=1;mode-set=0,2" || m.Codecs[1].Fmtp[0] != "annexb=no" || m.Codecs[0].RTCPFB[0] != "nack" ||
		m.RTCPFB[0] != "ccm tmmbr" || m.PTime != 30 || m.MaxPTime != 60 || len(m.Bandwidth) != 2 {
		t.Errorf("offer: %+v", m)
	}
	m = toA.Media[0]
	if m.Codecs[0].Fmtp[0] != "octet-align=1;mode-set=2" || m.PTime != 40 || m.MaxPTime != 0 || len(m.Bandwidth) != 1 || m.Bandwidth[0].Value != 40 {
		t.Errorf("answer: %+v", m)
	}
}

func TestB087_RED_CrossesOnlyWhereNumbersStay(t *testing.T) {
	red := func(pt string) []string {
		return []string{"m=audio 4000 RTP/AVP 63 " + pt, "a=rtpmap:63 red/48000/2", "a=fmtp:63 " + pt + "/" + pt, "a=rtpmap:" + pt + " opus/48000/2"}
	}
	c, toB, _ := setup(t, red("111"), red("111"))
	if got := codecs(&toB.Media[0]); got != "63 red/48000/2, 111 opus/48000/2" {
		t.Fatalf("offer: %s", got)
	}
	// B had opus as 111; A renumbers it, against the rules: 112 stays 111 on B's leg, so RED cannot cross.
	toB = c.offer(c.a, c.b, desc(t, addrA, red("112")...))
	if got := codecs(&toB.Media[0]); strings.Contains(got, "red") || !strings.HasPrefix(got, "111 opus") {
		t.Fatalf("offer: %s", got)
	}
}

func TestB091_RTCP_WhereThePeerSaid(t *testing.T) {
	for name, c := range map[string]struct {
		offered, answered []string
		rtcpA, rtcpB      string
		muxA, muxB        bool
	}{
		"next port":      {audio("4000", "sendrecv"), audio("6000", "sendrecv"), "10.0.0.20:4001", "198.51.100.30:6001", false, false},
		"odd port":       {audio("4001", "sendrecv"), audio("6003", "sendrecv"), "10.0.0.20:4002", "198.51.100.30:6004", false, false},
		"a=rtcp":         {audio("4000", "sendrecv", "a=rtcp:4500"), audio("6000", "sendrecv", "a=rtcp:7000 IN IP4 198.51.100.31"), "10.0.0.20:4500", "198.51.100.31:7000", false, false},
		"mux both":       {audio("4000", "sendrecv", "a=rtcp-mux"), audio("6000", "sendrecv", "a=rtcp-mux"), "10.0.0.20:4000", "198.51.100.30:6000", true, true},
		"mux A only":     {audio("4000", "sendrecv", "a=rtcp-mux"), audio("6000", "sendrecv"), "10.0.0.20:4000", "198.51.100.30:6001", true, false},
		"mux not asked":  {audio("4000", "sendrecv"), audio("6000", "sendrecv", "a=rtcp-mux"), "10.0.0.20:4001", "198.51.100.30:6001", false, false},
		"the last port":  {audio("65535", "sendrecv"), audio("6000", "sendrecv"), "invalid AddrPort", "198.51.100.30:6001", false, false},
		"rtcp nowhere":   {audio("4000", "sendrecv", "a=rtcp:4001 IN IP4 0.0.0.0"), audio("6000", "sendrecv"), "invalid AddrPort", "198.51.100.30:6001", false, false},
		"mux over rtcp":  {audio("4000", "sendrecv", "a=rtcp-mux", "a=rtcp:4001"), audio("6000", "sendrecv"), "10.0.0.20:4000", "198.51.100.30:6001", true, false},
		"mux refused PT": {audio("4000", "sendrecv", "a=rtcp-mux"), audio("0", "sendrecv"), "", "", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			cl, toB, toA := setup(t, c.offered, c.answered)
			if toB.Media[0].Mux != strings.Contains(strings.Join(c.offered, " "), "rtcp-mux") {
				t.Errorf("mux offered to B: %v", toB.Media[0].Mux)
			}
			s := Streams(cl.a, cl.b)[0]
			if c.rtcpA == "" {
				if s.Kind != 0 {
					t.Errorf("%+v", s)
				}
				return
			}
			if toA.Media[0].Mux != c.muxA || s.A.Mux != c.muxA || s.B.Mux != c.muxB {
				t.Errorf("mux %v, %v, %v", toA.Media[0].Mux, s.A.Mux, s.B.Mux)
			}
			if s.A.RTCP.String() != c.rtcpA || s.B.RTCP.String() != c.rtcpB {
				t.Errorf("RTCP %v, %v", s.A.RTCP, s.B.RTCP)
			}
		})
	}
}

func TestB091_Mux_NoPayloadTypeLooksLikeRTCP(t *testing.T) {
	offered := []string{"m=audio 4000 RTP/AVP 72 0", "a=rtpmap:72 opus/48000/2", "a=rtcp-mux"}
	_, toB, toA := setup(t, offered, []string{"m=audio 6000 RTP/AVP 0"})
	if got := codecs(&toB.Media[0]); got != "96 opus/48000/2, 0 pcmu/8000" || !toA.Media[0].Mux {
		t.Fatalf("%s, mux %v", got, toA.Media[0].Mux)
	}
	// A's own number 72 in the answer rules the shared port out.
	_, _, toA = setup(t, offered, []string{"m=audio 6000 RTP/AVP 96", "a=rtpmap:96 opus/48000/2", "a=rtcp-mux"})
	if got := codecs(&toA.Media[0]); got != "72 opus/48000/2" || toA.Media[0].Mux {
		t.Fatalf("%s, mux %v", got, toA.Media[0].Mux)
	}
}

func TestB091_OwnRTCPElsewhere_IsWritten(t *testing.T) {
	a, b := NewLeg(1), NewLeg(2)
	ok(t, a.Offered(desc(t, addrA, audio("4000", "sendrecv", "a=rtcp:4500")...)))
	local := at(ourB, 30000, b.OfferLines(a))
	body, err := b.BuildOffer(a, local)
	if s := must(t, body, err); s.Media[0].RTCP.IsValid() || strings.Contains(string(body), "a=rtcp") {
		t.Fatalf("a=rtcp without need:\n%s", body)
	}
	local[0].RTCP = local[0].RTP
	body, err = b.BuildOffer(a, local)
	if s := must(t, body, err); s.Media[0].RTCP.String() != ourB+":30000" {
		t.Fatalf("%s", body)
	}
	if string(body) == "" || b.Version() != 2 {
		t.Fatalf("version %d", b.Version())
	}
}
