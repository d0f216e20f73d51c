package uri

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// URI is one URI taken apart. It is a value: copy it freely.
type URI struct {
	// Scheme is in lower case: "sip", "sips", "tel" or another.
	Scheme string
	// User is as received with its escapes; of tel it is the number before the first ";". Empty when there is none.
	User string
	// Password is as received.
	Password string
	// Host is in lower case, an IPv6 address without its brackets.
	Host string
	// Port is 0 when absent.
	Port uint16
	// Params is the raw text of the parameters without the leading ";".
	Params string
	// Headers is the raw text of the header part without the "?".
	Headers string
	// Opaque is all that follows "scheme:" when the scheme is not sip, sips or tel.
	Opaque string
}

// Parse reads one URI, the whole of s: no angle brackets and no white space around it.
func Parse(s string) (URI, error) {
	var l layout
	if err := scan(&l, s); err != nil {
		return URI{}, fmt.Errorf("parse uri %q: %w", clip(s), err)
	}
	host := strings.ToLower(s[l.host.from:l.host.to])
	host = strings.Replace(host, ":::", "::", 1) // RFC 5118 §4.10: never written with three
	return URI{
		Scheme:   strings.ToLower(s[l.scheme.from:l.scheme.to]),
		User:     s[l.user.from:l.user.to],
		Password: s[l.password.from:l.password.to],
		Host:     host,
		Port:     l.port,
		Params:   s[l.params.from:l.params.to],
		Headers:  s[l.headers.from:l.headers.to],
		Opaque:   s[l.opaque.from:l.opaque.to],
	}, nil
}

// clipBytes bounds what an error repeats of its input.
const clipBytes = 64

func clip(s string) string {
	if len(s) > clipBytes {
		return s[:clipBytes] + "..."
	}
	return s
}

// AppendTo appends the URI as written on the wire. The parts are written as they are: whoever sets User to text that
// was typed passes it through EscapeUser first.
func (u URI) AppendTo(b []byte) []byte {
	b = append(b, u.Scheme...)
	b = append(b, ':')
	switch kindOf(u.Scheme) {
	case opaqueKind:
		return append(b, u.Opaque...)
	case telKind:
		b = append(b, u.User...)
	case sipKind:
		b = u.appendAuthority(b)
	}
	if u.Params != "" {
		b = append(b, ';')
		b = append(b, u.Params...)
	}
	if u.Headers != "" && u.IsSIP() {
		b = append(b, '?')
		b = append(b, u.Headers...)
	}
	return b
}

func (u URI) appendAuthority(b []byte) []byte {
	if u.User != "" {
		b = append(b, u.User...)
		if u.Password != "" {
			b = append(b, ':')
			b = append(b, u.Password...)
		}
		b = append(b, '@')
	}
	if strings.IndexByte(u.Host, ':') >= 0 {
		b = append(b, '[')
		b = append(b, u.Host...)
		b = append(b, ']')
	} else {
		b = append(b, u.Host...)
	}
	if u.Port != 0 {
		b = append(b, ':')
		b = strconv.AppendUint(b, uint64(u.Port), 10)
	}
	return b
}

// String returns the URI as written on the wire.
func (u URI) String() string { return string(u.AppendTo(nil)) }

// Param returns the first parameter of this name, which is compared without case. The value keeps its escapes; a
// parameter without value gives "" and true.
func (u URI) Param(name string) (value string, ok bool) {
	for rest := u.Params; rest != ""; {
		var param string
		param, rest, _ = strings.Cut(rest, ";")
		key, value, _ := strings.Cut(param, "=")
		if key != "" && equalEscaped(key, name, true) {
			return value, true
		}
	}
	return "", false
}

// IsSIP reports whether the scheme is sip or sips.
func (u URI) IsSIP() bool { return u.Scheme == "sip" || u.Scheme == "sips" }

// Addr returns the host when it is a literal address; an IPv4 address mapped into IPv6 comes out as IPv4
// (RFC 5118 §4.9).
func (u URI) Addr() (netip.Addr, bool) {
	a, err := netip.ParseAddr(u.Host)
	if err != nil || a.Zone() != "" {
		return netip.Addr{}, false
	}
	return a.Unmap(), true
}

// Transport returns the transport parameter in lower case, "" when absent.
func (u URI) Transport() string {
	v, _ := u.Param("transport")
	return strings.ToLower(v)
}
