package call

import (
	"gatehouse/b2bua/crossing"
	"gatehouse/b2bua/verdict"
	"gatehouse/sip/msg"
	"gatehouse/sip/txn"
)

// Cancel takes a CANCEL for the INVITE that came in on leg l; the shard has
// answered the CANCEL itself. An initial INVITE ends with 487 at once, without
// waiting for the B side (RFC 3261 §9.2).
func (c *Call) Cancel(l *Leg, server *txn.Server, cancel *msg.Message) {
	if ex := c.ex; ex != nil && ex.server == server {
		c.cancelExchange(ex, 487)
		return
	}
	if l != c.a || c.phase != phaseSetup || c.a.server != server {
		return
	}
	var why []string
	if c.b != nil {
		why = crossing.Reasons(cancel, crossing.FullTrust(c.a.zone, c.b.zone))
	}
	c.abandon(verdict.Failure{Code: 487, Cause: "cancelled", Silent: true}, why, c.a)
}

// abandon ends a call in setup from the A side or by our own decision: final
// response to A, CANCEL to the pending attempt.
func (c *Call) abandon(f verdict.Failure, why []string, by *Leg) {
	l := c.b
	c.finalToA(f)
	if l != nil && l.state == legInviting {
		c.giveUp(l, why)
		l.state = legOver
		c.recordAttempt(l, 487)
	}
	c.over(f.Cause, c.partyName(by))
}

// giveUp cancels the INVITE of an attempt.
func (c *Call) giveUp(l *Leg, why []string) {
	if l.invite != nil {
		c.stop(l.invite, why)
	}
}

// stop cancels an INVITE. The CANCEL waits for a provisional response and is
// not sent at all when none comes (RFC 3261 §9.1).
func (c *Call) stop(r *Request, why []string) {
	if r.cancelled {
		return
	}
	r.cancelled, r.reason = true, why
	if r.Client != nil && r.Client.GotProvisional() {
		c.sendCancel(r)
	}
}

func (c *Call) sendCancel(r *Request) {
	if r.cancelSent {
		return
	}
	r.cancelSent = true
	extra := make([]string, 0, len(r.reason))
	for _, v := range r.reason {
		extra = append(extra, "Reason: "+v)
	}
	c.env.Cancel(r, extra)
}
