package uri

import (
	"net/netip"
	"strings"
	"testing"
)

func TestParse_Forms_PartsAndBack(t *testing.T) {
	for _, row := range []struct {
		in   string
		want URI
		out  string // when it differs
	}{
		{"sip:h", URI{Scheme: "sip", Host: "h"}, ""},
		{"sip:alice@atlanta.example.com", URI{Scheme: "sip", User: "alice", Host: "atlanta.example.com"}, ""},
		{"SIPS:alice:secret@H.Example:5061;transport=TCP?subject=a&b=c", URI{Scheme: "sips", User: "alice", Password: "secret", Host: "h.example",
			Port: 5061, Params: "transport=TCP", Headers: "subject=a&b=c"}, "sips:alice:secret@h.example:5061;transport=TCP?subject=a&b=c"},
		{"sip:a@[2001:DB8::10]:5070;lr", URI{Scheme: "sip", User: "a", Host: "2001:db8::10", Port: 5070, Params: "lr"}, "sip:a@[2001:db8::10]:5070;lr"},
		{"sip:[2001:db8::10:5070]", URI{Scheme: "sip", Host: "2001:db8::10:5070"}, ""},
		{"sip:user@[2001:db8:::192.0.2.1]", URI{Scheme: "sip", User: "user", Host: "2001:db8::192.0.2.1"}, "sip:user@[2001:db8::192.0.2.1]"},
		{"sip:sips%3Auser%40example.com@example.net", URI{Scheme: "sip", User: "sips%3Auser%40example.com", Host: "example.net"}, ""},
		{"sip:user;par=u%40example.net@example.com", URI{Scheme: "sip", User: "user;par=u%40example.net", Host: "example.com"}, ""},
		{"sip:h;a=b@c", URI{Scheme: "sip", User: "h;a=b", Host: "c"}, ""},
		{"sip:a?b=c@host", URI{Scheme: "sip", User: "a?b=c", Host: "host"}, ""},
		{"sip:*70#1@h", URI{Scheme: "sip", User: "*70#1", Host: "h"}, ""},
		{"sip:a:@h", URI{Scheme: "sip", User: "a", Host: "h"}, "sip:a@h"},
		{"sip:h;;a;=b;", URI{Scheme: "sip", Host: "h", Params: ";a;=b;"}, ""},
		{"sip:x@h?Replaces=abc@1.2.3.4;to-tag=1", URI{Scheme: "sip", User: "x", Host: "h", Headers: "Replaces=abc@1.2.3.4;to-tag=1"}, ""},
		{"sip:h:00005060", URI{Scheme: "sip", Host: "h", Port: 5060}, "sip:h:5060"},
		{"sip:a_b.3c.example.", URI{Scheme: "sip", Host: "a_b.3c.example."}, ""},
		{"tel:+1-201-555-0123;ext=5", URI{Scheme: "tel", User: "+1-201-555-0123", Params: "ext=5"}, ""},
		{"tel:911", URI{Scheme: "tel", User: "911"}, ""},
		{"TEL:7042;phone-context=example.com", URI{Scheme: "tel", User: "7042", Params: "phone-context=example.com"}, "tel:7042;phone-context=example.com"},
		{"tel:*21#", URI{Scheme: "tel", User: "*21#"}, ""},
		{"Urn:service:sos", URI{Scheme: "urn", Opaque: "service:sos"}, "urn:service:sos"},
		{"soap.beep://192.0.2.103:3002", URI{Scheme: "soap.beep", Opaque: "//192.0.2.103:3002"}, ""},
		{"mailto:a@b?c=d", URI{Scheme: "mailto", Opaque: "a@b?c=d"}, ""},
	} {
		got, err := Parse(row.in)
		if err != nil {
			t.Errorf("%s: %v", row.in, err)
			continue
		}
		if got != row.want {
			t.Errorf("%s: %+v, want %+v", row.in, got, row.want)
		}
		out := row.out
		if out == "" {
			out = row.in
		}
		if got.String() != out || string(got.AppendTo([]byte("<"))) != "<"+out {
			t.Errorf("%s written as %s", row.in, got)
		}
		if err := Check([]byte(row.in)); err != nil {
			t.Errorf("Check %s: %v", row.in, err)
		}
	}
}

