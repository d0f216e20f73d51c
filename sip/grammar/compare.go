package grammar

// EqualFold compares ASCII text without regard to case, as names and most values of SIP are (RFC 3261 §7.3.1). Only
// letters fold: "@" and "`" differ.
func EqualFold[A, B ~string | ~[]byte](a A, b B) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		if a[i] != b[i] && Lower(a[i]) != Lower(b[i]) {
			return false
		}
	}
	return true
}

// Lower gives the lower-case form of an ASCII letter, and every other byte as it is.
func Lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
