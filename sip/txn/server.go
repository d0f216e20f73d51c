package txn

import (
	"net/netip"
	"time"

	"gatehouse/sip/msg"
)

// Server is one request of a peer that is being answered. It is made by Table.NewServer and owned by the goroutine of
// its table.
type Server struct {
	Owner any // the user's handle, read back on events
	Dest  any // where responses go, opaque here

	schedule
	life
	key    string
	merge  uint64 // hash the request is known by in Table.merged; 0: it is not
	source netip.Addr
	head   *msg.ReplyHead // for a 100 of our own to a non-INVITE request, until answered
	raw    []byte         // the response to repeat
	code   int            // latest status given
	method msg.Method
	sent   bool // what raw holds
}

// Method is the method of the request.
func (s *Server) Method() msg.Method { return s.method }

// Key is what the transaction is found by; unique among the live server transactions of a table.
func (s *Server) Key() string { return s.key }

// LastCode is the status of the latest response that was sent; 0 before the first.
func (s *Server) LastCode() int { return s.code }

// Done says whether the transaction has ended.
func (s *Server) Done() bool { return s.state == terminated }

// State names where the transaction stands, for traces.
func (s *Server) State() string { return s.state.String() }

// Why names what brought it there, for traces.
func (s *Server) Why() string { return s.why.String() }

// Request finds the transaction of a request and gives it the request. s is nil when there is none: the request is
// New, or Pass when it is an ACK.
func (t *Table) Request(m *msg.Message, src netip.AddrPort, now time.Time, out []Event) (s *Server, d Disposition, ev []Event) {
	ack := m.Method() == msg.ACK
	s = t.servers[string(t.serverKey(m, src, ack))]
	switch {
	case s == nil && ack:
		return nil, Pass, out
	case s == nil:
		return nil, New, out
	case !ack:
		_, out = t.stepServer(s, inRequest, 0, nil, now, out)
		return s, Absorbed, out
	}
	deliver, out := t.stepServer(s, inACK, 0, nil, now, out)
	if deliver {
		return s, Pass, out
	}
	return s, Absorbed, out
}

// FindInvite finds the INVITE a CANCEL is for (RFC 3261 §9.2): the same branch and sent-by, and the same source
// address, since a CANCEL can only be believed when it comes from the hop that sent the INVITE (RFC 3261 §22.1). It is nil
// when there is none; the transaction found may have its final response already.
func (t *Table) FindInvite(cancel *msg.Message, src netip.AddrPort) *Server {
	s := t.servers[string(t.serverKey(cancel, src, true))]
	if s == nil || s.source != src.Addr().Unmap() {
		return nil
	}
	return s
}

// Merged says whether a request outside any dialog is one that is being answered already and came by another way: the
// same From tag, Call-ID and CSeq as a live transaction, but not a repeat of it (RFC 3261 §8.2.2.2).
func (t *Table) Merged(m *msg.Message) bool {
	h := t.mergeHash(m)
	if h == 0 {
		return false
	}
	s := t.merged[h]
	return s != nil && s.key != string(t.serverKey(m, netip.AddrPortFrom(s.source, 0), false))
}

// NewServer enters the transaction of a request that Request found New. An INVITE waits for Respond, the first of which
// should be a 100 at once. Other requests get a 100 by themselves when T1 doubled has reached T2 (RFC 4320 §4.1), 3.5 s by
// default, and are forgotten unanswered after 64*T1, when the client has given up. A request that has a transaction
// gets that one; an ACK never has any (RFC 3261 §17), and gets one that has ended.
func (t *Table) NewServer(m *msg.Message, src netip.AddrPort, reliable bool, tm Timers, owner, dest any, now time.Time) *Server {
	key := string(t.serverKey(m, src, false))
	if old := t.servers[key]; old != nil {
		return old
	}
	s := &Server{Owner: owner, Dest: dest, key: key, source: src.Addr().Unmap(), method: m.Method()}
	s.life = life{tm: tm.usable(), reliable: reliable}
	s.entry.Value = wake{server: s}
	if s.method == msg.ACK {
		s.to(terminated, whyReceived)
		return s
	}
	if s.method != msg.INVITE {
		head := msg.NewReplyHead(m, src)
		s.head = &head
	}
	t.servers[key] = s
	if h := t.mergeHash(m); h != 0 && t.merged[h] == nil {
		s.merge = h
		t.merged[h] = s
	}
	_, _ = t.stepServer(s, inStart, 0, nil, now, nil) // only arms deadlines
	return s
}

// Respond sends a response in s. raw is the whole response, which nobody changes afterwards. What may not be sent is
// ignored: a second final response, a provisional one after it, 408 and 1xx other than 100 to a non-INVITE request
// and on unreliable transports a 100 to it too (RFC 4320 §4), and anything once the transaction has ended. While an
// INVITE is Accepted every 2xx given is transmitted (RFC 6026 §7.1).
func (t *Table) Respond(s *Server, code int, raw []byte, now time.Time, out []Event) []Event {
	in, valid := classify(code)
	if !valid || len(raw) == 0 {
		return out
	}
	_, out = t.stepServer(s, in, code, raw, now, out)
	return out
}

// DropServer takes s out of the table with no event and no message, for a user that is gone.
func (t *Table) DropServer(s *Server) {
	if !s.Done() {
		s.to(terminated, whyDropped)
		t.forgetServer(s)
	}
}

// stepServer gives s an input and carries out what its machine wants. code and raw are the response at hand, if any.
func (t *Table) stepServer(s *Server, in input, code int, raw []byte, now time.Time, out []Event) (deliver bool, ev []Event) {
	if s.method == msg.INVITE {
		t.acts = serverInvite{&s.life}.step(in, now, t.acts[:0])
	} else {
		t.acts = serverRequest{&s.life}.step(in, now, t.acts[:0])
	}
	for _, a := range t.acts {
		switch a.kind {
		case actSend:
			out = s.transmit(out)
		case actRelay:
			repeat := s.state == accepted && s.code == code
			s.code = code
			out = append(out, Event{Kind: Transmit, Server: s, Method: s.method, Repeat: repeat, Code: code, Raw: raw})
		case actKeep:
			s.raw, s.code, s.sent, s.head = raw, code, false, nil
		case actTrying:
			s.raw, s.code, s.sent = t.buildTrying(s.head), codeTrying, false
			s.head = nil
		case actForget:
			s.raw = nil
		case actDeliver:
			deliver = true
		case actArm:
			s.due[a.slot] = a.at
		case actStop:
			s.due[a.slot] = time.Time{}
		case actTimeout:
			out = append(out, Event{Kind: Timeout, Server: s, Method: s.method, Code: codeTimeout})
		case actDone:
			t.forgetServer(s)
			return deliver, append(out, Event{Kind: Terminated, Server: s, Method: s.method})
		case actACK, actFail: // of clients
		}
	}
	t.plan(&s.schedule)
	return deliver, out
}

// transmit asks to send what s keeps; nothing is kept before the first response.
func (s *Server) transmit(out []Event) []Event {
	if s.raw == nil {
		return out
	}
	repeat := s.sent
	s.sent = true
	return append(out, Event{Kind: Transmit, Server: s, Method: s.method, Repeat: repeat, Code: s.code, Raw: s.raw})
}

func (t *Table) forgetServer(s *Server) {
	t.rest(&s.schedule)
	s.raw, s.head = nil, nil
	if t.servers[s.key] == s {
		delete(t.servers, s.key)
	}
	if s.merge != 0 { // only the first of several copies is in that map
		delete(t.merged, s.merge)
	}
}
