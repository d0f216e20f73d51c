package uri

import "errors"

var (
	errScheme  = errors.New("no scheme")
	errUser    = errors.New("malformed user part")
	errHost    = errors.New("malformed host")
	errPort    = errors.New("malformed port")
	errParams  = errors.New("malformed parameter")
	errHeaders = errors.New("malformed header part")
	errNumber  = errors.New("malformed telephone number")
	errOpaque  = errors.New("illegal character")

	errRequestHeaders = errors.New("header part in a request uri")
)

// span is a part of the text being read.
type span struct{ from, to int }

// layout says where the parts of one URI are.
type layout struct {
	scheme, user, password, host span
	params, headers, opaque      span
	port                         uint16
	kind                         kind
}

// kind is what a scheme asks of the text behind it.
type kind uint8

const (
	opaqueKind kind = iota
	sipKind
	telKind
)

func kindOf[S text](scheme S) kind {
	switch {
	case isWord(scheme, "sip"), isWord(scheme, "sips"):
		return sipKind
	case isWord(scheme, "tel"):
		return telKind
	}
	return opaqueKind
}

// isWord compares without case; word is lower case.
func isWord[S text](s S, word string) bool {
	if len(s) != len(word) {
		return false
	}
	for i := 0; i < len(s); i++ {
		if lowerByte(s[i]) != word[i] {
			return false
		}
	}
	return true
}

// Check reports what is wrong with s as a URI, reading it in place: it allocates nothing.
func Check[S ~string | ~[]byte](s S) error {
	var l layout
	return scan(&l, s)
}

// CheckRequest is Check for a request URI: the header part of a sip or sips URI, with which a sender could smuggle
// header fields, has no place there (RFC 3261 §19.1.1, RFC 4475 §3.1.2.11).
func CheckRequest[S ~string | ~[]byte](s S) error {
	var l layout
	err := scan(&l, s)
	if err == nil && l.headers != (span{}) {
		return errRequestHeaders
	}
	return err
}

// scan finds the parts of s; l must be zero.
func scan[S text](l *layout, s S) error {
	if len(s) > 4 && string(s[:4]) == "sip:" { // nearly always
		l.scheme, l.kind = span{0, 3}, sipKind
		return scanSIP(l, s, 4)
	}
	colon := 0
	for colon < len(s) && schemeChars[s[colon]] {
		colon++
	}
	if colon == 0 || colon == len(s) || s[colon] != ':' || !isAlpha(s[0]) {
		return errScheme
	}
	l.scheme = span{0, colon}
	l.kind = kindOf(s[:colon])
	switch l.kind {
	case sipKind:
		return scanSIP(l, s, colon+1)
	case telKind:
		return scanTel(l, s, colon+1)
	case opaqueKind:
		l.opaque = span{colon + 1, len(s)}
		if colon+1 == len(s) || !allowed(s[colon+1:], &opaqueChars) {
			return errOpaque
		}
	}
	return nil
}

// scanSIP reads [user[:password]@]host[:port][;params][?headers]. The first "@" ends the user part: the grammar
// allows none in it, nor in the parameters. In the header part it is accepted, because a Replaces value written
// there is often not escaped.
func scanSIP[S text](l *layout, s S, from int) error {
	host, err := scanUser(l, s, from)
	if err != nil {
		return err
	}
	next, err := scanHostPort(l, s, host)
	if err != nil {
		return err
	}
	if next < len(s) && s[next] == ';' {
		end := allowedEnd(s, next+1, &paramChars)
		if end < len(s) && s[end] != '?' {
			return errParams
		}
		l.params = span{next + 1, end}
		next = end
	}
	if next == len(s) {
		return nil
	}
	l.headers = span{next + 1, len(s)}
	if !allowed(s[next+1:], &headerChars) {
		return errHeaders
	}
	return nil
}

// scanUser reads user[:password]@ when the text at from begins so, and returns where the host begins.
func scanUser[S text](l *layout, s S, from int) (host int, err error) {
	end := allowedEnd(s, from, &userRead)
	user := span{from, end}
	if end < len(s) && s[end] == ':' {
		end = allowedEnd(s, end+1, &passwordChars)
		l.password = span{user.to + 1, end}
	}
	switch {
	case end < len(s) && s[end] == '@' && user.from < user.to:
		l.user = user
		return end + 1, nil
	case indexByte(s, end, '@') >= 0:
		return 0, errUser
	}
	l.password = span{} // it was a port, or part of an address
	return from, nil
}

// scanHostPort reads host [":" port] and returns where it ended: at ";", "?" or the end.
func scanHostPort[S text](l *layout, s S, from int) (next int, err error) {
	end, ok := HostEnd(s, from)
	if !ok || end < len(s) && s[end] != ':' && s[end] != ';' && s[end] != '?' {
		return 0, errHost
	}
	l.host = span{from, end}
	if s[from] == '[' {
		l.host = span{from + 1, end - 1}
	}
	if end == len(s) || s[end] != ':' {
		return end, nil
	}
	port := 0
	for next = end + 1; next < len(s) && isDigit(s[next]); next++ {
		if port = port*10 + int(s[next]-'0'); port > maxPort {
			return 0, errPort
		}
	}
	if port == 0 || next < len(s) && s[next] != ';' && s[next] != '?' {
		return 0, errPort
	}
	l.port = uint16(port)
	return next, nil
}

const maxPort = 65535

// scanTel reads number[;params] (RFC 3966 §3). A local number should carry phone-context; the field leaves it out.
func scanTel[S text](l *layout, s S, from int) error {
	end := indexByte(s, from, ';')
	if end < 0 {
		end = len(s)
	} else {
		l.params = span{end + 1, len(s)}
		if !allowed(s[end+1:], &paramChars) {
			return errParams
		}
	}
	l.user = span{from, end}
	number := s[from:end]
	if len(number) > 0 && number[0] == '+' {
		number = number[1:]
	}
	digits := 0
	for i := 0; i < len(number); i++ {
		if !telChars[number[i]] {
			return errNumber
		}
		if !isSeparator(number[i]) {
			digits++
		}
	}
	if digits == 0 {
		return errNumber
	}
	return nil
}

func isSeparator(c byte) bool { return c == '-' || c == '.' || c == '(' || c == ')' }
