package grammar

// IsDigits reports whether b is one or more decimal digits.
func IsDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// ParseDecimal reads one or more digits (1*DIGIT of RFC 3261 §25.1), without sign or blank, up to the limit. The limit
// must be below 1<<60, so that the next digit cannot overflow.
func ParseDecimal(b []byte, limit uint64) (uint64, bool) {
	if len(b) == 0 {
		return 0, false
	}
	n := uint64(0)
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n = n*10 + uint64(c-'0'); n > limit {
			return 0, false
		}
	}
	return n, true
}
