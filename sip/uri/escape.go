package uri

import (
	"errors"
	"fmt"
	"strings"
)

var errEscape = errors.New("% without two hexadecimal digits")

// Unescape undoes one level of %HH escapes. The result may hold any byte, NUL included (RFC 4475 §3.1.1.4): compare
// with it and match on it, but never write it to the wire without escaping again.
func Unescape(s string) (string, error) {
	if strings.IndexByte(s, '%') < 0 {
		return s, nil
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b = append(b, s[i])
			continue
		}
		if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
			return "", fmt.Errorf("unescape %q: %w", clip(s), errEscape)
		}
		b = append(b, hexValue(s[i+1])<<4|hexValue(s[i+2]))
		i += 2
	}
	return string(b), nil
}

// EscapeUser makes s fit for a user part: bytes that RFC 3261 §25.1 does not allow there become %HH, escapes that
// are already whole stay.
func EscapeUser(s string) string {
	if allowed(s, &userWritten) {
		return s
	}
	const digits = "0123456789ABCDEF"
	b := make([]byte, 0, len(s)+8)
	for i := 0; i < len(s); i++ {
		c := s[i]
		whole := c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2])
		if userWritten[c] || whole {
			b = append(b, c)
			continue
		}
		b = append(b, '%', digits[c>>4], digits[c&0x0f])
	}
	return string(b)
}

// next reads one character of escaped text: its value, whether it must be compared as escaped, and its length.
// A character of the reserved set differs from its own escape (RFC 3261 §19.1.4); every other one equals it.
func next(s string, i int) (c byte, reserved bool, n int) {
	if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
		c = hexValue(s[i+1])<<4 | hexValue(s[i+2])
		return c, reservedChars[c], 3
	}
	return s[i], false, 1
}

// equalEscaped compares two escaped texts by the rule of next, with or without regard to case.
func equalEscaped(a, b string, fold bool) bool {
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		ca, ra, na := next(a, i)
		cb, rb, nb := next(b, j)
		if fold {
			ca, cb = lowerByte(ca), lowerByte(cb)
		}
		if ca != cb || ra != rb {
			return false
		}
		i, j = i+na, j+nb
	}
	return i == len(a) && j == len(b)
}
