package secure_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/testlab/certs"
	"gatehouse/sip/secure"
)

// pairOf makes a key pair signed by an authority.
func pairOf(t testing.TB, ca *certs.CA, opts ...certs.Option) secure.KeyPair {
	t.Helper()
	c, k := ca.Leaf(t, opts...)
	return secure.KeyPair{Certificate: c, Key: k}
}

// connected gives both ends of a connection on loopback.
func connected(t *testing.T) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{a, b} {
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		t.Cleanup(func() { _ = c.Close() })
	}
	return a, b
}

// shake makes a handshake between two configurations and gives what each side says of it.
func shake(t *testing.T, server, client *tls.Config) (s, c tls.ConnectionState, serverErr, clientErr error) {
	t.Helper()
	a, b := connected(t)
	ts, tc := tls.Server(a, server), tls.Client(b, client)
	done := make(chan error, 1)
	go func() {
		err := ts.Handshake()
		if err == nil {
			_, err = io.WriteString(ts, "x")
		}
		if err == nil {
			_, _ = ts.Read(make([]byte, 1)) // until the client hangs up
		}
		_ = a.Close()
		done <- err
	}()
	if clientErr = tc.Handshake(); clientErr == nil {
		// In TLS 1.3 a client learns only now that its certificate was refused.
		_, clientErr = io.ReadFull(tc, make([]byte, 1))
	}
	_ = b.Close()
	serverErr = <-done
	return ts.ConnectionState(), tc.ConnectionState(), serverErr, clientErr
}

func newServer(t testing.TB, o secure.ServerOptions) *tls.Config {
	t.Helper()
	s, err := secure.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	return s.Config()
}

func newClient(t testing.TB, domain string, o secure.ClientOptions) *tls.Config {
	t.Helper()
	c, err := secure.NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	return c.Config(domain)
}

func TestHandshake_ServerCertificate_OnlyTheDomainInFullIsTrusted(t *testing.T) {
	ca, other := certs.NewCA(t), certs.NewCA(t)
	for name, tc := range map[string]struct {
		ca     *certs.CA
		opts   []certs.Option
		domain string
		want   string // in the client's error; "": trusted
	}{
		"DNS name":             {ca, []certs.Option{certs.DNS("sip.example.com")}, "sip.example.com", ""},
		"URI":                  {ca, []certs.Option{certs.URI("sip:example.com"), certs.DNS("host.example.com")}, "example.com", ""},
		"URI, host is no name": {ca, []certs.Option{certs.URI("sip:example.com"), certs.DNS("host.example.com")}, "host.example.com", "not of"},
		"common name only":     {ca, []certs.Option{certs.CN("example.com")}, "example.com", ""},
		"IPv4 address":         {ca, []certs.Option{certs.IP("192.0.2.1")}, "192.0.2.1", ""},
		"IPv6 address":         {ca, []certs.Option{certs.IP("2001:db8::1")}, "[2001:db8::1]", ""},
		"other address":        {ca, []certs.Option{certs.IP("192.0.2.1")}, "192.0.2.2", "not of"},
		"wildcard":             {ca, []certs.Option{certs.DNS("*.example.com")}, "sip.example.com", "not of"},
		"wrong name":           {ca, []certs.Option{certs.DNS("evil.example")}, "example.com", "not of"},
		"parent domain":        {ca, []certs.Option{certs.DNS("example.com")}, "sip.example.com", "not of"},
		"expired":              {ca, []certs.Option{certs.DNS("example.com"), certs.Expired()}, "example.com", "expired"},
		"unknown authority":    {other, []certs.Option{certs.DNS("example.com")}, "example.com", "unknown authority"},
		"for clients only":     {ca, []certs.Option{certs.DNS("example.com"), certs.ClientOnly()}, "example.com", "usage"},
		"no names":             {ca, nil, "example.com", "not of"},
		"no domain wanted":     {ca, []certs.Option{certs.DNS("example.com")}, "", "not of"},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(name+" "+tls.VersionName(version), func(t *testing.T) {
				server := newServer(t, secure.ServerOptions{Pairs: []secure.KeyPair{pairOf(t, tc.ca, tc.opts...)}})
				client := newClient(t, tc.domain, secure.ClientOptions{CA: ca.PEM})
				client.MaxVersion = version
				_, _, serverErr, err := shake(t, server, client)
				switch {
				case tc.want == "" && (err != nil || serverErr != nil):
					t.Errorf("refused: %v (%v)", err, serverErr)
				case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
					t.Errorf("error %v, want %q", err, tc.want)
				case tc.want != "" && serverErr == nil:
					t.Error("the server was not told")
				}
			})
		}
	}
}

