package log

import (
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// visible passes lines on with nothing in them that a terminal or an editor would act on, whoever put it there.
// zerolog escapes the control bytes of ASCII; this escapes what the rest of Unicode has of the kind (the escape
// sequence introducer U+009B, direction overrides, invisible characters) as JSON does, so that a reader of the JSON
// gets the text unchanged.
type visible struct{ out io.Writer }

// Write takes one whole line: zerolog calls it so.
func (v visible) Write(p []byte) (int, error) {
	if plain(p) {
		return v.out.Write(p)
	}
	if _, err := v.out.Write(reveal(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// plain tells that a line is ASCII that prints, as nearly all are.
func plain(p []byte) bool {
	for _, c := range p {
		if c >= 0x7f {
			return false
		}
	}
	return true
}

func reveal(p []byte) []byte {
	out := make([]byte, 0, 2*len(p))
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		switch high, low := utf16.EncodeRune(r); {
		case r == utf8.RuneError && n == 1:
			out = append(out, `\ufffd`...)
		case r < 0x7f, unicode.IsPrint(r):
			out = append(out, p[:n]...)
		case high != unicode.ReplacementChar:
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		p = p[n:]
	}
	return out
}
