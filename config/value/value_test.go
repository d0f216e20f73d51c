package value

import (
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseTarget_GoodURI_KeepsWhatIsGiven(t *testing.T) {
	long := strings.Repeat("a", 63) + ".test"
	for raw, want := range map[string]Target{
		"sip:10.0.0.20":                           {Host: "10.0.0.20"},
		"SIP:10.0.0.20:5062;Transport=UDP":        {Host: "10.0.0.20", Port: 5062, TransportGiven: true},
		"sip:[2001:DB8:0::1]:5061":                {Host: "2001:db8::1", Port: 5061},
		"sip:[2001:db8::1]":                       {Host: "2001:db8::1"},
		"sip:SIP.Carrier.example;transport=tcp":   {Host: "sip.carrier.example", Transport: TCP, TransportGiven: true},
		"sip:a_b.carrier.example:65535":           {Host: "a_b.carrier.example", Port: 65535},
		"sip:localhost":                           {Host: "localhost"},
		"sip:3com.example:5060;transport=udp":     {Host: "3com.example", Port: 5060, TransportGiven: true},
		"sip:xn--bcher-kva.example;transport=Tcp": {Host: "xn--bcher-kva.example", Transport: TCP, TransportGiven: true},
		"sip:" + long:                             {Host: long},
		"sip:a.example;transport=tls":             {Host: "a.example", Transport: TLS, TransportGiven: true},
		"sip:a.example;transport=ws":              {Host: "a.example", Transport: WS, TransportGiven: true},
		"sip:a.example;transport=WSS":             {Host: "a.example", Transport: WSS, TransportGiven: true},
		"sips:a.example":                          {Host: "a.example", Transport: TLS, Secure: true},
		"SIPS:[2001:db8::1]:5071":                 {Host: "2001:db8::1", Port: 5071, Transport: TLS, Secure: true},
		"sips:a.example;transport=tcp":            {Host: "a.example", Transport: TLS, TransportGiven: true, Secure: true},
		"sips:a.example;transport=tls":            {Host: "a.example", Transport: TLS, TransportGiven: true, Secure: true},
		"sips:a.example;transport=ws":             {Host: "a.example", Transport: WSS, TransportGiven: true, Secure: true},
		"sips:a.example;transport=wss":            {Host: "a.example", Transport: WSS, TransportGiven: true, Secure: true},
	} {
		want.Raw, want.Weight = raw, 1
		if got, err := ParseTarget(raw); err != nil || got != want {
			t.Errorf("%s gives %+v, %v, want %+v", raw, got, err, want)
		}
	}
}

func TestParseTarget_ClearUnderSips_IsRefused(t *testing.T) {
	if got, err := ParseTarget("sips:a.example;transport=udp"); err == nil {
		t.Errorf("got %+v", got)
	}
}

// Whatever a sips URI looks like, its transport is a secure one.
func TestParseTarget_Sips_IsNeverClear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scheme := rapid.SampledFrom([]string{"sips", "SIPS", "sIpS"}).Draw(t, "scheme")
		host := rapid.SampledFrom([]string{"10.0.0.1", "[2001:db8::1]", "a.example"}).Draw(t, "host")
		rest := rapid.SampledFrom([]string{"", ":5060", ":5061"}).Draw(t, "port") +
			rapid.SampledFrom([]string{"", ";transport=udp", ";transport=tcp", ";transport=tls", ";transport=ws", ";transport=wss", ";Transport=TCP"}).Draw(t, "transport")
		got, err := ParseTarget(scheme + ":" + host + rest)
		if err == nil && (!got.Secure || !got.Transport.Secure()) {
			t.Fatalf("%s:%s%s gives %+v", scheme, host, rest, got)
		}
	})
}

func TestTarget_EffectivePort_FollowsTheTransport(t *testing.T) {
	for raw, want := range map[string]uint16{
		"sip:a.example": 5060, "sip:a.example;transport=tcp": 5060, "sip:a.example;transport=tls": 5061, "sips:a.example": 5061,
		"sip:a.example;transport=ws": 80, "sips:a.example;transport=ws": 443, "sip:a.example;transport=wss": 443, "sips:a.example:5060": 5060,
	} {
		got, err := ParseTarget(raw)
		if err != nil || got.EffectivePort() != want {
			t.Errorf("%s gives %d, %v, want %d", raw, got.EffectivePort(), err, want)
		}
	}
}

func TestTarget_Open_IsANameAlone(t *testing.T) {
	for raw, want := range map[string]bool{
		"sip:a.example": true, "sips:a.example": true, "sip:a.example:5060": false, "sip:a.example;transport=udp": false,
		"sip:10.0.0.1": false, "sips:[2001:db8::1]": false,
	} {
		got, err := ParseTarget(raw)
		if err != nil || got.Open() != want {
			t.Errorf("%s gives %v, %v, want %v", raw, got.Open(), err, want)
		}
	}
}

