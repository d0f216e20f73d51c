package msg

import (
	"strings"
	"testing"
)

func TestParseNameAddr_Forms_PartsAsReceived(t *testing.T) {
	for _, row := range []struct{ in, display, uri, params string }{
		{"<sip:a@h>", "", "sip:a@h", ""},
		{"sip:a@h", "", "sip:a@h", ""},
		{"  sip:a@h ;tag=1 ", "", "sip:a@h", "tag=1"},
		{"sip:a@h;tag=1;x", "", "sip:a@h", "tag=1;x"},
		{"<sip:a@h;u=1?x=y>;tag=1", "", "sip:a@h;u=1?x=y", "tag=1"},
		{"Bob <sip:a@h>", "Bob", "sip:a@h", ""},
		{"Bob<sip:a@h>", "Bob", "sip:a@h", ""},
		{"T. A. Watson\t<sip:a@h> ; tag = 1", "T. A. Watson", "sip:a@h", "tag = 1"},
		{"Bob (Sales) +1 5/6 <sip:a@h>", "Bob (Sales) +1 5/6", "sip:a@h", ""},
		{"sip:x@y <sip:a@h>", "sip:x@y", "sip:a@h", ""},
		{`"Watson, Thomas <x>; \" \\" <sip:a@h>`, `"Watson, Thomas <x>; \" \\"`, "sip:a@h", ""},
		{`""<sip:a@h>`, `""`, "sip:a@h", ""},
		{"Жора <tel:+1;phone-context=x>;a=\"b;c\"", "Жора", "tel:+1;phone-context=x", "a=\"b;c\""},
		{"<urn:service:sos>", "", "urn:service:sos", ""},
		{"*", "", "*", ""},
		{"<sip:[2001:db8::1]:5060>;x=[::1]:3", "", "sip:[2001:db8::1]:5060", "x=[::1]:3"},
	} {
		n, err := ParseNameAddr([]byte(row.in))
		if err != nil {
			t.Errorf("%q: %v", row.in, err)
			continue
		}
		wantBytes(t, row.in+" display", n.Display, row.display)
		wantBytes(t, row.in+" uri", n.URI, row.uri)
		wantBytes(t, row.in+" params", n.Params, row.params)
	}
}

func TestParseNameAddr_Malformed_Refused(t *testing.T) {
	for _, in := range []string{
		"", "<", "<>", "<sip:a@h", "sip:a@h>", "Bob", "Bob sip:a@h", "Bell, A <sip:a@h>", `"Bob <sip:a@h>`, `"Bob" sip:a@h`,
		`"Bob"x <sip:a@h>`, `Bob "x" <sip:a@h>`, "< sip:a@h>", "<sip:a@h >", "<sip:a@h> x", "<sip:a@h>,", "<sip:a@h>;",
		"<sip:a@h>;;a", "<sip:a@h>;a=", "<sip:a@h>;=1", "<sip:a@h>;a=b=\"", "<sip:a@h>;a=b c", "<sip:a@h>;a=\"b", "<<sip:a@h>>",
		"sip:a@h,sip:b@h", "sip:a@h?b", "<*>", "**", "a;b <sip:a@h>", `\ <sip:a@h>`, "<sip:a@h>;a=\"b\"c", "<sip:a@h>;(=1",
	} {
		if n, err := ParseNameAddr([]byte(in)); err == nil {
			t.Errorf("%q accepted as %q", in, n)
		}
	}
}

func TestNameAddrParam_CaseQuotesAndFlags(t *testing.T) {
	n, err := ParseNameAddr([]byte(`<sip:a@h>;TAG = x ; flag;q="a;tag=no,\"";tag=second`))
	if err != nil {
		t.Fatal(err)
	}
	v, ok := n.Param("tag")
	wantBytes(t, "tag", v, "x")
	if !ok {
		t.Error("no tag")
	}
	if v, ok := n.Param("FLAG"); !ok || v != nil {
		t.Errorf("flag %q %v", v, ok)
	}
	v, _ = n.Param("q")
	wantBytes(t, "q", v, `"a;tag=no,\""`)
	if _, ok := n.Param("ta"); ok {
		t.Error("prefix of a name found")
	}
	if _, ok := (NameAddr{}).Param("tag"); ok {
		t.Error("parameter of nothing")
	}
}

func TestAppendDisplay_AnyText_ReadsBackWithoutControls(t *testing.T) {
	for _, text := range []string{"Bob", `a "b" \c`, "x\r\ny\x00z", "<sip:evil@h>,;", "Жора", "\\", "tab\there"} {
		v := append(AppendDisplay(nil, text), "<sip:a@h>"...)
		n, err := ParseNameAddr(v)
		want := strings.NewReplacer("\r", "", "\n", "", "\x00", "", "\t", "").Replace(text)
		if err != nil || n.DisplayText() != want || string(n.URI) != "sip:a@h" {
			t.Errorf("%q became %q: %q %v", text, v, n.DisplayText(), err)
		}
	}
	if len(AppendDisplay(nil, "")) != 0 {
		t.Error("empty text gives a display name")
	}
}

