package call

import (
	"math/rand/v2"

	"gatehouse/b2bua/content"
	"gatehouse/b2bua/crossing"
	"gatehouse/b2bua/dialog"
	"gatehouse/b2bua/path"
	"gatehouse/b2bua/verdict"
	"gatehouse/media/sdp"
	"gatehouse/sip/msg"
	"gatehouse/sip/txn"
)

// exchange is an operation that came in on one leg and completes on the other:
// here the re-INVITE. There is one at a time; it may wait for the other leg to
// be ready, collides by rule with others, and always ends.
type exchange struct {
	from, to *Leg
	server   *txn.Server
	head     msg.ReplyHead
	seq      uint32
	contact  string // the new remote target, taken with our 2xx
	req      *Request
	// offerless: the re-INVITE had no offer; it comes in the far side's 2xx.
	offerless bool
	started   bool
	// answered: 2xx sent, and its ACK, awaited, completes the exchange.
	answered bool
	// stopped is what the asker gets once the far side has stopped: 487 after
	// its own CANCEL, 408 after our timer.
	stopped int
	// before are the Session-IDs a refusal goes back to.
	before crossing.Sessions
}

// maxRetryAfter bounds the seconds a second INVITE is told to wait; the number
// is to be chosen at random (RFC 3261 §14.2).
const maxRetryAfter = 10

// Reinvite takes a re-INVITE on a leg. desc is its SDP, nil when it has none.
func (c *Call) Reinvite(l *Leg, m *msg.Message, server *txn.Server, head msg.ReplyHead, desc *sdp.Session) {
	o := c.other(l)
	if l.pendingAnswer() && c.late == nil && !l.byeWanted {
		// The ACK is lost or late; the re-INVITE proves that the 2xx arrived.
		l.acknowledged()
	}
	switch {
	case c.phase == phaseSetup && l == c.a, c.ex != nil && c.ex.from == l && !c.ex.answered:
		// RFC 3261 §14.2: a second INVITE before the first is answered.
		c.refuseInvite(l, server, &head, 500, crossing.Header{Name: "Retry-After", Value: utoa(rand.N[uint32](maxRetryAfter + 1))})
		return
	case c.phase == phaseSetup, c.ex != nil, c.late != nil, o == nil:
		// Our own INVITE is open on this leg, or the two sides ask at once. The
		// other's may have waited for the ACK of this one.
		c.refuseInvite(l, server, &head, 491)
		c.startExchange()
		return
	case c.phase == phaseOver, l.state == legOver, o.state == legOver:
		c.refuseInvite(l, server, &head, 481)
		return
	}
	ex := &exchange{from: l, to: o, server: server, head: head, seq: m.CSeq(), offerless: desc == nil, before: c.sessions}
	ex.contact, _ = dialog.Target(m)
	server.Owner = l
	if desc != nil {
		if err := l.sdp.Offered(desc); err != nil {
			f := verdict.OfOffer(err)
			c.refuseInvite(l, server, &head, f.Code, f.Headers...)
			return
		}
	}
	c.ex = ex
	c.sessions.Learn(m, l == c.a, nil)
	c.startExchange()
}

// startExchange sends the exchange on to the other leg as soon as that has no
// 2xx without ACK: one INVITE at a time in a dialog (RFC 3261 §14.1).
func (c *Call) startExchange() {
	ex := c.ex
	if ex == nil || ex.started || ex.to.pendingAnswer() {
		return
	}
	ex.started = true
	var body []byte
	if !ex.offerless {
		err := c.reserveAnswer(ex.from)
		if err == nil {
			body, err = c.offerToward(ex.to, ex.from)
		}
		if err != nil {
			c.failExchange(verdict.OfOffer(err))
			return
		}
	}
	to := ex.to
	to.locate(func(hops []path.Hop, err error) {
		if c.ex != ex || c.phase != phaseUp {
			return
		}
		if err != nil {
			c.failExchange(verdict.Failure{Code: 500, Cause: "target cannot be reached"})
			return
		}
		seq := to.dlg.NextSeq()
		raw, branch, err := to.buildRequest(hops[0], outgoing{method: msg.INVITE, seq: seq, maxForwards: fullMaxForwards,
			contact: true, capable: true, body: body})
		if err != nil {
			c.failExchange(verdict.Failure{Code: 500, Cause: "cannot build INVITE"})
			return
		}
		ex.req = &Request{Call: c, Leg: to, Method: msg.INVITE, Raw: raw, Branch: branch, Hop: hops[0], More: hops[1:], purpose: purposeReinvite, seq: seq, offerless: ex.offerless}
		c.env.Arm(&c.ring, c.env.Now().Add(to.peer.RingTimeout))
		c.transact(ex.req)
	})
}

// reinviteResponse takes a response to our re-INVITE.
func (c *Call) reinviteResponse(r *Request, m *msg.Message) {
	ex := c.ex
	live := ex != nil && ex.req == r && !ex.answered
	switch code := m.Status(); {
	case code < 200:
		if r.cancelled {
			c.sendCancel(r)
		}
	case code < 300:
		switch {
		case c.repeatACK(r, m):
		case !live:
			// The call ended meanwhile; the 2xx wants its ACK all the same.
			r.Leg.takeUnwanted(r, m)
			r.Leg.sendRejection(r)
		default:
			c.reinviteAccepted(ex, m)
		}
	case live:
		c.failExchange(c.reinviteFailure(ex, m))
		if endsDialog(code) && !r.cancelled {
			// The far side knows no such dialog: the call is over on both legs.
			c.hangup("re-INVITE refused with "+utoa(uint32(code)), []string{crossing.Q850Reason(crossing.CauseOfStatus(code))})
		}
	}
}

