// Package papers makes the certificates of a demo that speaks TLS: an authority
// that lives as long as the demo, and what it signs for the border controller
// and for the trunk, both for one address.
//
// It refuses to be an authority for anything else: its key is never written
// down, and what it signs is good for a day. It starts no goroutine.
// internal/demo and internal/app use it.
package papers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// paperLife is how long the certificates of a demo are good, on either side of now.
const paperLife = 24 * time.Hour

// The files Save writes: the authority, and what the border controller shows.
const (
	CAFile          = "ca.pem"
	CertificateFile = "gatehouse.pem"
	KeyFile         = "gatehouse.key"
)

// Papers are the certificates of one demo. They never change.
type Papers struct {
	authority         *x509.CertPool
	files             map[string][]byte // by name: what the border controller reads
	trunk             tls.Certificate
	authorityKey      *ecdsa.PrivateKey
	authorityTemplate *x509.Certificate
}

// New makes the certificates for an address.
func New(addr netip.Addr) (*Papers, error) {
	p := &Papers{authority: x509.NewCertPool(), files: map[string][]byte{}}
	var err error
	if p.authorityKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	now := time.Now()
	p.authorityTemplate = &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gatehouse demo"}, NotBefore: now.Add(-paperLife),
		NotAfter: now.Add(paperLife), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	ca, err := p.sign(p.authorityTemplate, p.authorityKey)
	if err != nil {
		return nil, err
	}
	p.authority.AppendCertsFromPEM(ca)
	certificate, key, err := p.leaf(2, addr)
	if err != nil {
		return nil, err
	}
	p.files[CAFile], p.files[CertificateFile], p.files[KeyFile] = ca, certificate, key
	if certificate, key, err = p.leaf(3, addr); err != nil {
		return nil, err
	}
	if p.trunk, err = tls.X509KeyPair(certificate, key); err != nil {
		return nil, fmt.Errorf("certificate of the trunk: %w", err)
	}
	return p, nil
}

// leaf makes a certificate for an address, which may serve on either side.
func (p *Papers) leaf(serial int64, addr netip.Addr) (certificate, key []byte, err error) {
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: p.authorityTemplate.NotBefore, NotAfter: p.authorityTemplate.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{addr.AsSlice()}}
	if certificate, err = p.sign(t, secret); err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		return nil, nil, fmt.Errorf("write a key: %w", err)
	}
	return certificate, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func (p *Papers) sign(t *x509.Certificate, key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.CreateCertificate(rand.Reader, t, p.authorityTemplate, &key.PublicKey, p.authorityKey)
	if err != nil {
		return nil, fmt.Errorf("sign a certificate: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

// Save writes what the border controller reads into a folder.
func (p *Papers) Save(dir string) error {
	errs := make([]error, 0, len(p.files))
	for name, text := range p.files {
		errs = append(errs, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	return errors.Join(errs...)
}

// Server secures the connections that the trunk accepts: whoever opens one
// shows a certificate of the same authority.
func (p *Papers) Server() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{p.trunk}, ClientCAs: p.authority, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12}
}

// Client secures those that the trunk opens to an address.
func (p *Papers) Client(to netip.Addr) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{p.trunk}, RootCAs: p.authority, ServerName: to.String(), MinVersion: tls.VersionTLS12}
}
