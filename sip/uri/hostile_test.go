package uri

import (
	"strings"
	"testing"
)

// hostileParts are what a sender, or a table of numbers, may want to see written into a URI.
var hostileParts = []string{
	"", "a", "+13125550142", "a@b", "a b", "<", ">", "\"", "\r\nX-Evil: 1", "\x00", "%0d%0a", "%", "%4", "%zz", ";lr", "?Route=x", ":5060", "[::1]", "]",
	"é", "\xff", strings.Repeat("a", 300), strings.Repeat("%41", 100), strings.Repeat("@", 50), "sip:", "#", ",", "//",
}

// Rewriting the parts of a URI gives the URI that was meant, or one that is refused: never another one.
func TestSecurity12_Rewrite_AnyPart_SameOrRefused(t *testing.T) {
	for _, base := range []string{
		"sip:h", "sip:a@h", "sips:a:b@h:5061;transport=tcp?x=y", "sip:a@[2001:db8::1]:5060;lr", "sip:user@[2001:db8:::192.0.2.1]", "tel:+1-2;ext=3", "urn:service:sos",
	} {
		for _, part := range hostileParts {
			for name, set := range map[string]func(*URI){
				"user":     func(u *URI) { u.User = EscapeUser(part) },
				"raw user": func(u *URI) { u.User = part },
				"password": func(u *URI) { u.Password = part },
				"host":     func(u *URI) { u.Host = part },
				"params":   func(u *URI) { u.Params = part },
				"headers":  func(u *URI) { u.Headers = part },
				"opaque":   func(u *URI) { u.Opaque = part },
				"scheme":   func(u *URI) { u.Scheme = part },
			} {
				u := mustParse(t, base)
				set(&u)
				out := u.String()
				again, err := Parse(out)
				if err != nil {
					if name == "user" && part != "" && u.IsSIP() {
						t.Errorf("%s with user %q is %q: %v", base, part, out, err)
					}
					continue
				}
				if strings.ContainsAny(out, " \t\r\n<>\"\x00") {
					t.Errorf("%s with %s %q is %q", base, name, part, out)
				}
				if twice, err := Parse(again.String()); err != nil || twice != again {
					t.Errorf("%s with %s %q: %q reads as %+v, and that as %+v, %v", base, name, part, out, again, twice, err)
				}
				if name == "user" && part != "" && u.IsSIP() && again != u {
					t.Errorf("%s with user %q became %+v", base, part, again)
				}
			}
		}
	}
}

// Every way to cut a URI short, and every byte put into it anywhere, is read alike by Parse and Check, and written back as it was read.
func TestSecurity12_DamagedURI_ReadAlikeAndWrittenBack(t *testing.T) {
	const base = "sips:a%41:pw@[2001:db8:::192.0.2.1]:5061;transport=tcp;lr?Subject=x&y=%20"
	check := func(s string) {
		u, err := Parse(s)
		if (Check([]byte(s)) == nil) != (err == nil) {
			t.Fatalf("Check disagrees with Parse on %q", s)
		}
		if err != nil {
			return
		}
		if again, err := Parse(u.String()); err != nil || again != u {
			t.Fatalf("%q: %+v written as %q is %+v, %v", s, u, u, again, err)
		}
	}
	for i := range len(base) + 1 {
		check(base[:i])
		check(base[i:])
		for c := range 256 {
			check(base[:i] + string([]byte{byte(c)}) + base[i:])
			check(base[:i] + string([]byte{byte(c)}) + base[min(i+1, len(base)):])
		}
	}
}

func TestParse_UsualForm_AllocatesNothing(t *testing.T) {
	for _, s := range []string{"sip:+13125550142@203.0.113.10:5060;user=phone", "tel:+1-312-555-0142", "sip:gw.example.com;lr", "sip:a@[2001:db8::1]"} {
		if n := testing.AllocsPerRun(100, func() { _, _ = Parse(s) }); n != 0 {
			t.Errorf("%s: %v allocations", s, n)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	const s = "sip:+13125550142@203.0.113.10:5060;user=phone"
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(s); err != nil {
			b.Fatal(err)
		}
	}
}
