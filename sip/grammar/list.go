package grammar

import "bytes"

// CutValue cuts the first comma-separated value off a list and trims it (RFC 3261 §7.3.1). Commas inside quotes and
// angle brackets do not separate. rest is nil after the last value.
func CutValue(list []byte) (value, rest []byte) {
	if bytes.IndexByte(list, ',') < 0 {
		return Trim(list), nil
	}
	quoted, bracketed := false, false
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case quoted && c == '\\':
			i++
		case c == '"' && !bracketed:
			quoted = !quoted
		case quoted:
		case c == '<':
			bracketed = true
		case c == '>':
			bracketed = false
		case c == ',' && !bracketed:
			return Trim(list[:i]), list[i+1:]
		}
	}
	return Trim(list), nil
}
