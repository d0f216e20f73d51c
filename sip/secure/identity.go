package secure

import (
	"crypto/x509"
	"encoding/asn1"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// maxNameBytes is the longest domain name (RFC 1035 §2.3.4).
const maxNameBytes = 253

// Identities gives the SIP domain identities of a certificate, lower case: the hosts of its sip URIs; without any, its
// DNS names; without any subjectAltName at all, its common name if that is a domain name (RFC 5922 §7.1). Whether the
// certificate is to be believed is not looked at.
func Identities(c *x509.Certificate) []string {
	var names []string
	for _, u := range c.URIs {
		if host, ok := sipHost(u); ok {
			names = append(names, host)
		}
	}
	if len(names) == 0 {
		for _, n := range c.DNSNames {
			names = append(names, strings.ToLower(n))
		}
	}
	if cn := c.Subject.CommonName; !hasAltNames(c) && isDomain(cn) {
		names = append(names, strings.ToLower(cn))
	}
	return names
}

// Matches reports whether a certificate is of a domain: one of its identities is the domain, in full and whatever the
// case (RFC 5922 §7.2), so no wildcard and no parent domain matches. A domain that is an IP address, with or without
// brackets, must be among the certificate's IP addresses.
func Matches(c *x509.Certificate, domain string) bool {
	if a, ok := literal(domain); ok {
		return slices.ContainsFunc(c.IPAddresses, func(ip net.IP) bool {
			have, ok := netip.AddrFromSlice(ip)
			return ok && have.Unmap() == a
		})
	}
	return slices.Contains(Identities(c), canonical(domain))
}

// canonical is a domain name as identities are written.
func canonical(domain string) string { return strings.ToLower(strings.TrimSuffix(domain, ".")) }

// literal reads a host that is an IP address.
func literal(host string) (netip.Addr, bool) {
	if n := len(host); n > 2 && host[0] == '[' && host[n-1] == ']' {
		host = host[1 : n-1]
	}
	a, err := netip.ParseAddr(host)
	return a.Unmap(), err == nil
}

// sipHost gives the host of a sip URI without a user: one with a user names a person, and one of another scheme no SIP
// domain (RFC 5922 §7.1).
func sipHost(u *url.URL) (string, bool) {
	if !strings.EqualFold(u.Scheme, "sip") || u.User != nil || strings.Contains(u.Opaque, "@") {
		return "", false
	}
	host := u.Opaque
	if host == "" {
		host = u.Host // written with slashes, which is no sip URI, but says the same
	}
	if i := strings.IndexAny(host, ";?"); i >= 0 {
		host = host[:i]
	}
	if name, _, ok := strings.Cut(host, ":"); ok && host[0] != '[' {
		host = name
	}
	return strings.ToLower(host), host != ""
}

// hasAltNames reports whether a certificate has the subjectAltName extension, whatever is in it.
func hasAltNames(c *x509.Certificate) bool {
	id := asn1.ObjectIdentifier{2, 5, 29, 17}
	for _, e := range c.Extensions {
		if e.Id.Equal(id) {
			return true
		}
	}
	return false
}

// isDomain reports whether a text is a domain name in full: letters, digits and hyphens in labels, at least two.
func isDomain(s string) bool {
	if len(s) > maxNameBytes || !strings.Contains(s, ".") {
		return false
	}
	if _, ok := literal(s); ok {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, b := range []byte(label) {
			if b != '-' && (b < '0' || b > '9') && (b|0x20 < 'a' || b|0x20 > 'z') {
				return false
			}
		}
	}
	return true
}
