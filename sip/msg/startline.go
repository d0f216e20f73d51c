package msg

import (
	"bytes"

	"gatehouse/sip/grammar"
	"gatehouse/sip/uri"
)

// version is the only protocol version there is (RFC 3261 §7.1).
const version = "SIP/2.0"

// startLine reads the first line and returns where the header lines begin. A line that begins with "SIP/" is a
// status line, because no method can hold a slash; everything else was meant to be a request.
func (m *Message) startLine(text []byte, pos int) (next int) {
	end, next := len(text), len(text)
	if i := bytes.IndexByte(text[pos:], '\n'); i >= 0 {
		end, next = pos+i, pos+i+1
		if end > pos && text[end-1] == '\r' {
			end--
		} else {
			m.fail(errLineEnd)
		}
	} else {
		m.fail(errNoEnd)
	}
	line := text[pos:end:end]
	if len(line)+len(crlf) > MaxHeaderBytes {
		m.fail(errStartLong)
		line = line[:MaxHeaderBytes]
	}
	if len(line) >= 4 && grammar.EqualFold(line[:4], "SIP/") {
		m.response = true
		m.statusLine(line)
	} else {
		m.requestLine(line)
	}
	return next
}

// requestLine reads Method SP Request-URI SP SIP-Version (RFC 3261 §7.1).
func (m *Message) requestLine(line []byte) {
	name, rest, _ := cutBlank(line)
	target, ver, ok := cutBlank(rest)
	if grammar.IsToken(name) {
		m.name = name
		m.method = ParseMethod(name)
	} else {
		m.fail(errMethodName)
	}
	if !ok {
		m.fail(errStartLine)
		return
	}
	m.uri = target
	m.checkVersion(ver)
	if uri.CheckRequest(target) != nil {
		m.fail(errRequestURI)
	}
}

// cutBlank cuts at the first SP.
func cutBlank(line []byte) (before, after []byte, found bool) {
	if i := bytes.IndexByte(line, ' '); i >= 0 {
		return line[:i], line[i+1:], true
	}
	return line, nil, false
}

// statusLine reads SIP-Version SP Status-Code SP Reason-Phrase (RFC 3261 §7.2). The second SP may be missing when
// there is no phrase (RFC 4475 §3.1.1.13).
func (m *Message) statusLine(line []byte) {
	ver, rest, ok := cutBlank(line)
	m.checkVersion(ver)
	if !ok {
		m.fail(errStartLine)
		return
	}
	code, reason, _ := cutBlank(rest)
	n, ok := grammar.ParseDecimal(code, maxStatus)
	if !ok || len(code) != 3 || n < minStatus {
		m.fail(errStatusCode)
		return
	}
	if grammar.HasControl(reason) {
		m.fail(errStartLine)
	}
	m.status, m.reason = int(n), reason
}

// Status codes of RFC 3261 §7.2.
const (
	minStatus = 100
	maxStatus = 699
)

// checkVersion wants SIP/2.0 in any case. Another version that is well-formed is 505, anything else no start line.
func (m *Message) checkVersion(v []byte) {
	if string(v) == version || grammar.EqualFold(v, version) {
		return
	}
	number, isSIP := bytes.CutPrefix(bytes.ToUpper(v), []byte("SIP/"))
	major, minor, dotted := bytes.Cut(number, []byte{'.'})
	if isSIP && dotted && grammar.IsDigits(major) && grammar.IsDigits(minor) {
		m.fail(errVersion)
		return
	}
	m.fail(errStartLine)
}
