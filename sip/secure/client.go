package secure

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
)

// ClientOptions are what a Client is made of.
type ClientOptions struct {
	CA         []byte   // PEM; nil: the system's roots
	MoreCA     []byte   // PEM: believed beside the system's roots; not beside CA
	Pair       *KeyPair // what we show when asked; nil: nothing
	ServerName string   // overrides the domain, in what we ask for (SNI) and in what must be proven
	MinVersion uint16   // 0: TLS 1.2
}

// Client makes the configurations of connections we open.
type Client struct {
	roots   *x509.CertPool
	pairs   []tls.Certificate
	name    string
	minimum uint16
}

var errNoServerCertificate = errors.New("the server showed no certificate")

// NewClient checks what it is given and makes a client of it.
func NewClient(o ClientOptions) (*Client, error) {
	c := &Client{name: o.ServerName}
	var err error
	if c.minimum, err = version(o.MinVersion); err != nil {
		return nil, err
	}
	if o.CA != nil {
		if c.roots, err = pool(o.CA); err != nil {
			return nil, err
		}
	} else if o.MoreCA != nil {
		if c.roots, err = x509.SystemCertPool(); err != nil {
			c.roots = x509.NewCertPool() // a system without roots
		}
		if !c.roots.AppendCertsFromPEM(o.MoreCA) {
			return nil, errNoCA
		}
	}
	if o.Pair != nil {
		pair, err := o.Pair.parse()
		if err != nil {
			return nil, fmt.Errorf("client certificate: %w", err)
		}
		c.pairs = []tls.Certificate{pair}
	}
	return c, nil
}

// Config is the configuration of one connection to a server of a domain. The handshake succeeds only with a
// certificate that our roots vouch for and that is of the domain (RFC 5922 §7.3).
func (c *Client) Config(domain string) *tls.Config {
	if c.name != "" {
		domain = c.name
	}
	sni := canonical(domain)
	if _, ok := literal(domain); ok {
		sni = "" // RFC 6066 §3 has no addresses there
	}
	return &tls.Config{
		MinVersion:   c.minimum,
		ServerName:   sni,
		Certificates: c.pairs,
		// The library would take a wildcard, and would not take a sip URI or a common name: it is all done below.
		InsecureSkipVerify: true,
		VerifyConnection:   func(s tls.ConnectionState) error { return c.verify(s.PeerCertificates, domain) },
	}
}

// verify checks the chain a server showed and whose it is.
func (c *Client) verify(chain []*x509.Certificate, domain string) error {
	if len(chain) == 0 {
		return errNoServerCertificate
	}
	o := x509.VerifyOptions{Roots: c.roots, Intermediates: x509.NewCertPool()} // the usage is that of a TLS server
	for _, i := range chain[1:] {
		o.Intermediates.AddCert(i)
	}
	if _, err := chain[0].Verify(o); err != nil {
		return fmt.Errorf("server certificate: %w", err)
	}
	if !Matches(chain[0], domain) {
		return fmt.Errorf("server certificate: is of %q, not of %q", Identities(chain[0]), domain)
	}
	return nil
}
