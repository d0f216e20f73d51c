package msg

import "gatehouse/sip/grammar"

// String returns the canonical long name, "" for HeaderOther.
func (id ID) String() string {
	if id >= headerCount {
		return ""
	}
	return names[id]
}

// Identify returns the identity of a header field name in long or compact form and any case; HeaderOther when it
// is not one of ours.
func Identify[S ~string | ~[]byte](name S) ID {
	switch {
	case len(name) == 1:
		return compactForm(name[0])
	case len(name) >= len(byLength):
		return HeaderOther
	}
	for _, id := range byLength[len(name)] {
		if string(name) == names[id] {
			return id
		}
	}
	for _, id := range byLength[len(name)] {
		if grammar.EqualFold(name, names[id]) {
			return id
		}
	}
	return HeaderOther
}
