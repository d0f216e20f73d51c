package call

import (
	"gatehouse/b2bua/content"
	"gatehouse/b2bua/offer"
	"gatehouse/b2bua/path"
	"gatehouse/sip/msg"
)

// acknowledgement is the ACK of one 2xx to an INVITE of ours. The INVITE's
// transaction holds it as long as repeats of the 2xx can come
// (RFC 6026 §7.2).
type acknowledgement struct {
	leg  *Leg     // the dialog the 2xx made
	tag  string   // of the 2xx: each fork has its own ACK
	body []byte   // SDP
	req  *Request // nil until the path is known
	// locating: the path is being looked up.
	locating bool
}

// sendACK sends the ACK of the 2xx of r that made this dialog: outside any
// transaction, own branch, the dialog's target and routes, the INVITE's number
// (RFC 3261 §13.2.2.4).
func (l *Leg) sendACK(r *Request, body []byte) {
	a := &acknowledgement{leg: l, tag: l.dlg.RemoteTag, body: body}
	r.acks = append(r.acks, a)
	a.send(r.seq)
}

func (a *acknowledgement) send(seq uint32) {
	l, env := a.leg, a.leg.call.env
	switch {
	case a.req != nil:
		env.SendACK(a.req)
		return
	case a.locating:
		return
	}
	a.locating = true
	l.locate(func(hops []path.Hop, err error) {
		a.locating = false
		if err != nil {
			l.call.logger().Warn().Err(err).Msg("cannot reach the target of an ACK")
			return
		}
		raw, branch, err := l.buildRequest(hops[0], outgoing{method: msg.ACK, seq: seq, maxForwards: fullMaxForwards, body: a.body})
		if err != nil {
			l.call.logger().Error().Err(err).Msg("cannot build ACK")
			return
		}
		a.req = &Request{Call: l.call, Leg: l, Method: msg.ACK, Raw: raw, Branch: branch, Hop: hops[0], More: hops[1:], purpose: purposeACK, seq: seq}
		l.ack = a.req
		env.SendACK(a.req)
	})
}

// repeatACK answers a repeated 2xx with the ACK it got before, and tells
// whether the 2xx was one. A 2xx whose ACK waits to carry an answer is
// repeated as well.
func (c *Call) repeatACK(r *Request, m *msg.Message) bool {
	tag := string(m.ToTag())
	for _, a := range r.acks {
		if a.tag == tag {
			a.send(r.seq)
			return true
		}
	}
	return c.late != nil && c.late.req == r && tag == r.Leg.dlg.RemoteTag
}

// endFork acknowledges and ends a dialog nobody wants: the 2xx of another
// fork, or one that crossed our CANCEL.
func (l *Leg) endFork(r *Request, m *msg.Message) {
	f := &Leg{call: l.call, role: l.role, part: l.part, peer: l.peer, zone: l.zone, hop: l.hop, contact: l.contact, sips: l.sips, flow: l.flow,
		dlg: l.dlg, state: legAnswered}
	f.sdp = offer.NewLeg(sessionNumber(l.call.Number, l.part+uint16(len(r.acks)+1)<<8))
	f.dlg.SetLocalSeq(r.seq)
	f.confirm(m)
	f.refuseAndBye(r, m)
}

// refuseAndBye acknowledges a 2xx and ends its dialog.
func (l *Leg) refuseAndBye(r *Request, m *msg.Message) {
	l.takeUnwanted(r, m)
	l.rejectAndBye(r)
}

// takeUnwanted notes the offer that a 2xx to a request without one makes, so
// that it can be rejected.
func (l *Leg) takeUnwanted(r *Request, m *msg.Message) {
	if !r.offerless || l.sdp.Open() {
		return
	}
	if desc, err := content.Session(m); err == nil && desc != nil {
		if err := l.sdp.Offered(desc); err != nil {
			l.call.logger().Debug().Err(err).Msg("offer of an unwanted 2xx")
		}
	}
}

// sendRejection acknowledges the 2xx of r. When that made an offer nobody
// answered, the ACK must carry an answer: one that takes nothing
// (RFC 3261 §13.2.2.4).
func (l *Leg) sendRejection(r *Request) {
	var body []byte
	if _, theirs := l.sdp.OfferPending(); theirs {
		if b, err := l.sdp.BuildRejection(); err == nil {
			body = b
		}
	}
	l.sendACK(r, body)
}

// rejectAndBye acknowledges the 2xx of r and ends the dialog.
func (l *Leg) rejectAndBye(r *Request) {
	l.sendRejection(r)
	l.state = legUp
	l.sendBye(nil)
}
