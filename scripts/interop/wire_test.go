//go:build interop

package interop

import (
	"fmt"
	"strconv"
	"strings"
)

// message is what stood on the wire, taken apart as plainly as can be.
type message struct {
	raw    string
	start  string
	header [][2]string // name as received, value trimmed
	body   string
}

// compact are the short names of RFC 3261 §7.3.3, as far as they matter here.
var compact = map[string]string{"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length", "c": "content-type"}

// parse is strict about what we must never send: bare line ends, control bytes, a wrong Content-Length, a header without a name.
func parse(raw []byte) (message, error) {
	m := message{raw: string(raw)}
	head, body, ok := strings.Cut(m.raw, "\r\n\r\n")
	if !ok {
		return m, fmt.Errorf("no end of the headers")
	}
	m.body = body
	for i, line := range strings.Split(head, "\r\n") {
		if hasControl(line) {
			return m, fmt.Errorf("control byte in %q", line)
		}
		if i == 0 {
			m.start = line
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t\"<>;,@") {
			return m, fmt.Errorf("header line %q", line)
		}
		m.header = append(m.header, [2]string{name, strings.TrimSpace(value)})
	}
	if got := m.get("Content-Length"); got != strconv.Itoa(len(body)) {
		return m, fmt.Errorf("content length %q, body of %d bytes", got, len(body))
	}
	return m, nil
}

// hasControl looks for control bytes, except for those behind a backslash: a quoted string may hold them (RFC 3261 §25.1, quoted-pair).
func hasControl(line string) bool {
	for i := range len(line) {
		if (line[i] < ' ' && line[i] != '\t' || line[i] == 0x7f) && (i == 0 || line[i-1] != '\\') {
			return true
		}
	}
	return false
}

// all are the values of a header, in order.
func (m message) all(name string) []string {
	name = strings.ToLower(name)
	var out []string
	for _, h := range m.header {
		n := strings.ToLower(h[0])
		if long, ok := compact[n]; ok {
			n = long
		}
		if n == name {
			out = append(out, h[1])
		}
	}
	return out
}

// get is the first value of a header, or nothing.
func (m message) get(name string) string {
	if all := m.all(name); len(all) != 0 {
		return all[0]
	}
	return ""
}

// code is the status of a response, 0 of a request.
func (m message) code() int {
	rest, ok := strings.CutPrefix(m.start, "SIP/2.0 ")
	if !ok {
		return 0
	}
	n, _ := strconv.Atoi(strings.Split(rest, " ")[0])
	return n
}

// method is that of the request, or of the request a response answers.
func (m message) method() string {
	if m.code() == 0 {
		return strings.Split(m.start, " ")[0]
	}
	_, method, _ := strings.Cut(m.get("CSeq"), " ")
	return method
}

// param is a parameter of a header value such as tag or branch.
func param(value, name string) string {
	for _, p := range strings.Split(value, ";")[1:] {
		if n, v, _ := strings.Cut(p, "="); strings.EqualFold(strings.TrimSpace(n), name) {
			return strings.TrimRight(strings.TrimSpace(v), ">")
		}
	}
	return ""
}

// uriOf is what stands between the angle brackets.
func uriOf(value string) string {
	_, rest, ok := strings.Cut(value, "<")
	if !ok {
		return strings.Split(value, ";")[0]
	}
	uri, _, _ := strings.Cut(rest, ">")
	return uri
}

// compose writes a message: start line, headers, body with its length.
func compose(start string, headers []string, body string) string {
	var b strings.Builder
	b.WriteString(start + "\r\n")
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return b.String()
}
