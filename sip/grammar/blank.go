package grammar

// IsBlank reports whether c is white space inside a line (WSP of RFC 2234 §6.1).
func IsBlank(c byte) bool { return c == ' ' || c == '\t' }

// SkipBlank returns the first place in b, from i on, that is not blank.
func SkipBlank(b []byte, i int) int {
	for i < len(b) && IsBlank(b[i]) {
		i++
	}
	return i
}

// Trim cuts the blanks off both ends.
func Trim(b []byte) []byte {
	for len(b) > 0 && IsBlank(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && IsBlank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}
