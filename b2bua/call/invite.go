package call

import (
	"errors"
	"time"

	"gatehouse/b2bua/crossing"
	"gatehouse/b2bua/dialog"
	"gatehouse/media/profile"
	"gatehouse/media/sdp"
	"gatehouse/policy/engine"
	"gatehouse/sip/msg"
	"gatehouse/sip/token"
	"gatehouse/sip/txn"
)

// Invitation is an initial INVITE that was admitted: what a new call is made
// of. Msg is read before New returns and not kept.
type Invitation struct {
	Number   uint64
	Slot     uint8
	Msg      *msg.Message
	Arrival  Hop // our side of where it came by; Dest is where replies go
	Server   *txn.Server
	Head     msg.ReplyHead
	Arrived  time.Time
	Decision engine.Decision
	Offered  bool   // the INVITE has SDP
	User     string // user of the request URI, escaped
	Phone    bool   // the request URI named a telephone number
	// MaxForwards is what the INVITE toward the B side may start with.
	MaxForwards int
}

// New makes the call and its A leg. Nothing is sent before Begin.
func New(env Env, in Invitation) *Call {
	c := &Call{Number: in.Number, Slot: in.Slot, env: env, decision: in.Decision}
	c.ring.Value = TimerRef{Call: c, Kind: TimerRing}
	c.duration.Value = TimerRef{Call: c, Kind: TimerDuration}
	c.in = invitation{seq: in.Msg.CSeq(), user: in.User, userParam: in.Phone, maxForwards: in.MaxForwards, offerless: !in.Offered, arrived: in.Arrived}

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
		c.refuse(mediaFailure(err))
		return
	}
	if offer != nil {
		if err := c.a.sdp.Offered(offer); err != nil {
			c.refuse(offerFailure(err))
			return
		}
		if err := c.reserveAnswer(c.a); err != nil {
			c.refuse(mediaFailure(err))
			return
		}
	}
	c.nextAttempt()
}

// mediaFailure turns a refusal of the media plane into a final response.
func mediaFailure(err error) failure {
	if errors.Is(err, profile.ErrNoPorts) {
		return failure{code: 503, cause: "no media ports"}
	}
	return failure{code: 500, cause: "media: " + err.Error()}
}

// refuse ends a call in setup with a final response to the A side.
func (c *Call) refuse(f failure) {
	if c.phase != phaseSetup {
		return
	}
	c.finalToA(f)
	by := "gatehouse"
	if f.from != 0 && c.b != nil {
		by = c.b.peer.Name
	}
	c.over(f.cause, by)
}

// finalToA answers the initial INVITE with a failure.
func (c *Call) finalToA(f failure) {
	a := c.a
	if a.state != legInviting {
		return
	}
	headers := f.headers
	if !f.silent && crossing.CauseIn(headers) == 0 && f.code >= 400 {
		headers = append(headers, crossing.Header{Name: "Reason", Value: crossing.Q850Reason(crossing.CauseOfStatus(f.received()))})
	}
	a.state = legOver
	raw, err := a.buildReply(&a.head, reply{code: f.code, headers: headers})
	if err != nil {
		c.logger().Error().Err(err).Int("code", f.code).Msg("cannot build response")
		if raw, err = a.buildReply(&a.head, reply{code: f.code}); err != nil {
			return
		}
	}
	c.rec.Final(f.code, crossing.CauseIn(headers), f.cause)
	c.env.Respond(a.server, f.code, raw)
	a.server = nil
}
