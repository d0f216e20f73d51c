//go:build interop

package interop

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"path/filepath"
	"testing"

	"gatehouse/internal/testlab/certs"
)

// papers are an authority of the test's own and what it signed, as files.
type papers struct {
	t   *testing.T
	dir string
	ca  *certs.CA
}

func newPapers(t *testing.T) *papers {
	t.Helper()
	p := &papers{t: t, dir: t.TempDir(), ca: certs.NewCA(t)}
	writeFile(t, p.path("ca.pem"), string(p.ca.PEM))
	return p
}

func (p *papers) path(name string) string { return filepath.Join(p.dir, name) }

// issue writes NAME.pem and NAME.key.
func (p *papers) issue(name string, options ...certs.Option) tls.Certificate {
	p.t.Helper()
	certificate, key := p.ca.Leaf(p.t, options...)
	writeFile(p.t, p.path(name+".pem"), string(certificate))
	writeFile(p.t, p.path(name+".key"), string(key))
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		p.t.Fatal(err)
	}
	return pair
}

// yaml is the tls section of a zone that shows what was issued under a name.
func (p *papers) yaml(name, more string) string {
	return fmt.Sprintf("tls: {certificate: %q, key_file: %q%s}", p.path(name+".pem"), p.path(name+".key"), more)
}

// trust names the authority in a tls section.
func (p *papers) trust(key string) string { return fmt.Sprintf("%s: %q", key, p.path("ca.pem")) }

// roots are those who believe this authority alone.
func (p *papers) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(p.ca.PEM)
	return pool
}

// server and client are the two sides of an endpoint of the test's with this certificate.
func (p *papers) server(c tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c}}
}

func (p *papers) client(c tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c}, RootCAs: p.roots()}
}
