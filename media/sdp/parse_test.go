package sdp

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// body joins lines with CRLF.
func body(lines ...string) []byte { return []byte(strings.Join(lines, "\r\n") + "\r\n") }

// head is a complete session part.
func head(more ...string) []string {
	return append([]string{"v=0", "o=- 1 2 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0"}, more...)
}

func mustParse(t *testing.T, b []byte) *Session {
	t.Helper()
	s, err := Parse(b)
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	out := s.AppendTo(nil)
	checkStrict(t, out)
	again, err := Parse(out)
	if err != nil || !reflect.DeepEqual(s, again) {
		t.Fatalf("own output reads differently (%v):\n%s", err, out)
	}
	return s
}

// TestParse_LenientForms_BecomeStrict is one table for both directions: what comes in, and the form it goes out in.
func TestParse_LenientForms_BecomeStrict(t *testing.T) {
	const normal = "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n" +
		"m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"
	for name, in := range map[string]string{
		"strict":               normal,
		"LF only":              "v=0\no=- 1 2 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio 4000 RTP/AVP 0\n",
		"CR only":              "v=0\ro=- 1 2 IN IP4 192.0.2.1\rs=-\rc=IN IP4 192.0.2.1\rt=0 0\rm=audio 4000 RTP/AVP 0\r",
		"no final line end":    "v=0\no=- 1 2 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio 4000 RTP/AVP 0",
		"trailing blanks":      "v=0 \r\no=- 1 2 IN IP4 192.0.2.1 \t\r\ns=- \r\nc=IN IP4 192.0.2.1 \r\nt=0 0 \r\nm=audio 4000 RTP/AVP 0 \r\n",
		"empty lines":          "\r\nv=0\r\n\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\r\nm=audio 4000 RTP/AVP 0\r\n\r\n",
		"empty s=":             strings.Replace(normal, "s=-", "s=", 1),
		"blank s=":             strings.Replace(normal, "s=-", "s= ", 1),
		"no v=":                strings.Replace(normal, "v=0\r\n", "", 1),
		"no s=":                strings.Replace(normal, "s=-\r\n", "", 1),
		"no t=":                strings.Replace(normal, "t=0 0\r\n", "", 1),
		"bad t=":               strings.Replace(normal, "t=0 0", "t=now", 1),
		"odd order":            "c=IN IP4 192.0.2.1\r\nt=0 0\r\ns=-\r\no=- 1 2 IN IP4 192.0.2.1\r\nv=0\r\nm=audio 4000 RTP/AVP 0\r\n",
		"session lines late":   "c=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\nv=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n",
		"what never crosses":   strings.Replace(normal, "t=0 0\r\n", "i=x\r\nu=:\r\ne=x\r\np=x\r\nt=0 0\r\nr=1\r\nz=x\r\nk=clear:x\r\n", 1),
		"unknown line types":   strings.Replace(normal, "t=0 0\r\n", "q=1\r\nt=0 0\r\nX=1\r\nnonsense\r\n=\r\n", 1),
		"blanks around equals": strings.NewReplacer("v=", "v = ", "m=", "m =", "t=", "t= ").Replace(normal),
		"double blanks":        strings.Replace(normal, "m=audio 4000 RTP/AVP 0", "m=audio  4000\tRTP/AVP   0", 1),
		"port count":           strings.Replace(normal, "4000", "4000/2", 1),
		"formats twice":        strings.Replace(normal, "AVP 0", "AVP 0 0 00", 1),
		"formats no numbers":   strings.Replace(normal, "AVP 0", "AVP x 0 128 -1 300", 1),
		"second o= ignored":    strings.Replace(normal, "s=-", "o=x 7 8 IN IP4 192.0.2.9\r\ns=-", 1),
		"b= without colon":     strings.Replace(normal, "t=0 0", "b=\r\nb=AS\r\nb=AS:\r\nb=:1\r\nb=AS:x\r\nb=QQ:1\r\nt=0 0", 1),
		"byte order mark":      "\xef\xbb\xbf" + normal,
		"trailing NUL":         normal + "\x00\x00",
		"attribute for absent": normal + "a=fmtp:96 x=1\r\na=rtpmap:96 x/1\r\na=rtcp-fb:96 nack\r\na=fmtp:\r\na=\r\n",
		"control in attribute": normal + "a=x\x1b[2J\r\n",
		"bad rtpmap":           normal + "a=rtpmap:0\r\na=rtpmap:0 L\r\na=rtpmap:0 L/x\r\na=rtpmap:0 L/0\r\n",
		"bad ptime":            normal + "a=ptime:\r\na=ptime:x\r\na=ptime:-1\r\na=maxptime:9999999\r\n",
		"bad rtcp":             normal + "a=rtcp:\r\na=rtcp:0\r\na=rtcp:x\r\na=rtcp:70000\r\n",
		"zoned address":        strings.Replace(normal, "c=IN IP4 192.0.2.1", "c=IN IP4 192.0.2.1/127", 1),
		"c= of wrong type":     strings.Replace(normal, "c=IN IP4", "c=IN IP6", 1),
	} {
		t.Run(name, func(t *testing.T) {
			if got := string(mustParse(t, []byte(in)).AppendTo(nil)); got != normal {
				t.Fatalf("got\n%s\nwant\n%s", got, normal)
			}
		})
	}
}

