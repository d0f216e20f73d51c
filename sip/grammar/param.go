package grammar

// CutParam cuts the first parameter off a list such as `tag=1;q="a;b"`. The value keeps its quotes and is nil when
// there is no "=". rest is nil after the last parameter. Blanks may stand around ";" and "=" (RFC 3261 §25.1, SEMI
// and EQUAL). name is nil for a malformed parameter, and an empty one is.
func CutParam(list []byte) (name, value, rest []byte) {
	start := SkipBlank(list, 0)
	end := TokenEnd(list, start)
	if end == start {
		return nil, nil, nil
	}
	i := SkipBlank(list, end)
	if i < len(list) && list[i] == '=' {
		from := SkipBlank(list, i+1)
		to := valueEnd(list, from)
		if to <= from {
			return nil, nil, nil
		}
		value = list[from:to]
		i = SkipBlank(list, to)
	}
	if i < len(list) {
		if list[i] != ';' {
			return nil, nil, nil
		}
		rest = list[i+1:]
	}
	return list[start:end], value, rest
}

// valueEnd finds the end of a parameter value: a token, a host or a quoted string (RFC 3261 §25.1, gen-value). It
// takes every visible byte that cannot be mistaken for a delimiter. It returns -1 for an unterminated string.
func valueEnd(b []byte, i int) int {
	if i < len(b) && b[i] == '"' {
		return QuotedEnd(b, i)
	}
	for i < len(b) && valueBytes[b[i]] {
		i++
	}
	return i
}

// valueBytes marks the visible bytes that are no delimiter. It is never written after start.
var valueBytes = newValueBytes()

func newValueBytes() (t [256]bool) {
	for c := range t {
		switch c {
		case '"', '<', '>', ';', ',', '\\', Del:
		default:
			t[c] = c > ' '
		}
	}
	return t
}

// QuotedEnd returns the place behind the quoted string that begins at i, -1 when it does not end (RFC 3261 §25.1,
// quoted-string and quoted-pair).
func QuotedEnd(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// FindParam returns the value of the first parameter of that name, compared without case. It looks no further than a
// malformed parameter.
func FindParam(list []byte, name string) (value []byte, ok bool) {
	for rest := list; len(rest) > 0; {
		n, v, tail := CutParam(rest)
		if n == nil {
			return nil, false
		}
		if EqualFold(n, name) {
			return v, true
		}
		rest = tail
	}
	return nil, false
}

// BeforeParams returns what stands before the first ";" of a value such as a media type, trimmed. Without a ";" it is
// the value as given.
func BeforeParams(v []byte) []byte {
	for i, c := range v {
		if c == ';' {
			return Trim(v[:i])
		}
	}
	return v
}
