package secure_test

import (
	"crypto/x509"
	"encoding/pem"
	"net/url"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/testlab/certs"
	"gatehouse/sip/secure"
)

// parse reads the certificate a test made.
func parse(t testing.TB, certPEM []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(certPEM)
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestIdentities_FollowTheOrderOfTheRFC(t *testing.T) {
	ca := certs.NewCA(t)
	for name, tc := range map[string]struct {
		opts []certs.Option
		want []string
	}{
		"nothing":                      {nil, nil},
		"DNS names":                    {[]certs.Option{certs.DNS("SBC.Example.com", "example.com")}, []string{"sbc.example.com", "example.com"}},
		"sip URI hides DNS names":      {[]certs.Option{certs.URI("sip:Example.com"), certs.DNS("host.example.com")}, []string{"example.com"}},
		"several sip URIs":             {[]certs.Option{certs.URI("sip:a.example", "SIP:b.example")}, []string{"a.example", "b.example"}},
		"sip URI with port and params": {[]certs.Option{certs.URI("sip:a.example:5061;transport=tls")}, []string{"a.example"}},
		"sip URI of a user":            {[]certs.Option{certs.URI("sip:alice@a.example"), certs.DNS("b.example")}, []string{"b.example"}},
		"sips is another scheme":       {[]certs.Option{certs.URI("sips:a.example"), certs.DNS("b.example")}, []string{"b.example"}},
		"https is another scheme":      {[]certs.Option{certs.URI("https://a.example")}, nil},
		"common name alone":            {[]certs.Option{certs.CN("SBC.example.com")}, []string{"sbc.example.com"}},
		"common name beside a DNS":     {[]certs.Option{certs.CN("a.example"), certs.DNS("b.example")}, []string{"b.example"}},
		"common name beside an IP":     {[]certs.Option{certs.CN("a.example"), certs.IP("192.0.2.1")}, nil},
		"common name beside a URI":     {[]certs.Option{certs.CN("a.example"), certs.URI("https://b.example")}, nil},
		"common name that is a person": {[]certs.Option{certs.CN("Alice Example")}, nil},
		"common name that is a host":   {[]certs.Option{certs.CN("localhost")}, nil},
		"common name, wildcard":        {[]certs.Option{certs.CN("*.example.com")}, nil},
		"common name, an address":      {[]certs.Option{certs.CN("192.0.2.1")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := ca.Leaf(t, tc.opts...)
			if got := secure.Identities(parse(t, c)); !slices.Equal(got, tc.want) {
				t.Errorf("identities %q, want %q", got, tc.want)
			}
		})
	}
}

func TestMatches_InFullOnly(t *testing.T) {
	ca := certs.NewCA(t)
	for _, tc := range []struct {
		domain string
		opt    certs.Option
		want   bool
	}{
		{"example.com", certs.DNS("example.com"), true},
		{"EXAMPLE.com", certs.DNS("example.com"), true},
		{"example.com.", certs.DNS("example.com"), true},
		{"example.com", certs.URI("sip:example.com"), true},
		{"example.com", certs.CN("example.com"), true},
		{"foo.example.com", certs.DNS("example.com"), false},
		{"example.com", certs.DNS("foo.example.com"), false},
		{"foo.example.com", certs.DNS("*.example.com"), false},
		{"foo.example.com", certs.URI("sip:*.example.com"), false},
		{"foo.example.com", certs.DNS(".example.com"), false},
		{"", certs.DNS("example.com"), false},
		{"", certs.Padded(1), false},
		{"192.0.2.1", certs.IP("192.0.2.1"), true},
		{"192.0.2.2", certs.IP("192.0.2.1"), false},
		{"2001:db8::1", certs.IP("2001:db8::1"), true},
		{"[2001:DB8:0::1]", certs.IP("2001:db8::1"), true},
		{"192.0.2.1", certs.DNS("192.0.2.1"), false},
		{"192.0.2.1", certs.CN("192.0.2.1"), false},
		{"example.com", certs.IP("192.0.2.1"), false},
	} {
		leaf, _ := ca.Leaf(t, tc.opt)
		c := parse(t, leaf)
		if got := secure.Matches(c, tc.domain); got != tc.want {
			t.Errorf("%q of %q, CN %q: %v", tc.domain, secure.Identities(c), c.Subject.CommonName, got)
		}
	}
}

// FuzzIdentities reads certificates with any URI, DNS name and common name: what comes out is lower case, and nothing of
// a user is in it.
func FuzzIdentities(f *testing.F) {
	for _, s := range []string{"sip:example.com", "sip:a@b", "sip:", "sip:[::1]:5060", "sip://x", "sips:x", "sip:a;b?c", "sip:%40b", "SIP:A:b:c"} {
		f.Add(s, "*.example.com", "Example.com")
	}
	f.Fuzz(func(t *testing.T, uri, dns, cn string) {
		c := &x509.Certificate{DNSNames: []string{dns}}
		c.Subject.CommonName = cn
		u, err := url.Parse(uri)
		if err == nil {
			c.URIs = []*url.URL{u}
		}
		for _, id := range secure.Identities(c) {
			if strings.ToLower(id) != id {
				t.Errorf("identity %q", id)
			}
			if err == nil && id != strings.ToLower(dns) && strings.Contains(id, "@") {
				t.Errorf("a user in %q", id)
			}
			secure.Matches(c, id)
		}
	})
}