func TestParseVia_Forms_PartsAsReceived(t *testing.T) {
	for _, row := range []struct {
		in   string
		want Via
	}{
		{"SIP/2.0/UDP h", Via{Transport: []byte("UDP"), Host: []byte("h")}},
		{"SIP / 2.0 / TCP  h : 5060 ; branch = b", Via{Transport: []byte("TCP"), Host: []byte("h"), Port: 5060, Branch: []byte("b")}},
		{"sip/2.0/tls [2001:DB8::1]:1;RPORT;Received=10.0.0.1", Via{Transport: []byte("tls"), Host: []byte("2001:DB8::1"), Port: 1,
			HasRPort: true, Received: []byte("10.0.0.1")}},
		{"SIP/2.0/UDP 10.0.0.1;rport=99;received=[::1];maddr=224.2.0.1;ttl=16;x=\"y;z\"", Via{Transport: []byte("UDP"), Host: []byte("10.0.0.1"),
			HasRPort: true, RPort: 99, Received: []byte("::1"), MAddr: []byte("224.2.0.1")}},
		{"SIP/2.0/UDP h;branch=z9hG4bK=a@b:1/2?", Via{Transport: []byte("UDP"), Host: []byte("h"), Branch: []byte("z9hG4bK=a@b:1/2?")}},
		{"SIP/2.0/UNKNOWN a_b.example;received=2001:db8::9:255", Via{Transport: []byte("UNKNOWN"), Host: []byte("a_b.example"),
			Received: []byte("2001:db8::9:255")}},
	} {
		v, err := ParseVia([]byte(row.in))
		if err != nil {
			t.Errorf("%q: %v", row.in, err)
			continue
		}
		wantBytes(t, row.in+" raw", v.Raw, row.in)
		wantBytes(t, row.in+" transport", v.Transport, string(row.want.Transport))
		wantBytes(t, row.in+" host", v.Host, string(row.want.Host))
		wantBytes(t, row.in+" branch", v.Branch, string(row.want.Branch))
		wantBytes(t, row.in+" received", v.Received, string(row.want.Received))
		wantBytes(t, row.in+" maddr", v.MAddr, string(row.want.MAddr))
		if v.Port != row.want.Port || v.HasRPort != row.want.HasRPort || v.RPort != row.want.RPort {
			t.Errorf("%q: port %d, rport %v %d", row.in, v.Port, v.HasRPort, v.RPort)
		}
	}
}

// malformedVias is also what replies are made for.
var malformedVias = []string{
	"", "SIP", "SIP/2.0", "SIP/2.0/", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/2.0/UDPh", "SIP/2.0/UDP[::1]", "SIP 2.0/UDP h", "/2.0/UDP h", "SIP//UDP h",
	"SIP/2.0/UDP ;branch=b", "SIP/2.0/UDP h:", "SIP/2.0/UDP h:0", "SIP/2.0/UDP h:65536", "SIP/2.0/UDP h:5060x", "SIP/2.0/UDP h x",
	"SIP/2.0/UDP [::1", "SIP/2.0/UDP [zz]", "SIP/2.0/UDP .", "SIP/2.0/UDP .1", "SIP/2.0/UDP [.1]", "SIP/2.0/UDP 1.2.3", "SIP/2.0/UDP ::1",
	"SIP/2.0/UDP h;", "SIP/2.0/UDP h;;branch=b", "SIP/2.0/UDP h;branch=", "SIP/2.0/UDP h;branch", "SIP/2.0/UDP h;branch=\"b\"",
	"SIP/2.0/UDP h;branch=a;branch=b", "SIP/2.0/UDP h;rport;rport=1", "SIP/2.0/UDP h;rport=0", "SIP/2.0/UDP h;rport=x",
	"SIP/2.0/UDP h;rport=70000", "SIP/2.0/UDP h;received", "SIP/2.0/UDP h;received=a;received=b", "SIP/2.0/UDP h;maddr",
	"SIP/2.0/UDP h;maddr=a;maddr=b", "SIP/2.0/UDP h;x=\"y", "SIP/2.0/UDP h;x=<y>", "SIP/2.0/UDP u@h", "SIP/2.0/UDP 192.0.2.15;;,;,,",
}

func TestParseVia_Malformed_Refused(t *testing.T) {
	for _, in := range malformedVias {
		if v, err := ParseVia([]byte(in)); err == nil {
			t.Errorf("%q accepted as %+v", in, v)
		}
	}
}
