package msg

import (
	"iter"

	"gatehouse/sip/grammar"
)

// Get returns the first value line of a header field, trimmed and with folding replaced by one space.
func (m *Message) Get(id ID) ([]byte, bool) {
	for i := range m.fields {
		if m.fields[i].id == id {
			return m.value(&m.fields[i]), true
		}
	}
	return nil, false
}

// Count returns the number of header lines of that kind.
func (m *Message) Count(id ID) int {
	n := 0
	for i := range m.fields {
		if m.fields[i].id == id {
			n++
		}
	}
	return n
}

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
	for i := range m.fields {
		if m.isNamed(&m.fields[i], name) {
			return m.value(&m.fields[i]), true
		}
	}
	return nil, false
}

func (m *Message) isNamed(f *field, name string) bool {
	id := Identify(name)
	return f.id == id && (id != HeaderOther || grammar.EqualFold(m.fieldName(f), name))
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
