package call

import (
	"gatehouse/b2bua/content"
	"gatehouse/b2bua/crossing"
	"gatehouse/b2bua/dialog"
	"gatehouse/b2bua/verdict"
	"gatehouse/media/sdp"
	"gatehouse/sip/msg"
	"gatehouse/sip/txn"
)

// lateAnswer is an offer that one side made in its 2xx and the other side
// answers in its ACK (RFC 3261 §13.2.1). Until then the 2xx stays without ACK.
type lateAnswer struct {
	to  *Leg     // who offered, and waits for our ACK
	req *Request // the INVITE it waits for the ACK of
}

// accepted takes a 2xx to the initial INVITE of an attempt. The first one
// answers the call; every repeat gets the same ACK, and a further dialog, or
// one that comes after the attempt was given up, is acknowledged and ended
// (RFC 3261 §13.2.2.4).
func (c *Call) accepted(r *Request, m *msg.Message) {
	l := r.Leg
	if c.repeatACK(r, m) {
		return
	}
	if !c.current(r) {
		l.endFork(r, m)
		return
	}
	l.invite = nil
	l.confirm(m)
	c.env.Disarm(&c.ring)
	c.sessions.Learn(m, false, c.env.UUID)
	body, err := c.negotiate(r, m)
	if err != nil {
		c.logger().Warn().Err(err).Str("peer", l.peer.Name).Msg("answer cannot be used")
		l.state = legAnswered
		c.late = nil
		l.refuseAndBye(r, m)
		c.attemptFailed(l, verdict.OfOffer(err))
		return
	}
	if c.late != nil {
		l.state = legAnswered
	} else {
		l.state = legUp
		c.a.sdp.Commit()
		l.sdp.Commit()
		c.releaseUnused()
	}
	c.answerA(m, l, body)
	if c.late == nil {
		l.sendACK(r, nil)
	}
}

// negotiate takes the SDP of a 2xx and gives what the A side's 2xx carries.
func (c *Call) negotiate(r *Request, m *msg.Message) ([]byte, error) {
	l := r.Leg
	desc, err := content.Session(m)
	if err != nil {
		return nil, err
	}
	if c.in.offerless {
		if desc == nil {
			return nil, content.ErrNoSession
		}
		if err := l.sdp.Offered(desc); err != nil {
			return nil, err
		}
		c.late = &lateAnswer{to: l, req: r}
		return c.offerToward(c.a, l)
	}
	if desc == nil && l.preview == nil {
		return nil, content.ErrNoSession
	}
	return c.answerInitial(l, desc, true)
}

// answerInitial takes the B side's SDP, from a provisional response or the
// 2xx, and gives the one answer the A side sees: the same words from the first
// provisional response to the 2xx (RFC 3261 §13.2.1); later ones only move the
// media behind it. desc is nil when the 2xx leaves it at the preview.
//
// Differs from RFC 3261 §13.2.1 where the 2xx of the B side no longer goes with
// that answer, because it dropped the codec or opened what was closed: a 2xx of
// the old words would make a silent call, so it has new ones. What came before
// was a preview only; the answer proper is that of the 2xx (RFC 6337 §3.1.1).
func (c *Call) answerInitial(l *Leg, desc *sdp.Session, final bool) ([]byte, error) {
	if desc != nil {
		if err := l.sdp.Answered(desc); err != nil {
			return nil, err
		}
	}
	if c.in.preview == nil || final && !c.a.sdp.Serves(l.sdp) {
		body, err := c.answerToward(c.a, l)
		if err != nil {
			return nil, err
		}
		c.in.preview = body
	}
	l.preview = c.in.preview
	c.connect()
	return c.in.preview, nil
}

// answerA sends the 2xx of the call to the A side: from here it is up.
func (c *Call) answerA(m *msg.Message, l *Leg, body []byte) {
	x := crossing.Collect(m, l.zone, c.a.zone, c.a.hop.Host)
	raw, err := c.a.buildReply(&c.a.head, reply{code: 200, dialog: true, capable: true, headers: x.Headers, body: body})
	if err != nil {
		c.logger().Error().Err(err).Msg("cannot build 200")
		c.refuse(verdict.Failure{Code: 500, Cause: "cannot build 200"})
		c.endLeg(l, nil)
		return
	}
	c.phase = phaseUp
	now := c.env.Now()
	c.rec.MarkAnswered(l.peer.Name, now)
	c.recordAttempt(l, 200)
	c.env.Arm(&c.duration, now.Add(min(c.a.peer.MaxDuration, l.peer.MaxDuration)))
	server := c.a.server
	c.a.server = nil
	c.a.state = legAnswered
	c.a.sendAnswer(server, raw, c.in.seq)
	c.a.routes, c.in = nil, invitation{arrived: c.in.arrived}
	c.a.head = msg.ReplyHead{}
}