func TestParse_Refused_SaysWhy(t *testing.T) {
	many := func(n int, line string) []byte {
		return body(append(head(), strings.Split(strings.Repeat(line+"\n", n), "\n")...)...)
	}
	codecs := "m=audio 1 RTP/AVP" + strings.Repeat(" 0", MaxCodecs)
	for name, c := range map[string]struct {
		in   []byte
		want error
	}{
		"empty":           {nil, ErrSyntax},
		"text":            {[]byte("hello\r\nworld\r\n"), ErrSyntax},
		"only attributes": {[]byte("a=x\r\nc=IN IP4 192.0.2.1\r\n"), ErrSyntax},
		"version 1":       {body("v=1", "m=audio 1 RTP/AVP 0"), ErrSyntax},
		"NUL inside":      {[]byte("v=0\r\ns=a\x00b\r\n"), ErrSyntax},
		"m= empty":        {body(head("m=")...), ErrSyntax},
		"m= two words":    {body(head("m=audio 4000")...), ErrSyntax},
		"m= bad port":     {body(head("m=audio x RTP/AVP 0")...), ErrSyntax},
		"m= port range":   {body(head("m=audio 65536 RTP/AVP 0")...), ErrSyntax},
		"m= negative":     {body(head("m=audio -1 RTP/AVP 0")...), ErrSyntax},
		"m= not ASCII":    {body(head("m=a\x01dio 1 RTP/AVP 0")...), ErrSyntax},
		"17 m-lines":      {many(MaxMedia+1, "m=audio 1 RTP/AVP 0"), ErrLimit},
		"10k m-lines":     {many(10_000, "m=audio 1 RTP/AVP 0"), ErrLimit},
		"65 codecs":       {body(head(codecs + " 0")...), ErrLimit},
		"65 candidates":   {append(body(head("m=audio 1 RTP/AVP 0")...), many(MaxCandidates+1, "a=candidate:1 1 UDP 1 192.0.2.1 9 typ host")...), ErrLimit},
		"over 32 KB":      {append(body(head()...), make([]byte, MaxBytes)...), ErrLimit},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Parse(c.in)
			if !errors.Is(err, c.want) || s != nil {
				t.Fatalf("error %v, session %v", err, s)
			}
		})
	}
	for name, in := range map[string][]byte{
		"16 m-lines":    many(MaxMedia, "m=audio 1 RTP/AVP 0"),
		"64 codecs":     body(head(codecs)...),
		"64 candidates": append(body(head("m=audio 1 RTP/AVP 0")...), many(MaxCandidates, "a=candidate:1 1 UDP 1 192.0.2.1 9 typ host")...),
		"32 KB":         append(body(head()...), []byte(strings.Repeat("\n", MaxBytes-len(body(head()...))))...),
	} {
		if _, err := Parse(in); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The bodies of RFC 4475 and RFC 5118: every one is a description we take, however odd the message around it.
func TestB020_TortureBodies_AreRead(t *testing.T) {
	files, err := filepath.Glob("testdata/torture/*.sdp")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d bodies, %v", len(files), err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			s := mustParse(t, b)
			if want := strings.Count(string(b), "\nm="); len(s.Media) != want {
				t.Fatalf("%d m-lines, want %d", len(s.Media), want)
			}
		})
	}
}

