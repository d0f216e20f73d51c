package b2bua

import (
	"strings"

	"gatehouse/b2bua/call"
	"gatehouse/b2bua/content"
	"gatehouse/b2bua/crossing"
	"gatehouse/b2bua/dialog"
	"gatehouse/b2bua/record"
	"gatehouse/media/sdp"
	"gatehouse/policy/engine"
	"gatehouse/sip/msg"
	"gatehouse/sip/token"
	"gatehouse/sip/transport"
	"gatehouse/sip/txn"
	"gatehouse/sip/uri"
)

// request takes a request. It tells whether the inbound was handed on and must
// not be released.
func (s *shard) request(ev event) (kept bool) {
	in := ev.in
	m := &in.Msg
	_, disposition, events := s.txns.Request(m, in.Source, s.now, s.scratch())
	s.perform(events)
	switch disposition {
	case txn.Absorbed:
		return false
	case txn.Pass:
		s.ack(in)
		return false
	case txn.New:
	}
	switch {
	case m.Method() == msg.CANCEL:
		return s.cancel(ev)
	case len(m.ToTag()) > 0:
		s.inDialog(in)
	default:
		s.outOfDialog(in)
	}
	return false
}

// strayTag is the To-tag of a response that belongs to no call: a token, so
// that its ACK finds this shard again.
func (s *shard) strayTag(in *transport.Inbound) string {
	return s.Mint(token.Tag, s.nextNumber(), s.e.slotOf(in.Msg.CallID()), 0)
}

func (s *shard) nextNumber() uint64 {
	s.number++
	return s.number & (1<<48 - 1)
}

// outOfDialog takes a request that belongs to no dialog, in the order of
// RFC 3261 §8.2: who asks, method, headers, content, then what it wants.
func (s *shard) outOfDialog(in *transport.Inbound) {
	m := &in.Msg
	target, r := s.inspect(in)
	switch {
	case r != nil:
	case m.Method() == msg.OPTIONS:
		s.options(in, nil)
	default:
		// Inspection leaves nothing but INVITE.
		r = s.invite(in, target)
	}
	if r != nil {
		s.refuse(in, r)
		s.recordRefusal(in, r)
	}
}

// inspect makes the checks every request outside a dialog gets.
func (s *shard) inspect(in *transport.Inbound) (uri.URI, *Reject) {
	var u uri.URI
	m := &in.Msg
	if r := inspectMethod(m); r != nil {
		return u, r
	}
	u, err := uri.Parse(string(m.RequestURI()))
	if _, service := crossing.Service(u); err != nil || !u.IsSIP() && u.Scheme != "tel" && !service {
		return u, reject(416, "request URI scheme")
	}
	if r := inspectSIPS(in, u); r != nil {
		return u, r
	}
	if s.txns.Merged(m) {
		return u, reject(482, "merged request")
	}
	if n, ok := m.MaxForwards(); ok && n == 0 && m.Method() == msg.INVITE {
		return u, reject(483, "too many hops")
	}
	return u, inspectRequire(m)
}

// inspectMethod refuses what we do not do (RFC 3261 §8.2.1).
func inspectMethod(m *msg.Message) *Reject {
	switch m.Method() {
	case msg.INVITE, msg.OPTIONS:
		return nil
	case msg.BYE:
		return reject(481, "no such dialog")
	case msg.Unknown:
		return reject(501, "method not known", allowHeader())
	case msg.ACK, msg.CANCEL, msg.REGISTER, msg.PRACK, msg.UPDATE, msg.INFO, msg.SUBSCRIBE, msg.NOTIFY, msg.MESSAGE, msg.REFER, msg.PUBLISH:
	}
	return reject(405, "method not allowed", allowHeader())
}

// inspectRequire refuses every option tag: there is none we understand yet
// (RFC 3261 §8.2.2.3). Proxy-Require is held to the same, as border
// controllers do.
func inspectRequire(m *msg.Message) *Reject {
	var tags []string
	for _, id := range [...]msg.ID{msg.HeaderRequire, msg.HeaderProxyRequire} {
		for v := range m.Values(id) {
			tags = append(tags, string(v))
		}
	}
	if len(tags) == 0 {
		return nil
	}
	return reject(420, "extension not supported", crossing.Header{Name: "Unsupported", Value: strings.Join(tags, ", ")})
}

// inspectContent reads the SDP of an INVITE and refuses bodies we cannot
// process (RFC 3261 §8.2.3) and callers who would not take SDP back.
func inspectContent(m *msg.Message) (*sdp.Session, *Reject) {
	if m.Count(msg.HeaderAccept) > 0 && !acceptsSDP(m) {
		return nil, reject(406, "caller does not accept SDP", crossing.Warning(399, "SDP is all we answer with"))
	}
	desc, err := content.Session(m)
	if err == nil {
		return desc, nil
	}
	r := &Reject{Code: 400, Cause: err.Error()}
	if b, ok := content.AsError(err); ok {
		r.Code = b.Code
	}
	if r.Code == 415 {
		r.Headers = []crossing.Header{{Name: "Accept", Value: acceptedTypes}, {Name: "Accept-Encoding", Value: "identity"}}
	}
	return nil, r
}

