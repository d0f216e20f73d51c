package secure

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
)

// KeyPair is a certificate with its chain and its private key, PEM.
type KeyPair struct{ Certificate, Key []byte }

// ServerOptions are what a Server is made of.
type ServerOptions struct {
	Pairs         []KeyPair   // the first is shown to clients that name nobody we are; the others by name (SNI)
	ClientCA      []byte      // PEM; nil: no client certificate is asked for
	Authorities   []Authority // believed beside ClientCA; without that they are not
	RequireClient bool        // a client without a certificate is refused; else one without is nobody
	MinVersion    uint16      // 0: TLS 1.2
}

// Server holds the configuration of listeners.
type Server struct{ config *tls.Config }

// maxClientChainBytes is the most a client's certificate and its chain may measure, so that strangers cannot make us
// check chains of any length: two or three certificates take 2 to 5 KB.
const maxClientChainBytes = 10 << 10

var (
	errNoPair     = errors.New("no certificate")
	errNoClientCA = errors.New("client certificates are required, but there is no CA to verify them")
	errNoCA       = errors.New("no certificate in the CA file")
	errChainSize  = errors.New("client certificate chain too large")
)

// NewServer checks what it is given and makes a server of it. A certificate that has expired is not an error: clients
// will say so.
func NewServer(o ServerOptions) (*Server, error) {
	minimum, err := version(o.MinVersion)
	if err != nil {
		return nil, err
	}
	if len(o.Pairs) == 0 {
		return nil, errNoPair
	}
	shown := make(wardrobe)
	cfg := &tls.Config{MinVersion: minimum, GetCertificate: shown.pick}
	for i, p := range o.Pairs {
		pair, err := p.parse()
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", i+1, err)
		}
		cfg.Certificates = append(cfg.Certificates, pair)
		shown.add(&pair)
	}
	if o.ClientCA == nil {
		if o.RequireClient {
			return nil, errNoClientCA
		}
		return &Server{cfg}, nil
	}
	if cfg.ClientCAs, err = pool(o.ClientCA); err != nil {
		return nil, err
	}
	names := make(vouchers)
	names.add(Authority{CA: o.ClientCA})
	for _, a := range o.Authorities {
		if !cfg.ClientCAs.AppendCertsFromPEM(a.CA) {
			return nil, errNoCA
		}
		names.add(a)
	}
	cfg.ClientAuth = tls.VerifyClientCertIfGiven
	if o.RequireClient {
		cfg.ClientAuth = tls.RequireAndVerifyClientCert
	}
	cfg.VerifyPeerCertificate, cfg.VerifyConnection = checkChainSize, names.check
	return &Server{cfg}, nil
}

// Config is the configuration: shared, not to be changed. The certificates of clients that it lets in are verified.
func (s *Server) Config() *tls.Config { return s.config }

// checkChainSize refuses clients that show too much.
func checkChainSize(raw [][]byte, _ [][]*x509.Certificate) error {
	n := 0
	for _, c := range raw {
		n += len(c)
	}
	if n > maxClientChainBytes {
		return errChainSize
	}
	return nil
}

// wardrobe holds certificates by the names in them, and all of them under the empty name.
type wardrobe map[string][]*tls.Certificate

func (w wardrobe) add(c *tls.Certificate) {
	names := map[string]bool{"": true}
	for _, n := range Identities(c.Leaf) {
		names[n] = true
	}
	for _, n := range c.Leaf.DNSNames { // a browser asks for these, whatever SIP identities there are
		names[strings.ToLower(n)] = true
	}
	for n := range names {
		w[n] = append(w[n], c)
	}
}

// pick gives the certificate for the name a client asks for: one with that name, else one with a wildcard for it
// (browsers take those), else the first. Of several, the first whose kind of key the client can use.
func (w wardrobe) pick(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := canonical(hello.ServerName)
	of := w[name]
	if _, parent, ok := strings.Cut(name, "."); ok && len(of) == 0 {
		of = w["*."+parent]
	}
	if len(of) == 0 {
		of = w[""]
	}
	plain := *hello
	plain.ServerName = "" // the name is dealt with
	for _, c := range of {
		if plain.SupportsCertificate(c) == nil {
			return c, nil
		}
	}
	return of[0], nil
}

// parse reads the pair.
func (p KeyPair) parse() (tls.Certificate, error) {
	c, err := tls.X509KeyPair(p.Certificate, p.Key)
	if err != nil {
		return c, err
	}
	if c.Leaf == nil {
		c.Leaf, err = x509.ParseCertificate(c.Certificate[0])
	}
	return c, err
}

// pool reads certificates to trust.
func pool(pem []byte) (*x509.CertPool, error) {
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(pem) {
		return nil, errNoCA
	}
	return p, nil
}

// version is a minimum that is not below what may be spoken: RFC 8996 forbids all before TLS 1.2.
func version(v uint16) (uint16, error) {
	switch v {
	case 0, tls.VersionTLS12:
		return tls.VersionTLS12, nil
	case tls.VersionTLS13:
		return v, nil
	}
	return 0, fmt.Errorf("minimum TLS version %s: only 1.2 and 1.3 are spoken", tls.VersionName(v))
}
