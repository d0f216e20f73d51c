package log

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxWireBytes is the longest a text from the wire gets in a log, in bytes.
const MaxWireBytes = 256

// cut marks a text that was longer.
const cut = "..."

// Wire makes a text that came from the network safe to log: at most
// MaxWireBytes, and nothing in it that a terminal or an editor would act on.
// Control bytes, escape sequences, direction overrides, invisible characters
// and broken UTF-8 appear as \x1b or \u202e, a backslash as two.
func Wire[T ~string | ~[]byte](s T) string {
	if len(s) <= MaxWireBytes && harmless(s) {
		return string(s)
	}
	var b strings.Builder
	fits := 0 // how much of b leaves room for the mark
	// A character never gets shorter, so nothing beyond this can matter.
	for rest := []byte(s[:min(len(s), MaxWireBytes+utf8.UTFMax)]); len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		piece := escape(r, rest[:n])
		if b.Len()+len(piece) > MaxWireBytes {
			return b.String()[:fits] + cut
		}
		b.WriteString(piece)
		if b.Len()+len(cut) <= MaxWireBytes {
			fits = b.Len()
		}
		rest = rest[n:]
	}
	return b.String()
}

func harmless[T ~string | ~[]byte](s T) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '\\' {
			return false
		}
	}
	return true
}

// escape gives one character as it may be logged.
func escape(r rune, raw []byte) string {
	switch {
	case r == '\\':
		return `\\`
	case r == utf8.RuneError && len(raw) == 1, r < ' ', r == 0x7f:
		return fmt.Sprintf(`\x%02x`, raw[0])
	case unicode.IsPrint(r):
		return string(raw)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}