func TestParse_Malformed_Refused(t *testing.T) {
	for _, in := range []string{
		"", ":", "sip", "sip:", "1sip:h", "s p:h", ":h", "a@h", "<sip:h>", " sip:h", "sip:h ", "sip: h", "sip:@h", "sip::p@h", "sip:a@", "sip:a@b@c",
		"sip:a b@h", "sip:a\"@h", "sip:a<b@h", "sip:a\x00@h", "sip:a\r\n@h", "sip:é@h", "sip:a%@h", "sip:a%4@h", "sip:a%4g@h", "sip:a:p:q@h",
		"sip:a:p/@h", "sip:h:", "sip:h:0", "sip:h:65536", "sip:h:99999999999999999999", "sip:h:5060x", "sip:h:+5", "sip:h:-1", "sip:2001:db8::10",
		"sip:[2001:db8::10", "sip:[2001:db8::10]x", "sip:[]", "sip:[::1%eth0]", "sip:.", "sip:.1", "sip:[.1]", "sip:..", "sip:a..b", "sip:.a",
		"sip:1.2.3", "sip:1.2.3.4.5", "sip:256.1.1.1", "sip:01.2.3.4", "sip:123", "sip:a.1", "sip:h!", "sip:h,", "sip:h/x", "sip:a@h@i;x",
		"sip:h;a b", "sip:h;a=\"b\"", "sip:h;%", "sip:h;<", "sip:h?a=\"b\"", "sip:h?a b", "sip:h?%zz", "sip:h?\n",
		"sip:" + strings.Repeat("a", 64) + ".example", "sip:" + strings.Repeat("a.", 127), "sip:" + strings.Repeat("b", 256),
		"tel:", "tel:+", "tel:-", "tel:abcx", "tel:+1 2", "tel:1;a b", "tel:1+2", "tel:;ext=1", "urn:", "urn:a b", "urn:<x>", "urn:\x7f", "urn:%",
	} {
		if u, err := Parse(in); err == nil {
			t.Errorf("%q accepted as %+v", in, u)
		}
		if Check([]byte(in)) == nil {
			t.Errorf("Check accepts %q", in)
		}
	}
}

func TestCheckRequest_HeaderPart_Refused(t *testing.T) {
	for in, ok := range map[string]bool{
		"sip:a@h": true, "sip:a@h;x=1": true, "sip:a?b@h": true, "http://h/?x=y": true, "tel:1": true,
		"sip:a@h?Route=%3Csip:b%3E": false, "sips:h?x=y": false, "sip:a@h?": false, "sip:": false,
	} {
		if err := CheckRequest(in); (err == nil) != ok {
			t.Errorf("%s: %v", in, err)
		}
	}
}

