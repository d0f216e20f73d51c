package call

import (
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"gatehouse/b2bua/crossing"
	"gatehouse/b2bua/offer"
	"gatehouse/b2bua/path"
	"gatehouse/b2bua/record"
	"gatehouse/b2bua/verdict"
	"gatehouse/policy/engine"
	"gatehouse/sip/msg"
)

// phase is how far a call has come.
type phase uint8

const (
	// phaseSetup: the initial INVITE has no final response from us yet.
	phaseSetup phase = iota
	// phaseUp: we answered 2xx; both dialogs are confirmed.
	phaseUp
	// phaseOver: the call has ended for its parties; transactions linger.
	phaseOver
)

func (p phase) String() string {
	switch p {
	case phaseSetup:
		return "setup"
	case phaseUp:
		return "up"
	case phaseOver:
		return "over"
	default:
		return "?"
	}
}

// Call is one call: the A leg it came by, and the B leg of the current
// attempt. Earlier attempts live on only as the owners of their transactions.
type Call struct {
	// Number and Slot are the call's identity inside every token it hands out.
	Number uint64
	Slot   uint8

	env      Env
	phase    phase
	decision engine.Decision
	peer     int         // index into decision.Targets of the next peer
	course   path.Course // what is left of the one before
	parts    uint16
	refs     int // client transactions that can still bring something
	byes     int // BYEs of ours without a final response

	a, b *Leg
	in   invitation
	ex   *exchange
	late *lateAnswer

	ring     Timer
	duration Timer
	grace    Timer // of a caller whose connection is gone
	rec      record.Record
	sessions crossing.Sessions
	// failure is the best final response of the attempts so far.
	failure verdict.Failure
}

// invitation is what stays of the initial INVITE until it has its final
// answer; it is emptied then, so that a held call carries none of it.
type invitation struct {
	seq uint32 // CSeq number
	// crossings are what goes out, one for each zone the route leads to.
	crossings crossing.Sets
	user      string // called user, escaped as it goes out
	// service is the whole request URI when that is a service URN.
	service string
	sips    bool // the request URI: every hop must be TLS (RFC 5630 §4)
	// userParam is kept when the request URI said user=phone.
	userParam   bool
	maxForwards int
	// offerless: the INVITE had no offer; it comes in the B side's 2xx.
	offerless bool
	// preview is the SDP the A side saw in a provisional response.
	preview []byte
	arrived time.Time
}

// ID is the call's name in logs, records and the API.
func (c *Call) ID() string { return FormatID(c.Number, c.Slot) }

// logger is the engine's with the call's name. A call logs twice in its life,
// so the child is made when it is needed and not kept.
func (c *Call) logger() *zerolog.Logger {
	l := c.env.Log().With().Str("call", c.ID()).Logger()
	return &l
}

// FormatID writes a call's identity as the API shows it.
func FormatID(number uint64, slot uint8) string { return fmt.Sprintf("%012x%02x", number, slot) }

// Active tells whether the call still counts as one for its parties.
func (c *Call) Active() bool { return c.phase != phaseOver }

// Dialogs counts the dialogs of the call that are not over.
func (c *Call) Dialogs() int {
	n := 0
	for _, l := range [...]*Leg{c.a, c.b} {
		if l != nil && l.state != legOver && l.dlg.RemoteTag != "" {
			n++
		}
	}
	return n
}

// Leg finds the leg a token's part names, nil when the call has none such.
func (c *Call) Leg(part uint16) *Leg {
	for _, l := range [...]*Leg{c.a, c.b} {
		if l != nil && l.part == part {
			return l
		}
	}
	return nil
}

func (c *Call) other(l *Leg) *Leg {
	if l == c.a {
		return c.b
	}
	return c.a
}

// newLeg makes a leg with its identity; parts rise by one per attempt.
func (c *Call) newLeg(role role, peer *engine.Peer) *Leg {
	l := &Leg{call: c, role: role, part: c.parts, peer: peer, zone: peer.Zone}
	c.parts++
	l.sdp = offer.NewLeg(sessionNumber(c.Number, l.part))
	l.answer.timer.Value = TimerRef{Call: c, Leg: l, Kind: TimerAnswer}
	return l
}

// sessionNumber derives the o= session id of a leg: unique, 63 bits at most,
// and telling nothing of the call's other identifiers (RFC 8866 §5.2).
func sessionNumber(number uint64, part uint16) uint64 {
	x := number<<8 ^ uint64(part)
	// The finalizer of splitmix64: a bijection, so distinct stays distinct.
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	x ^= x >> 31
	return x >> 1
}

// settle forgets the call when nothing can come for it any more.
func (c *Call) settle() {
	if c.phase == phaseOver && c.refs == 0 && !c.a.pendingAnswer() && (c.b == nil || !c.b.pendingAnswer()) {
		c.env.Forget(c)
	}
}

// methodsAllowed is what we can do on any leg, for Allow.
const methodsAllowed = "INVITE, ACK, CANCEL, BYE, OPTIONS"

// MethodsAllowed is the value of our Allow header.
func MethodsAllowed() string { return methodsAllowed }

// InDialogMethods tells which methods have a meaning inside a dialog here.
func InDialogMethods(m msg.Method) bool {
	return m == msg.INVITE || m == msg.ACK || m == msg.CANCEL || m == msg.BYE || m == msg.OPTIONS
}