func TestHandshake_ServerName_OverridesTheDomain(t *testing.T) {
	ca := certs.NewCA(t)
	server := newServer(t, secure.ServerOptions{Pairs: []secure.KeyPair{pairOf(t, ca, certs.DNS("default.example")), pairOf(t, ca, certs.DNS("carrier.example"))}})
	client := newClient(t, "10.0.0.1", secure.ClientOptions{CA: ca.PEM, ServerName: "carrier.example"})
	if s, _, _, err := shake(t, server, client); err != nil || s.ServerName != "carrier.example" {
		t.Errorf("asked for %q: %v", s.ServerName, err)
	}
	client = newClient(t, "carrier.example", secure.ClientOptions{CA: ca.PEM, ServerName: "default.example"})
	if _, c, _, err := shake(t, server, client); err != nil || !secure.Matches(c.PeerCertificates[0], "default.example") {
		t.Errorf("the overridden domain was wanted: %v", err)
	}
}

func TestHandshake_MinVersion_BindsBothSides(t *testing.T) {
	ca := certs.NewCA(t)
	pair := pairOf(t, ca, certs.DNS("a.example"))
	for _, tc := range []struct {
		server, client, most uint16
		want                 uint16 // 0: refused
	}{
		{0, 0, 0, tls.VersionTLS13},
		{0, 0, tls.VersionTLS12, tls.VersionTLS12},
		{0, 0, tls.VersionTLS11, 0},
		{tls.VersionTLS13, 0, 0, tls.VersionTLS13},
		{tls.VersionTLS13, 0, tls.VersionTLS12, 0},
		{0, tls.VersionTLS13, 0, tls.VersionTLS13},
	} {
		server := newServer(t, secure.ServerOptions{Pairs: []secure.KeyPair{pair}, MinVersion: tc.server})
		client := newClient(t, "a.example", secure.ClientOptions{CA: ca.PEM, MinVersion: tc.client})
		if tc.most != 0 {
			client.MaxVersion = tc.most
			client.MinVersion = min(client.MinVersion, tc.most) // an old client
		}
		_, c, _, err := shake(t, server, client)
		if tc.want == 0 != (err != nil) || err == nil && c.Version != tc.want {
			t.Errorf("%+v: version %s, %v", tc, tls.VersionName(c.Version), err)
		}
	}
	// An old server.
	server := newServer(t, secure.ServerOptions{Pairs: []secure.KeyPair{pair}}).Clone()
	server.MinVersion, server.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if _, _, _, err := shake(t, server, newClient(t, "a.example", secure.ClientOptions{CA: ca.PEM})); err == nil {
		t.Error("TLS 1.1 was spoken")
	}
}

func TestHandshake_ClientCertificate_VerifiedAsConfigured(t *testing.T) {
	ca, clients, other := certs.NewCA(t), certs.NewCA(t), certs.NewCA(t)
	good := pairOf(t, clients, certs.DNS("pbx.example"), certs.ClientOnly())
	for name, tc := range map[string]struct {
		ask, require bool
		pair         *secure.KeyPair
		want         string // identity; "!": refused
	}{
		"not asked, shown":        {false, false, &good, ""},
		"asked, none":             {true, false, nil, ""},
		"asked, good":             {true, false, &good, "pbx.example"},
		"required, good":          {true, true, &good, "pbx.example"},
		"required, none":          {true, true, nil, "!"},
		"asked, wrong authority":  {true, false, ptr(pairOf(t, other, certs.DNS("pbx.example"))), "!"},
		"required, expired":       {true, true, ptr(pairOf(t, clients, certs.DNS("pbx.example"), certs.Expired())), "!"},
		"required, servers' only": {true, true, ptr(pairOf(t, clients, certs.DNS("pbx.example"), certs.ServerOnly())), "!"},
		"required, 11 KB":         {true, true, ptr(pairOf(t, clients, certs.DNS("pbx.example"), certs.Padded(11<<10))), "!"},
		"required, 9 KB":          {true, true, ptr(pairOf(t, clients, certs.DNS("pbx.example"), certs.Padded(9<<10))), "pbx.example"},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(name+" "+tls.VersionName(version), func(t *testing.T) {
				o := secure.ServerOptions{Pairs: []secure.KeyPair{pairOf(t, ca, certs.DNS("a.example"))}, RequireClient: tc.require}
				if tc.ask {
					o.ClientCA = clients.PEM
				}
				client := newClient(t, "a.example", secure.ClientOptions{CA: ca.PEM, Pair: tc.pair})
				client.MaxVersion = version
				if tc.pair != nil {
					// A hostile client shows what it has whoever the server trusts.
					client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
						return &client.Certificates[0], nil
					}
				}
				s, _, serverErr, err := shake(t, newServer(t, o), client)
				if tc.want == "!" {
					if serverErr == nil || err == nil {
						t.Errorf("let in: %v, %v", serverErr, err)
					}
					return
				}
				if serverErr != nil || err != nil {
					t.Fatalf("refused: %v, %v", serverErr, err)
				}
				got := ""
				if len(s.VerifiedChains) > 0 {
					got = secure.Identities(s.VerifiedChains[0][0])[0]
				}
				if got != tc.want {
					t.Errorf("identity %q, want %q", got, tc.want)
				}
			})
		}
	}
}