func TestValidIPv6_AgainstTheStandardLibrary(t *testing.T) {
	for _, s := range []string{
		"::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1::8", "::ffff:1.2.3.4", "64:ff9b::1.2.3.4", "1:2:3:4:5:6:1.2.3.4",
		"", ":", ":::", "1", "1:", ":1", "1:2", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7", "1::2::3", "12345::", "g::", "::1.2.3", "::1.2.3.4.5", "::1.2.3.256",
		"1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3.4:5", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "::01.2.3.4", "1:::2", "::%eth0", "::ffff:",
	} {
		a, err := netip.ParseAddr(s)
		if want := err == nil && a.Is6() && a.Zone() == ""; ValidIPv6(s) != want {
			t.Errorf("%q: %v, want %v", s, !want, want)
		}
	}
	for s, want := range map[string]bool{"2001:db8:::192.0.2.1": true, ":::1.2.3.4": true, "::1:::1.2.3.4": false, "1::::1.2.3.4": false, "2001:db8:::1": false} {
		if ValidIPv6(s) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
}

func TestParam_NamesAndValues(t *testing.T) {
	u := mustParse(t, "sip:h;Transport=TCP;lr;%74tl=5;x=a%20b;x=second")
	for name, want := range map[string]string{"transport": "TCP", "LR": "", "ttl": "5", "x": "a%20b"} {
		if v, ok := u.Param(name); !ok || v != want {
			t.Errorf("%s = %q %v", name, v, ok)
		}
	}
	if _, ok := u.Param("t"); ok {
		t.Error("t found")
	}
	if u.Transport() != "tcp" || mustParse(t, "sip:h").Transport() != "" {
		t.Error("transport")
	}
	if !u.IsSIP() || !mustParse(t, "sips:h").IsSIP() || mustParse(t, "tel:1").IsSIP() {
		t.Error("IsSIP")
	}
}

func TestAddr_LiteralsOnly_MappedUnwrapped(t *testing.T) {
	for in, want := range map[string]string{
		"sip:192.0.2.1": "192.0.2.1", "sip:[2001:db8::1]": "2001:db8::1", "sip:[::ffff:192.0.2.1]:5": "192.0.2.1", "sip:example.com": "", "tel:1": "",
		"sip:[2001:db8:::192.0.2.1]": "2001:db8::c000:201",
	} {
		a, ok := mustParse(t, in).Addr()
		if ok != (want != "") || ok && a.String() != want {
			t.Errorf("%s: %v %v", in, a, ok)
		}
	}
}

func mustParse(t testing.TB, s string) URI {
	t.Helper()
	u, err := Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestEqual_ExamplesOfTheRFCs(t *testing.T) {
	for _, row := range []struct {
		a, b string
		want bool
	}{
		// RFC 3261 §19.1.4
		{"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;security=on", true},
		{"sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", true},
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false},
		{"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com", "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true},
		{"sip:alice@atlanta.com?subject=project%20x&priority=urgent", "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true},
		{"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false},
		{"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false},
		{"sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false},
		{"sip:a@h", "sips:a@h", false},
		{"sip:a@h", "sip:h", false},
		{"sip:a:p@h", "sip:a@h", false},
		{"sip:a%3Ab@h", "sip:a%3ab@h", true},
		{"sip:a%2Cb@h", "sip:a,b@h", false},
		{"sip:a%00@h", "sip:a%00%00@h", false},
		{"sip:a@h;user=phone", "sip:a@h", false},
		{"sip:a@h;ttl=1", "sip:a@h", false},
		{"sip:a@h;%6daddr=1.1.1.1", "sip:a@h", false},
		{"sip:h?a=1&a=2", "sip:h?a=2&a=1", true},
		{"sip:h?a=1&a=1", "sip:h?a=1&a=2", false},
		{"sip:[2001:db8::1]", "sip:[2001:DB8:0:0::1]", true},
		{"sip:[::ffff:1.2.3.4]", "sip:1.2.3.4", false},
		// RFC 3966 §4
		{"tel:+1-201-555-0123", "tel:+1(201)5550123", true},
		{"tel:+12015550123", "tel:12015550123", false},
		{"tel:7042;phone-context=Example.com", "TEL:70-42;PHONE-context=example.com", true},
		{"tel:7042;phone-context=+1-2", "tel:7042;phone-context=+12", true},
		{"tel:7042;phone-context=+12", "tel:7042;phone-context=+13", false},
		{"tel:1;ext=1-2;isub=3", "tel:1;isub=3;ext=12", true},
		{"tel:1;a=b", "tel:1", false},
		{"tel:1", "tel:1;a=b", false},
		{"tel:1a*#", "tel:1A*#", true},
		{"tel:12-", "tel:12", true},
		{"tel:12", "tel:123", false},
		{"urn:a", "URN:a", true},
		{"urn:a", "urn:b", false},
	} {
		a, b := mustParse(t, row.a), mustParse(t, row.b)
		if Equal(a, b) != row.want || Equal(b, a) != row.want {
			t.Errorf("%s and %s: %v, want %v", row.a, row.b, !row.want, row.want)
		}
	}
	twice := mustParse(t, "sip:h;a=1;A=2;lr")
	if !Equal(twice, twice) || !Equal(twice, mustParse(t, "sip:h;lr;a=1")) || Equal(twice, mustParse(t, "sip:h;a=2")) {
		t.Error("a parameter given twice")
	}
	long := mustParse(t, "tel:1"+strings.Repeat(";a=1", 2000))
	if !Equal(long, long) || Equal(long, mustParse(t, long.String()+";b")) {
		t.Error("many parameters")
	}
	many := "sip:h?" + strings.Repeat("a=1&", 5000)
	if !Equal(mustParse(t, many), mustParse(t, many)) || Equal(mustParse(t, many+"b"), mustParse(t, many+"c")) {
		t.Error("many headers")
	}
}

func TestUnescape_OneLevelAndStrict(t *testing.T) {
	for in, want := range map[string]string{"": "", "abc": "abc", "%61%2f": "a/", "%2561": "%61", "%00": "\x00", "a%C3%a9": "aé"} {
		if got, err := Unescape(in); err != nil || got != want {
			t.Errorf("%q: %q %v", in, got, err)
		}
	}
	for _, in := range []string{"%", "%4", "a%zz", "%%41", "%4g"} {
		if got, err := Unescape(in); err == nil {
			t.Errorf("%q gives %q", in, got)
		}
	}
}

func TestEscapeUser_AnyText_FitsAndReadsBack(t *testing.T) {
	for in, want := range map[string]string{
		"alice": "alice", "+1(2)3": "+1(2)3", "a b": "a%20b", "a@b": "a%40b", "a:b": "a%3Ab", "#1": "%231", "%41": "%41", "%": "%25", "%4": "%254",
		"%zz": "%25zz", "\r\n\x00": "%0D%0A%00", "é": "%C3%A9", "a;b=c,d/e?f&g$h": "a;b=c,d/e?f&g$h", "<\">": "%3C%22%3E",
	} {
		got := EscapeUser(in)
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
		if u, err := Parse("sip:" + got + "@h"); err != nil || u.User != got {
			t.Errorf("%q does not fit: %v", got, err)
		}
	}
}

func TestCheck_Bytes_AllocatesNothing(t *testing.T) {
	in := []byte("sip:Alice:pw@[2001:db8::1]:5060;transport=udp?x=y")
	if n := testing.AllocsPerRun(100, func() { _ = Check(in) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { _ = Check(in[:20]) }); n != 0 {
		t.Errorf("%v allocations for a refusal", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"sip:alice:pw@[2001:db8:::1.2.3.4]:5060;transport=udp;lr?a=b&c", "tel:+1-2;ext=3", "urn:service:sos", "SIPS:%41@H", "sip:a?b=c@h", "sip:1.2.3",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := Parse(s)
		if (Check(s) == nil) != (err == nil) {
			t.Fatalf("Check disagrees with Parse on %q", s)
		}
		if err != nil {
			return
		}
		out := u.String()
		again, err := Parse(out)
		if err != nil || again != u {
			t.Fatalf("%q: %+v written as %q is %+v, %v", s, u, out, again, err)
		}
		if strings.ContainsAny(out, " \t\r\n<>\"\x00") {
			t.Fatalf("%q written as %q", s, out)
		}
		if !Equal(u, again) {
			t.Fatalf("%q differs from itself", s)
		}
		if a, ok := u.Addr(); ok && !a.IsValid() {
			t.Fatalf("%q has address %v", s, a)
		}
		// A rewritten URI is as sound as the one it came from (user, host and port replaced).
		u.User, u.Password, u.Host, u.Port = EscapeUser(u.User+"@\r\n"), "", "192.0.2.1", 5060
		if u.IsSIP() {
			if again, err = Parse(u.String()); err != nil || again != u {
				t.Fatalf("rewritten %q is %+v, %v", u.String(), again, err)
			}
		}
	})
}

func FuzzEscape(f *testing.F) {
	f.Add("a%41 b")
	f.Fuzz(func(t *testing.T, s string) {
		e := EscapeUser(s)
		if s != "" {
			if u, err := Parse("sip:" + e + "@h"); err != nil || u.User != e {
				t.Fatalf("%q escaped to %q: %v", s, e, err)
			}
		}
		if EscapeUser(e) != e {
			t.Fatalf("%q escaped twice differs", s)
		}
		if plain, err := Unescape(s); err == nil {
			if back, err := Unescape(e); err != nil || back != plain {
				t.Fatalf("%q: %q, escaped %q: %q %v", s, plain, e, back, err)
			}
		}
	})
}
