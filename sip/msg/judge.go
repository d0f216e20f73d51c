package msg

import "gatehouse/sip/grammar"

// judge is what Parse remembers of the header fields while it reads them.
type judge struct {
	star          bool // a Contact was "*"
	contacts      int
	contentLength int
}

// singleton tells the fields that may occur once and decide how a message is handled: two of them would be read
// differently by two implementations. User-Agent, Server, Subject and Organization decide nothing and may repeat.
var singleton = [headerCount]bool{
	HeaderFrom: true, HeaderTo: true, HeaderCallID: true, HeaderCSeq: true, HeaderMaxForwards: true,
	HeaderContentLength: true, HeaderContentType: true, HeaderContentDisposition: true, HeaderContentID: true,
	HeaderMIMEVersion: true, HeaderExpires: true, HeaderMinExpires: true, HeaderEvent: true, HeaderDate: true,
	HeaderSubscriptionState: true, HeaderSIPETag: true, HeaderSIPIfMatch: true, HeaderSessionExpires: true,
	HeaderMinSE: true, HeaderRSeq: true, HeaderRAck: true, HeaderReferTo: true, HeaderReferredBy: true,
	HeaderReplaces: true, HeaderJoin: true, HeaderTargetDialog: true, HeaderReplyTo: true, HeaderRetryAfter: true,
	HeaderTimestamp: true, HeaderPriority: true, HeaderSessionID: true, HeaderInfoPackage: true,
}

// judge checks one header value as it is read, and counted, and keeps the typed ones.
func (m *Message) judge(j *judge, id ID, value []byte) {
	if m.counts[id] > 1 && singleton[id] {
		m.fail(errDuplicate)
		return
	}
	switch id { //nolint:exhaustive // the other fields are read when somebody asks for them
	case HeaderVia:
		m.judgeVias(value)
	case HeaderFrom:
		m.fromTag = m.judgeAddr(&m.from, value, errFrom)
	case HeaderTo:
		m.toTag = m.judgeAddr(&m.to, value, errTo)
	case HeaderContact:
		m.judgeContacts(j, value)
	case HeaderCallID:
		m.judgeCallID(value)
	case HeaderCSeq:
		m.judgeCSeq(value)
	case HeaderMaxForwards:
		n, ok := grammar.ParseDecimal(value, MaxMaxForwards)
		if !ok {
			m.fail(errMaxForwards)
			return
		}
		m.maxForwards, m.hasForwards = int(n), true
	case HeaderContentLength:
		n, ok := grammar.ParseDecimal(value, maxContentLength)
		if !ok {
			m.fail(errContentLength)
		}
		j.contentLength = int(n)
	}
}

// maxContentLength keeps Content-Length inside 31 bits; what is above MaxMessageBytes is refused as too short a body.
const maxContentLength = 1<<31 - 1

func (m *Message) judgeVias(list []byte) {
	for rest := list; rest != nil; {
		var v []byte
		v, rest = grammar.CutValue(rest)
		if m.vias++; m.vias > MaxVias {
			m.fail(errViaCount)
			return
		}
		via := &Via{}
		if m.vias == 1 {
			via = &m.via
		}
		if !via.parse(v) {
			m.fail(errVia)
		}
	}
}

// judgeAddr reads the address of From or To and its tag, which must not come twice.
func (m *Message) judgeAddr(n *NameAddr, value []byte, e *Error) (tag []byte) {
	t, err := n.parse(value)
	if err != nil {
		m.fail(e)
		return nil
	}
	if n.IsStar() || t.bad {
		m.fail(e)
	}
	return t.first
}

// isOpaque reports whether a parameter value can serve as a tag or branch: there, and not a quoted string. The grammar
// wants a token, but they are only ever compared and repeated, and some systems write "=", ":" or "@" into them.
func isOpaque(value []byte) bool { return len(value) > 0 && value[0] != '"' }

func (m *Message) judgeContacts(j *judge, list []byte) {
	for rest := list; rest != nil; {
		var v []byte
		v, rest = grammar.CutValue(rest)
		var n NameAddr
		if _, err := n.parse(v); err != nil {
			m.fail(errContact)
			return
		}
		j.contacts++
		j.star = j.star || n.IsStar()
	}
	if j.star && j.contacts > 1 {
		m.fail(errContact)
	}
}

// judgeCallID wants one or more visible characters: the words of RFC 3261 §25.1 and what the field adds to them.
func (m *Message) judgeCallID(value []byte) {
	m.callID = value
	for _, c := range value {
		if c <= ' ' || c >= grammar.Del || c == ',' {
			m.fail(errCallID)
			return
		}
	}
	if len(value) == 0 {
		m.fail(errCallID)
	}
}

// judgeCSeq reads number LWS method (RFC 3261 §20.16).
func (m *Message) judgeCSeq(value []byte) {
	i := 0
	for i < len(value) && !grammar.IsBlank(value[i]) {
		i++
	}
	n, ok := grammar.ParseDecimal(value[:i], 1<<32-1)
	name := grammar.Trim(value[i:])
	if !ok || !grammar.IsToken(name) {
		m.fail(errCSeq)
		return
	}
	m.cseq, m.cseqName = uint32(n), name
	switch {
	case m.response:
		m.method = ParseMethod(name)
	case string(name) != string(m.name):
		m.fail(errCSeqMethod)
	}
}

// requireFields checks for the mandatory header fields (RFC 3261 §8.1.1). Max-Forwards is not required, for elements
// of RFC 2543 leave it out.
func (m *Message) requireFields() {
	switch {
	case m.counts[HeaderVia] == 0:
		m.fail(errNoVia)
	case m.counts[HeaderFrom] == 0:
		m.fail(errNoFrom)
	case m.counts[HeaderTo] == 0:
		m.fail(errNoTo)
	case m.counts[HeaderCallID] == 0:
		m.fail(errNoCallID)
	case m.counts[HeaderCSeq] == 0:
		m.fail(errNoCSeq)
	}
}
