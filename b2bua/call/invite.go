package call

import (
	"time"

	"gatehouse/b2bua/crossing"
	"gatehouse/b2bua/dialog"
	"gatehouse/b2bua/path"
	"gatehouse/b2bua/verdict"
	"gatehouse/media/sdp"
	"gatehouse/policy/engine"
	"gatehouse/sip/msg"
	"gatehouse/sip/token"
	"gatehouse/sip/transport"
	"gatehouse/sip/txn"
)

// Invitation is an initial INVITE that was admitted: what a new call is made
// of. Msg is read before New returns and not kept.
type Invitation struct {
	Number   uint64
	Slot     uint8
	Msg      *msg.Message
	Arrival  path.Hop // our side of where it came by; Dest is where replies go
	Server   *txn.Server
	Head     msg.ReplyHead
	Arrived  time.Time
	Decision engine.Decision
	Offered  bool   // the INVITE has SDP
	User     string // user of the request URI, escaped
	Phone    bool   // the request URI named a telephone number
	// Service is the request URI when that is a service URN, else empty.
	Service string
	// SIPS: the caller's dialog is one of sips URIs (RFC 3261 §12.1.1). ToSIPS:
	// the request URI is one, so that the other side's has to be as well.
	SIPS, ToSIPS bool
	// Flow is the connection the INVITE came by, if the caller opened one;
	// Callable: the caller can be reached without it.
	Flow     *transport.Conn
	Callable bool
	// MaxForwards is what the INVITE toward the B side may start with.
	MaxForwards int
}

// New makes the call and its A leg. Nothing is sent before Begin.
func New(env Env, in Invitation) *Call {
	c := &Call{Number: in.Number, Slot: in.Slot, env: env, decision: in.Decision}
	c.ring.Value = TimerRef{Call: c, Kind: TimerRing}
	c.grace.Value = TimerRef{Call: c, Kind: TimerFlow}
	c.duration.Value = TimerRef{Call: c, Kind: TimerDuration}
	c.in = invitation{seq: in.Msg.CSeq(), user: in.User, service: in.Service, sips: in.ToSIPS, userParam: in.Phone, maxForwards: in.MaxForwards, offerless: !in.Offered, arrived: in.Arrived}

	a := c.newLeg(roleUAS, in.Decision.From)
	c.a = a
	m := in.Msg
	a.server, a.head, a.started = in.Server, in.Head, in.Arrived
	in.Server.Owner = a
	a.dlg.CallID = string(m.CallID())
	a.dlg.LocalTag = a.mint(token.Tag)
	a.dlg.RemoteTag = string(m.FromTag())
	a.dlg.RemoteParty = crossing.Bare(m.From())
	a.dlg.LocalParty = crossing.Bare(m.To())
	a.dlg.UpdateTarget(m)
	a.dlg.Accept(m.CSeq())
	a.dlg.RouteSet = dialog.RouteSetUAS(m)
	for rr := range m.Lines(msg.HeaderRecordRoute) {
		a.routes = append(a.routes, string(rr))
	}
	a.sips, a.flow, a.callable = in.SIPS, in.Flow, in.Callable
	a.setHop(in.Arrival)
	c.sessions.Learn(m, true, env.UUID)
	c.beginRecord(in)
	c.in.crossings = crossing.CollectEach(m, a.zone, in.Decision.Targets)
	return c
}

// Begin opens the A side's media and places the first attempt. offer is the
// SDP of the INVITE, nil when it has none.
func (c *Call) Begin(offer *sdp.Session) {
	c.logger().Info().Str("peer", c.a.peer.Name).Str("route", c.decision.Route).Msg("call started")
	if err := c.openEnd(c.a); err != nil {
		c.refuse(verdict.OfMedia(err))
		return
	}
	if offer != nil {
		if err := c.a.sdp.Offered(offer); err != nil {
			c.refuse(verdict.OfOffer(err))
			return
		}
		if err := c.reserveAnswer(c.a); err != nil {
			c.refuse(verdict.OfMedia(err))
			return
		}
	}
	c.nextAttempt()
}

// refuse ends a call in setup with a final response to the A side.
func (c *Call) refuse(f verdict.Failure) {
	if c.phase != phaseSetup {
		return
	}
	c.finalToA(f)
	by := "gatehouse"
	if f.From != 0 && c.b != nil {
		by = c.b.peer.Name
	}
	c.over(f.Cause, by)
}

// finalToA answers the initial INVITE with a failure.
func (c *Call) finalToA(f verdict.Failure) {
	a := c.a
	if a.state != legInviting {
		return
	}
	headers := f.Headers
	if !f.Silent && crossing.CauseIn(headers) == 0 && f.Code >= 400 {
		headers = append(headers, crossing.Header{Name: "Reason", Value: crossing.Q850Reason(crossing.CauseOfStatus(f.Received()))})
	}
	a.state = legOver
	raw, err := a.buildReply(&a.head, reply{code: f.Code, headers: headers})
	if err != nil {
		c.logger().Error().Err(err).Int("code", f.Code).Msg("cannot build response")
		if raw, err = a.buildReply(&a.head, reply{code: f.Code}); err != nil {
			return
		}
	}
	c.rec.Final(f.Code, crossing.CauseIn(headers), f.Cause)
	c.env.Respond(a.server, f.Code, raw)
	a.server = nil
}
