package crossing

import (
	"strings"

	"gatehouse/sip/uri"
)

// emergencyService is the URN of emergency calls (RFC 5031 §4.2).
const emergencyService = "urn:service:sos"

// Service gives the emergency service a URI asks for, in lower case: sos or one
// of its sub-services, which are labels behind dots (RFC 5031 §3). ok is false
// for every other URI.
func Service(u uri.URI) (urn string, ok bool) {
	if u.Scheme != "urn" {
		return "", false
	}
	urn = "urn:" + strings.ToLower(u.Opaque)
	rest, ok := strings.CutPrefix(urn, emergencyService)
	if !ok {
		return "", false
	}
	for rest != "" {
		var label string
		if rest[0] != '.' {
			return "", false
		}
		label, rest = cutLabel(rest[1:])
		if !isLabel(label) {
			return "", false
		}
	}
	return urn, true
}

func cutLabel(s string) (label, rest string) {
	if i := strings.IndexByte(s, '.'); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// maxLabelBytes is the longest label of a service URN (RFC 5031 §3).
const maxLabelBytes = 27

// isLabel tells whether s is letters and digits with hyphens between them.
func isLabel(s string) bool {
	if s == "" || len(s) > maxLabelBytes || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	})
}
