package msg

import (
	"bytes"
	"errors"

	"gatehouse/sip/grammar"
	"gatehouse/sip/uri"
)

var (
	errDisplay  = errors.New("malformed display name")
	errBracket  = errors.New("unclosed angle bracket")
	errAddrSpec = errors.New("malformed uri")
	errParam    = errors.New("malformed parameter")
)

// NameAddr is one address of From, To, Contact, Route and their like (RFC 3261 §20.10). It points into the text it
// was parsed from.
type NameAddr struct {
	// Display is the display name as received, with its quotes. Use DisplayText for its meaning.
	Display []byte
	// URI is the address without angle brackets.
	URI []byte
	// Params is the raw text of the header parameters without the leading ";".
	Params []byte
}

// Param returns the first header parameter of this name, compared without case. A quoted value keeps its quotes; a
// parameter without value gives nil and true.
func (n NameAddr) Param(name string) (value []byte, ok bool) {
	return grammar.FindParam(n.Params, name)
}

// IsStar reports whether this is the "*" of a REGISTER that removes all bindings (RFC 3261 §10.2.2).
func (n NameAddr) IsStar() bool { return len(n.URI) == 1 && n.URI[0] == '*' }

// DisplayText returns what the display name says: quotes and escapes undone, control characters left out.
func (n NameAddr) DisplayText() string {
	d := n.Display
	quoted := len(d) >= 2 && d[0] == '"'
	if quoted {
		d = d[1 : len(d)-1]
	}
	b := make([]byte, 0, len(d))
	for i := 0; i < len(d); i++ {
		if quoted && d[i] == '\\' && i+1 < len(d) {
			i++
		}
		if !grammar.IsControl(d[i]) {
			b = append(b, d[i])
		}
	}
	return string(b)
}

// AppendDisplay appends text as a quoted display name that every reader understands alike. Control characters are
// left out; empty text gives nothing.
func AppendDisplay(dst []byte, text string) []byte {
	if text == "" {
		return dst
	}
	dst = append(dst, '"')
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case grammar.IsControl(c):
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// ParseNameAddr reads one address: [display-name] "<" URI ">" or a bare URI, then parameters. In the bare form ";"
// begins the header parameters, and a "?" or "," is refused, because the URI should have been in brackets
// (RFC 3261 §20.10). The display name may hold more than the tokens of the grammar, as the field sends it, but no
// comma, quote, semicolon or bracket outside quotes. On an error the parts read so far are set.
func ParseNameAddr(v []byte) (NameAddr, error) {
	var n NameAddr
	_, err := n.parse(v)
	return n, err
}

// tags is what the parameters of an address say about its tag.
type tags struct {
	first []byte // nil when there is none
	bad   bool   // there are two, or one that cannot be compared
}

// parse is ParseNameAddr into n, which must be zero; it looks out for the tag on its way.
func (n *NameAddr) parse(v []byte) (t tags, err error) {
	v = grammar.Trim(v)
	if len(v) == 1 && v[0] == '*' {
		n.URI = v
		return t, nil
	}
	next, err := n.readAddr(v)
	if err != nil {
		return t, err
	}
	if uri.Check(n.URI) != nil {
		return t, errAddrSpec
	}
	next = grammar.SkipBlank(v, next)
	if next == len(v) {
		return t, nil
	}
	if v[next] != ';' {
		return t, errParam
	}
	n.Params = grammar.Trim(v[next+1:])
	for rest := v[next+1:]; rest != nil; {
		name, value, tail := grammar.CutParam(rest)
		if name == nil {
			return t, errParam
		}
		if grammar.EqualFold(name, "tag") {
			t.add(value)
		}
		rest = tail
	}
	return t, nil
}

func (t *tags) add(value []byte) {
	if t.bad || t.first != nil || !isOpaque(value) {
		t.bad = true
		return
	}
	t.first = value
}

// readAddr reads the display name and the URI and returns the place behind them.
func (n *NameAddr) readAddr(v []byte) (next int, err error) {
	open := 0
	if len(v) > 0 && v[0] == '"' {
		end := grammar.QuotedEnd(v, 0)
		if end < 0 {
			return 0, errDisplay
		}
		n.Display = v[:end]
		if open = grammar.SkipBlank(v, end); open == len(v) || v[open] != '<' {
			return 0, errDisplay
		}
	} else {
		for open < len(v) && displayByte(v[open]) {
			open++
		}
		if open == len(v) || v[open] != '<' {
			return n.readBare(v)
		}
		n.Display = grammar.Trim(v[:open])
	}
	length := bytes.IndexByte(v[open+1:], '>')
	if length < 0 {
		return 0, errBracket
	}
	end := open + 1 + length
	n.URI = v[open+1 : end]
	return end + 1, nil
}

func (n *NameAddr) readBare(v []byte) (next int, err error) {
	for next < len(v) && v[next] != ';' && !grammar.IsBlank(v[next]) {
		if v[next] == '?' || v[next] == ',' {
			return 0, errAddrSpec
		}
		next++
	}
	n.URI = v[:next]
	return next, nil
}

func displayByte(c byte) bool {
	switch c {
	case '"', '<', '>', ',', ';', '\\':
		return false
	}
	return !grammar.IsControl(c) || c == '\t'
}
