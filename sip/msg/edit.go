package msg

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"gatehouse/sip/grammar"
)

var (
	errEditControl = errors.New("control character")
	errEditName    = errors.New("not a token")
	errEditLength  = errors.New("length is set by the body")
	errEditValue   = errors.New("malformed value")
)

// Set replaces all header lines of that name by one, at the place of the first, or adds it at the end. An edit that
// cannot be made sticks as an error and comes out of AppendTo.
func (m *Message) Set(name, value string) {
	f, ok := m.newField(name, value)
	if !ok {
		return
	}
	at := slices.IndexFunc(m.fields, func(f field) bool { return m.isNamed(&f, name) })
	if at < 0 {
		m.fields = append(m.fields, f)
	} else {
		tail := slices.DeleteFunc(m.fields[at+1:], func(f field) bool { return m.isNamed(&f, name) })
		m.fields = m.fields[:at+1+len(tail)]
		m.fields[at] = f
	}
	m.refresh(f.id)
}

// Add adds a header line behind all others.
func (m *Message) Add(name, value string) {
	if f, ok := m.newField(name, value); ok {
		m.fields = append(m.fields, f)
		m.refresh(f.id)
	}
}

// Remove removes all header lines of that name, whatever their spelling.
func (m *Message) Remove(name string) {
	id := Identify(name)
	if id == HeaderContentLength {
		m.refuseEdit(name, errEditLength)
		return
	}
	m.fields = slices.DeleteFunc(m.fields, func(f field) bool { return m.isNamed(&f, name) })
	m.refresh(id)
}

func (m *Message) refuseEdit(name string, err error) {
	if m.editErr == nil {
		m.editErr = fmt.Errorf("edit header %s: %w", strconv.Quote(name), err)
	}
}

// newField writes name and value into the message's buffer.
func (m *Message) newField(name, value string) (field, bool) {
	id := Identify(name)
	switch {
	case !grammar.IsToken(name):
		m.refuseEdit(name, errEditName)
	case grammar.HasUnsafe(value):
		m.refuseEdit(name, errEditControl)
	case id == HeaderContentLength:
		m.refuseEdit(name, errEditLength)
	case len(name)+len(value) > MaxHeaderBytes-len(": \r\n"), len(m.fields) >= MaxHeaders:
		m.refuseEdit(name, ErrTooLarge)
	default:
		f := field{id: id, src: fromEdit}
		f.name.from = uint32(len(m.flat))
		m.flat = append(m.flat, name...)
		f.name.to = uint32(len(m.flat))
		f.value.from = f.name.to
		m.flat = append(m.flat, value...)
		f.value.to = uint32(len(m.flat))
		return f, true
	}
	return field{}, false
}

// refresh reads the typed values of a header field again after an edit.
func (m *Message) refresh(id ID) {
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
	for i := range m.fields {
		if f := &m.fields[i]; f.id == id && id != HeaderOther {
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
// message that Parse refused is not written.
func (m *Message) AppendTo(dst []byte) ([]byte, error) {
	if m.failed != nil {
		return dst, fmt.Errorf("write message: %w", m.failed)
	}
	if m.editErr != nil {
		return dst, fmt.Errorf("write message: %w", m.editErr)
	}
	start := len(dst)
	out := m.appendStart(dst)
	for i := range m.fields {
		f := &m.fields[i]
		if f.src != fromEdit {
			out = append(out, f.line.of(m.raw)...)
			continue
		}
		out = append(out, m.fieldName(f)...)
		out = append(out, ':', ' ')
		out = append(out, m.value(f)...)
		out = append(out, crlf...)
	}
	if m.Count(HeaderContentLength) == 0 {
		out = append(out, "Content-Length: "...)
		out = strconv.AppendInt(out, int64(len(m.body)), 10)
		out = append(out, crlf...)
	}
	out = append(out, crlf...)
	out = append(out, m.body...)
	if len(out)-start > MaxMessageBytes {
		return dst, fmt.Errorf("write message of %d bytes: %w", len(out)-start, ErrTooLarge)
	}
	return out, nil
}

func (m *Message) appendStart(dst []byte) []byte {
	if m.response {
		dst = append(dst, version+" "...)
		dst = strconv.AppendInt(dst, int64(m.status), 10)
		dst = append(dst, ' ')
		dst = append(dst, m.reason...)
		return append(dst, crlf...)
	}
	dst = append(dst, m.name...)
	dst = append(dst, ' ')
	dst = append(dst, m.uri...)
	return append(dst, " "+version+"\r\n"...)
}
