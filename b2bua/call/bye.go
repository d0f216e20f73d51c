package call

import (
	"gatehouse/b2bua/crossing"
	"gatehouse/b2bua/path"
	"gatehouse/b2bua/record"
	"gatehouse/b2bua/verdict"
	"gatehouse/sip/msg"
)

// Bye takes a BYE on a leg; the shard has answered it 200. The call ends for
// the other side as well, with the Reason the BYE came with
// (RFC 3261 §15.1.2, RFC 3326 §2).
func (c *Call) Bye(l *Leg, m *msg.Message) {
	if l.state == legOver {
		return
	}
	o := c.other(l)
	var why []string
	if o != nil {
		why = crossing.Reasons(m, crossing.FullTrust(l.zone, o.zone))
	}
	c.sessions.Learn(m, l == c.a, nil)
	if c.phase == phaseSetup {
		// BYE on an early dialog by the caller (RFC 3261 §15).
		c.abandon(verdict.Failure{Code: 487, Cause: "caller ended an early dialog", Silent: true}, why, l)
		return
	}
	l.clearAnswer()
	l.state = legOver
	cause := crossing.Q850(why)
	if cause == 0 {
		cause = crossing.CauseNormalClearing
	}
	c.rec.Q850 = cause
	c.endExchange(487)
	if o != nil {
		c.endLeg(o, why)
	}
	c.over("normal clearing", c.partyName(l))
}

// hangup ends a call that is up by our own decision, on both legs.
func (c *Call) hangup(cause string, why []string) {
	if c.phase != phaseUp {
		return
	}
	if n := crossing.Q850(why); n != 0 {
		c.rec.Q850 = n
	}
	c.endExchange(487)
	for _, l := range [...]*Leg{c.a, c.b} {
		c.endLeg(l, why)
	}
	c.over(cause, "gatehouse")
}

// endLeg ends the dialog of a leg the way its state allows: as UAS a BYE must
// wait for the ACK or its 64*T1 (RFC 3261 §15), as UAC a 2xx that waits for an
// answer is acknowledged first.
func (c *Call) endLeg(l *Leg, why []string) {
	switch l.state {
	case legInviting:
		if l.role == roleUAC {
			c.giveUp(l, why)
			l.state = legOver
		}
	case legAnswered:
		if l.role == roleUAS {
			l.byeWanted, l.byeReasons = true, why
			return
		}
		l.endUnacknowledged()
	case legUp:
		if c.late != nil && c.late.to == l {
			l.endUnacknowledged()
			return
		}
		if l.pendingAnswer() {
			l.byeWanted, l.byeReasons = true, why
			return
		}
		l.sendBye(why)
	case legOver:
	}
}

// endUnacknowledged ends a leg whose peer's 2xx still waits for our ACK.
func (l *Leg) endUnacknowledged() {
	late := l.call.late
	if late == nil || late.to != l {
		l.sendBye(nil)
		return
	}
	l.call.late = nil
	l.rejectAndBye(late.req)
}

// sendBye ends the leg's dialog. It counts as over from here, whatever comes.
func (l *Leg) sendBye(why []string) {
	c := l.call
	l.state = legOver
	l.byeWanted = false
	c.refs++ // until the path is known
	c.byes++
	l.locate(func(hops []path.Hop, err error) {
		defer c.settle()
		c.refs--
		if err != nil {
			c.byes--
			c.logger().Warn().Err(err).Msg("cannot reach the target of a BYE")
			return
		}
		headers := make([]crossing.Header, 0, len(why))
		for _, v := range why {
			headers = append(headers, crossing.Header{Name: "Reason", Value: v})
		}
		raw, branch, err := l.buildRequest(hops[0], outgoing{method: msg.BYE, seq: l.dlg.NextSeq(), maxForwards: fullMaxForwards, headers: headers})
		if err != nil {
			c.byes--
			c.logger().Error().Err(err).Msg("cannot build BYE")
			return
		}
		c.transact(&Request{Call: c, Leg: l, Method: msg.BYE, Raw: raw, Branch: branch, Hop: hops[0], More: hops[1:], purpose: purposeBye})
	})
}

// MediaTimeout ends a call that is up and whose media has fallen silent on
// both sides. The relay says so again and again while the silence lasts.
func (c *Call) MediaTimeout() {
	if c.phase != phaseUp {
		return
	}
	c.rec.Verdict = record.VerdictSilent
	c.hangup("media timeout", []string{crossing.Q850Reason(crossing.CauseTimerExpiry)})
}

// Hangup ends the call by the operator's wish, whatever its phase.
func (c *Call) Hangup(cause string) {
	switch c.phase {
	case phaseSetup:
		c.abandon(verdict.Failure{Code: 503, Cause: cause}, nil, nil)
	case phaseUp:
		c.hangup(cause, []string{crossing.Q850Reason(crossing.CauseUnspecified)})
	case phaseOver:
	}
}

// Abort tears a call down after a failure of our own: nothing more is said to
// either side than what its state needs, and every port is freed.
func (c *Call) Abort(cause string) {
	// What broke once may break again on the way down.
	defer c.env.Forget(c)
	defer c.close()
	defer c.over(cause, "gatehouse")
	c.Hangup(cause)
}

// close ends what a call must never keep, whatever state it is in.
func (c *Call) close() {
	for _, l := range [...]*Leg{c.a, c.b} {
		if l != nil {
			c.closeEnd(l)
			c.env.Disarm(&l.answer.timer)
		}
	}
	c.env.Disarm(&c.ring)
	c.env.Disarm(&c.duration)
	c.env.Disarm(&c.grace)
}

// Fire takes a deadline of the call.
func (c *Call) Fire(ref TimerRef) {
	switch ref.Kind {
	case TimerRing:
		c.ringTimeout()
	case TimerDuration:
		c.hangup("longest duration reached", []string{crossing.Q850Reason(crossing.CauseTimerExpiry)})
	case TimerAnswer:
		ref.Leg.answerTimer()
	case TimerFlow:
		c.flowGone()
	}
}

// over closes the books of a call: media freed once, one record, no longer
// active. What is left are transactions.
func (c *Call) over(cause, by string) {
	if c.phase == phaseOver {
		return
	}
	c.phase = phaseOver
	// Also when something below breaks: one record, and no call that counts as
	// active for ever.
	defer func() {
		c.env.Record(&c.rec)
		c.env.Ended(c)
		c.settle()
	}()
	c.env.Disarm(&c.ring)
	c.env.Disarm(&c.duration)
	c.env.Disarm(&c.grace)
	c.late = nil
	c.rec.Close(cause, by, c.env.Now())
	c.rec.SetLegs(c.legRecords())
	c.closeEnd(c.a)
	if c.b != nil {
		c.closeEnd(c.b)
	}
	c.logger().Info().Str("cause", cause).Str("by", by).Int("code", c.rec.Code).Int64("dur_ms", c.rec.DurationMs).Msg("call ended")
}

// Pending counts the BYEs of the call that have no answer yet, those included
// that still wait for an ACK or a path.
func (c *Call) Pending() int {
	n := c.byes
	for _, l := range [...]*Leg{c.a, c.b} {
		if l != nil && l.byeWanted {
			n++
		}
	}
	return n
}

// partyName is the peer a leg stands for, in records.
func (c *Call) partyName(l *Leg) string {
	if l == nil {
		return "gatehouse"
	}
	return l.peer.Name
}
