package msg

import "encoding/binary"

// tokenBytes marks the bytes of a token (RFC 3261 §25.1). It is never written after start.
var tokenBytes = newTokenBytes()

func newTokenBytes() (t [256]bool) {
	const members = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.!%*_+`'~"
	for i := 0; i < len(members); i++ {
		t[members[i]] = true
	}
	return t
}

func isTokenByte(c byte) bool { return tokenBytes[c] }

func isToken[S ~string | ~[]byte](s S) bool {
	for i := 0; i < len(s); i++ {
		if !tokenBytes[s[i]] {
			return false
		}
	}
	return len(s) > 0
}

func isControl(c byte) bool { return c < ' ' || c == del }

const del = 0x7f

// Patterns for looking at eight bytes at once.
const (
	everyByte = 0x0101010101010101
	highBits  = 0x80 * everyByte
)

// hasControl reports whether b may hold a control byte, TAB included. It looks at eight bytes at a time, for every
// byte of every header passes here.
func hasControl(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		v := binary.LittleEndian.Uint64(b)
		del8 := v ^ del*everyByte
		if ((v-' '*everyByte)&^v|(del8-everyByte)&^del8)&highBits != 0 {
			return true
		}
	}
	for _, c := range b {
		if isControl(c) {
			return true
		}
	}
	return false
}

// controlsAllowed judges the control bytes of a value: TAB, a line end that folds, and a quoted pair inside a quoted
// string, which may hide any byte but CR and LF (RFC 3261 §25.1).
func controlsAllowed(b []byte) bool {
	quoted := false
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\' && i+1 < len(b) && b[i+1] != '\r' && b[i+1] != '\n':
			i++
		case c == '\r' && i+2 < len(b) && b[i+1] == '\n' && isBlank(b[i+2]):
			i += 2
		case c != '\t' && isControl(c):
			return false
		}
	}
	return true
}

// hasUnsafe reports whether text must not be written: it holds a control byte other than TAB.
func hasUnsafe[S ~string | ~[]byte](s S) bool {
	for i := 0; i < len(s); i++ {
		if isControl(s[i]) && s[i] != '\t' {
			return true
		}
	}
	return false
}
