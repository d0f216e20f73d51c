package grammar

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

// IsTokenByte reports whether c may stand in a token (RFC 3261 §25.1).
func IsTokenByte(c byte) bool { return tokenBytes[c] }

// IsToken reports whether s is a token: one or more token bytes (RFC 3261 §25.1).
func IsToken[S ~string | ~[]byte](s S) bool {
	for i := 0; i < len(s); i++ {
		if !tokenBytes[s[i]] {
			return false
		}
	}
	return len(s) > 0
}

// Del is the control byte above the visible ones.
const Del = 0x7f

// IsControl reports whether c is a control byte (CTL of RFC 2234 §6.1), CR, LF and TAB included.
func IsControl(c byte) bool { return c < ' ' || c == Del }

// Patterns for looking at eight bytes at once.
const (
	everyByte = 0x0101010101010101
	highBits  = 0x80 * everyByte
)

// HasControl reports whether b holds a control byte, TAB included. It looks at eight bytes at a time, for every byte
// of every header passes here.
func HasControl(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		v := binary.LittleEndian.Uint64(b)
		del8 := v ^ Del*everyByte
		if ((v-' '*everyByte)&^v|(del8-everyByte)&^del8)&highBits != 0 {
			return true
		}
	}
	for _, c := range b {
		if IsControl(c) {
			return true
		}
	}
	return false
}

// ControlsAllowed judges the control bytes of a header value. It allows TAB, a line end that folds, and a quoted pair
// inside a quoted string, which may hide any byte but CR and LF (RFC 3261 §25.1).
func ControlsAllowed(b []byte) bool {
	quoted := false
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\' && i+1 < len(b) && b[i+1] != '\r' && b[i+1] != '\n':
			i++
		case c == '\r' && i+2 < len(b) && b[i+1] == '\n' && IsBlank(b[i+2]):
			i += 2
		case c != '\t' && IsControl(c):
			return false
		}
	}
	return true
}

// HasUnsafe reports whether text must not be written: it holds a control byte other than TAB.
func HasUnsafe[S ~string | ~[]byte](s S) bool {
	for i := 0; i < len(s); i++ {
		if IsControl(s[i]) && s[i] != '\t' {
			return true
		}
	}
	return false
}
