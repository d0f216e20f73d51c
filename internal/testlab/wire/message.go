package wire

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Message is what stood on the wire, taken apart as plainly as can be.
type Message struct {
	Raw    string
	Start  string
	Header [][2]string // name as received, value trimmed
	Body   string
	From   netip.AddrPort // who sent it: an answer over the same connection goes there
	At     time.Time      // when it was read
}

// longName is the name behind a compact form of RFC 3261 §7.3.3, as far as they matter here.
func longName(name string) string {
	switch name = strings.ToLower(name); name {
	case "v":
		return "via"
	case "f":
		return "from"
	case "t":
		return "to"
	case "i":
		return "call-id"
	case "m":
		return "contact"
	case "l":
		return "content-length"
	case "c":
		return "content-type"
	default:
		return name
	}
}

// Parse is strict about what must never be sent: bare line ends, control bytes, a wrong Content-Length, a header without a name. What it got
// so far is returned beside the error.
func Parse(raw []byte) (Message, error) {
	m := Message{Raw: string(raw)}
	head, body, ok := strings.Cut(m.Raw, "\r\n\r\n")
	if !ok {
		return m, fmt.Errorf("no end of the headers")
	}
	m.Body = body
	for i, line := range strings.Split(head, "\r\n") {
		if hasControl(line) {
			return m, fmt.Errorf("control byte in %q", line)
		}
		if i == 0 {
			m.Start = line
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t\"<>;,@") {
			return m, fmt.Errorf("header line %q", line)
		}
		m.Header = append(m.Header, [2]string{name, strings.TrimSpace(value)})
	}
	if got := m.Get("Content-Length"); got != strconv.Itoa(len(body)) {
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

// All are the values of a header, in order.
func (m Message) All(name string) []string {
	name = strings.ToLower(name)
	var out []string
	for _, h := range m.Header {
		if longName(h[0]) == name {
			out = append(out, h[1])
		}
	}
	return out
}

// Get is the first value of a header, or nothing.
func (m Message) Get(name string) string {
	if all := m.All(name); len(all) != 0 {
		return all[0]
	}
	return ""
}

// Code is the status of a response, 0 of a request.
func (m Message) Code() int {
	rest, ok := strings.CutPrefix(m.Start, "SIP/2.0 ")
	if !ok {
		return 0
	}
	n, _ := strconv.Atoi(strings.Split(rest, " ")[0])
	return n
}

// Method is that of the request, or of the request a response answers.
func (m Message) Method() string {
	if m.Code() == 0 {
		return strings.Split(m.Start, " ")[0]
	}
	_, method, _ := strings.Cut(m.Get("CSeq"), " ")
	return method
}

// Branch is that of the topmost Via: it says which request a response answers.
func (m Message) Branch() string { return Param(m.Get("Via"), "branch") }

// Param is a parameter of a header value such as tag or branch.
func Param(value, name string) string {
	for _, p := range strings.Split(value, ";")[1:] {
		if n, v, _ := strings.Cut(p, "="); strings.EqualFold(strings.TrimSpace(n), name) {
			return strings.TrimRight(strings.TrimSpace(v), ">")
		}
	}
	return ""
}

// URIOf is what stands between the angle brackets.
func URIOf(value string) string {
	_, rest, ok := strings.Cut(value, "<")
	if !ok {
		return strings.Split(value, ";")[0]
	}
	uri, _, _ := strings.Cut(rest, ">")
	return uri
}

// Compose writes a message: start line, headers, body with its length.
func Compose(start string, headers []string, body string) string {
	var b strings.Builder
	b.WriteString(start + "\r\n")
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return b.String()
}

// Reply writes a response to a request: status is code and phrase, tag is added to a To that has none.
func Reply(m Message, status, tag string, headers []string, body string) string {
	var out []string
	for _, name := range []string{"Via", "Record-Route"} {
		for _, v := range m.All(name) {
			out = append(out, name+": "+v)
		}
	}
	to := m.Get("To")
	if Param(to, "tag") == "" {
		to += ";tag=" + tag
	}
	out = append(out, "From: "+m.Get("From"), "To: "+to, "Call-ID: "+m.Get("Call-ID"), "CSeq: "+m.Get("CSeq"))
	return Compose("SIP/2.0 "+status, append(out, headers...), body)
}
