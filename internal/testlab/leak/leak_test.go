package leak

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestScan_SecretInDisguise_Found(t *testing.T) {
	const v4, v6, name = "10.0.0.20", "2001:db8::14", "pbx.internal.example"
	std, url := base64.StdEncoding.EncodeToString, base64.RawURLEncoding.EncodeToString
	rows := []struct{ what, secret, text string }{
		{"plain", v4, "Via: SIP/2.0/UDP 10.0.0.20:5060;branch=z"},
		{"plain at the ends", v4, "10.0.0.20"},
		{"end of sentence", v4, "host 10.0.0.20."},
		{"name in other case", name, "Contact: <sip:PBX.Internal.EXAMPLE>"},
		{"dashed", v4, "ip-10-0-0-20.ec2"},
		{"reversed", v4, "20.0.0.10.in-addr.arpa"},
		{"integer", v4, "tag=167772180;x"},
		{"hex", v4, "tag=xx0A000014yy"},
		{"0x hex", v4, "0xa000014"},
		{"mapped", v4, "[::ffff:10.0.0.20]"},
		{"mapped in groups", v4, "[::FFFF:A00:14]"},
		{"nat64", v4, "64:ff9b::a00:14"},
		{"6to4", v4, "2002:a00:14::1"},
		{"percent", v4, "sip:%310%2e0%2E0.20@h"},
		{"percent twice", v4, "%25310%252e0%252E0.20@h"},
		{"quoted pairs", v4, `"10\.0\.0\.20"`},
		{"hex of the text", v4, "id=" + hex.EncodeToString([]byte("at 10.0.0.20!"))},
		{"base64", v4, "X: " + std([]byte("10.0.0.20"))},
		{"base64, inner", v4, "X: " + std([]byte("host=10.0.0.20;user"))},
		{"base64 after joined text", v4, "icid" + std([]byte("ab10.0.0.20"))},
		{"base64url", v4, "X_" + url([]byte("\xff\xfe10.0.0.20\xff"))},
		{"base64 of bytes", v4, "X: " + std([]byte{1, 10, 0, 0, 20, 9})},
		{"percent over base64", v4, "X: " + strings.ReplaceAll(std([]byte("<10.0.0.20>")), "P", "%50")},
		{"raw bytes", v4, "\x80\x0a\x00\x00\x14"},
		{"stun xor", v4, "\x2b\x12\xa4\x56"},
		{"v6 plain", v6, "[2001:DB8::14]:5060"},
		{"v6 expanded", v6, "2001:0db8:0000:0000:0000:0000:0000:0014"},
		{"v6 groups", v6, "2001:db8:0:0:0:0:0:14"},
		{"v6 hex", v6, "20010db8000000000000000000000014"},
		{"v6 bytes in base64", v6, std([]byte("\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x14"))},
		{"v6 percent", v6, "2001%3Adb8%3a%3a14"},
	}
	for _, r := range rows {
		t.Run(r.what, func(t *testing.T) {
			found := Scan([][]byte{[]byte("nothing here"), []byte(r.text)}, []string{"", r.secret})
			if len(found) == 0 {
				t.Fatalf("%q not found in %q", r.secret, r.text)
			}
			if f := found[0]; f.Message != 1 || f.Secret != r.secret || f.String() == "" {
				t.Errorf("finding %+v", f)
			}
		})
	}
}

func TestScan_NumbersThatOnlyContainTheAddress_NotFound(t *testing.T) {
	for _, text := range []string{"110.0.0.20", "10.0.0.201", "10.0.0.2", "1677721801", "91677721805", "2001:db8::145", "10.0.1.20"} {
		if found := Scan([][]byte{[]byte(text)}, []string{"10.0.0.20", "2001:db8::14"}); len(found) > 0 {
			t.Errorf("%s: %v", text, found)
		}
	}
}

func TestScan_EncodingAnywhereInAText_Found(t *testing.T) {
	const secret = "canary-7f3.internal"
	encodings := map[string]func(string) string{
		"plain":  func(s string) string { return s },
		"upper":  strings.ToUpper,
		"hex":    func(s string) string { return hex.EncodeToString([]byte(s)) },
		"base64": func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	}
	rapid.Check(t, func(t *rapid.T) {
		filler := rapid.StringMatching(`[ -~]{0,40}`)
		inner := filler.Draw(t, "before") + secret + filler.Draw(t, "after")
		for name, enc := range encodings {
			text := filler.Draw(t, "prefix") + " " + enc(inner)
			if len(Scan([][]byte{[]byte(text)}, []string{secret})) == 0 {
				t.Fatalf("%s: not found in %q", name, text)
			}
		}
	})
}

func FuzzScan(f *testing.F) {
	f.Add([]byte("10.0.0.20 %2 % \\"), "10.0.0.20")
	f.Add([]byte("MTAuMC4wLjIw"), "::1")
	f.Fuzz(func(t *testing.T, m []byte, secret string) {
		found := Scan([][]byte{m}, []string{secret})
		for _, x := range found {
			if x.Form == "" || x.View == "" {
				t.Fatalf("unnamed finding %+v", x)
			}
		}
	})
}
