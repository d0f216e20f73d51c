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
	end, ok := HostEnd(s, 0)
	return ok && end == len(s)
}

// HostEnd returns the place behind the host, as ValidHost knows it, that begins at from. ok is false when there is none;
// what may follow it is for the caller to judge.
func HostEnd[S ~string | ~[]byte](s S, from int) (end int, ok bool) {
	if from < len(s) && s[from] == '[' {
		end = indexByte(s, from, ']')
		if end < 0 {
			return from, false
		}
		return end + 1, ValidIPv6(s[from+1 : end])
	}
	if end, ok = ipv4End(s, from); ok && (end == len(s) || s[end] != '.' && !labelChars[s[end]]) {
		return end, true
	}
	return nameEnd(s, from)
}

// nameEnd is HostEnd for host names that are no address.
func nameEnd[S text](s S, from int) (end int, ok bool) {
	label := span{from, from} // the last one that is not empty
	start := from             // of the one being read
	for end = from; ; end++ {
		if end < len(s) && labelChars[s[end]] {
			continue
		}
		if end > start {
			label = span{start, end}
		}
		if end == len(s) || s[end] != '.' {
			break
		}
		if end == start || end-start > maxLabelBytes {
			return end, false
		}
		start = end + 1
	}
	// A dot at the end, which stands for the root, leaves an empty label behind it.
	if label.to == from || end-start > maxLabelBytes || end-from > maxHostBytes {
		return end, false
	}
	return end, !onlyDigits(s[label.from:label.to])
}

func onlyDigits[S text](s S) bool {
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) {
			return false
		}
	}
	return true
}

// ipv4End returns the place behind the IPv4 address that begins at from: four decimal numbers without leading zeros,
// which some readers take for octal.
func ipv4End[S text](s S, from int) (end int, ok bool) {
	end = from
	for part := 0; part < 4; part++ {
		if part > 0 {
			if end == len(s) || s[end] != '.' {
				return end, false
			}
			end++
		}
		start, value := end, 0
		for end < len(s) && isDigit(s[end]) && value <= 255 {
			value = value*10 + int(s[end]-'0')
			end++
		}
		if end == start || value > 255 || s[start] == '0' && end > start+1 {
			return end, false
		}
	}
	return end, true
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
			end, ok := ipv4End(s, start)
			return ok && end == len(s) && full(groups, elided)
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
