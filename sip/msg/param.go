package msg

import "errors"

var errParam = errors.New("malformed parameter")

// cutParam cuts the first parameter off a list such as `tag=1;q="a;b"`. The value keeps its quotes and is nil when
// there is no "=". rest is nil after the last parameter. Blanks may stand around ";" and "=" (RFC 3261 §25.1, SEMI
// and EQUAL), and an empty parameter is an error.
func cutParam(list []byte) (name, value, rest []byte, err error) {
	i := skipBlank(list, 0)
	start := i
	for i < len(list) && isTokenByte(list[i]) {
		i++
	}
	name = list[start:i]
	if len(name) == 0 {
		return nil, nil, nil, errParam
	}
	i = skipBlank(list, i)
	if i < len(list) && list[i] == '=' {
		start = skipBlank(list, i+1)
		if i = valueEnd(list, start); i <= start {
			return nil, nil, nil, errParam
		}
		value = list[start:i]
		i = skipBlank(list, i)
	}
	switch {
	case i == len(list):
		return name, value, nil, nil
	case list[i] != ';':
		return nil, nil, nil, errParam
	}
	return name, value, list[i+1:], nil
}

// valueEnd finds the end of a parameter value: a token, a host or a quoted string (RFC 3261 §25.1, gen-value). It
// takes every visible byte that cannot be mistaken for a delimiter. It returns -1 for an unterminated string.
func valueEnd(b []byte, i int) int {
	if i < len(b) && b[i] == '"' {
		return quotedEnd(b, i)
	}
	for i < len(b) && valueByte(b[i]) {
		i++
	}
	return i
}

// isOpaque reports whether a parameter value can serve as a tag or branch: there, and not a quoted string. The grammar
// wants a token, but they are only ever compared and repeated, and some systems write "=", ":" or "@" into them.
func isOpaque(value []byte) bool { return len(value) > 0 && value[0] != '"' }

func valueByte(c byte) bool {
	switch c {
	case '"', '<', '>', ';', ',', '\\':
		return false
	}
	return c > ' ' && c != del
}

// quotedEnd returns the place behind the quoted string that begins at i, -1 when it does not end.
func quotedEnd(b []byte, i int) int {
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

func skipBlank(b []byte, i int) int {
	for i < len(b) && isBlank(b[i]) {
		i++
	}
	return i
}

// findParam returns the first parameter of that name in a list that was checked before.
func findParam(list []byte, name string) (value []byte, ok bool) {
	for rest := list; len(rest) > 0; {
		n, v, tail, err := cutParam(rest)
		if err != nil {
			return nil, false
		}
		if equalFold(n, name) {
			return v, true
		}
		rest = tail
	}
	return nil, false
}
