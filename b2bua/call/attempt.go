package call

import (
	"errors"
	"math/rand/v2"

	"gatehouse/b2bua/content"
	"gatehouse/b2bua/crossing"
	"gatehouse/b2bua/dialog"
	"gatehouse/b2bua/path"
	"gatehouse/b2bua/verdict"
	"gatehouse/media/profile"
	"gatehouse/policy/engine"
	"gatehouse/sip/msg"
)

// nextAttempt goes on to what the last failure leaves to try: another target of
// the same peer, or the next peer of the route. With nothing left, the A side
// gets the best failure so far.
func (c *Call) nextAttempt() {
	for !c.course.More() {
		if c.peer >= len(c.decision.Targets) {
			f := c.failure
			if f.Code == 0 {
				f = verdict.Failure{Code: 500, Cause: "route has no target"}
			}
			c.refuse(f)
			return
		}
		p := c.decision.Targets[c.peer]
		c.peer++
		c.course = path.NewCourse(p.Targets, c.in.sips, rand.IntN)
		if !c.course.More() {
			l := c.startAttempt(p)
			c.closeAttempt(l, verdict.NotSecure())
		}
	}
	c.seek(c.startAttempt(c.decision.Targets[c.peer-1]))
}

// startAttempt makes the leg of an attempt at a peer.
func (c *Call) startAttempt(p *engine.Peer) *Leg {
	l := c.newLeg(roleUAC, p)
	c.sessions.ForgetB()
	l.started = c.env.Now()
	c.b = l
	return l
}

// seek takes the next step of the course for an attempt: places the call, or
// first finds where an address of the peer is.
func (c *Call) seek(l *Leg) {
	step, ok := c.course.Next()
	if !ok {
		c.attemptFailed(l, verdict.Unreachable("no target left", l.sips))
		return
	}
	l.of = step.Of
	l.sips = c.in.sips || step.Of.URI.Scheme == "sips"
	if step.Hop.Set() {
		c.place(l, step.Hop)
		return
	}
	c.env.Locate(Where{Call: c, Zone: l.zone.Name, Peer: l.peer.Name, URI: step.Of.URI, Secure: l.sips, Urgent: c.in.service != ""}, func(hops []path.Hop, err error) {
		if c.phase != phaseSetup || c.b != l {
			return
		}
		if err != nil {
			c.logger().Warn().Err(err).Str("peer", l.peer.Name).Msg("target cannot be reached")
			c.attemptFailed(l, verdict.Unreachable("target cannot be reached", l.sips))
			return
		}
		c.course.Found(step.Of, hops)
		c.seek(l)
	})
}

// place sends the INVITE of an attempt.
func (c *Call) place(l *Leg, h path.Hop) {
	l.setHop(h)
	x := c.in.crossings.Into(l.zone)
	l.initialDialog(h, x)
	if err := c.openEnd(l); err != nil {
		c.attemptFailed(l, verdict.OfMedia(err))
		return
	}
	var body []byte
	if !c.in.offerless {
		var err error
		if body, err = c.offerToward(l, c.a); err != nil {
			f := verdict.OfOffer(err)
			// The next target may be in a zone that still has ports.
			if errors.Is(err, profile.ErrNoPorts) {
				f.Next = verdict.NextPeer
			}
			c.attemptFailed(l, f)
			return
		}
	}
	seq := l.dlg.NextSeq()
	raw, branch, err := l.buildRequest(h, outgoing{method: msg.INVITE, seq: seq, maxForwards: c.in.maxForwards,
		contact: true, capable: true, headers: x.Headers, body: body})
	if err != nil {
		c.attemptFailed(l, verdict.Failure{Code: 500, Cause: "cannot build INVITE: " + err.Error()})
		return
	}
	r := &Request{Call: c, Leg: l, Method: msg.INVITE, Raw: raw, Branch: branch, Hop: h, purpose: purposeInvite, seq: seq, offerless: c.in.offerless}
	l.invite = r
	c.env.Arm(&c.ring, c.env.Now().Add(l.peer.RingTimeout))
	c.env.SetupDelay(c.env.Now().Sub(c.in.arrived))
	c.transact(r)
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

// responseFailure says what a refusal by a leg's peer means to the other side.
func (c *Call) responseFailure(l *Leg, m *msg.Message) verdict.Failure {
	c.sessions.Learn(m, l == c.a, nil)
	why := crossing.Reasons(m, crossing.FullTrust(l.zone, c.other(l).zone))
	return verdict.OfResponse(m, why, c.a.hop.SentBy, l.ringing)
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
	if desc, err := content.Session(m); err == nil && desc != nil && !c.in.offerless {
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
func (c *Call) attemptFailed(l *Leg, f verdict.Failure) {
	if !c.closeAttempt(l, f) {
		c.settle()
		return
	}
	switch f.Next {
	case verdict.NextNone:
		c.course, c.peer = path.Course{}, len(c.decision.Targets)
	case verdict.NextPeer:
		c.course = path.Course{}
	case verdict.NextTarget:
	}
	c.nextAttempt()
}

// closeAttempt ends an attempt and keeps what it came to. current tells whether
// the A side waits for it.
func (c *Call) closeAttempt(l *Leg, f verdict.Failure) (current bool) {
	l.state = legOver
	c.recordAttempt(l, f.Received())
	c.closeEnd(l)
	if c.phase != phaseSetup || c.b != l {
		return false
	}
	c.env.Disarm(&c.ring)
	c.failure = verdict.Better(c.failure, f)
	return true
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
	f := verdict.Failure{Code: 408, Cause: "not answered in time"}
	switch {
	case l.invite != nil && !l.invite.heard:
		f = verdict.Unanswered()
		c.env.Unheard(l.invite, 408)
		// UDP, when its size had made the request go by TCP.
		c.course.Found(l.of, l.invite.More)
	case !l.ringing:
		f.Next = verdict.NextPeer
	}
	c.giveUp(l, []string{"SIP;cause=408"})
	c.attemptFailed(l, f)
}