func TestParseListener_EachTransport_IsWrittenBack(t *testing.T) {
	for raw, want := range map[string]Listener{
		"udp://10.0.0.1:5060":         {Transport: UDP, Addr: netip.MustParseAddrPort("10.0.0.1:5060")},
		"tcp://10.0.0.1:0":            {Transport: TCP, Addr: netip.MustParseAddrPort("10.0.0.1:0")},
		"tls://[2001:db8::1]:5061":    {Transport: TLS, Addr: netip.MustParseAddrPort("[2001:db8::1]:5061")},
		"ws://0.0.0.0:80":             {Transport: WS, Addr: netip.MustParseAddrPort("0.0.0.0:80")},
		"wss://[::]:443":              {Transport: WSS, Addr: netip.MustParseAddrPort("[::]:443")},
		"WSS://[2001:DB8::0:1]:08443": {Transport: WSS, Addr: netip.MustParseAddrPort("[2001:db8::1]:8443")},
	} {
		got, err := ParseListener(raw)
		if err != nil || got != want {
			t.Errorf("%s gives %v, %v, want %v", raw, got, err, want)
		}
		if again, err := ParseListener(got.String()); err != nil || again != got {
			t.Errorf("%s is written as %s, which gives %v, %v", raw, got, again, err)
		}
	}
}

func TestParseDSCP_Names_HaveTheirCodePoints(t *testing.T) {
	for name, want := range map[string]uint8{
		"cs0": 0, "cs1": 8, "cs3": 24, "CS7": 56, "af11": 10, "af12": 12, "af13": 14, "af21": 18, "af31": 26, "af33": 30, "AF41": 34, "af43": 38,
		"ef": 46, "EF": 46, "0": 0, "46": 46, "63": 63,
	} {
		if got, err := ParseDSCP(name); err != nil || got != want {
			t.Errorf("%s gives %d, %v, want %d", name, got, err, want)
		}
	}
	for _, bad := range []string{"", "cs8", "cs", "af10", "af14", "af51", "af01", "af111", "be", "64", "-1", "+1", "01", "0x2e", "ef ", "4.6"} {
		if got, err := ParseDSCP(bad); err == nil {
			t.Errorf("%q gives %d", bad, got)
		}
	}
}

func TestParseOrigin_Forms_AreThoseOfABrowser(t *testing.T) {
	for raw, want := range map[string]string{
		"*":                              "*",
		"https://app.example":            "https://app.example",
		"HTTPS://App.Example:443":        "https://app.example",
		"http://app.example:80":          "http://app.example",
		"http://app.example:443":         "http://app.example:443",
		"https://app.example:8443":       "https://app.example:8443",
		"https://[2001:DB8:0::1]:8443":   "https://[2001:db8::1]:8443",
		"https://192.0.2.1":              "https://192.0.2.1",
		"capacitor://localhost":          "capacitor://localhost",
		"chrome-extension://abcdefghijk": "chrome-extension://abcdefghijk",
	} {
		if got, err := ParseOrigin(raw); err != nil || got != want {
			t.Errorf("%s gives %s, %v, want %s", raw, got, err, want)
		}
	}
	for _, bad := range []string{"", "null", "app.example", "://app.example", "1x://a", "https://", "https://*.example", "https://app.example/", "https://app.example?x",
		"https://u@app.example", "https://app.example:", "https://app.example:0", "https://a b", "https:app.example", "**"} {
		if got, err := ParseOrigin(bad); err == nil {
			t.Errorf("%q gives %s", bad, got)
		}
	}
}

func TestParseServer_WithoutPort_TakesTheDefault(t *testing.T) {
	for raw, want := range map[string]string{
		"192.0.2.53": "192.0.2.53:53", "192.0.2.53:5353": "192.0.2.53:5353", "2001:db8::53": "[2001:db8::53]:53",
		"[2001:db8::53]": "[2001:db8::53]:53", "[2001:db8::53]:5353": "[2001:db8::53]:5353", "127.0.0.1": "127.0.0.1:53",
	} {
		if got, err := ParseServer(raw, 53); err != nil || got.String() != want {
			t.Errorf("%s gives %v, %v, want %s", raw, got, err, want)
		}
	}
	for _, bad := range []string{"", "dns.example", "0.0.0.0", "::", "192.0.2.53:", "192.0.2.53:0", "::ffff:192.0.2.53", "fe80::1%eth0", "[192.0.2.53]", "224.0.0.1"} {
		if got, err := ParseServer(bad, 53); err == nil {
			t.Errorf("%q gives %v", bad, got)
		}
	}
}

// lets is the rule itself, address by address.
func lets(allow, deny []netip.Prefix, a netip.Addr) bool {
	best, verdict := -1, len(allow) == 0
	for i, list := range [][]netip.Prefix{allow, deny} {
		for _, p := range list {
			if p.Contains(a) && p.Bits() > best {
				best, verdict = p.Bits(), i == 0
			}
		}
	}
	return verdict
}

