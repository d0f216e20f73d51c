package grammar

import (
	"encoding/binary"
	"math/bits"
)

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

// TokenEnd returns the first place in b, from i on, that holds no token byte.
func TokenEnd(b []byte, i int) int {
	for i < len(b) && tokenBytes[b[i]] {
		i++
	}
	return i
}

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

// NextControl returns the place of the first control byte in b from i on, TAB and line ends included, and len(b) when
// there is none. It looks at eight bytes at a time, for every byte of every header passes here.
func NextControl(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		if found := controls(binary.LittleEndian.Uint64(b[i : i+8])); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(b) && !IsControl(b[i]) {
		i++
	}
	return i
}

// Patterns for looking at eight bytes at once.
const (
	everyByte = 0x0101010101010101
	highBits  = 0x80 * everyByte
)

// controls sets the high bit of each of the eight bytes in v that is a control byte, and no other bit.
func controls(v uint64) uint64 {
	low := v &^ highBits // so that no sum carries into the next byte
	visible := low + (0x80-' ')*everyByte
	del := low + (0x80-Del)*everyByte
	return (^visible | del) & highBits &^ v
}

// HasControl reports whether b holds a control byte, TAB included.
func HasControl(b []byte) bool { return NextControl(b, 0) < len(b) }

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
	b := []byte(s)
	i := NextControl(b, 0)
	for i < len(b) && b[i] == '\t' {
		i = NextControl(b, i+1)
	}
	return i < len(b)
}
