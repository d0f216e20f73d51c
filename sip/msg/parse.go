package msg

import (
	"bytes"

	"gatehouse/sip/grammar"
)

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
	m.requireFields()
	if m.failed != nil {
		return m.failed
	}
	return nil
}

var crlf = []byte("\r\n")

// index reads header lines from pos until the empty line, or until a limit is hit.
func (m *Message) index(text []byte, pos int, j *judge) (end int, ended bool) {
	for pos < len(text) {
		l := grammar.NextLine(text, pos)
		if l.Bare() {
			m.fail(errLineEnd)
		}
		if l.To == pos && l.Next > pos {
			return l.Next, true
		}
		if len(m.fields) == MaxHeaders {
			m.fail(errHeaderCount)
			return len(text), true
		}
		switch {
		case l.Next-pos > MaxHeaderBytes:
			m.fail(errHeaderLong)
		default:
			m.headerLine(text, pos, l, j)
		}
		pos = l.Next
	}
	return len(text), false
}

// headerLine reads the header line that begins at pos into a field and lets the judge see it.
func (m *Message) headerLine(text []byte, pos int, l grammar.Line, j *judge) {
	line := text[pos:l.To]
	colon := bytes.IndexByte(line, ':')
	nameEnd := max(colon, 0)
	for nameEnd > 0 && grammar.IsBlank(line[nameEnd-1]) {
		nameEnd--
	}
	id := Identify(line[:nameEnd])
	if id == HeaderOther && !grammar.IsToken(line[:nameEnd]) {
		m.fail(errName)
		return
	}
	value, src, from := line[colon+1:], fromRaw, pos+colon+1
	if !l.Plain() && !grammar.ControlsAllowed(value) {
		m.fail(errControl)
	}
	if l.Folded() {
		src, from = fromFolded, len(m.flat)
		m.flat = grammar.Unfold(m.flat, value)
		value = m.flat[from:]
	}
	first, last := grammar.SkipBlank(value, 0), len(value)
	for last > first && grammar.IsBlank(value[last-1]) {
		last--
	}
	m.fields = append(m.fields, field{})
	f := &m.fields[len(m.fields)-1] // filled in place: copying it would cost more than reading the line
	f.name = span{uint32(pos), uint32(pos + nameEnd)}
	f.value = span{uint32(from + first), uint32(from + last)}
	f.line = span{uint32(pos), uint32(l.Next)}
	f.id, f.src = id, src
	m.counts[id]++
	m.judge(j, id, value[first:last:last])
}

// takeBody sets the body and checks its length (RFC 3261 §18.3).
func (m *Message) takeBody(rest []byte, j *judge, f Framing) {
	m.body = rest
	if m.counts[HeaderContentLength] == 0 {
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
