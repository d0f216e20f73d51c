package msg

import (
	"iter"

	"gatehouse/sip/grammar"
)

// Get returns the first value line of a header field, trimmed and with folding replaced by one space.
func (m *Message) Get(id ID) ([]byte, bool) {
	if m.counts[id] == 0 {
		return nil, false
	}
	for i := range m.fields {
		if m.fields[i].id == id {
			return m.value(&m.fields[i]), true
		}
	}
	return nil, false
}

// Count returns the number of header lines of that kind.
func (m *Message) Count(id ID) int { return int(m.counts[id]) }

// Lines yields the value of each header line of that kind in order.
func (m *Message) Lines(id ID) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := range m.fields {
			if m.fields[i].id == id && !yield(m.value(&m.fields[i])) {
				return
			}
		}
	}
}

// Values yields the comma-separated values of all header lines of that kind in order, trimmed. Commas inside quotes
// and angle brackets do not separate; empty values are left out. Only fields whose grammar is a list have values:
// for Date, Subject or Authorization use Lines.
func (m *Message) Values(id ID) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := range m.fields {
			if m.fields[i].id != id {
				continue
			}
			for rest := m.value(&m.fields[i]); rest != nil; {
				var v []byte
				if v, rest = grammar.CutValue(rest); len(v) > 0 && !yield(v) {
					return
				}
			}
		}
	}
}

// Lookup returns the first value of the header field with this name, in any case; the long and the compact form name
// the same field.
func (m *Message) Lookup(name string) ([]byte, bool) {
	if i := m.find(Identify(name), name, 0); i < len(m.fields) {
		return m.value(&m.fields[i]), true
	}
	return nil, false
}

// All yields every header line in order: the name as received and the value as Get gives it.
func (m *Message) All() iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		for i := range m.fields {
			if !yield(m.fieldName(&m.fields[i]), m.value(&m.fields[i])) {
				return
			}
		}
	}
}

// HasToken reports whether a list header field such as Supported, Require or Allow holds the token in any of its
// lines, without regard to case. Parameters behind a list member do not count.
func (m *Message) HasToken(id ID, token string) bool {
	if m.counts[id] == 0 {
		return false
	}
	for i := range m.fields {
		if m.fields[i].id != id {
			continue
		}
		for rest := m.value(&m.fields[i]); rest != nil; {
			var v []byte
			v, rest = grammar.CutValue(rest)
			if grammar.EqualFold(grammar.BeforeParams(v), token) {
				return true
			}
		}
	}
	return false
}