// confirm makes the leg's dialog the one of a 2xx: its tag, target, and a
// route set computed anew (RFC 3261 §13.2.2.4).
func (l *Leg) confirm(m *msg.Message) {
	l.dlg.RemoteTag = string(m.ToTag())
	l.dlg.RouteSet = dialog.RouteSetUAC(m)
	l.dlg.UpdateTarget(m)
}

// sendAnswer sends a 2xx and repeats it until its ACK, T1 doubling up to T2,
// on every transport (RFC 3261 §13.3.1.4).
func (l *Leg) sendAnswer(server *txn.Server, raw []byte, seq uint32) {
	env := l.call.env
	t, now := env.Timers(), env.Now()
	l.answer.raw, l.answer.server, l.answer.seq = raw, server, seq
	l.answer.interval = t.T1
	l.answer.deadline = now.Add(64 * t.T1)
	env.Respond(server, 200, raw)
	env.Arm(&l.answer.timer, now.Add(t.T1))
}

// answerTimer repeats the 2xx, or ends the call 64*T1 after the first one.
func (l *Leg) answerTimer() {
	if !l.pendingAnswer() {
		return
	}
	env := l.call.env
	now := env.Now()
	if !now.Before(l.answer.deadline) {
		l.clearAnswer()
		l.state = legUp // a BYE is allowed now (RFC 3261 §15)
		l.call.noACK(l)
		return
	}
	env.Respond(l.answer.server, 200, l.answer.raw)
	l.answer.interval = min(2*l.answer.interval, env.Timers().T2)
	next := now.Add(l.answer.interval)
	if next.After(l.answer.deadline) {
		next = l.answer.deadline
	}
	env.Arm(&l.answer.timer, next)
}

func (l *Leg) clearAnswer() {
	l.call.env.Disarm(&l.answer.timer)
	l.answer.raw, l.answer.server = nil, nil
}

// noACK ends the call of a leg whose 2xx was never acknowledged.
func (c *Call) noACK(l *Leg) {
	if l.byeWanted {
		l.sendBye(l.byeReasons)
		c.settle()
		return
	}
	c.hangup("no ACK", []string{"SIP;cause=408"})
}

// Ack takes the ACK of a 2xx of ours. Any other is not ours to answer
// (RFC 3261 §17.1.1.3), and none is ever refused.
func (c *Call) Ack(l *Leg, m *msg.Message) {
	if !l.pendingAnswer() || m.CSeq() != l.answer.seq {
		return
	}
	l.acknowledged()
	c.sessions.Learn(m, l == c.a, nil)
	if l.byeWanted {
		l.sendBye(l.byeReasons)
		c.settle()
		return
	}
	if c.late != nil && c.late.to == c.other(l) {
		c.takeLateAnswer(l, m)
	}
	c.startExchange()
	c.settle()
}

// acknowledged notes that the peer has our 2xx; an exchange it asked for is
// complete.
func (l *Leg) acknowledged() {
	c := l.call
	l.clearAnswer()
	if l.state == legAnswered {
		l.state = legUp
	}
	if c.ex != nil && c.ex.from == l && c.ex.answered {
		c.ex = nil
	}
}

// takeLateAnswer carries the answer in an ACK to the side that offered.
func (c *Call) takeLateAnswer(l *Leg, m *msg.Message) {
	late := c.late
	body, err := c.lateBody(l, late.to, m)
	if err != nil {
		c.logger().Warn().Err(err).Msg("answer in ACK cannot be used")
		c.hangup("no answer in ACK", []string{"SIP;cause=488"})
		return
	}
	c.late = nil
	late.to.sendACK(late.req, body)
	late.to.state = legUp
	l.sdp.Commit()
	late.to.sdp.Commit()
	c.connect()
	c.releaseUnused()
}

func (c *Call) lateBody(l, to *Leg, ack *msg.Message) ([]byte, error) {
	desc, err := content.Session(ack)
	if err != nil {
		return nil, err
	}
	if desc == nil {
		return nil, content.ErrNoSession
	}
	if err := l.sdp.Answered(desc); err != nil {
		return nil, err
	}
	return c.answerToward(to, l)
}