func ptr(p secure.KeyPair) *secure.KeyPair { return &p }

func TestHandshake_SNI_PicksTheCertificate(t *testing.T) {
	ca := certs.NewCA(t)
	server := newServer(t, secure.ServerOptions{Pairs: []secure.KeyPair{
		pairOf(t, ca, certs.DNS("first.example")),
		pairOf(t, ca, certs.URI("sip:second.example"), certs.DNS("www.second.example")),
		pairOf(t, ca, certs.DNS("*.wild.example")),
	}})
	for sni, want := range map[string]string{
		"": "first.example", "first.example": "first.example", "FIRST.example": "first.example", "unknown.example": "first.example",
		"second.example": "second.example", "www.second.example": "second.example", "a.wild.example": "*.wild.example",
		"a.b.wild.example": "first.example",
	} {
		client := &tls.Config{ServerName: sni, InsecureSkipVerify: true}
		_, c, _, err := shake(t, server, client)
		if err != nil {
			t.Fatal(err)
		}
		if got := secure.Identities(c.PeerCertificates[0])[0]; got != want {
			t.Errorf("asked for %q, shown %q", sni, got)
		}
	}
}

func TestNew_BadInput_IsAnError(t *testing.T) {
	ca := certs.NewCA(t)
	a, b := pairOf(t, ca, certs.DNS("a.example")), pairOf(t, ca, certs.DNS("b.example"))
	for name, o := range map[string]secure.ServerOptions{
		"no pair":             {},
		"no PEM":              {Pairs: []secure.KeyPair{{Certificate: []byte("x"), Key: a.Key}}},
		"key of another":      {Pairs: []secure.KeyPair{a, {Certificate: a.Certificate, Key: b.Key}}},
		"CA without any":      {Pairs: []secure.KeyPair{a}, ClientCA: []byte("nothing")},
		"CA is empty":         {Pairs: []secure.KeyPair{a}, ClientCA: []byte{}},
		"required without CA": {Pairs: []secure.KeyPair{a}, RequireClient: true},
		"TLS 1.1":             {Pairs: []secure.KeyPair{a}, MinVersion: tls.VersionTLS11},
	} {
		if _, err := secure.NewServer(o); err == nil {
			t.Errorf("server with %s", name)
		}
	}
	for name, o := range map[string]secure.ClientOptions{
		"CA without any": {CA: []byte("nothing")},
		"key of another": {Pair: &secure.KeyPair{Certificate: a.Certificate, Key: b.Key}},
		"TLS 1.0":        {MinVersion: tls.VersionTLS10},
	} {
		if _, err := secure.NewClient(o); err == nil {
			t.Errorf("client with %s", name)
		}
	}
	expired := pairOf(t, ca, certs.DNS("a.example"), certs.Expired())
	if _, err := secure.NewServer(secure.ServerOptions{Pairs: []secure.KeyPair{expired}}); err != nil {
		t.Errorf("an expired certificate: %v", err)
	}
}

func TestHandshake_Resumed_ClientIsStillVerified(t *testing.T) {
	ca := certs.NewCA(t)
	pair := pairOf(t, ca, certs.DNS("pbx.example"))
	o := secure.ServerOptions{Pairs: []secure.KeyPair{pairOf(t, ca, certs.DNS("a.example"))}, ClientCA: ca.PEM, RequireClient: true}
	server := newServer(t, o)
	client := newClient(t, "a.example", secure.ClientOptions{CA: ca.PEM, Pair: &pair})
	client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for i := range 2 {
		s, _, serverErr, err := shake(t, server, client)
		if err := errors.Join(serverErr, err); err != nil || len(s.VerifiedChains) == 0 || s.DidResume != (i == 1) {
			t.Errorf("handshake %d: resumed %v, %d chains, %v", i, s.DidResume, len(s.VerifiedChains), err)
		}
	}
	// After a reload nobody resumes what was verified by another authority.
	o.ClientCA = certs.NewCA(t).PEM
	if s, _, serverErr, _ := shake(t, newServer(t, o), client); serverErr == nil {
		t.Errorf("resumed %v by a server that does not trust the client", s.DidResume)
	}
}
