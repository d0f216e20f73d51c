package certs_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"gatehouse/internal/testlab/certs"
)

func leaf(t *testing.T, certPEM []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(certPEM)
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLeaf_Options_SayWhatItIs(t *testing.T) {
	ca := certs.NewCA(t)
	certPEM, keyPEM := ca.Leaf(t, certs.DNS("a.example"), certs.URI("sip:a.example"), certs.IP("192.0.2.1", "::1"), certs.CN("b.example"), certs.Padded(5000))
	if _, err := tls.X509KeyPair(certPEM, keyPEM); err != nil {
		t.Fatal(err)
	}
	c := leaf(t, certPEM)
	if c.DNSNames[0] != "a.example" || c.URIs[0].String() != "sip:a.example" || len(c.IPAddresses) != 2 || c.Subject.CommonName != "b.example" || len(c.Raw) < 5000 {
		t.Errorf("%v %v %v %q, %d bytes", c.DNSNames, c.URIs, c.IPAddresses, c.Subject.CommonName, len(c.Raw))
	}
}

func TestLeaf_Verified_ByItsOwnAuthorityInItsTimeForItsUse(t *testing.T) {
	ca, other := certs.NewCA(t), certs.NewCA(t)
	for name, tc := range map[string]struct {
		ca   *certs.CA
		opt  certs.Option
		use  x509.ExtKeyUsage
		good bool
	}{
		"server":             {ca, certs.DNS("a.example"), x509.ExtKeyUsageServerAuth, true},
		"client":             {ca, certs.DNS("a.example"), x509.ExtKeyUsageClientAuth, true},
		"another authority":  {other, certs.DNS("a.example"), x509.ExtKeyUsageServerAuth, false},
		"expired":            {ca, certs.Expired(), x509.ExtKeyUsageServerAuth, false},
		"client as server":   {ca, certs.ClientOnly(), x509.ExtKeyUsageServerAuth, false},
		"server as a client": {ca, certs.ServerOnly(), x509.ExtKeyUsageClientAuth, false},
	} {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(ca.PEM)
		c, _ := tc.ca.Leaf(t, tc.opt)
		_, err := leaf(t, c).Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{tc.use}, CurrentTime: time.Now()})
		if tc.good != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