// None of the addresses of a shut prefix gets in; and a prefix that no rule cuts
// into parts is shut when that is so. The addresses are the 256 of one /24.
func TestAccess_Shuts_AgreesWithEveryAddress(t *testing.T) {
	prefix := rapid.Custom(func(t *rapid.T) netip.Prefix {
		a := netip.AddrFrom4([4]byte{10, 0, 0, rapid.Byte().Draw(t, "last")})
		return netip.PrefixFrom(a, rapid.IntRange(22, 32).Draw(t, "bits")).Masked()
	})
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfNDistinct(prefix, 0, 8, rapid.ID[netip.Prefix]).Draw(t, "prefixes")
		n := rapid.IntRange(0, len(all)).Draw(t, "allowed")
		allow, deny := all[:n], all[n:]
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, rapid.Byte().Draw(t, "last")}), rapid.IntRange(24, 32).Draw(t, "bits")).Masked()
		open, cut := false, false
		for i := range 256 {
			a := netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})
			open = open || p.Contains(a) && lets(allow, deny, a)
		}
		for _, r := range all {
			cut = cut || r.Bits() > p.Bits() && p.Overlaps(r)
		}
		by, shut := NewAccess(allow, deny).Shuts(p)
		if shut && open || !shut && !open && !cut {
			t.Fatalf("allow %v deny %v: %s is shut %v by %v, lets somebody in %v", allow, deny, p, shut, by, open)
		}
	})
}

func TestAccess_Shuts_NamesTheRule(t *testing.T) {
	list := func(s ...string) (out []netip.Prefix) {
		for _, p := range s {
			out = append(out, netip.MustParsePrefix(p))
		}
		return out
	}
	for _, c := range []struct {
		allow, deny []netip.Prefix
		prefix, by  string
		want        bool
	}{
		{nil, nil, "10.0.0.1/32", "invalid Prefix", false},
		{nil, list("10.0.0.0/8"), "10.0.0.1/32", "10.0.0.0/8", true},
		{nil, list("10.0.0.0/8"), "10.0.0.0/8", "10.0.0.0/8", true},
		{nil, list("10.0.0.0/8"), "0.0.0.0/0", "invalid Prefix", false},
		{nil, list("10.0.0.0/8"), "2001:db8::/32", "invalid Prefix", false},
		{list("10.1.0.0/16"), list("10.0.0.0/8"), "10.1.2.0/24", "10.1.0.0/16", false},
		{list("10.1.0.0/16"), list("10.0.0.0/8"), "10.0.0.0/8", "invalid Prefix", false},
		{list("10.1.0.0/16"), list("10.0.0.0/8"), "10.2.0.0/16", "10.0.0.0/8", true},
		{list("10.0.0.0/8"), nil, "192.0.2.1/32", "invalid Prefix", true},
		{list("10.0.0.0/8"), nil, "2001:db8::/32", "invalid Prefix", true},
		{list("::/0"), nil, "10.0.0.0/8", "invalid Prefix", true},
	} {
		by, got := NewAccess(c.allow, c.deny).Shuts(netip.MustParsePrefix(c.prefix))
		if got != c.want || by.String() != c.by {
			t.Errorf("allow %v deny %v: %s gives %v by %v, want %v by %s", c.allow, c.deny, c.prefix, got, by, c.want, c.by)
		}
	}
}

// FuzzParse holds that no text panics, and that what is taken is in its normal form.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"sip:10.0.0.1:5060;transport=tcp", "sips:[2001:db8::1]", "tls://10.0.0.1:5061", "wss://[::]:443", "https://app.example:8443",
		"af41", "46", "10.0.0.0/8", "16384-32767", "2001:db8::53", "[2001:db8::53]:53", "*+1*", "*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := ParseTarget(s); err == nil {
			if v.Host == "" || v.Secure && !v.Transport.Secure() || v.EffectivePort() == 0 {
				t.Errorf("%q gives %+v", s, v)
			}
		}
		if v, err := ParseOrigin(s); err == nil {
			if again, err := ParseOrigin(v); err != nil || again != v {
				t.Errorf("%q gives %q, which gives %q, %v", s, v, again, err)
			}
		}
		if v, err := ParseListener(s); err == nil {
			if again, err := ParseListener(v.String()); err != nil || again != v {
				t.Errorf("%q gives %v, which gives %v, %v", s, v, again, err)
			}
		}
		if v, err := ParseDSCP(s); err == nil && v > maxDSCP {
			t.Errorf("%q gives %d", s, v)
		}
		if v, err := ParseServer(s, 53); err == nil && (!v.IsValid() || v.Port() == 0 || v.Addr().IsUnspecified()) {
			t.Errorf("%q gives %v", s, v)
		}
		if v, err := ParsePrefix(s); err == nil && v != v.Masked() {
			t.Errorf("%q gives %v", s, v)
		}
		if v, _, err := ParsePorts(s); err == nil && (v.Low%2 != 0 || v.High%2 != 1 || v.Len() < 2) {
			t.Errorf("%q gives %v", s, v)
		}
		if v, err := ParsePattern(s); err == nil && v.String() != s {
			t.Errorf("%q gives %v", s, v)
		}
	})
}
