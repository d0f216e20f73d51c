package call

import (
	"errors"

	"gatehouse/b2bua/crossing"
	"gatehouse/b2bua/dialog"
	"gatehouse/media/profile"
	"gatehouse/sip/msg"
)

// nextAttempt places the call to the next target of the route; with none
// left, the A side gets the best failure so far.
func (c *Call) nextAttempt() {
	if c.target >= len(c.decision.Targets) {
		f := c.failure
		if f.code == 0 {
			f = failure{code: 500, cause: "route has no target"}
		}
		c.refuse(f)
		return
	}
	l := c.newLeg(roleUAC, c.decision.Targets[c.target])
	c.target++
	c.sessions.ForgetB()
	l.started = c.env.Now()
	c.b = l
	c.env.Locate(l.zone.Name, l.peer.Address.String(), Hop{}, func(h Hop, err error) {
		if c.phase != phaseSetup || c.b != l {
			return
		}
		if err != nil {
			c.logger().Warn().Err(err).Str("peer", l.peer.Name).Msg("target cannot be reached")
			c.attemptFailed(l, unreachable("target cannot be reached"))
			return
		}
		c.place(l, h)
	})
}

// place sends the INVITE of an attempt.
func (c *Call) place(l *Leg, h Hop) {
	l.setHop(h)
	x := c.in.crossings.Into(l.zone)
	l.initialDialog(h, x)
	if err := c.openEnd(l); err != nil {
		c.attemptFailed(l, mediaFailure(err))
		return
	}
	var body []byte
	if !c.in.offerless {
		var err error
		if body, err = c.offerToward(l, c.a); err != nil {
			f := offerFailure(err)
			// The next target may be in a zone that still has ports.
			f.retry = errors.Is(err, profile.ErrNoPorts)
			c.attemptFailed(l, f)
			return
		}
	}
	seq := l.dlg.NextSeq()
	raw, branch, err := l.buildRequest(h, outgoing{method: msg.INVITE, seq: seq, maxForwards: c.in.maxForwards,
		contact: true, capable: true, headers: x.Headers, body: body})
	if err != nil {
		c.attemptFailed(l, failure{code: 500, cause: "cannot build INVITE: " + err.Error()})
		return
	}
	r := &Request{Call: c, Leg: l, Method: msg.INVITE, Raw: raw, Branch: branch, Hop: h, purpose: purposeInvite, seq: seq, offerless: c.in.offerless}
	l.invite = r
	c.env.Arm(&c.ring, c.env.Now().Add(l.peer.RingTimeout))
	c.env.SetupDelay(c.env.Now().Sub(c.in.arrived))
	c.transact(r)
}

// transact starts a client transaction and keeps the call alive for it.
func (c *Call) transact(r *Request) {
	c.refs++
	c.env.Transact(r)
}

// Response takes a response to a request of ours.
func (c *Call) Response(r *Request, m *msg.Message) {
	switch r.purpose {
	case purposeInvite:
		c.inviteResponse(r, m)
	case purposeReinvite:
		c.reinviteResponse(r, m)
	case purposeBye:
		// Whatever the answer, the dialog is over (RFC 3261 §15.1.1).
		if m.Status() >= 200 {
			c.byes--
		}
	}
}

// Failed takes the end of a transaction that brought no final response:
// code is 408 for a timeout and 503 for a transport error
// (RFC 3261 §8.1.3.1).
func (c *Call) Failed(r *Request, code int) {
	switch r.purpose {
	case purposeInvite:
		if r.Leg.invite == r {
			r.Leg.invite = nil
			f := failure{code: code, cause: "no response", retry: true}
			if code == 503 {
				f = unreachable("transport error")
			}
			c.attemptFailed(r.Leg, f)
		}
	case purposeReinvite:
		c.reinviteFailed(r, code)
	case purposeBye:
		c.byes--
	}
}

// TransactionOver tells that nothing more can come of r.
func (c *Call) TransactionOver(*Request) {
	c.refs--
	c.settle()
}

// inviteResponse takes a response to the initial INVITE of an attempt.
func (c *Call) inviteResponse(r *Request, m *msg.Message) {
	switch code := m.Status(); {
	case code < 200:
		c.provisional(r, m)
	case code < 300:
		c.accepted(r, m)
	default:
		r.Leg.invite = nil
		if r.Leg.state == legInviting {
			r.Leg.state = legOver
			c.attemptFailed(r.Leg, c.responseFailure(r.Leg, m))
		}
	}
}

// current tells whether an attempt is the one the A side waits for.
func (c *Call) current(r *Request) bool {
	return c.phase == phaseSetup && c.b == r.Leg && !r.cancelled && r.Leg.state == legInviting
}

// provisional takes a 1xx to the initial INVITE. 100 is never relayed.
func (c *Call) provisional(r *Request, m *msg.Message) {
	if r.cancelled {
		c.sendCancel(r)
		return
	}
	l := r.Leg
	code := m.Status()
	if !c.current(r) || code == 100 || code == 199 {
		return
	}
	if tag := m.ToTag(); len(tag) > 0 {
		l.dlg.RemoteTag = string(tag)
		l.dlg.RouteSet = dialog.RouteSetUAC(m)
		l.dlg.UpdateTarget(m)
	}
	l.ringing = true
	c.sessions.Learn(m, false, nil)
	var body []byte
	if desc, err := Session(m); err == nil && desc != nil && !c.in.offerless {
		// Bad SDP in a provisional is no reason to lose the call: the 2xx decides.
		if body, err = c.answerInitial(l, desc, false); err != nil {
			c.logger().Warn().Err(err).Msg("early SDP cannot be used")
		}
	}
	x := crossing.Collect(m, l.zone, c.a.zone, c.a.hop.Host)
	raw, err := c.a.buildReply(&c.a.head, reply{code: code, dialog: true, capable: true, headers: x.Headers, body: body})
	if err != nil {
		c.logger().Error().Err(err).Int("code", code).Msg("cannot build response")
		return
	}
	c.env.Respond(c.a.server, code, raw)
}

// attemptFailed ends an attempt and goes on: to the next target where the
// failure allows it, else to the A side.
func (c *Call) attemptFailed(l *Leg, f failure) {
	l.state = legOver
	c.recordAttempt(l, f.received())
	c.closeEnd(l)
	if c.phase != phaseSetup || c.b != l {
		c.settle()
		return
	}
	c.env.Disarm(&c.ring)
	if c.failure.code == 0 || f.rank() > c.failure.rank() {
		c.failure = f
	}
	if !f.retry {
		c.failure = f
		c.target = len(c.decision.Targets)
	}
	c.nextAttempt()
}

// ringTimeout gives up an attempt, or a re-INVITE, that nobody answered in
// time.
func (c *Call) ringTimeout() {
	if ex := c.ex; c.phase == phaseUp && ex != nil && ex.req != nil && !ex.answered {
		c.cancelExchange(ex, 408)
		return
	}
	if c.phase != phaseSetup || c.b == nil || c.b.state != legInviting {
		return
	}
	l := c.b
	c.giveUp(l, []string{"SIP;cause=408"})
	c.attemptFailed(l, failure{code: 408, cause: "not answered in time", retry: !l.ringing})
}
