package grammar

// CutParam cuts the first parameter off a list such as `tag=1;q="a;b"`. The value keeps its quotes and is nil when
// there is no "=". rest is nil after the last parameter. Blanks may stand around ";" and "=" (RFC 3261 §25.1, SEMI
// and EQUAL). ok is false for a malformed parameter, and an empty one is.
func CutParam(list []byte) (name, value, rest []byte, ok bool) {
	i := SkipBlank(list, 0)
	start := i
	for i < len(list) && IsTokenByte(list[i]) {
		i++
	}
	name = list[start:i]
	if len(name) == 0 {
		return nil, nil, nil, false
	}
	i = SkipBlank(list, i)
	if i < len(list) && list[i] == '=' {
		start = SkipBlank(list, i+1)
		if i = valueEnd(list, start); i <= start {
			return nil, nil, nil, false
		}
		value = list[start:i]
		i = SkipBlank(list, i)
	}
	switch {
	case i == len(list):
		return name, value, nil, true
	case list[i] != ';':
		return nil, nil, nil, false
	}
	return name, value, list[i+1:], true
}

// valueEnd finds the end of a parameter value: a token, a host or a quoted string (RFC 3261 §25.1, gen-value). It
// takes every visible byte that cannot be mistaken for a delimiter. It returns -1 for an unterminated string.
func valueEnd(b []byte, i int) int {
	if i < len(b) && b[i] == '"' {
		return QuotedEnd(b, i)
	}
	for i < len(b) && valueByte(b[i]) {
		i++
	}
	return i
}

func valueByte(c byte) bool {
	switch c {
	case '"', '<', '>', ';', ',', '\\':
		return false
	}
	return c > ' ' && c != Del
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
		n, v, tail, ok := CutParam(rest)
		if !ok {
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