func acceptsSDP(m *msg.Message) bool {
	for v := range m.Values(msg.HeaderAccept) {
		t, _, _ := strings.Cut(string(v), ";")
		switch strings.ToLower(strings.TrimSpace(t)) {
		case "application/sdp", "application/*", "*/*":
			return true
		}
	}
	return false
}

// invite takes an initial INVITE that passed inspection.
func (s *shard) invite(in *transport.Inbound, target uri.URI) *Reject {
	m := &in.Msg
	if s.e.draining.Load() {
		return reject(503, "draining")
	}
	if _, ok := dialog.Target(m); !ok {
		return reject(400, "INVITE without a SIP Contact")
	}
	desc, r := inspectContent(m)
	if r != nil {
		return r
	}
	d, r := s.decide(in, target)
	if r != nil {
		return r
	}
	hops := 70
	if n, ok := m.MaxForwards(); ok {
		hops = n - 1
	}
	user, phone := crossing.UserOf(target)
	service, _ := crossing.Service(target)
	srv := s.txns.NewServer(m, in.Source, in.Listener.Proto().Reliable(), s.e.o.Timers, nil, in.ReplyDest(), s.now)
	c := call.New(s, call.Invitation{
		Number: s.nextNumber(), Slot: s.e.slotOf(m.CallID()), Msg: m, Arrival: s.arrival(in), Server: srv,
		Head: msg.NewReplyHead(m, in.Source), Arrived: in.At, Decision: d, Offered: desc != nil,
		User: user, Phone: phone, Service: service, SIPS: isSIPS(m, target), ToSIPS: target.Scheme == "sips",
		Flow: flowOf(in), Callable: callable(in), MaxForwards: hops,
	})
	s.calls[callKey{c.Number, c.Slot}] = c
	s.e.active.Add(1)
	leg, _ := srv.Owner.(*call.Leg)
	s.trying(in, leg, srv)
	if conn := flowOf(in); conn != nil {
		// Before the call begins: one that fails at once is forgotten in there.
		s.follow(leg, conn)
	}
	s.with(c, func() { c.Begin(desc) })
	return nil
}

// flowOf is the connection a peer opened for a request, nil when it came by
// another way.
func flowOf(in *transport.Inbound) *transport.Conn {
	if in.Conn == nil || in.Conn.Dialed() {
		return nil
	}
	return in.Conn
}

// callable tells whether we can reach who sent a request without the connection
// it came by: a browser takes none, and strangers get none.
func callable(in *transport.Inbound) bool {
	return flowOf(in) == nil || in.Standing == transport.Known && !in.Conn.Proto().WebSocket()
}

// decide asks policy for the route of an INVITE.
func (s *shard) decide(in *transport.Inbound, target uri.URI) (engine.Decision, *Reject) {
	called, err := calledOf(target)
	if err != nil {
		return engine.Decision{}, reject(400, "request URI user")
	}
	from, err := uri.Parse(string(in.Msg.From().URI))
	if err != nil {
		from = uri.URI{}
	}
	d, refusal := s.e.Snapshot().Decide(engine.Query{Zone: in.Listener.Zone(), Source: in.Source, Called: called, Caller: from.User,
		Method: "INVITE", Facts: facts(in, from.Host, called)})
	if refusal != nil {
		return engine.Decision{}, reject(refusal.Code, refusal.Cause)
	}
	return d, nil
}

// trying sends 100 at once, before anything can take time
// (RFC 3261 §17.2.1). It has no To-tag.
func (s *shard) trying(in *transport.Inbound, leg *call.Leg, srv *txn.Server) {
	raw, err := s.buildAnswer(in, leg, reject(100, "trying"), "")
	if err != nil {
		return
	}
	s.Respond(srv, 100, raw)
}

// options answers OPTIONS with what an INVITE would find (RFC 3261 §11.2).
// leg is nil outside a dialog.
func (s *shard) options(in *transport.Inbound, leg *call.Leg) {
	code := 200
	if leg == nil && s.e.draining.Load() {
		code = 503
	}
	s.answer(in, leg, reject(code, "options", allowHeader(), crossing.Header{Name: "Accept", Value: acceptedTypes},
		crossing.Header{Name: "Accept-Encoding", Value: "identity"}, crossing.Header{Name: "Accept-Language", Value: "en"},
		crossing.Header{Name: "Supported", Value: ""}))
}

// recordRefusal writes the record of an initial INVITE that never became a
// call. A merged one is a second copy of a call that has its own record.
func (s *shard) recordRefusal(in *transport.Inbound, r *Reject) {
	m := &in.Msg
	if m.Method() != msg.INVITE || r.Code == 482 {
		return
	}
	from := ""
	if p := s.peerOf(in); p != nil {
		from = p.Name
	}
	rec := record.Refused(call.FormatID(s.nextNumber(), s.e.slotOf(m.CallID())), m, from, r.Code, r.Cause, in.At, s.now)
	s.Record(rec)
}
