// Package certs makes the certificates tests need: an authority of their own, and leaves with whatever names, dates and
// uses the test is about. Keys are fresh for each test and never leave its memory.
//
// It refuses to stand in for the code under test: it writes PEM as an operator would get it, and configures no TLS.
// It starts no goroutines. Tests of every package may use it.
package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"testing"
	"time"
)

// life is how long certificates are good for, before and after now.
const life = 24 * time.Hour

// CA is an authority that signs leaves.
type CA struct {
	// PEM is its certificate, as a CA file holds it.
	PEM  []byte
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Option says what a leaf is.
type Option func(*x509.Certificate)

// DNS adds DNS names.
func DNS(names ...string) Option {
	return func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, names...) }
}

// URI adds URIs, such as sip:example.com.
func URI(uris ...string) Option {
	return func(c *x509.Certificate) {
		for _, s := range uris {
			if u, err := url.Parse(s); err == nil {
				c.URIs = append(c.URIs, u)
			}
		}
	}
}

// IP adds IP addresses.
func IP(addrs ...string) Option {
	return func(c *x509.Certificate) {
		for _, s := range addrs {
			c.IPAddresses = append(c.IPAddresses, net.IP(netip.MustParseAddr(s).AsSlice()))
		}
	}
}

// CN sets the common name of the subject.
func CN(name string) Option { return func(c *x509.Certificate) { c.Subject.CommonName = name } }

// Expired makes a leaf whose time is over.
func Expired() Option {
	return func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-2*life), time.Now().Add(-life)
	}
}

// ClientOnly makes a leaf that no server may show.
func ClientOnly() Option {
	return func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }
}

// ServerOnly makes a leaf that no client may show.
func ServerOnly() Option {
	return func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }
}

// Padded makes a leaf larger by so many bytes.
func Padded(bytes int) Option {
	return func(c *x509.Certificate) {
		c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: []int{1, 3, 6, 1, 4, 1, 99999, 1}, Value: make([]byte, bytes)})
	}
}

// NewCA makes an authority nobody else trusts.
func NewCA(t testing.TB) *CA {
	t.Helper()
	c := template(t)
	c.Subject.CommonName = "test authority " + c.SerialNumber.Text(16)[:8]
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	key := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &CA{PEM: encode("CERTIFICATE", der), cert: cert, key: key}
}

// Leaf makes a certificate and its key, PEM. Without options it has no names and may serve on either side.
func (ca *CA) Leaf(t testing.TB, opts ...Option) (certPEM, keyPEM []byte) {
	t.Helper()
	c := template(t)
	c.Subject.Organization = []string{"test"}
	c.KeyUsage = x509.KeyUsageDigitalSignature
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, o := range opts {
		o(c)
	}
	key := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, c, ca.cert, &key.PublicKey, ca.key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", secret)
}

func template(t testing.TB) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		t.Fatal(err)
	}
	serial.SetBit(serial, 120, 1) // so that it never gets short
	return &x509.Certificate{SerialNumber: serial, NotBefore: time.Now().Add(-life), NotAfter: time.Now().Add(life)}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
