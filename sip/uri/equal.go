package uri

import (
	"net/netip"
	"strings"
)

// Equal compares two URIs by RFC 3261 §19.1.4, tel URIs by RFC 3966 §4; others must be the same text. It is not
// transitive, because a parameter that only one side has does not count.
func Equal(a, b URI) bool {
	if a.Scheme != b.Scheme {
		return false
	}
	switch kindOf(a.Scheme) {
	case opaqueKind:
		return a.Opaque == b.Opaque
	case telKind:
		return equalTel(a, b)
	case sipKind:
		return equalEscaped(a.User, b.User, false) && equalEscaped(a.Password, b.Password, false) &&
			equalHost(a.Host, b.Host) && a.Port == b.Port && equalParams(a, b, paramsMatch) && equalHeaders(a.Headers, b.Headers)
	}
	return false
}

// equalHost compares addresses as addresses and names without case.
func equalHost(a, b string) bool {
	if strings.EqualFold(a, b) {
		return true
	}
	x, errX := netip.ParseAddr(a)
	y, errY := netip.ParseAddr(b)
	return errX == nil && errY == nil && x == y
}

// maxCompared is how many parameters, or header fields, of a URI are compared one with each other. A URI with more of
// them equals only the same text: the work grows with the square of the number, and a sender chooses the number.
const maxCompared = 32

// equalParams applies a rule in both directions. Of parameters given twice, the first counts.
func equalParams(a, b URI, in func(a, b URI) bool) bool {
	if a.Params == b.Params {
		return true
	}
	if strings.Count(a.Params, ";") >= maxCompared || strings.Count(b.Params, ";") >= maxCompared {
		return false
	}
	return in(a, b) && in(b, a)
}

// paramsMatch reports whether every parameter of a agrees with b: the same value where both have it, and present in
// both where leaving it out means something else.
func paramsMatch(a, b URI) bool {
	for rest := a.Params; rest != ""; {
		var param string
		param, rest, _ = strings.Cut(rest, ";")
		key, _, _ := strings.Cut(param, "=")
		if key == "" {
			continue
		}
		value, _ := a.Param(key)
		other, ok := b.Param(key)
		if ok && !equalEscaped(value, other, true) || !ok && significant(key) {
			return false
		}
	}
	return true
}

// significant names the parameters that never match their absence (RFC 3261 §19.1.4).
func significant(key string) bool {
	for _, name := range [...]string{"user", "ttl", "method", "maddr", "transport"} {
		if equalEscaped(key, name, true) {
			return true
		}
	}
	return false
}

// equalHeaders wants the same header fields on both sides, in any order and equally often.
func equalHeaders(a, b string) bool {
	if a == b {
		return true
	}
	left, right := strings.Split(a, "&"), strings.Split(b, "&")
	if len(left) != len(right) || len(left) > maxCompared {
		return false
	}
	for _, h := range left {
		found := false
		for i, o := range right {
			if equalHeader(h, o) {
				right = append(right[:i], right[i+1:]...)
				found = true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

func equalHeader(a, b string) bool {
	nameA, valueA, _ := strings.Cut(a, "=")
	nameB, valueB, _ := strings.Cut(b, "=")
	return equalEscaped(nameA, nameB, true) && equalEscaped(valueA, valueB, false)
}

// equalTel compares the digits without visual separators and wants the same parameters on both sides.
func equalTel(a, b URI) bool {
	return equalNumber(a.User, b.User) && equalParams(a, b, telParamsIn)
}

func equalNumber(a, b string) bool {
	i, j := 0, 0
	for {
		for i < len(a) && isSeparator(a[i]) {
			i++
		}
		for j < len(b) && isSeparator(b[j]) {
			j++
		}
		if i == len(a) || j == len(b) {
			return i == len(a) && j == len(b)
		}
		if lowerByte(a[i]) != lowerByte(b[j]) {
			return false
		}
		i, j = i+1, j+1
	}
}

// telParamsIn reports whether each parameter of a is in b with an equal value. Numbers among them, ext and a global
// phone-context, are compared without separators.
func telParamsIn(a, b URI) bool {
	for rest := a.Params; rest != ""; {
		var param string
		param, rest, _ = strings.Cut(rest, ";")
		key, _, _ := strings.Cut(param, "=")
		if key == "" {
			continue
		}
		value, _ := a.Param(key)
		other, ok := b.Param(key)
		if !ok {
			return false
		}
		number := equalEscaped(key, "ext", true) ||
			equalEscaped(key, "phone-context", true) && strings.HasPrefix(value, "+")
		if number && !equalNumber(value, other) || !number && !equalEscaped(value, other, true) {
			return false
		}
	}
	return true
}
