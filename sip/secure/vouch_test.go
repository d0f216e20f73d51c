package secure_test

import (
	"crypto/tls"
	"testing"

	"gatehouse/internal/testlab/certs"
	"gatehouse/sip/secure"
)

// TestServer_Authority_VouchesForNobodyElse: the handshake that resumes a connection is no way around it either, and who
// has two roles may do what it may do in either.
func TestServer_Authority_VouchesForNobodyElse(t *testing.T) {
	zone, a, both := certs.NewCA(t), certs.NewCA(t), certs.NewCA(t)
	s, err := secure.NewServer(secure.ServerOptions{Pairs: []secure.KeyPair{pairOf(t, zone, certs.DNS("sbc.example"))}, ClientCA: zone.PEM, Authorities: []secure.Authority{
		{CA: a.PEM, Others: []string{"b.example"}}, {CA: both.PEM, Others: []string{"b.example", "c.example"}}, {CA: both.PEM, Others: []string{"a.example", "c.example"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		ca   *certs.CA
		opts []certs.Option
		good bool
	}{
		"its own":          {a, []certs.Option{certs.DNS("a.example")}, true},
		"none":             {a, nil, true},
		"another's":        {a, []certs.Option{certs.DNS("b.example")}, false},
		"among its own":    {a, []certs.Option{certs.DNS("a.example", "b.example")}, false},
		"by CA of zone":    {zone, []certs.Option{certs.DNS("b.example")}, true},
		"two roles, first": {both, []certs.Option{certs.DNS("a.example")}, true},
		"two roles, both":  {both, []certs.Option{certs.DNS("a.example", "b.example")}, true},
		"two roles, third": {both, []certs.Option{certs.DNS("c.example")}, false},
	} {
		p := pairOf(t, c.ca, c.opts...)
		pair, err := tls.X509KeyPair(p.Certificate, p.Key)
		if err != nil {
			t.Fatal(err)
		}
		client := &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{pair}, ClientSessionCache: tls.NewLRUClientSessionCache(1), MaxVersion: tls.VersionTLS12, ServerName: "sbc.example"}
		for round := range 2 {
			state, _, err, _ := shake(t, s.Config(), client)
			if (err == nil) != c.good || c.good && state.DidResume != (round == 1) {
				t.Errorf("%s, round %d: resumed %v, %v", name, round, state.DidResume, err)
			}
			if c.good && len(state.VerifiedChains) == 0 {
				t.Errorf("%s, round %d: nobody", name, round)
			}
		}
	}
}

func TestServer_AuthorityWithoutCertificate_IsAnError(t *testing.T) {
	ca := certs.NewCA(t)
	if _, err := secure.NewServer(secure.ServerOptions{Pairs: []secure.KeyPair{pairOf(t, ca)}, ClientCA: ca.PEM, Authorities: []secure.Authority{{CA: []byte("x")}}}); err == nil {
		t.Error("taken")
	}
}
