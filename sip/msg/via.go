package msg

import (
	"bytes"
	"errors"

	"gatehouse/sip/grammar"
	"gatehouse/sip/uri"
)

var errViaText = errors.New("malformed via")

// Via is one Via value (RFC 3261 §20.42). It points into the text it was parsed from.
type Via struct {
	// Transport is as received: "UDP", "TLS" and so on.
	Transport []byte
	// Host is the host of sent-by, an IPv6 reference without its brackets.
	Host []byte
	// Port is the port of sent-by, 0 when absent.
	Port uint16
	// Branch is the branch parameter, nil when absent (RFC 2543).
	Branch []byte
	// Received is the received parameter, without brackets should it have them (RFC 5118 §4.5).
	Received []byte
	// RPort is the value of the rport parameter, 0 when it has none.
	RPort uint16
	// HasRPort reports whether rport is present, with or without value (RFC 3581 §3).
	HasRPort bool
	// MAddr is the maddr parameter.
	MAddr []byte
	// Raw is the whole value.
	Raw []byte

	sentBy int    // Raw up to here is protocol and sent-by, as far as they are sound
	params []byte // what follows the first ";"
	broken bool   // it is malformed, and only the named parts can be trusted
}

// ParseVia reads one Via value. On an error the parts read so far are set.
func ParseVia(raw []byte) (Via, error) {
	var v Via
	if !v.parse(raw) {
		return v, errViaText
	}
	return v, nil
}

// parse is ParseVia into v, which must be zero.
func (v *Via) parse(raw []byte) bool {
	v.Raw = grammar.Trim(raw)
	v.broken = !v.read()
	return !v.broken
}

// read reads Raw into the other parts.
func (v *Via) read() bool {
	raw := v.Raw
	i, ok := v.readProtocol()
	if !ok || i == len(raw) || !grammar.IsBlank(raw[i]) {
		return false
	}
	if i, ok = v.readSentBy(grammar.SkipBlank(raw, i)); !ok {
		return false
	}
	if i = grammar.SkipBlank(raw, i); i == len(raw) {
		return true
	}
	if raw[i] != ';' {
		return false
	}
	v.params = raw[i+1:]
	return v.readParams()
}

// usualProtocol is how nearly every Via begins.
var usualProtocol = []byte(version + "/")

// readProtocol reads protocol-name SLASH version SLASH transport and returns the place behind it.
func (v *Via) readProtocol() (end int, ok bool) {
	raw, start := v.Raw, len(usualProtocol)
	if !bytes.HasPrefix(raw, usualProtocol) {
		if start, ok = tokenSlash(raw, 0); ok {
			start, ok = tokenSlash(raw, start)
		}
		if !ok {
			return start, false
		}
	}
	start = grammar.SkipBlank(raw, start)
	end = grammar.TokenEnd(raw, start)
	v.Transport = raw[start:end]
	return end, end > start
}

// tokenSlash reads token SLASH at i, blanks before either left out, and returns the place behind it.
func tokenSlash(raw []byte, i int) (end int, ok bool) {
	start := grammar.SkipBlank(raw, i)
	end = grammar.TokenEnd(raw, start)
	slash := grammar.SkipBlank(raw, end)
	if end == start || slash == len(raw) || raw[slash] != '/' {
		return end, false
	}
	return slash + 1, true
}

// readSentBy reads host [ COLON port ] at i and returns the place behind it.
func (v *Via) readSentBy(i int) (int, bool) {
	raw, start := v.Raw, i
	i, ok := uri.HostEnd(raw, start)
	if !ok || i < len(raw) && raw[i] != ':' && raw[i] != ';' && !grammar.IsBlank(raw[i]) {
		return i, false
	}
	v.Host, v.sentBy = withoutBrackets(raw[start:i]), i
	colon := grammar.SkipBlank(raw, i)
	if colon == len(raw) || raw[colon] != ':' {
		return i, true
	}
	port := 0
	for i = grammar.SkipBlank(raw, colon+1); i < len(raw) && raw[i] >= '0' && raw[i] <= '9' && port <= maxPort; i++ {
		port = port*10 + int(raw[i]-'0')
	}
	if port == 0 || port > maxPort {
		return i, false
	}
	v.Port, v.sentBy = uint16(port), i
	return i, true
}

const maxPort = 65535

func withoutBrackets(host []byte) []byte {
	if n := len(host); n >= 2 && host[0] == '[' && host[n-1] == ']' {
		return host[1 : n-1]
	}
	return host
}

// readParams checks the parameters and keeps those that route a response. None of these may come twice.
func (v *Via) readParams() bool {
	for rest := v.params; rest != nil; {
		name, value, tail := grammar.CutParam(rest)
		if name == nil {
			return false
		}
		rest = tail
		switch {
		case grammar.EqualFold(name, "branch"):
			if v.Branch != nil || !isOpaque(value) {
				return false
			}
			v.Branch = value
		case grammar.EqualFold(name, "received"):
			if v.Received != nil || value == nil {
				return false
			}
			v.Received = withoutBrackets(value)
		case grammar.EqualFold(name, "maddr"):
			if v.MAddr != nil || value == nil {
				return false
			}
			v.MAddr = withoutBrackets(value)
		case grammar.EqualFold(name, "rport"):
			if v.HasRPort {
				return false
			}
			v.HasRPort = true
			if value != nil {
				n, ok := grammar.ParseDecimal(value, maxPort)
				if !ok || n == 0 {
					return false
				}
				v.RPort = uint16(n)
			}
		}
	}
	return true
}