// reinviteFailure maps the refusal of our re-INVITE to the side that asked.
func (c *Call) reinviteFailure(ex *exchange, m *msg.Message) verdict.Failure {
	switch code := m.Status(); {
	case code == 487 && ex.stopped != 0:
		return verdict.Failure{Code: ex.stopped, Cause: "re-INVITE stopped"}
	case code < 400:
		return verdict.Failure{Code: 488, Cause: "redirected re-INVITE"}
	}
	return c.responseFailure(ex.to, m)
}

// endsDialog tells which refusals of a request in a dialog end the dialog or
// its INVITE usage (RFC 5057 §5.1).
func endsDialog(code int) bool {
	switch code {
	case 404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 501, 502, 604:
		return true
	default:
		return false
	}
}

// reinviteAccepted completes the exchange: answer to the side that asked, ACK
// to the one that answered.
func (c *Call) reinviteAccepted(ex *exchange, m *msg.Message) {
	c.env.Disarm(&c.ring)
	ex.to.dlg.UpdateTarget(m)
	c.sessions.Learn(m, ex.to == c.a, nil)
	body, err := c.reinviteBody(ex, m)
	if err != nil {
		c.logger().Warn().Err(err).Msg("answer to re-INVITE cannot be used")
		c.late = nil
		ex.to.sendRejection(ex.req)
		c.failExchange(verdict.OfOffer(err))
		// The far side has switched and we cannot follow (RFC 6141 §3.4).
		c.hangup("unusable answer to re-INVITE", []string{"SIP;cause=488"})
		return
	}
	from := ex.from
	if ex.contact != "" {
		from.dlg.RemoteTarget = ex.contact
	}
	raw, err := from.buildReply(&ex.head, reply{code: 200, dialog: true, capable: true, body: body})
	if err != nil {
		c.logger().Error().Err(err).Msg("cannot build 200")
		c.failExchange(verdict.Failure{Code: 500, Cause: "cannot build 200"})
		return
	}
	if c.late == nil {
		ex.to.sendACK(ex.req, nil)
		from.sdp.Commit()
		ex.to.sdp.Commit()
		c.connect()
		c.releaseUnused()
		c.ex = nil
	}
	ex.answered = true
	from.sendAnswer(ex.server, raw, ex.seq)
}

func (c *Call) reinviteBody(ex *exchange, m *msg.Message) ([]byte, error) {
	desc, err := content.Session(m)
	if err != nil {
		return nil, err
	}
	if desc == nil {
		return nil, content.ErrNoSession
	}
	if ex.offerless {
		if err := ex.to.sdp.Offered(desc); err != nil {
			return nil, err
		}
		c.late = &lateAnswer{to: ex.to, req: ex.req}
		return c.offerToward(ex.from, ex.to)
	}
	if err := ex.to.sdp.Answered(desc); err != nil {
		return nil, err
	}
	return c.answerToward(ex.from, ex.to)
}

// failExchange refuses the exchange; both legs keep the session they had
// (RFC 3261 §14.1, §14.2).
func (c *Call) failExchange(f verdict.Failure) {
	ex := c.ex
	if ex == nil {
		return
	}
	c.ex = nil
	c.env.Disarm(&c.ring)
	ex.from.sdp.Rollback()
	ex.to.sdp.Rollback()
	c.releaseUnused()
	c.refuseInvite(ex.from, ex.server, &ex.head, f.Code, f.Headers...)
	c.sessions.Restore(ex.before, ex.from == c.a)
}

// refuseInvite answers a re-INVITE with a failure.
func (c *Call) refuseInvite(l *Leg, server *txn.Server, head *msg.ReplyHead, code int, headers ...crossing.Header) {
	raw, err := l.buildReply(head, reply{code: code, headers: headers})
	if err != nil {
		c.logger().Error().Err(err).Int("code", code).Msg("cannot build response")
		return
	}
	c.env.Respond(server, code, raw)
}

// reinviteFailed takes a re-INVITE of ours that brought no final response.
func (c *Call) reinviteFailed(r *Request, code int) {
	ex := c.ex
	if ex == nil || ex.req != r || ex.answered {
		return
	}
	f := verdict.Failure{Code: code}
	if code == 503 {
		f.Code = 500
	}
	if ex.stopped != 0 {
		f.Code = ex.stopped
	}
	c.failExchange(f)
	// A peer that let the CANCEL pass is an old one (RFC 3261 §9.1); one that
	// said nothing at all is gone (RFC 3261 §12.2.1.2).
	if code == 408 && !r.cancelSent {
		c.hangup("re-INVITE not answered", []string{crossing.Q850Reason(crossing.CauseTimerExpiry)})
	}
}

// cancelExchange takes the CANCEL of a re-INVITE. What the far side has
// already done cannot be undone by us, so its final response decides: 487
// when it stopped, 2xx when it had switched (RFC 6141 §3.4). code is what the
// asker gets in the former case.
func (c *Call) cancelExchange(ex *exchange, code int) {
	switch {
	case ex.answered:
	case ex.req == nil:
		c.failExchange(verdict.Failure{Code: code})
	case !ex.req.cancelled:
		ex.stopped = code
		c.stop(ex.req, nil)
	}
}

// endExchange answers an exchange that the end of the call overtakes. Our own
// INVITE is cancelled: a peer may forget it together with the dialog, and
// nothing else ends a transaction that has got a provisional response.
func (c *Call) endExchange(code int) {
	ex := c.ex
	if ex == nil {
		return
	}
	c.ex = nil
	if ex.answered {
		return
	}
	c.refuseInvite(ex.from, ex.server, &ex.head, code)
	if ex.req != nil {
		c.stop(ex.req, nil)
	}
}
