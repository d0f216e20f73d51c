package call

import (
	"time"

	"gatehouse/b2bua/dialog"
	"gatehouse/b2bua/offer"
	"gatehouse/b2bua/path"
	"gatehouse/media/profile"
	"gatehouse/policy/engine"
	"gatehouse/sip/msg"
	"gatehouse/sip/token"
	"gatehouse/sip/transport"
	"gatehouse/sip/txn"
)

// role says which end of its dialog a leg was born as.
type role uint8

const (
	roleUAS role = iota // the call came in here
	roleUAC             // we placed the call
)

// legState is the life of a leg.
type legState uint8

const (
	// legInviting: INVITE without final response.
	legInviting legState = iota
	// legAnswered: UAS, our 2xx has no ACK yet; UAC, their 2xx has no ACK of
	// ours yet (it waits for the other side's answer).
	legAnswered
	// legUp: the dialog is confirmed and acknowledged.
	legUp
	// legOver: ended by BYE or by a final response.
	legOver
)

func (s legState) String() string {
	switch s {
	case legInviting:
		return "inviting"
	case legAnswered:
		return "answered"
	case legUp:
		return "up"
	case legOver:
		return "over"
	default:
		return "?"
	}
}

// Leg is our end of one dialog.
type Leg struct {
	call  *Call
	role  role
	state legState
	part  uint16
	peer  *engine.Peer
	zone  *engine.Zone
	dlg   dialog.Dialog
	// hop is the path the leg was set up by: what it shows of us.
	hop path.Hop
	// sips: the dialog is one of sips URIs, and no request of it may leave on
	// clear text (RFC 5630 §5.1).
	sips bool
	// flow is the connection the leg's peer opened to us, the latest one.
	// callable: the peer can be reached without it.
	flow     *transport.Conn
	callable bool
	contact  string // our Contact value, without brackets
	sdp      *offer.Leg
	end      profile.EndID
	hasEnd   bool
	lines    int // m-lines that may hold ports

	// server is the INVITE from this leg's peer that we have not answered
	// finally, with what its responses repeat.
	server *txn.Server
	head   msg.ReplyHead
	routes []string // Record-Route lines for dialog-forming responses
	// answer is our 2xx until its ACK.
	answer answerWait

	// invite is our INVITE toward this leg's peer that has no final response.
	invite *Request
	// ack is the last ACK of ours, while its 2xx can come again.
	ack *Request
	// of is the address of the peer that the attempt is at, sent the hop its
	// INVITE went to.
	of   *engine.Target
	sent path.Hop

	// byeWanted: the leg is to end as soon as an ACK allows a BYE.
	byeWanted  bool
	byeReasons []string
	preview    []byte // what the A side was answered on behalf of this leg
	ringing    bool   // the leg's peer has sent a provisional above 100
	recorded   bool   // the attempt stands in the record
	started    time.Time
}

// answerWait repeats a 2xx of ours until the ACK comes (RFC 3261 §13.3.1.4).
type answerWait struct {
	raw      []byte
	server   *txn.Server
	seq      uint32
	interval time.Duration
	deadline time.Time
	timer    Timer
}

// pendingAnswer tells whether a 2xx of ours still waits for its ACK.
func (l *Leg) pendingAnswer() bool { return l.answer.raw != nil }

// Dialog tells whether a request that came in a zone belongs to this leg's
// dialog. Identifiers seen on one side of the border are worth nothing on the
// other.
func (l *Leg) Dialog(m *msg.Message, zone string) bool {
	return l.zone.Name == zone && l.dlg.Matches(m)
}

// mint makes an identifier of this leg.
func (l *Leg) mint(k token.Kind) string {
	return l.call.env.Mint(k, l.call.Number, l.call.Slot, l.part)
}

// setHop fixes the path the leg uses and the Contact it shows there.
func (l *Leg) setHop(h path.Hop) {
	l.hop = h
	l.contact = h.Contact(l.mint(token.Contact), l.sips)
}

// Call gives the call the leg is part of.
func (l *Leg) Call() *Call { return l.call }

// Accept checks the CSeq of a new request in the leg's dialog; false wants 500
// (RFC 3261 §12.2.2).
func (l *Leg) Accept(seq uint32) bool { return l.dlg.Accept(seq) == dialog.SeqNew }

// Part is the leg's number inside the tokens of its call.
func (l *Leg) Part() uint16 { return l.part }

// Over tells whether the leg has ended.
func (l *Leg) Over() bool { return l.state == legOver }

// LocalTag is the tag we gave the leg's dialog.
func (l *Leg) LocalTag() string { return l.dlg.LocalTag }
