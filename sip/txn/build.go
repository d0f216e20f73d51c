package txn

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"gatehouse/sip/msg"
)

// defaultMaxForwards stands in for an INVITE that had none (RFC 3261 §8.1.1.6).
const defaultMaxForwards = "70"

var errHeaderLine = errors.New("an extra header line has no colon")

// ackFor makes the ACK of a refusal of the INVITE raw (RFC 3261 §17.1.1.3): request URI, Call-ID, From, Route, top Via
// and CSeq number of the INVITE, To of the response. nil when the INVITE cannot be read.
func (t *Table) ackFor(invite []byte, response *msg.Message) []byte {
	raw, err := t.derive(msg.ACK, invite, response, nil)
	if err != nil {
		return nil
	}
	return raw
}

// sessionOf gives the Session-ID of a request that accompanies an INVITE: a CANCEL has the very one of the INVITE, an
// ACK names the side that refused, if it said its UUID (RFC 7989 §6). ok is false when the INVITE has none.
func sessionOf(invite, response *msg.Message) (value string, ok bool) {
	own, ok := invite.Get(msg.HeaderSessionID)
	if !ok || response == nil {
		return string(own), ok
	}
	theirs, said := response.Get(msg.HeaderSessionID)
	if !said {
		return string(own), true
	}
	local, _, _ := strings.Cut(string(own), ";")
	remote, _, _ := strings.Cut(string(theirs), ";")
	return local + ";remote=" + strings.TrimSpace(remote), true
}

// buildCancel makes the CANCEL of the INVITE raw (RFC 3261 §9.1): the same request URI, Call-ID, From, To, Route, top Via
// and CSeq number, never Require or Proxy-Require.
func (t *Table) buildCancel(invite []byte, extraHeaders []string) ([]byte, error) {
	return t.derive(msg.CANCEL, invite, nil, extraHeaders)
}

// derive makes a request that accompanies the INVITE on its hop. The To is that of the response when there is one.
func (t *Table) derive(method msg.Method, invite []byte, response *msg.Message, extraHeaders []string) ([]byte, error) {
	m, b := &t.msg, &t.builder
	defer m.Reset() // holds on to no request
	if err := m.Parse(invite, msg.Datagram); err != nil {
		return nil, fmt.Errorf("read the INVITE of a %v: %w", method, err)
	}
	b.Reset()
	b.Request(method.String(), string(m.RequestURI()))
	b.HeaderBytes("Via", m.TopVia().Raw)
	for v := range m.Lines(msg.HeaderRoute) {
		b.HeaderBytes("Route", v)
	}
	if v, ok := m.Get(msg.HeaderMaxForwards); ok {
		b.HeaderBytes("Max-Forwards", v)
	} else {
		b.Header("Max-Forwards", defaultMaxForwards)
	}
	to, _ := m.Get(msg.HeaderTo)
	if response != nil {
		to, _ = response.Get(msg.HeaderTo)
	}
	from, _ := m.Get(msg.HeaderFrom)
	b.HeaderBytes("From", from)
	b.HeaderBytes("To", to)
	b.HeaderBytes("Call-ID", m.CallID())
	b.Header("CSeq", strconv.FormatUint(uint64(m.CSeq()), decimal), " ", method.String())
	if v, ok := sessionOf(m, response); ok {
		b.Header("Session-ID", v)
	}
	if method == msg.ACK { // RFC 3261 §22.1: credentials of the INVITE again, since an ACK cannot be challenged
		for v := range m.Lines(msg.HeaderAuthorization) {
			b.HeaderBytes("Authorization", v)
		}
		for v := range m.Lines(msg.HeaderProxyAuthorization) {
			b.HeaderBytes("Proxy-Authorization", v)
		}
	}
	for _, line := range extraHeaders {
		name, value, found := strings.Cut(line, ":")
		if !found {
			return nil, fmt.Errorf("write a %v: %w", method, errHeaderLine)
		}
		b.Header(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	raw, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("write a %v: %w", method, err)
	}
	return raw, nil
}

// buildTrying makes the 100 of a request from the head of its responses. nil when it cannot be written.
func (t *Table) buildTrying(head *msg.ReplyHead) []byte {
	t.builder.Reset()
	head.Start(&t.builder, codeTrying, "", "")
	raw, err := t.builder.Bytes()
	if err != nil {
		return nil
	}
	return raw
}
