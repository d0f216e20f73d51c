package msg

import "gatehouse/sip/grammar"

// Framing says where the bytes of a message came from, which decides how its end is known (RFC 3261 §18.3).
type Framing uint8

// The framings.
const (
	// Datagram is one UDP or WebSocket payload: it ends with the payload, or earlier by Content-Length.
	Datagram Framing = iota
	// Stream is one message cut out of a TCP or TLS stream: it must be exactly as long as Content-Length says.
	Stream
)

// span is a piece of one of the message's buffers.
type span struct{ from, to uint32 }

func (s span) of(b []byte) []byte { return b[s.from:s.to:s.to] }

// source says which buffer holds the name and value of a field.
type source uint8

const (
	fromRaw    source = iota // both in raw
	fromFolded               // name in raw, unfolded value in flat
	fromEdit                 // both in flat: written by Set or Add
)

// field is one header line.
type field struct {
	name, value span
	line        span // the whole line with its line end: in flat when edited, else in raw
	id          ID
	src         source
}

// Message is one SIP message. The zero value is ready; reuse it, for then parsing allocates nothing. All slices it
// returns point into it or into the bytes given to Parse, and are good until the next Parse or Reset: copy what must
// live longer. After an edit (Set, Add, Remove) the accessors answer for the edited message.
type Message struct {
	raw    []byte
	fields []field
	flat   []byte             // unfolded values, and the text of edits
	counts [headerCount]uint8 // header lines of each kind; MaxHeaders fits

	response bool
	method   Method
	status   int
	name     []byte // method as received
	uri      []byte
	reason   []byte
	body     []byte

	callID      []byte
	cseqName    []byte
	cseq        uint32
	maxForwards int
	hasForwards bool
	from, to    NameAddr
	fromTag     []byte
	toTag       []byte
	via         Via
	vias        int

	failed  *Error
	editErr error
}

// Reset forgets the message and keeps the memory.
func (m *Message) Reset() {
	*m = Message{fields: m.fields[:0], flat: m.flat[:0]}
}

// Raw returns the bytes given to Parse.
func (m *Message) Raw() []byte { return m.raw }

// IsRequest reports whether the message is a request, or was meant to be one.
func (m *Message) IsRequest() bool { return !m.response }

// Method returns the request method; of a response, the method in CSeq.
func (m *Message) Method() Method { return m.method }

// MethodName returns the method as received; of a response, the one in CSeq.
func (m *Message) MethodName() []byte {
	if m.response {
		return m.cseqName
	}
	return m.name
}

// RequestURI returns the request URI as received, nil for a response.
func (m *Message) RequestURI() []byte { return m.uri }

// Status returns the status code, 0 for a request.
func (m *Message) Status() int { return m.status }

// Reason returns the reason phrase as received. It is UTF-8 by the grammar but was not checked to be.
func (m *Message) Reason() []byte { return m.reason }

// Body returns the body, cut to Content-Length; nil or empty when there is none.
func (m *Message) Body() []byte { return m.body }

// CallID returns the value of Call-ID.
func (m *Message) CallID() []byte { return m.callID }

// CSeq returns the sequence number.
func (m *Message) CSeq() uint32 { return m.cseq }

// MaxForwards returns the value of Max-Forwards, at most 255; ok is false when the field is absent.
func (m *Message) MaxForwards() (n int, ok bool) { return m.maxForwards, m.hasForwards }

// From returns the From address.
func (m *Message) From() NameAddr { return m.from }

// To returns the To address.
func (m *Message) To() NameAddr { return m.to }

// FromTag returns the tag of From, nil when there is none (RFC 2543).
func (m *Message) FromTag() []byte { return m.fromTag }

// ToTag returns the tag of To, nil when there is none.
func (m *Message) ToTag() []byte { return m.toTag }

// TopVia returns the first Via value.
func (m *Message) TopVia() Via { return m.via }

// Contact returns the first Contact value, which may be the star of a REGISTER.
func (m *Message) Contact() (NameAddr, bool) {
	line, ok := m.Get(HeaderContact)
	if !ok {
		return NameAddr{}, false
	}
	v, _ := grammar.CutValue(line)
	n, err := ParseNameAddr(v)
	return n, err == nil
}

func (m *Message) fail(e *Error) {
	if m.failed == nil {
		m.failed = e
	}
}

func (m *Message) value(f *field) []byte {
	if f.src == fromRaw {
		return f.value.of(m.raw)
	}
	return f.value.of(m.flat)
}

func (m *Message) fieldName(f *field) []byte {
	if f.src == fromEdit {
		return f.name.of(m.flat)
	}
	return f.name.of(m.raw)
}
