package uri

// text is what a parser here reads: a string, or the bytes of a message in place.
type text interface{ ~string | ~[]byte }

// charset marks the bytes a grammar rule allows unescaped. The tables below are never written after start.
type charset [256]bool

const (
	alphanum   = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	unreserved = alphanum + "-_.!~*'()" // RFC 3261 §25.1
)

func newCharset(members string) (t charset) {
	for i := 0; i < len(members); i++ {
		t[members[i]] = true
	}
	return t
}

// visible is every printing ASCII character except those that end a URI inside a header field, and "%", which only
// stands in an escape.
func visible() (t charset) {
	for c := byte('!'); c <= '~'; c++ {
		t[c] = c != '<' && c != '>' && c != '"' && c != '%'
	}
	return t
}

var (
	schemeChars   = newCharset(alphanum + "+-.")
	userWritten   = newCharset(unreserved + "&=+$,;?/")  // what we write in a user part
	userRead      = newCharset(unreserved + "&=+$,;?/#") // "#" is sent unescaped by many phones in feature codes
	passwordChars = newCharset(unreserved + "&=+$,")
	paramChars    = newCharset(unreserved + "[]/:&+$" + "=;") // with the delimiters between parameters
	labelChars    = newCharset(alphanum + "-_")
	telChars      = newCharset("0123456789ABCDEFabcdef*#" + telSeparators)
	reservedChars = newCharset(";/?:@&=+$,") // RFC 2396 §2.2: never equal to their escaped form
	headerChars   = visible()
	opaqueChars   = visible()
)

// telSeparators are the visual separators of RFC 3966 §5.1.1, which never count.
const telSeparators = "-.()"

// allowed reports whether every byte of s is a member of t or part of a whole %HH escape.
func allowed[S text](s S, t *charset) bool { return allowedEnd(s, 0, t) == len(s) }

// allowedEnd returns the first place from i on that holds neither a member of t nor a whole %HH escape.
func allowedEnd[S text](s S, i int, t *charset) int {
	for ; i < len(s); i++ {
		if t[s[i]] {
			continue
		}
		if s[i] != '%' || i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
			break
		}
		i += 2
	}
	return i
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

func hexValue(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func indexByte[S text](s S, from int, c byte) int {
	for i := from; i < len(s); i++ {
		if s[i] == c {
			return i
		}
	}
	return -1
}
