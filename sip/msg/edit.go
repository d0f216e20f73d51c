package msg

import (
	"errors"
	"fmt"
	"strconv"

	"gatehouse/sip/grammar"
	"gatehouse/sip/uri"
)

var (
	errEditControl = errors.New("control character")
	errEditName    = errors.New("not a token")
	errEditLength  = errors.New("length is set by the body")
	errEditValue   = errors.New("malformed value")
)

// Set replaces all header lines of that name by one, at the place of the first, or adds it at the end; the parts put
// together are its value. An edit that cannot be made sticks as an error and comes out of AppendTo.
func (m *Message) Set(name string, parts ...string) {
	id := Identify(name)
	first := m.find(id, name, 0)
	if first == len(m.fields) {
		m.Add(name, parts...)
		return
	}
	at, ok := m.write(id, name, parts)
	if !ok {
		return
	}
	if m.counts[id] > 1 {
		m.drop(id, name, first+1)
	}
	m.fields[first].edit(id, at)
	m.refresh(id, m.fields[first:first+1])
}

// Add adds a header line behind all others; the parts put together are its value.
func (m *Message) Add(name string, parts ...string) {
	if len(m.fields) >= MaxHeaders {
		m.refuseEdit(name, ErrTooLarge)
		return
	}
	id := Identify(name)
	at, ok := m.write(id, name, parts)
	if !ok {
		return
	}
	m.fields = append(m.fields, field{})
	m.fields[len(m.fields)-1].edit(id, at)
	m.counts[id]++
	m.refresh(id, m.fields)
}

// Remove removes all header lines of that name, whatever their spelling.
func (m *Message) Remove(name string) {
	id := Identify(name)
	if id == HeaderContentLength {
		m.refuseEdit(name, errEditLength)
		return
	}
	m.drop(id, name, 0)
	m.refresh(id, nil)
}

// SetRequestURI replaces the request URI.
func (m *Message) SetRequestURI(target string) {
	switch {
	case m.response || uri.CheckRequest(target) != nil:
		m.refuseEdit(requestURI, errEditValue)
	case len(m.name)+len(target) > MaxHeaderBytes-len("  "+version+"\r\n"):
		m.refuseEdit(requestURI, ErrTooLarge)
	default:
		at := len(m.flat)
		m.flat = append(m.flat, target...)
		m.uri = m.flat[at:len(m.flat):len(m.flat)]
	}
}

// requestURI names the request URI in errors.
const requestURI = "Request-URI"

func (m *Message) refuseEdit(what string, err error) {
	if m.editErr == nil {
		m.editErr = fmt.Errorf("edit %s: %w", strconv.Quote(what), err)
	}
}

// find returns the place of the first header line of that name, whose identity is id, from i on; the number of all lines
// when there is none.
func (m *Message) find(id ID, name string, i int) int {
	if m.counts[id] == 0 {
		return len(m.fields)
	}
	for ; i < len(m.fields); i++ {
		f := &m.fields[i]
		if f.id == id && (id != HeaderOther || grammar.EqualFold(m.fieldName(f), name)) {
			break
		}
	}
	return i
}

// drop removes the header lines of that name from i on.
func (m *Message) drop(id ID, name string, i int) {
	kept := m.find(id, name, i)
	for i = kept; i < len(m.fields); {
		m.counts[id]--
		next := m.find(id, name, i+1)
		kept += copy(m.fields[kept:], m.fields[i+1:next])
		i = next
	}
	m.fields = m.fields[:kept]
}

// place says where in the message's buffer a header line is: its name from begin to colon, its end behind the CRLF.
type place struct{ begin, colon, end int }

// write checks a header line and puts it into the message's buffer.
func (m *Message) write(id ID, name string, parts []string) (at place, ok bool) {
	b := append(m.flat, name...)
	b = append(b, ':', ' ')
	for _, p := range parts {
		b = append(b, p...)
	}
	b = append(b, '\r', '\n')
	at = place{len(m.flat), len(m.flat) + len(name), len(b)}
	switch {
	case id == HeaderOther && !grammar.IsToken(name):
		m.refuseEdit(name, errEditName)
	case id == HeaderContentLength:
		m.refuseEdit(name, errEditLength)
	case grammar.HasUnsafe(b[at.colon : at.end-len(crlf)]):
		m.refuseEdit(name, errEditControl)
	case at.end-at.begin > MaxHeaderBytes:
		m.refuseEdit(name, ErrTooLarge)
	default:
		m.flat = b
		return at, true
	}
	return place{}, false
}

