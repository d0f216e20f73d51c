package call

import (
	"errors"

	"gatehouse/b2bua/path"
	"gatehouse/b2bua/verdict"
	"gatehouse/sip/msg"
	"gatehouse/sip/uri"
)

// errFlowGone says that a dialog has no way to its peer until that comes back.
var errFlowGone = errors.New("the connection the dialog lives on is gone")

// locate finds where the next request of the leg's dialog goes: the first of
// its routes, else the remote target (RFC 3261 §12.2.1.1).
//
// A dialog that came over an accepted WebSocket lives on that connection,
// whatever its Contact says (RFC 7118 §5): nobody could open one to a browser.
func (l *Leg) locate(done func([]path.Hop, error)) {
	if l.flow != nil && l.flow.Proto().WebSocket() {
		if !l.flow.Open() {
			done(nil, errFlowGone)
			return
		}
		done([]path.Hop{l.hop}, nil)
		return
	}
	u, err := uri.Parse(l.dlg.NextHop())
	if err != nil {
		done(nil, err)
		return
	}
	w := Where{Call: l.call, Zone: l.zone.Name, Peer: l.peer.Name, URI: u, Secure: l.sips, Last: l.hop}
	if l.flow != nil {
		if ids := l.flow.Identities(); len(ids) > 0 {
			w.Identity = ids[0]
		}
	}
	l.call.env.Locate(w, done)
}

// transact starts a client transaction and keeps the call alive for it.
func (c *Call) transact(r *Request) {
	c.refs++
	c.env.Transact(r)
	if r.purpose == purposeInvite {
		r.Leg.sent = r.Hop
	}
}

// elsewhere sends a request that nobody has answered to its next hop. It is the
// same request, so whoever has got it after all takes it for a second way of
// one that he knows (RFC 3263 §4.3).
func (c *Call) elsewhere(r *Request) bool {
	if r.heard || r.cancelled || len(r.More) == 0 {
		return false
	}
	next := r.More[0]
	r.More = r.More[1:]
	if err := c.env.Reroute(r, next); err != nil {
		c.logger().Error().Err(err).Stringer("method", r.Method).Msg("request cannot be sent elsewhere")
		return false
	}
	if r.purpose == purposeACK {
		c.env.SendACK(r)
	} else {
		c.transact(r)
	}
	return true
}

// Response takes a response to a request of ours.
func (c *Call) Response(r *Request, m *msg.Message) {
	first := !r.heard
	r.heard, r.Raw, r.More = true, nil, nil
	c.env.Heard(r, m, first)
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
	case purposeACK: // has no response
	}
}

// Failed takes the end of a transaction that brought no final response:
// code is 408 for a timeout and 503 for a transport error
// (RFC 3261 §8.1.3.1).
func (c *Call) Failed(r *Request, code int) {
	if !r.heard {
		c.env.Unheard(r, code)
	}
	if c.elsewhere(r) {
		return
	}
	switch r.purpose {
	case purposeInvite:
		c.inviteFailed(r, code)
	case purposeReinvite:
		c.reinviteFailed(r, code)
	case purposeBye:
		c.byes--
	case purposeACK: // the next repeat of the 2xx brings it again
	}
}

// inviteFailed ends an attempt whose INVITE brought no final response.
func (c *Call) inviteFailed(r *Request, code int) {
	if r.Leg.invite != r {
		return
	}
	r.Leg.invite = nil
	f := verdict.Unanswered()
	if code == 503 {
		f = verdict.Unreachable("transport error", r.Leg.sips)
	}
	c.attemptFailed(r.Leg, f)
}

// ACKFailed takes the news that the ACK with this branch could not be sent.
func (c *Call) ACKFailed(branch string) {
	for _, l := range [...]*Leg{c.a, c.b} {
		if l != nil && l.ack != nil && l.ack.Branch == branch {
			c.Failed(l.ack, 503)
			return
		}
	}
}

// TransactionOver tells that nothing more can come of r.
func (c *Call) TransactionOver(r *Request) {
	for _, a := range r.acks {
		if a.leg.ack == a.req {
			a.leg.ack = nil
		}
	}
	c.refs--
	c.settle()
}
