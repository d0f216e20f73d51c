package b2bua

import (
	"net"
	"strconv"
	"strings"

	"gatehouse/b2bua/call"
	"gatehouse/b2bua/path"
	"gatehouse/sip/msg"
	"gatehouse/sip/token"
	"gatehouse/sip/transport"
	"gatehouse/sip/txn"
)

// find gives the call and leg whose dialog a request belongs to: the token in
// its To-tag names them, Call-ID and both tags must agree (RFC 3261 §12.2.2).
func (s *shard) find(in *transport.Inbound) (*call.Call, *call.Leg) {
	m := &in.Msg
	t, ok := s.e.o.Sealer.Open(m.ToTag(), token.Tag)
	if !ok {
		return nil, nil
	}
	c := s.calls[callKey{t.Number, t.Slot}]
	if c == nil {
		return nil, nil
	}
	l := c.Leg(t.Part)
	if l == nil || !l.Dialog(m, in.Listener.Zone()) {
		return nil, nil
	}
	return c, l
}

// ack takes an ACK no transaction wanted: that of a 2xx, or a stray one, which
// is dropped.
func (s *shard) ack(in *transport.Inbound) {
	if c, l := s.find(in); c != nil {
		s.refreshFlow(in, c, l)
		s.with(c, func() { c.Ack(l, &in.Msg) })
	}
}

// inDialog takes a request with a To-tag.
func (s *shard) inDialog(in *transport.Inbound) {
	m := &in.Msg
	c, l := s.find(in)
	if c == nil {
		s.strayInDialog(in)
		return
	}
	s.refreshFlow(in, c, l)
	if r := s.inspectInDialog(m, l); r != nil {
		s.answer(in, l, r)
		return
	}
	if m.Method() == msg.BYE {
		s.bye(in, c, l)
		return
	}
	if m.Method() == msg.INVITE {
		s.reinvite(in, c, l)
		return
	}
	// Inspection leaves nothing but OPTIONS.
	s.options(in, l)
}

// strayInDialog answers a request for a dialog that is not ours.
func (s *shard) strayInDialog(in *transport.Inbound) {
	if in.Standing != transport.Known {
		s.e.unknown(in)
		return
	}
	s.refuse(in, reject(481, "no such dialog"))
}

// inspectInDialog makes the checks of a request inside a dialog.
func (s *shard) inspectInDialog(m *msg.Message, l *call.Leg) *Reject {
	switch {
	case m.Method() == msg.Unknown:
		return reject(501, "method not known", allowHeader())
	case !call.InDialogMethods(m.Method()):
		return reject(405, "method not allowed", allowHeader())
	case !l.Accept(m.CSeq()):
		return reject(500, "CSeq out of order")
	case l.Over() && m.Method() != msg.BYE:
		return reject(481, "dialog has ended")
	}
	return inspectRequire(m)
}

// bye answers a BYE and ends the call. A BYE that crosses ours is answered
// alike (RFC 5407 §3.2.1).
func (s *shard) bye(in *transport.Inbound, c *call.Call, l *call.Leg) {
	s.answer(in, l, reject(200, "bye"))
	s.with(c, func() { c.Bye(l, &in.Msg) })
}

// reinvite brings a re-INVITE to its call.
func (s *shard) reinvite(in *transport.Inbound, c *call.Call, l *call.Leg) {
	m := &in.Msg
	desc, r := inspectContent(m)
	if r != nil {
		s.answer(in, l, r)
		return
	}
	srv := s.txns.NewServer(m, in.Source, in.Listener.Proto().Reliable(), s.e.o.Timers, nil, in.ReplyDest(), s.now)
	s.trying(in, l, srv)
	head := msg.NewReplyHead(m, in.Source)
	s.with(c, func() { c.Reinvite(l, m, srv, head, desc) })
}

// cancel takes a CANCEL. It is answered here, and its INVITE, if that is still
// undecided, is ended by its call (RFC 3261 §9.2). Under load the CANCEL can
// overtake an INVITE that waits in the other lane: then it goes behind it.
func (s *shard) cancel(ev event) (kept bool) {
	in := ev.in
	m := &in.Msg
	invite := s.txns.FindInvite(m, in.Source)
	if invite == nil {
		if !ev.retried && len(s.fresh) > 0 && s.put(s.fresh, event{in: in, retried: true}) {
			return true
		}
		s.strayInDialog(in)
		return false
	}
	leg, _ := invite.Owner.(*call.Leg)
	raw, err := s.buildAnswer(in, leg, reject(200, "cancel"), inviteTag(invite))
	if err != nil {
		s.e.o.Log.Error().Err(err).Msg("cannot build response to CANCEL")
		return false
	}
	srv := s.txns.NewServer(m, in.Source, in.Listener.Proto().Reliable(), s.e.o.Timers, nil, in.ReplyDest(), s.now)
	s.Respond(srv, 200, raw)
	if leg != nil {
		c := leg.Call()
		s.refreshFlow(in, c, leg)
		s.with(c, func() { c.Cancel(leg, invite, m) })
	}
	return false
}

// inviteTag is the To-tag of our answers to an INVITE; the one to its CANCEL
// has the same (RFC 3261 §9.2).
func inviteTag(invite *txn.Server) string {
	switch o := invite.Owner.(type) {
	case *call.Leg:
		return o.LocalTag()
	case refusalTag:
		return string(o)
	default:
		return "" // refused within a dialog: the request had the tag
	}
}

// response takes a response whose branch is ours. The top Via must be the one
// we wrote, and the only one: anything else was not made by an answer to us
// (RFC 3261 §8.1.3.3, §18.1.2).
func (s *shard) response(in *transport.Inbound) {
	m := &in.Msg
	if m.Count(msg.HeaderVia) != 1 || !s.ownVia(m) || viaValues(m) != 1 {
		s.e.counters.strayResponses.Add(1)
		return
	}
	c, deliver, events := s.txns.Response(m, s.now, s.scratch())
	// The ACK of a refusal goes out before the call acts on the refusal, the
	// end of the transaction comes after.
	sent := 0
	for sent < len(events) && events[sent].Kind == txn.Transmit {
		s.transmit(events[sent])
		sent++
	}
	if c != nil && deliver {
		if r, ok := c.Owner.(*call.Request); ok {
			s.with(r.Call, func() { r.Call.Response(r, m) })
		}
	}
	s.perform(events[sent:])
}

func viaValues(m *msg.Message) int {
	n := 0
	for range m.Values(msg.HeaderVia) {
		n++
	}
	return n
}

// ownVia tells whether the top Via shows what the request it answers showed of
// us, whatever a reload has made us show since.
func (s *shard) ownVia(m *msg.Message) bool {
	c := s.txns.FindClient(m)
	if c == nil {
		return false
	}
	var sent path.Hop
	switch o := c.Owner.(type) {
	case *call.Request:
		sent = o.Hop
	case path.Hop:
		sent = o
	}
	if !sent.Set() {
		return false
	}
	v := m.TopVia()
	port := v.Port
	if port == 0 {
		port = sent.Proto().DefaultPort()
	}
	// An IPv6 reference is written in brackets and read without.
	host := strings.Trim(string(v.Host), "[]")
	return strings.EqualFold(net.JoinHostPort(host, strconv.Itoa(int(port))), sent.SentBy)
}
