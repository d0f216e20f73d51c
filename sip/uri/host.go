package uri

// Limits of a host name (RFC 1035 §2.3.4), in bytes.
const (
	maxHostBytes  = 253
	maxLabelBytes = 63
)

// ValidHost reports whether s is a host of SIP: a host name, an IPv4 address or an IPv6 reference in brackets
// (RFC 3261 §25.1). Names may hold "_", and labels may begin with a digit, but a name that ends in a label of digits
// only must be a whole IPv4 address: "1.2.3" is neither.
func ValidHost[S ~string | ~[]byte](s S) bool {
	n := len(s)
	if n > 1 && s[0] == '[' {
		return s[n-1] == ']' && ValidIPv6(s[1:n-1])
	}
	return validName(s)
}

func validName[S text](s S) bool {
	if len(s) == 0 || len(s) > maxHostBytes {
		return false
	}
	n := len(s)
	if s[n-1] == '.' {
		n-- // the root
	}
	label, digits := 0, true
	for i := 0; i < n; i++ {
		c := s[i]
		if c == '.' {
			if label == 0 {
				return false
			}
			label, digits = 0, true
			continue
		}
		label++
		if !labelChars[c] || label > maxLabelBytes {
			return false
		}
		digits = digits && isDigit(c)
	}
	if label == 0 {
		return false
	}
	return !digits || validIPv4(s)
}

// validIPv4 wants four decimal numbers without leading zeros, which some readers take for octal.
func validIPv4[S text](s S) bool {
	parts, digits, value := 1, 0, 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '.' {
			if digits == 0 {
				return false
			}
			parts, digits, value = parts+1, 0, 0
			continue
		}
		if !isDigit(c) || digits > 0 && value == 0 {
			return false
		}
		digits++
		if value = value*10 + int(c-'0'); value > 255 {
			return false
		}
	}
	return parts == 4 && digits > 0
}

// ipv6Groups is the number of 16-bit groups in an IPv6 address.
const ipv6Groups = 8

// ValidIPv6 reports whether s is an IPv6 address without brackets and zone. The ":::" before an embedded IPv4
// address that the grammar of RFC 3261 lets through is taken as "::" (RFC 5118 §4.10).
func ValidIPv6[S ~string | ~[]byte](s S) bool {
	groups, elided, i := 0, false, 0
	if len(s) > 0 && s[0] == ':' && (len(s) < 2 || s[1] != ':') {
		return false
	}
	for i < len(s) {
		if s[i] == ':' {
			next, ok := colons(s, i, &elided)
			if !ok {
				return false
			}
			i = next
			continue
		}
		start := i
		for i < len(s) && isHex(s[i]) {
			i++
		}
		if i < len(s) && s[i] == '.' {
			groups += 2
			return validIPv4(s[start:]) && full(groups, elided)
		}
		if i-start == 0 || i-start > 4 {
			return false
		}
		groups++
	}
	return full(groups, elided)
}

// colons reads the separator at i: one colon between groups, two once per address, three only before an IPv4 tail.
func colons[S text](s S, i int, elided *bool) (next int, ok bool) {
	run := 1
	for i+run < len(s) && s[i+run] == ':' {
		run++
	}
	next = i + run
	switch {
	case run == 1:
		return next, next < len(s)
	case *elided || run > 3:
		return 0, false
	case run == 3 && indexByte(s, next, '.') < 0:
		return 0, false
	}
	*elided = true
	return next, true
}

func full(groups int, elided bool) bool {
	if elided {
		return groups < ipv6Groups
	}
	return groups == ipv6Groups
}