func TestB020_MultIPInSDP_KeepsBothFamiliesAndHostName(t *testing.T) {
	b, err := os.ReadFile("testdata/torture/rfc5118-mult-ip-in-sdp.sdp")
	if err != nil {
		t.Fatal(err)
	}
	s := mustParse(t, b)
	if s.Origin != (Origin{User: "bob", SessID: 280744730, Version: 28977631, Addr: "host.example.com"}) || s.Name != "-" {
		t.Errorf("o= %+v, s= %q", s.Origin, s.Name)
	}
	if s.Media[0].Addr != netip.MustParseAddr("192.0.2.1") || s.Media[1].Addr != netip.MustParseAddr("2001:db8::1") {
		t.Errorf("addresses %v, %v", s.Media[0].Addr, s.Media[1].Addr)
	}
}

func TestB020_IPv4MappedInSDP_IsIPv4(t *testing.T) {
	b, err := os.ReadFile("testdata/torture/rfc5118-ipv4-mapped-ipv6.sdp")
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range mustParse(t, b).Media {
		if !m.Addr.Is4() {
			t.Errorf("m-line %d: %v", i+1, m.Addr)
		}
	}
}

// SECURITY §1 row 15: lines whose codecs are deleted, unnamed or absent.
func TestSecurity15_CodecsMissing_LineStaysHarmless(t *testing.T) {
	for line, want := range map[string]int{
		"m=audio 4000 RTP/AVP":           1, // counts as refused
		"m=audio 4000 RTP/AVP x":         1,
		"m=audio 0 RTP/AVP":              1,
		"m=audio 4000 RTP/AVP 96":        1,
		"m=audio 4000 RTP/AVP 96 97 0":   3,
		"m=image 4000 udptl":             0,
		"m=application 9 DTLS/SCTP 5000": 0,
	} {
		m := mustParse(t, body(head(line)...)).Media[0]
		if len(m.Codecs) != want || len(m.Formats) == 0 {
			t.Errorf("%s: %d codecs, formats %v", line, len(m.Codecs), m.Formats)
		}
		if len(strings.Fields(line)) == 3 && !m.Rejected() {
			t.Errorf("%s: no format and still on", line)
		}
	}
	m := mustParse(t, body(head("m=audio 4000 RTP/AVP 96 0", "a=rtpmap:97 opus/48000/2")...)).Media[0]
	if m.Codecs[0].Name != "" || m.Codecs[1].Name != "PCMU" {
		t.Errorf("codecs %+v", m.Codecs)
	}
}

// SECURITY §1 row 16: the b= grammar, and every other line cut short anywhere.
func TestSecurity16_LinesCutShort_NeverPanic(t *testing.T) {
	full := fuzzSeeds[0] + fuzzSeeds[2] + "b=AS:64\r\na=candidate:1 1 UDP 1 192.0.2.1 9 typ host\r\n"
	for i := range len(full) {
		for _, cut := range []string{full[:i], full[i:], full[:i] + full[min(i+1, len(full)):], full[:i] + ":" + full[i:]} {
			if s, err := Parse([]byte(cut)); err == nil {
				checkStrict(t, s.AppendTo(nil))
			}
		}
	}
}

// SECURITY §1 row 20: what we add while writing is bounded.
func TestSecurity20_Writing_ExpandsByABoundedAmount(t *testing.T) {
	line := "m=a 1 RTP/AVP"
	for _, pt := range strings.Fields("0 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 25 26 28 31 32 33 34") {
		line += " " + pt
	}
	in := body(head(strings.Split(strings.TrimSuffix(strings.Repeat(line+"\n", MaxMedia), "\n"), "\n")...)...)
	if out := mustParse(t, in).AppendTo(nil); len(out) > maxGrowth(len(in)) {
		t.Fatalf("%d bytes became %d", len(in), len(out))
	}
}

func TestParse_RepeatedLines_FirstCounts(t *testing.T) {
	s := mustParse(t, body(head("c=IN IP4 192.0.2.66", "a=sendonly", "a=inactive", "t=5 5", "s=other", "m=audio 1 RTP/AVP 96", "c=IN IP4 192.0.2.7", "c=IN IP4 192.0.2.8",
		"a=rtpmap:96 opus/48000/2", "a=rtpmap:96 iLBC/8000", "a=recvonly", "a=sendrecv")...))
	m := s.Media[0]
	if s.Conn.IP != netip.MustParseAddr("192.0.2.1") || s.Direction != SendOnly || s.Timing != "0 0" || s.Name != "-" || m.Addr != netip.MustParseAddr("192.0.2.7") ||
		m.Codecs[0].Name != "opus" || m.Direction != RecvOnly {
		t.Fatalf("%+v", s)
	}
}
