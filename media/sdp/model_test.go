package sdp

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

func TestParse_Media_FillsTheModel(t *testing.T) {
	s := mustParse(t, body(
		"v=0", "o=jo hn 99999999999999999999 3 IN IP6 2001:db8::5", "s=call", "c=IN IP4 media.example", "b=CT:100", "t=1 2", "a=group:BUNDLE a b", "a=recvonly",
		"m=audio 49170 RTP/AVPF 96 0 101", "c=IN IP6 2001:db8::9", "b=AS:80", "b=X-q:5", "a=rtpmap:96 opus/48000/2", "a=fmtp:96 useinbandfec=1; stereo=0",
		"a=rtcp-fb:96 nack pli", "a=rtcp-fb:* ccm fir", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", "a=ptime:20", "a=maxptime:60", "a=rtcp:53020 IN IP4 192.0.2.7",
		"a=rtcp-mux", "a=mid:a", "a=sendonly", "a=ssrc:1 cname:x:y",
		"m=image 4002 udptl t38", "a=T38FaxVersion:0", "a=fmtp:t38 x", "a=rtcp-mux",
	))
	want := &Session{
		Name: "call", Conn: Addr{Host: "media.example"}, Bandwidth: []Bandwidth{{"CT", 100}}, Timing: "1 2",
		Direction: RecvOnly, HasDirection: true, Attrs: []Attr{{"group", "BUNDLE a b"}},
		Origin: Origin{User: "jo_hn", SessID: s.Origin.SessID, Version: 3, Addr: "2001:db8::5"},
		Media: []Media{{
			Kind: "audio", Port: 49170, Proto: "RTP/AVPF", Formats: []string{"96", "0", "101"}, Addr: netip.MustParseAddr("2001:db8::9"),
			RTCP: netip.MustParseAddrPort("192.0.2.7:53020"), Mux: true, Direction: SendOnly, RTCPFB: []string{"ccm fir"},
			Codecs: []Codec{
				{PT: 96, Name: "opus", ClockHz: 48000, Channels: 2, Fmtp: []string{"useinbandfec=1; stereo=0"}, RTCPFB: []string{"nack pli"}},
				{PT: 0, Name: "PCMU", ClockHz: 8000, Channels: 1},
				{PT: 101, Name: "telephone-event", ClockHz: 8000, Channels: 1, Fmtp: []string{"0-16"}},
			},
			PTime: 20, MaxPTime: 60, Bandwidth: []Bandwidth{{"AS", 80}, {"X-q", 5}}, Attrs: []Attr{{"mid", "a"}, {"ssrc", "1 cname:x:y"}},
		}, {
			Kind: "image", Port: 4002, Proto: "udptl", Formats: []string{"t38"}, HostName: "media.example", Direction: RecvOnly,
			Attrs: []Attr{{"T38FaxVersion", "0"}, {"fmtp", "t38 x"}, {"rtcp-mux", ""}},
		}},
	}
	if !reflect.DeepEqual(s, want) {
		t.Fatalf("got\n%+v\nwant\n%+v", s, want)
	}
	if s.Origin.SessID == 0 {
		t.Error("a session id beyond 64 bits became zero")
	}
	if v, ok := s.Media[0].Attr("MID"); !ok || v != "a" {
		t.Errorf("mid %q, %v", v, ok)
	}
	if _, ok := s.Media[0].Attr("none"); ok {
		t.Error("an attribute that is not there")
	}
}

func TestOrigin_UnreadableVersion_ChangesWithTheText(t *testing.T) {
	version := func(w string) uint64 {
		return mustParse(t, body("v=0", "o=- 1 "+w+" IN IP4 192.0.2.1", "s=-", "t=0 0")).Origin.Version
	}
	if version("99999999999999999999") == version("99999999999999999998") || version("abc") == version("abd") {
		t.Error("a changed version was not seen")
	}
	if version("18446744073709551615") != 1<<64-1 {
		t.Error("the largest number")
	}
}

func TestMedia_RTCP_DefaultsToTheMediaAddress(t *testing.T) {
	for value, want := range map[string]string{
		"4001":                       "192.0.2.1:4001",
		"4001 IN IP4 192.0.2.8":      "192.0.2.8:4001",
		"4001 IN IP6 2001:db8::8":    "[2001:db8::8]:4001",
		"4001 IN IP4 rtcp.example":   "192.0.2.1:4001",
		"4001 IN IP6 ::ffff:1.2.3.4": "1.2.3.4:4001",
	} {
		m := mustParse(t, body(head("m=audio 4000 RTP/AVP 0", "a=rtcp:"+value)...)).Media[0]
		if m.RTCP != netip.MustParseAddrPort(want) {
			t.Errorf("%s: %v", value, m.RTCP)
		}
	}
	m := mustParse(t, body(head("m=audio 4000 RTP/AVP 0", "c=IN IP4 host.example", "a=rtcp:4001")...)).Media[0]
	if m.RTCP.Port() != 4001 || m.RTCP.Addr().IsValid() || m.HostName != "host.example" {
		t.Errorf("%+v", m)
	}
}

func TestMedia_IsRTP_ByProfile(t *testing.T) {
	for proto, want := range map[string]bool{
		"RTP/AVP": true, "rtp/avp": true, "RTP/AVPF": true, "RTP/SAVP": true, "UDP/TLS/RTP/SAVPF": true, "TCP/RTP/AVP": true,
		"udptl": false, "UDP": false, "UDP/BFCP": false, "TCP/MSRP": false, "UDP/DTLS/SCTP": false, "RTPX/AVPX": false,
	} {
		if got := (&Media{Proto: proto}).IsRTP(); got != want {
			t.Errorf("%s: %v", proto, got)
		}
	}
}

