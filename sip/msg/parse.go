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
		l := grammar.NextLine(text, pos)
		if l.Bare {
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

// headerLine reads one header line into a field and lets the judge see it.
func (m *Message) headerLine(text []byte, pos int, l grammar.Line, j *judge) {
	nameEnd := pos
	for nameEnd < l.To && grammar.IsTokenByte(text[nameEnd]) {
		nameEnd++
	}
	colon := nameEnd
	for colon < l.To && grammar.IsBlank(text[colon]) {
		colon++
	}
	if nameEnd == pos || colon == l.To || text[colon] != ':' {
		m.fail(errName)
		return
	}
	from, to := colon+1, l.To
	if !l.Folded {
		for from < to && grammar.IsBlank(text[from]) {
			from++
		}
		for from < to && grammar.IsBlank(text[to-1]) {
			to--
		}
	}
	f := field{
		name:  span{uint32(pos), uint32(nameEnd)},
		value: span{uint32(from), uint32(to)},
		line:  span{uint32(pos), uint32(l.Next)},
		id:    Identify(text[pos:nameEnd]),
	}
	if grammar.HasControl(text[from:to]) && !grammar.ControlsAllowed(text[from:to]) {
		m.fail(errControl)
	}
	if l.Folded {
		f.src = fromFolded
		f.value.from = uint32(len(m.flat))
		m.flat = grammar.Unfold(m.flat, text[from:to])
		f.value.to = uint32(len(m.flat))
	}
	m.fields = append(m.fields, f)
	m.judge(j, f.id, m.value(&m.fields[len(m.fields)-1]))
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
