package msg

import (
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
	v := Via{Raw: grammar.Trim(raw)}
	if !v.read() {
		v.broken = true
		return v, errViaText
	}
	return v, nil
}

// read reads Raw into the other parts.
func (v *Via) read() bool {
	raw := v.Raw
	i, ok := 0, true
	for part := 0; part < 3; part++ { // protocol-name SLASH version SLASH transport
		if part > 0 {
			if i = grammar.SkipBlank(raw, i); i == len(raw) || raw[i] != '/' {
				return false
			}
			i = grammar.SkipBlank(raw, i+1)
		}
		start := i
		for i < len(raw) && grammar.IsTokenByte(raw[i]) {
			i++
		}
		if i == start {
			return false
		}
		v.Transport = raw[start:i]
	}
	if i == len(raw) || !grammar.IsBlank(raw[i]) {
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

// readSentBy reads host [ COLON port ] at i and returns the place behind it.
func (v *Via) readSentBy(i int) (int, bool) {
	raw, start := v.Raw, i
	if i < len(raw) && raw[i] == '[' {
		for i < len(raw) && raw[i] != ']' {
			i++
		}
	}
	for i < len(raw) && raw[i] != ':' && raw[i] != ';' && !grammar.IsBlank(raw[i]) {
		i++
	}
	host := raw[start:i]
	if !uri.ValidHost(host) {
		return i, false
	}
	v.Host, v.sentBy = withoutBrackets(host), i
	colon := grammar.SkipBlank(raw, i)
	if colon == len(raw) || raw[colon] != ':' {
		return i, true
	}
	start = grammar.SkipBlank(raw, colon+1)
	for i = start; i < len(raw) && raw[i] >= '0' && raw[i] <= '9'; {
		i++
	}
	n, ok := grammar.ParseDecimal(raw[start:i], maxPort)
	if !ok || n == 0 {
		return i, false
	}
	v.Port, v.sentBy = uint16(n), i
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
		name, value, tail, ok := grammar.CutParam(rest)
		if !ok {
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