func TestB083_OnHold_OldStyleOnly(t *testing.T) {
	for _, c := range []struct {
		addr string
		port uint16
		want bool
	}{
		{"0.0.0.0", 4000, true}, {"::", 4000, true}, {"192.0.2.1", 4000, false}, {"0.0.0.0", 0, false}, {"0.0.0.0", 9, false}, {"::", 9, false},
	} {
		m := Media{Addr: netip.MustParseAddr(c.addr), Port: c.port}
		if m.OnHold() != c.want {
			t.Errorf("%+v: %v", c, m.OnHold())
		}
	}
	if (&Media{Port: 4000}).OnHold() {
		t.Error("an absent address is no hold")
	}
}

func TestDirection_Algebra_MatchesItsHalves(t *testing.T) {
	for d := SendRecv; d <= Inactive; d++ {
		if NewDirection(d.Sends(), d.Receives()) != d || d.Reverse().Reverse() != d || d.And(SendRecv) != d || d.And(Inactive) != Inactive {
			t.Errorf("%v", d)
		}
		if r := d.Reverse(); r.Sends() != d.Receives() || r.Receives() != d.Sends() {
			t.Errorf("reverse of %v is %v", d, r)
		}
		if got, ok := parseDirection(strings.ToUpper(d.String())); !ok || got != d {
			t.Errorf("%v not read back", d)
		}
	}
	if SendOnly.And(RecvOnly) != Inactive || Direction(9).String() != "direction(9)" {
		t.Error("and, string")
	}
}

// The static table against RFC 3551 §6 tables 4 and 5.
func TestStaticCodec_Table_IsThatOfTheProfile(t *testing.T) {
	want := map[uint8]string{
		0: "PCMU/8000/1", 2: "G726-32/8000/1", 3: "GSM/8000/1", 4: "G723/8000/1", 5: "DVI4/8000/1", 6: "DVI4/16000/1", 7: "LPC/8000/1", 8: "PCMA/8000/1",
		9: "G722/8000/1", 10: "L16/44100/2", 11: "L16/44100/1", 12: "QCELP/8000/1", 13: "CN/8000/1", 14: "MPA/90000/1", 15: "G728/8000/1",
		16: "DVI4/11025/1", 17: "DVI4/22050/1", 18: "G729/8000/1", 25: "CelB/90000/1", 26: "JPEG/90000/1", 28: "nv/90000/1", 31: "H261/90000/1",
		32: "MPV/90000/1", 33: "MP2T/90000/1", 34: "H263/90000/1",
	}
	for pt := range uint8(128) {
		c, ok := StaticCodec(pt)
		name, listed := want[pt]
		if ok != listed {
			t.Errorf("%d: %v", pt, ok)
			continue
		}
		if got := c.Name + "/" + itoa(c.ClockHz) + "/" + itoa(uint32(c.Channels)); ok && got != name {
			t.Errorf("%d: %s, want %s", pt, got, name)
		}
	}
}

func itoa(n uint32) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

func TestAppendTo_HandMadeSession_NeverBreaksALine(t *testing.T) {
	evil := "x\r\na=evil\n\x00"
	s := &Session{
		Name: evil, Origin: Origin{User: evil, Addr: evil}, Conn: Addr{Host: evil}, Timing: evil, Attrs: []Attr{{evil, evil}}, Bandwidth: []Bandwidth{{evil, 1}},
		Media: []Media{{Kind: evil, Proto: evil, Formats: []string{evil}, HostName: evil + "2", Codecs: []Codec{{Name: evil, Fmtp: []string{evil}, RTCPFB: []string{evil}}}, RTCPFB: []string{evil}}},
	}
	out := string(s.AppendTo(nil))
	if strings.Contains(out, "\na=evil") || strings.Contains(out, "\x00") || strings.Count(out, "\r") != strings.Count(out, "\r\n") || strings.Count(out, "\n") != strings.Count(out, "\r\n") {
		t.Fatalf("%q", out)
	}
	checkStrict(t, []byte(out))
	checkStrict(t, new(Session).AppendTo(nil))
}

// A call parses four descriptions and writes as many: what they allocate is most of what a call does.
func TestAllocs_OneAudioLine_StayFew(t *testing.T) {
	in := []byte(fuzzSeeds[0])
	// The text, the session, its media; formats, codecs and the parameters of telephone-event.
	if n := testing.AllocsPerRun(100, func() { _, _ = Parse(in) }); n > 6 {
		t.Errorf("Parse: %v allocations", n)
	}
	s := mustParse(t, in)
	if n := testing.AllocsPerRun(100, func() { _ = s.AppendTo(nil) }); n > 1 {
		t.Errorf("AppendTo: %v allocations", n)
	}
	buf := s.AppendTo(nil)
	if n := testing.AllocsPerRun(100, func() { buf = s.AppendTo(buf[:0]) }); n > 0 {
		t.Errorf("AppendTo into a buffer: %v allocations", n)
	}
}

func BenchmarkReadDescription(b *testing.B) {
	in := []byte(fuzzSeeds[0])
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWriteDescription(b *testing.B) {
	s, err := Parse([]byte(fuzzSeeds[0]))
	if err != nil {
		b.Fatal(err)
	}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = s.AppendTo(buf[:0])
	}
}
