package msg

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"gatehouse/sip/grammar"
)

// reply writes a whole response from the head of a request.
func reply(t *testing.T, m *Message, src netip.AddrPort, code int, toTag string) string {
	t.Helper()
	h := NewReplyHead(m, src)
	var b Builder
	h.Start(&b, code, "", toTag)
	out, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestReplyHead_Request_RepeatsWhatItMust(t *testing.T) {
	m := mustParse(t, with("Via: SIP/2.0/TCP proxy.example.com;branch=z9hG4bKp, SIP/2.0/UDP 10.0.0.1;rport", "Timestamp: 54", "Subject: x"))
	got := reply(t, m, testSource, 180, "tt")
	want := "SIP/2.0 180 Ringing\r\n" +
		"Via: SIP/2.0/UDP pc33.atlanta.example.com:5062;branch=z9hG4bK776asdhds;received=198.51.100.9;rport=4321\r\n" +
		"Via: SIP/2.0/TCP proxy.example.com;branch=z9hG4bKp, SIP/2.0/UDP 10.0.0.1;rport\r\n" +
		"From: Alice <sip:alice@atlanta.example.com;x=1>;tag=1928301774\r\n" +
		"To: \"Bob\" <sip:bob@biloxi.example.com>;tag=tt\r\n" +
		"Call-ID: a84b4c76e66710@pc33.atlanta.example.com\r\n" +
		"CSeq: 314159 INVITE\r\n" +
		"Content-Length: 0\r\n\r\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestB001_Trying_HasTimestampAndNoTag(t *testing.T) {
	got := reply(t, mustParse(t, with("Timestamp: 54.21")), testSource, 100, "")
	if !strings.Contains(got, "\r\nTimestamp: 54.21\r\n") || strings.Contains(got, "biloxi.example.com>;tag") {
		t.Errorf("100:\n%s", got)
	}
}

func TestB021_RPortAndReceived_PerRequestVia(t *testing.T) {
	src := netip.MustParseAddrPort("192.0.2.7:1024")
	v6 := netip.MustParseAddrPort("[2001:db8::7]:1024")
	mapped := netip.MustParseAddrPort("[::ffff:192.0.2.7]:1024")
	for _, row := range []struct {
		via  string
		src  netip.AddrPort
		want string
	}{
		{"192.0.2.7;rport;branch=b", src, "192.0.2.7;branch=b;received=192.0.2.7;rport=1024"},
		{"10.0.0.1;rport;branch=b", src, "10.0.0.1;branch=b;received=192.0.2.7;rport=1024"},
		{"192.0.2.7:5060;branch=b", src, "192.0.2.7:5060;branch=b"},
		{"192.0.2.7:5060;branch=b", mapped, "192.0.2.7:5060;branch=b"},
		{"10.0.0.1;branch=b", mapped, "10.0.0.1;branch=b;received=192.0.2.7"},
		{"host.example;branch=b", src, "host.example;branch=b;received=192.0.2.7"},
		{"192.0.2.7;received=6.6.6.6;branch=b", src, "192.0.2.7;branch=b"},
		{"10.0.0.1;received=6.6.6.6;rport=66;branch=b", src, "10.0.0.1;branch=b;received=192.0.2.7;rport=1024"},
		{"[2001:DB8:0::7]:9;branch=b", v6, "[2001:DB8:0::7]:9;branch=b"},
		{"[2001:db8::8];branch=b", v6, "[2001:db8::8];branch=b;received=2001:db8::7"},
		{"10.0.0.1 ; branch = b ; x = \"y;z\" ; flag", src, "10.0.0.1;branch=b;x=\"y;z\";flag;received=192.0.2.7"},
		{"10.0.0.1;rport;branch=b", netip.AddrPort{}, "10.0.0.1;rport;branch=b"},
	} {
		m := mustParse(t, replaced("Via", "Via: SIP/2.0/UDP "+row.via))
		got := reply(t, m, row.src, 200, "x")
		if !strings.Contains(got, "\r\nVia: SIP/2.0/UDP "+row.want+"\r\n") {
			t.Errorf("%s from %v:\n%s", row.via, row.src, got)
		}
	}
}

func TestReplyHead_CommaSeparatedVia_OnlyTopIsChanged(t *testing.T) {
	m := mustParse(t, replaced("Via", "v: SIP/2.0/UDP a;rport,SIP/2.0/UDP b;rport"))
	got := reply(t, m, testSource, 200, "x")
	if !strings.Contains(got, "\r\nVia: SIP/2.0/UDP a;received=198.51.100.9;rport=4321\r\nVia: SIP/2.0/UDP b;rport\r\n") {
		t.Errorf("reply:\n%s", got)
	}
}

func TestReplyHead_ToWithTag_KeepsIt(t *testing.T) {
	m := mustParse(t, replaced("To", "To: sip:bob@h;x=1;TAG=theirs"))
	if got := reply(t, m, testSource, 481, "ours"); strings.Contains(got, "ours") || !strings.Contains(got, ";TAG=theirs\r\n") {
		t.Errorf("reply:\n%s", got)
	}
}

func TestReplyHead_Copied_OutlivesTheMessage(t *testing.T) {
	raw := with()
	m := mustParse(t, raw)
	h := NewReplyHead(m, testSource)
	for i := range raw {
		raw[i] = 'x'
	}
	m.Reset()
	var b Builder
	h.Start(&b, 200, "", "t")
	out, err := b.Bytes()
	if err != nil || !bytes.Contains(out, []byte("a84b4c76e66710")) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestReplyHead_QuotedControls_LeftOutOfTheReply(t *testing.T) {
	m := load(t, "intmeth.dat")
	got := reply(t, m, testSource, 501, "x")
	if !strings.Contains(got, `To: "BEL: NUL: DEL:" <sip:1_unusual`) || grammar.HasUnsafe(strings.ReplaceAll(got, "\r\n", "")) {
		t.Errorf("reply:\n%q", got)
	}
}

func TestSecurity11_MalformedVia_RepliesFromWhatIsReadable(t *testing.T) {
	for _, via := range malformedVias {
		raw := replaced("Via", "Via: "+via+"\r\nVia: SIP/2.0/UDP second.example")
		e := wantCode(t, raw, Datagram, 400)
		var m Message
		_ = m.Parse(raw, Datagram)
		out := replyTo(t, &m, e)
		h := NewReplyHead(&m, testSource)
		var again Message
		if err := again.Parse(out, Datagram); h.Answerable() != (err == nil) {
			t.Errorf("%q: answerable %v, reply %v:\n%s", via, h.Answerable(), err, out)
		}
	}
	for via, want := range map[string]string{
		"192.0.2.15;;,;,,":                     "192.0.2.15;received=198.51.100.9\r\nFrom",
		"h:5062;branch=b;x=\"y":                "h:5062;branch=b;received=198.51.100.9\r\nFrom",
		"h;rport;branch=b;;,SIP/2.0/UDP i,x":   "h;branch=b;received=198.51.100.9;rport=4321\r\nVia: SIP/2.0/UDP i\r\nFrom",
		"h;branch=b;maddr;received=6.6.6.6":    "h;branch=b;received=198.51.100.9\r\nFrom",
		"198.51.100.9;branch=b;received=6.6;;": "198.51.100.9;branch=b\r\nFrom",
	} {
		var m Message
		e := m.Parse(replaced("Via", "Via: SIP/2.0/UDP "+via), Datagram).(*Error) //nolint:errorlint // Parse gives it bare
		if out := string(replyTo(t, &m, e)); !strings.Contains(out, "\r\nVia: SIP/2.0/UDP "+want) {
			t.Errorf("%s:\n%s", via, out)
		}
	}
}

func TestReplyHead_MalformedTo_GetsNoSecondTag(t *testing.T) {
	for to, added := range map[string]bool{
		`"x <sip:a@h>;tag=theirs`: false, "<sip:a@h>;tag=theirs;;": false, "<sip:a@h>;Tag = a b": false, "<sip:a@h>;;": true, "": true,
		"<sip:a@h>;tag=theirs;tag=two": false,
	} {
		var m Message
		e := m.Parse(replaced("To", "To: "+to), Datagram).(*Error) //nolint:errorlint // Parse gives it bare
		if out := string(replyTo(t, &m, e)); strings.Contains(out, ";tag=mal\r\n") != added {
			t.Errorf("%s:\n%s", to, out)
		}
	}
}
