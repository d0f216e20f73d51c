package leak

import (
	"encoding/base64"
	"encoding/hex"
)

// view is a message with one kind of hiding taken away, in lower case.
type view struct {
	name string
	data []byte
}

const (
	// percentDepth is how many escapes over escapes are undone.
	percentDepth = 3
	// shortestRun is the shortest run of base64 or hexadecimal looked into, in
	// characters: what four bytes need.
	shortestRun = 6
)

func viewsOf(m []byte) []view {
	views := []view{{"raw", lower(m)}}
	plain := [][]byte{m}
	escaped := m
	for range percentDepth {
		next := unpercent(escaped)
		if len(next) == len(escaped) {
			break
		}
		views = append(views, view{"percent", lower(next)})
		plain = append(plain, next)
		escaped = next
	}
	if u := unbackslash(m); len(u) != len(m) {
		views = append(views, view{"backslash", lower(u)})
	}
	for _, p := range plain {
		views = append(views, encodedRuns("hex", p, isHex, decodeHex, 2)...)
		views = append(views, encodedRuns("base64", p, isBase64, decodeBase64, 4)...)
		views = append(views, encodedRuns("base64url", p, isBase64URL, decodeBase64URL, 4)...)
	}
	return views
}

// lower folds ASCII letters only, so that offsets stay and bytes survive.
func lower(b []byte) []byte {
	out := make([]byte, len(b))
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		out[i] = c
	}
	return out
}

func unpercent(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '%' && i+2 < len(b) && isHex(b[i+1]) && isHex(b[i+2]) {
			var c [1]byte
			if _, err := hex.Decode(c[:], b[i+1:i+3]); err == nil {
				out = append(out, c[0])
				i += 2
				continue
			}
		}
		out = append(out, b[i])
	}
	return out
}

// unbackslash undoes quoted pairs (RFC 3261 §25.1).
func unbackslash(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+1 < len(b) {
			i++
		}
		out = append(out, b[i])
	}
	return out
}

// encodedRuns decodes every maximal run of an alphabet at each alignment: what
// stands before the encoded value may belong to the same alphabet.
func encodedRuns(name string, b []byte, in func(byte) bool, decode func([]byte) []byte, unit int) []view {
	var out []view
	for i := 0; i < len(b); {
		if !in(b[i]) {
			i++
			continue
		}
		end := i
		for end < len(b) && in(b[end]) {
			end++
		}
		for skip := 0; skip < unit && end-i-skip >= shortestRun; skip++ {
			if d := decode(b[i+skip : end]); len(d) > 0 {
				out = append(out, view{name, lower(d)})
			}
		}
		i = end
	}
	return out
}

func isAlphanumeric(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func isBase64(c byte) bool    { return isAlphanumeric(c) || c == '+' || c == '/' }
func isBase64URL(c byte) bool { return isAlphanumeric(c) || c == '-' || c == '_' }

func decodeHex(run []byte) []byte {
	run = run[:len(run)&^1]
	out := make([]byte, len(run)/2)
	n, err := hex.Decode(out, run)
	if err != nil {
		return nil
	}
	return out[:n]
}

func decodeBase64(run []byte) []byte    { return decodeWith(base64.RawStdEncoding, run) }
func decodeBase64URL(run []byte) []byte { return decodeWith(base64.RawURLEncoding, run) }

// decodeWith decodes as much as makes whole bytes; a lone last character
// carries none.
func decodeWith(e *base64.Encoding, run []byte) []byte {
	if len(run)%4 == 1 {
		run = run[:len(run)-1]
	}
	out := make([]byte, e.DecodedLen(len(run)))
	n, err := e.Decode(out, run)
	if err != nil {
		return nil
	}
	return out[:n]
}