// edit makes the field stand for a line that was written.
func (f *field) edit(id ID, at place) {
	f.name = span{uint32(at.begin), uint32(at.colon)}
	f.value = span{uint32(at.colon + len(": ")), uint32(at.end - len(crlf))}
	f.line = span{uint32(at.begin), uint32(at.end)}
	f.id, f.src = id, fromEdit
}

// refresh reads the typed values of a header field again after an edit: from those of its lines that are among fields.
func (m *Message) refresh(id ID, fields []field) {
	failed := m.failed
	m.failed = nil
	var j judge
	switch id { //nolint:exhaustive // the other fields have no typed value that is kept
	case HeaderVia:
		m.via, m.vias = Via{}, 0
	case HeaderFrom:
		m.from, m.fromTag = NameAddr{}, nil
	case HeaderTo:
		m.to, m.toTag = NameAddr{}, nil
	case HeaderMaxForwards:
		m.maxForwards, m.hasForwards = 0, false
	case HeaderCallID:
		m.callID = nil
	case HeaderCSeq:
		m.cseq, m.cseqName = 0, nil
	}
	for i := range fields {
		if f := &fields[i]; f.id == id && id != HeaderOther {
			m.judge(&j, id, m.value(f))
		}
	}
	if m.failed != nil {
		m.refuseEdit(id.String(), errEditValue)
	}
	m.failed = failed
}

// AppendTo appends the message with its edits. Lines that were not edited go out byte for byte, folding and spelling
// included; the start line is written in the form of RFC 3261 §7.1, and Content-Length is added when it was missing. A
// message that Parse refused is not written. When dst is too small it grows once.
func (m *Message) AppendTo(dst []byte) ([]byte, error) {
	if m.failed != nil {
		return dst, fmt.Errorf("write message: %w", m.failed)
	}
	if m.editErr != nil {
		return dst, fmt.Errorf("write message: %w", m.editErr)
	}
	start := len(dst)
	if need := start + m.sizeBound(); need > cap(dst) {
		dst = append(make([]byte, 0, need), dst...)
	}
	out := m.appendFields(m.appendStart(dst))
	if m.counts[HeaderContentLength] == 0 {
		out = append(out, "Content-Length: "...)
		out = strconv.AppendInt(out, int64(len(m.body)), 10)
		out = append(out, '\r', '\n')
	}
	out = append(out, '\r', '\n')
	out = append(out, m.body...)
	if len(out)-start > MaxMessageBytes {
		return dst, fmt.Errorf("write message of %d bytes: %w", len(out)-start, ErrTooLarge)
	}
	return out, nil
}

// sizeBound is at least what AppendTo writes (bytes): all that came, all that was edited, a start line in the right form
// and a Content-Length.
func (m *Message) sizeBound() int {
	return len(m.raw) + len(m.flat) + len(" "+version+"\r\nContent-Length: 65535\r\n\r\n")
}

// appendFields writes the header lines. Those that lie one behind the other go out in one piece.
func (m *Message) appendFields(dst []byte) []byte {
	var run span
	edited := false
	for i := range m.fields {
		f := &m.fields[i]
		if next := f.src == fromEdit; next != edited || f.line.from != run.to {
			dst = append(dst, run.of(m.buffer(edited))...)
			run.from, edited = f.line.from, next
		}
		run.to = f.line.to
	}
	return append(dst, run.of(m.buffer(edited))...)
}

// buffer returns what the lines of fields point into.
func (m *Message) buffer(edited bool) []byte {
	if edited {
		return m.flat
	}
	return m.raw
}

func (m *Message) appendStart(dst []byte) []byte {
	if m.response {
		dst = append(dst, version+" "...)
		dst = strconv.AppendInt(dst, int64(m.status), 10)
		dst = append(dst, ' ')
		dst = append(dst, m.reason...)
		return append(dst, '\r', '\n')
	}
	dst = append(dst, m.name...)
	dst = append(dst, ' ')
	dst = append(dst, m.uri...)
	return append(dst, " "+version+"\r\n"...)
}
