// Package leak finds values that must not be on a wire: addresses, host names
// and other canaries of the inside, in plain and in the disguises they take.
//
// Scan looks at each message as it is and through what hides text: percent
// escapes (nested), backslash escapes, hexadecimal and base64 (both
// alphabets, any alignment). An IP address is also searched as an integer, in
// hexadecimal, with dashes, reversed for DNS, mapped or embedded in IPv6, and
// as raw bytes, plain and as STUN XORs them. Letters compare without case.
//
// It favours false alarms over silence, with one exception: an address is not
// found inside a longer number. Pure functions; tests and captures use it.
package leak

import (
	"bytes"
	"fmt"
)

// Finding is one secret in one message.
type Finding struct {
	Message int    // index into the messages scanned
	Secret  string // as given
	Form    string // how the secret was written, such as "plain" or "ipv4 as integer"
	View    string // what it was hidden under: "raw", "percent", "base64" ...
	Context string // the text around it, escaped
}

// String describes the finding in one line.
func (f Finding) String() string {
	return fmt.Sprintf("%q in message %d as %s (%s): ...%s...", f.Secret, f.Message, f.Form, f.View, f.Context)
}

// contextBytes is how much around a find is shown on each side.
const contextBytes = 24

// Scan gives every secret found, at most one finding for each form of a secret
// in a message. Empty secrets are skipped.
func Scan(messages [][]byte, secrets []string) []Finding {
	needles := make([][]needle, len(secrets))
	for i, s := range secrets {
		needles[i] = needlesOf(s)
	}
	out := make([]Finding, 0, len(secrets))
	for i, m := range messages {
		vs := viewsOf(m)
		for k, s := range secrets {
			out = append(out, search(i, s, needles[k], vs)...)
		}
	}
	return out
}

// search looks for the forms of one secret in the views of one message; a form
// is reported for the first view that shows it.
func search(index int, secret string, needles []needle, views []view) []Finding {
	out := make([]Finding, 0, len(needles))
	for _, n := range needles {
		if f, ok := n.in(views); ok {
			f.Message, f.Secret = index, secret
			out = append(out, f)
		}
	}
	return out
}

// in looks for one form in all views.
func (n needle) in(views []view) (Finding, bool) {
	for _, v := range views {
		if at := n.find(v.data); at >= 0 {
			from, to := max(0, at-contextBytes), min(len(v.data), at+len(n.text)+contextBytes)
			q := fmt.Sprintf("%q", v.data[from:to])
			return Finding{Form: n.form, View: v.name, Context: q[1 : len(q)-1]}, true
		}
	}
	return Finding{}, false
}

// needle is one way to write a secret.
type needle struct {
	form string
	text []byte // lower case
	edge edge
}

// edge says what may stand beside a find.
type edge uint8

const (
	edgeAny      edge = iota
	edgeNotDigit      // no digit before or after
	edgeNotHex        // no hexadecimal digit before or after
	edgeHexEnds       // no hexadecimal digit after
)

// find gives where the needle is in lower-case data, -1 when nowhere.
func (n needle) find(data []byte) int {
	for from := 0; ; {
		i := bytes.Index(data[from:], n.text)
		if i < 0 {
			return -1
		}
		at := from + i
		if n.edge.allows(data, at, at+len(n.text)) {
			return at
		}
		from = at + 1
	}
}

func (e edge) allows(data []byte, from, to int) bool {
	switch e {
	case edgeAny:
		return true
	case edgeNotDigit:
		return (from == 0 || !isDigit(data[from-1])) && (to == len(data) || !isDigit(data[to]))
	case edgeNotHex:
		return (from == 0 || !isHex(data[from-1])) && (to == len(data) || !isHex(data[to]))
	case edgeHexEnds:
		return to == len(data) || !isHex(data[to])
	default:
		panic("leak: unknown edge")
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }
