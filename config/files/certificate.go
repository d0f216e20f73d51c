package files

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"
)

// The kinds of PEM blocks that matter here, RFC 7468 §5, §10 and §11.
const (
	kindCertificate = "CERTIFICATE"
	kindKeySuffix   = "PRIVATE KEY"
	kindEncrypted   = "ENCRYPTED PRIVATE KEY"
)

var (
	errNoPEM         = errors.New("the file holds no PEM text")
	errNoCertificate = errors.New("the file holds no certificate")
	errNoKey         = errors.New("the file holds no private key")
	errEncrypted     = errors.New("the key is encrypted: there is nobody here to ask for its password")
)

// parseChain returns every certificate of a PEM text, at least one, in the order of
// the text. Blocks of other kinds are skipped.
func parseChain(text []byte) ([]*x509.Certificate, error) {
	var list []*x509.Certificate
	blocks := 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		blocks++
		if block.Type != kindCertificate {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d of the file is broken: %w", len(list)+1, err)
		}
		list = append(list, c)
	}
	switch {
	case blocks == 0:
		return nil, errNoPEM
	case len(list) == 0:
		return nil, errNoCertificate
	}
	return list, nil
}

// checkKey looks for a private key that can be used.
func checkKey(text []byte) error {
	blocks := 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		blocks++
		if !strings.HasSuffix(block.Type, kindKeySuffix) {
			continue
		}
		// The older form says it in a header (RFC 1421 §4.6.1.1).
		if block.Type == kindEncrypted || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			return errEncrypted
		}
		return nil
	}
	if blocks == 0 {
		return errNoPEM
	}
	return errNoKey
}

// checkPair wants a key that belongs to the first certificate.
func checkPair(certificate, key []byte) error {
	if _, err := tls.X509KeyPair(certificate, key); err != nil {
		return fmt.Errorf("the key does not fit the certificate: %w", err)
	}
	return nil
}

// chainAdvice says what is wrong with the dates of a chain that we show, about
// the first certificate that has something; "" is nothing.
func chainAdvice(chain []*x509.Certificate, now time.Time) string {
	for i, c := range chain {
		advice := dates(c, now)
		switch {
		case advice == "":
		case i == 0:
			return "the certificate " + advice
		default:
			return fmt.Sprintf("certificate %d of the chain %s", i+1, advice)
		}
	}
	return ""
}

// authorityAdvice says that none of those who sign others counts now; one that
// does is enough, since old ones stay in such files.
func authorityAdvice(list []*x509.Certificate, now time.Time) string {
	advice := ""
	for _, c := range list {
		if advice = dates(c, now); advice == "" {
			return ""
		}
	}
	if len(list) == 1 {
		return "the certificate " + advice
	}
	return "no certificate of the file is valid now, the last one " + advice
}

// dates says when c was or will be valid; "" when it is now.
func dates(c *x509.Certificate, now time.Time) string {
	switch {
	case now.Before(c.NotBefore):
		return "is not valid before " + day(c.NotBefore)
	case now.After(c.NotAfter):
		return "expired on " + day(c.NotAfter)
	}
	return ""
}

// day writes a time to the minute, which is what an operator compares.
func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
