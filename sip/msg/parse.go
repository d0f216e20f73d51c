package msg

import "bytes"

// Parse indexes raw in place and judges it. The message keeps raw: the caller must not change it while the message is
// in use. Into a reused message it allocates nothing.
//
// The error is always an *Error, the first thing found wrong. After it the message still answers with all that could
// be read, so that NewReplyHead can make the refusal; no other use of a refused message is safe.
func (m *Message) Parse(raw []byte, f Framing) error {
	m.Reset()
	m.raw = raw
	text := raw
	if len(text) > MaxMessageBytes {
		m.fail(errTooLarge)
		text = text[:MaxMessageBytes]
	}
	pos := 0
	for bytes.HasPrefix(text[pos:], crlf) {
		pos += len(crlf)
	}
	pos = m.startLine(text, pos)
	var j judge
	end, ended := m.index(text, pos, &j)
	if !ended {
		m.fail(errNoEnd)
	}
	m.takeBody(text[end:], &j, f)
	m.requireFields(&j)
	if m.failed != nil {
		return m.failed
	}
	return nil
}

var crlf = []byte("\r\n")

// index reads header lines from pos until the empty line, or until a limit is hit.
func (m *Message) index(text []byte, pos int, j *judge) (end int, ended bool) {
	for pos < len(text) {
		l := nextLine(text, pos)
		if l.bare {
			m.fail(errLineEnd)
		}
		if l.to == pos && l.next > pos {
			return l.next, true
		}
		if len(m.fields) == MaxHeaders {
			m.fail(errHeaderCount)
			return len(text), true
		}
		switch {
		case l.next-pos > MaxHeaderBytes:
			m.fail(errHeaderLong)
		default:
			m.headerLine(text, pos, l, j)
		}
		pos = l.next
	}
	return len(text), false
}

// line is one header line: its text ends at to, the next line begins at next.
type line struct {
	to, next int
	folded   bool
	bare     bool // ended, or was folded, by a bare LF
}

// nextLine finds the end of the header line at pos, following its continuation lines (RFC 3261 §7.3.1). A bare LF is
// taken for a line end so that the rest can be read, and reported.
func nextLine(text []byte, pos int) (l line) {
	for at := pos; ; {
		i := bytes.IndexByte(text[at:], '\n')
		if i < 0 {
			l.to, l.next = len(text), len(text)
			return l
		}
		lf := at + i
		l.to, l.next = lf, lf+1
		if lf > pos && text[lf-1] == '\r' {
			l.to--
		} else {
			l.bare = true
		}
		if l.to == pos || l.next == len(text) || !isBlank(text[l.next]) {
			return l
		}
		l.folded = true
		at = l.next
	}
}

// headerLine reads one header line into a field and lets the judge see it.
func (m *Message) headerLine(text []byte, pos int, l line, j *judge) {
	nameEnd := pos
	for nameEnd < l.to && isTokenByte(text[nameEnd]) {
		nameEnd++
	}
	colon := nameEnd
	for colon < l.to && isBlank(text[colon]) {
		colon++
	}
	if nameEnd == pos || colon == l.to || text[colon] != ':' {
		m.fail(errName)
		return
	}
	from, to := colon+1, l.to
	if !l.folded {
		for from < to && isBlank(text[from]) {
			from++
		}
		for from < to && isBlank(text[to-1]) {
			to--
		}
	}
	f := field{
		name:  span{uint32(pos), uint32(nameEnd)},
		value: span{uint32(from), uint32(to)},
		line:  span{uint32(pos), uint32(l.next)},
		id:    Identify(text[pos:nameEnd]),
	}
	if hasControl(text[from:to]) && !controlsAllowed(text[from:to]) {
		m.fail(errControl)
	}
	if l.folded {
		f.src = fromFolded
		f.value.from = uint32(len(m.flat))
		m.flat = unfold(m.flat, text[from:to])
		f.value.to = uint32(len(m.flat))
	}
	m.fields = append(m.fields, f)
	m.judge(j, f.id, m.value(&m.fields[len(m.fields)-1]))
}

// unfold appends the value with each line end and the blanks around it replaced by one space, trimmed.
func unfold(dst, value []byte) []byte {
	value = bytes.Trim(value, " \t\r\n")
	start := len(dst)
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c != '\n' && c != '\r' {
			dst = append(dst, c)
			continue
		}
		for len(dst) > start && isBlank(dst[len(dst)-1]) {
			dst = dst[:len(dst)-1]
		}
		for i+1 < len(value) && (isBlank(value[i+1]) || value[i+1] == '\n' || value[i+1] == '\r') {
			i++
		}
		dst = append(dst, ' ')
	}
	return dst
}

// takeBody sets the body and checks its length (RFC 3261 §18.3).
func (m *Message) takeBody(rest []byte, j *judge, f Framing) {
	m.body = rest
	if !j.seen[HeaderContentLength] {
		if f == Stream {
			m.fail(errNoLength)
		}
		return
	}
	switch {
	case j.contentLength > len(rest):
		m.fail(errShortBody)
	case j.contentLength < len(rest):
		m.body = rest[:j.contentLength:j.contentLength]
		if f == Stream {
			m.fail(errLongBody)
		}
	}
}
