package msg

import (
	"net/netip"
	"strconv"

	"gatehouse/sip/grammar"
)

// ReplyHead is what every response to one request repeats: its Via lines, From, To, Call-ID, CSeq and Timestamp
// (RFC 3261 §8.2.6.2). It is a copy and outlives the message. It can be made of a request that Parse refused: what
// could not be read is left out, and control bytes are, wherever they came from, so that no reply carries them on.
type ReplyHead struct {
	lines     []byte // Via and From lines, To without its line end, the rest, Timestamp
	toEnd     int    // lines up to here end with the To value
	restEnd   int    // then up to here Call-ID and CSeq; behind it Timestamp
	hasTo     bool
	hasToTag  bool
	hasVia    bool
	hasCallID bool
}

// NewReplyHead copies the head of the responses to request m that came from src. The top Via gets received, and the
// source port when it asked for it with rport (RFC 3581 §4); without rport, received is added when it differs from
// sent-by (RFC 3261 §18.2.1). A received or rport value the sender wrote there is not believed. src may be the zero
// value: then the Via stays as it came.
func NewReplyHead(m *Message, src netip.AddrPort) ReplyHead {
	var h ReplyHead
	b := make([]byte, 0, h.estimate(m))
	b = h.appendVias(b, m, src)
	if v, ok := m.Get(HeaderFrom); ok {
		b = appendLine(b, "From", v)
	}
	if v, ok := m.Get(HeaderTo); ok {
		b = append(b, "To: "...)
		b = appendClean(b, v)
		h.hasTo, h.hasToTag = true, m.toTag != nil || m.failed != nil && mentionsTag(v)
	}
	h.toEnd = len(b)
	if v, ok := m.Get(HeaderCallID); ok {
		b = appendLine(b, "Call-ID", v)
		h.hasCallID = true
	}
	if v, ok := m.Get(HeaderCSeq); ok {
		b = appendLine(b, "CSeq", v)
	}
	h.restEnd = len(b)
	if v, ok := m.Get(HeaderTimestamp); ok {
		b = appendLine(b, "Timestamp", v)
	}
	h.lines = b
	return h
}

// Answerable reports whether a reply can reach anybody: the request had a Via that could be read, and a Call-ID by
// which its sender knows the answer.
func (h *ReplyHead) Answerable() bool { return h.hasVia && h.hasCallID }

// Start writes the status line and the repeated header fields; without a reason the standard phrase is written. toTag
// is added when it is not empty and the request had none, except in a 100, which has no need of one. Timestamp goes
// into a 100 only (RFC 3261 §8.2.6.1).
func (h *ReplyHead) Start(b *Builder, code int, reason, toTag string) {
	b.Response(code, reason)
	b.lines(h.lines[:h.toEnd])
	if h.hasTo {
		if toTag != "" && !h.hasToTag {
			if !grammar.IsToken(toTag) {
				b.fail("To tag", errBuildToken)
				return
			}
			b.lines([]byte(";tag=" + toTag))
		}
		b.lines(crlf)
	}
	b.lines(h.lines[h.toEnd:h.restEnd])
	if code == minStatus {
		b.lines(h.lines[h.restEnd:])
	}
}

// viaGrowth is room for the parameters added to the top Via (bytes).
const viaGrowth = 80

func (h *ReplyHead) estimate(m *Message) int {
	n := viaGrowth
	for i := range m.fields {
		switch m.fields[i].id { //nolint:exhaustive // only the repeated fields count
		case HeaderVia, HeaderFrom, HeaderTo, HeaderCallID, HeaderCSeq, HeaderTimestamp:
			n += len(m.value(&m.fields[i])) + len("Timestamp: \r\n")
		}
	}
	return n
}

// appendVias writes the Via lines. When the host of the top value could not be read there is nobody to answer, and
// none is written.
func (h *ReplyHead) appendVias(b []byte, m *Message, src netip.AddrPort) []byte {
	if m.via.Host == nil {
		return b
	}
	for i := range m.fields {
		if m.fields[i].id != HeaderVia {
			continue
		}
		list := m.value(&m.fields[i])
		if !h.hasVia {
			h.hasVia = true
			b = append(b, "Via: "...)
			b = m.via.appendReceived(b, src)
			b = append(b, '\r', '\n')
			_, list = grammar.CutValue(list)
		}
		b = appendRelayedVias(b, list, m.failed != nil)
	}
	return b
}

// appendRelayedVias writes the Via values below the top one as a line. In the answer to a refused message, values that
// are malformed are left out.
func appendRelayedVias(b, list []byte, refused bool) []byte {
	if !refused {
		if len(list) > 0 {
			b = appendLine(b, "Via", grammar.Trim(list))
		}
		return b
	}
	for rest := list; rest != nil; {
		var v []byte
		v, rest = grammar.CutValue(rest)
		if _, err := ParseVia(v); err == nil {
			b = appendLine(b, "Via", v)
		}
	}
	return b
}

// appendReceived writes the value with received and rport set from the source.
func (v *Via) appendReceived(b []byte, src netip.AddrPort) []byte {
	addr := src.Addr().Unmap()
	b = appendClean(b, v.Raw[:v.sentBy])
	if v.broken && v.Branch != nil {
		b = append(b, ";branch="...)
		b = append(b, v.Branch...)
	}
	for rest := v.params; rest != nil && !v.broken; {
		name, value, tail := grammar.CutParam(rest)
		if name == nil {
			break
		}
		rest = tail
		if src.IsValid() && (grammar.EqualFold(name, "received") || grammar.EqualFold(name, "rport")) {
			continue
		}
		b = append(b, ';')
		b = append(b, name...)
		if value != nil {
			b = append(b, '=')
			b = appendClean(b, value)
		}
	}
	if !src.IsValid() {
		return b
	}
	if v.HasRPort || !v.isSentFrom(addr) {
		b = append(b, ";received="...)
		b = addr.WithZone("").AppendTo(b)
	}
	if v.HasRPort {
		b = append(b, ";rport="...)
		b = strconv.AppendUint(b, uint64(src.Port()), 10)
	}
	return b
}

// isSentFrom reports whether the host of sent-by is this very address.
func (v *Via) isSentFrom(addr netip.Addr) bool {
	host, err := netip.ParseAddr(string(v.Host))
	return err == nil && host.Unmap() == addr
}

func appendLine(b []byte, name string, value []byte) []byte {
	b = append(b, name...)
	b = append(b, ':', ' ')
	b = appendClean(b, value)
	return append(b, '\r', '\n')
}

// appendClean appends the value without control bytes; of a quoted pair that hides one the backslash goes too.
func appendClean(b, value []byte) []byte {
	if !grammar.HasControl(value) {
		return append(b, value...)
	}
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c == '\\' && i+1 < len(value):
			if i++; !grammar.IsControl(value[i]) {
				b = append(b, c, value[i])
			}
		case c == '\t' || !grammar.IsControl(c):
			b = append(b, c)
		}
	}
	return b
}

// mentionsTag looks for a tag in a To value that could not be parsed.
func mentionsTag(v []byte) bool {
	const tag = "tag"
	for i := 0; i+len(tag) < len(v); i++ {
		if grammar.EqualFold(v[i:i+len(tag)], tag) && (v[i+len(tag)] == '=' || grammar.IsBlank(v[i+len(tag)])) {
			return true
		}
	}
	return false
}
