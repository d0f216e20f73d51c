package ladder

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// message is one SIP message as the scripts see it: lines.
type message struct {
	raw     []byte
	start   string
	headers []string // whole lines, folded ones joined
	body    string
	hasBody bool // the message had the empty line at all
}

// readMessage splits raw; whatever cannot be a message still gives its lines.
func readMessage(raw []byte) message {
	m := message{raw: raw}
	head, body, found := strings.Cut(string(raw), "\r\n\r\n")
	m.body, m.hasBody = body, found
	lines := strings.Split(head, "\r\n")
	m.start = lines[0]
	for _, l := range lines[1:] {
		if n := len(m.headers); n > 0 && (strings.HasPrefix(l, " ") || strings.HasPrefix(l, "\t")) {
			m.headers[n-1] += " " + strings.TrimSpace(l)
			continue
		}
		m.headers = append(m.headers, l)
	}
	return m
}

// code is the status of a response, 0 for a request.
func (m *message) code() int {
	rest, ok := strings.CutPrefix(m.start, "SIP/2.0 ")
	if !ok {
		return 0
	}
	digits, _, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}

// matches tells whether a selector of ${last ...} names this message: a
// method (of a request) or a status code.
func (m *message) matches(selector string) bool {
	if selector == "" {
		return true
	}
	if code := m.code(); code != 0 {
		return selector == strconv.Itoa(code)
	}
	method, _, _ := strings.Cut(m.start, " ")
	return method == selector
}

// lines gives the whole header lines of a name, in order.
func (m *message) lines(name string) []string {
	var out []string
	for _, h := range m.headers {
		n, _, _ := strings.Cut(h, ":")
		if sameHeader(n, name) {
			out = append(out, h)
		}
	}
	return out
}

// value gives the value of the first header of a name.
func (m *message) value(name string) (string, bool) {
	l := m.lines(name)
	if len(l) == 0 {
		return "", false
	}
	_, v, _ := strings.Cut(l[0], ":")
	return strings.TrimSpace(v), true
}

// longName gives the name behind a compact form, RFC 3261 §7.3.3 and the
// registry that followed it.
func longName(compact string) string {
	switch strings.ToLower(compact) {
	case "a":
		return "accept-contact"
	case "b":
		return "referred-by"
	case "c":
		return "content-type"
	case "d":
		return "request-disposition"
	case "e":
		return "content-encoding"
	case "f":
		return "from"
	case "i":
		return "call-id"
	case "j":
		return "reject-contact"
	case "k":
		return "supported"
	case "l":
		return "content-length"
	case "m":
		return "contact"
	case "n":
		return "identity-info"
	case "o":
		return "event"
	case "r":
		return "refer-to"
	case "s":
		return "subject"
	case "t":
		return "to"
	case "u":
		return "allow-events"
	case "v":
		return "via"
	case "x":
		return "session-expires"
	case "y":
		return "identity"
	}
	return strings.ToLower(compact)
}

func sameHeader(a, b string) bool {
	return longName(strings.TrimSpace(a)) == longName(strings.TrimSpace(b))
}

// contactURI takes the URI out of a name-addr or addr-spec, the first of a list.
func contactURI(v string) string {
	if _, rest, ok := strings.Cut(v, "<"); ok {
		u, _, _ := strings.Cut(rest, ">")
		return u
	}
	u, _, _ := strings.Cut(v, ";")
	return strings.TrimSpace(u)
}

// readStream reads one message off a stream by its Content-Length (RFC 3261
// §18.3); CRLF before it is a keep-alive and skipped.
func readStream(r *bufio.Reader) ([]byte, error) {
	var raw []byte
	length := 0
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if strings.TrimRight(line, "\r\n") == "" {
			if len(raw) == 0 {
				continue
			}
			raw = append(raw, line...)
			break
		}
		raw = append(raw, line...)
		name, v, ok := strings.Cut(line, ":")
		if ok && sameHeader(name, "Content-Length") {
			if length, err = strconv.Atoi(strings.TrimSpace(v)); err != nil || length < 0 || length > maxDatagram {
				return nil, fmt.Errorf("content length %q on a stream", strings.TrimSpace(v))
			}
		}
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, fmt.Errorf("body of %d bytes: %w", length, err)
	}
	return append(raw, body...), nil
}
