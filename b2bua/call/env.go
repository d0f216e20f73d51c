// Package call is one call crossing the border: two legs, each the end of an
// independent dialog, the exchanges that relate them, and the media between.
// Every message of a leg is built from the leg's own state plus what the
// crossing table lets through; nothing is copied wholesale.
//
// A call belongs to one shard of package b2bua and is touched by that shard's
// goroutine alone, so there is no lock here. Whatever it wants done outside
// itself goes through Env, which the shard implements; nothing here blocks,
// reads a clock or owns a goroutine.
package call

import (
	"time"

	"github.com/rs/zerolog"

	"gatehouse/b2bua/path"
	"gatehouse/b2bua/record"
	"gatehouse/media/profile"
	"gatehouse/sip/msg"
	"gatehouse/sip/timer"
	"gatehouse/sip/token"
	"gatehouse/sip/txn"
	"gatehouse/sip/uri"
)

// MediaPlane is what a call asks of the relay. Its methods are quick, never
// block and may be called from any shard.
type MediaPlane interface {
	// Open makes one side of a call's media in a zone; nothing is bound yet.
	// The owner comes back when the media of its ends times out.
	Open(owner uint64, zone string) (profile.EndID, error)
	// Reserve gives the local addresses of stream i, the same ones each time
	// for one family. profile.ErrNoPorts when the pool is empty.
	Reserve(e profile.EndID, stream int, f profile.Family) (profile.Local, error)
	// Release gives up the ports of a stream that was removed for good.
	Release(e profile.EndID, stream int)
	// Connect replaces the flows between two ends; the index is the m-line.
	Connect(a, b profile.EndID, streams []profile.Stream)
	// Stats counts what came from this end's peer and went to it.
	Stats(e profile.EndID, stream int) profile.Stats
	// Close frees every port of the end; a second call does nothing.
	Close(e profile.EndID)
}

// Where is the question of Env.Locate: how a URI is reached from a zone.
type Where struct {
	// Call is who asks: it ends when what it does with the answer breaks.
	Call *Call
	Zone string
	// Peer is who is expected there, for the TLS settings.
	Peer string
	URI  uri.URI
	// Secure: only TLS will do, because the dialog or the request is sips.
	Secure bool
	// Urgent: also targets that want to be left alone are tried.
	Urgent bool
	// Identity is the domain the other side of the dialog proved to be of, if it
	// did (RFC 5922 §7.1).
	Identity string
	// Last is the path a dialog has already, not set outside of one. It is kept
	// when the URI cannot be reached, its listener serves when a reload left the
	// zone without, and shows the host it has shown.
	Last path.Hop
}

// Timer is one deadline of a call in its shard's heap.
type Timer = timer.Entry[TimerRef]

// TimerRef says whose deadline passed and which.
type TimerRef struct {
	Call *Call
	Leg  *Leg
	Kind TimerKind
}

// Env is the shard a call lives on. All methods run on the shard's goroutine,
// and none calls back into the call before it returns, except Locate for
// addresses that need no lookup.
type Env interface {
	// Now is the time of the event being handled.
	Now() time.Time
	Log() *zerolog.Logger
	Media() MediaPlane
	// Timers are the transaction timers in force.
	Timers() txn.Timers
	// Mint makes an identifier of this call for one of its legs.
	Mint(kind token.Kind, number uint64, slot uint8, part uint16) string
	// Branch makes a fresh Via branch for a leg.
	Branch(number uint64, slot uint8, part uint16) string
	// Builder is the shard's message writer, reset.
	Builder() *msg.Builder
	// Locate finds where a URI is reached: at least one hop, in the order they
	// are to be tried, or an error. done runs on the shard, at once when the host
	// is a literal address or already resolved.
	Locate(w Where, done func([]path.Hop, error))
	// Transact starts the client transaction of r and sets r.Client. A request
	// too large for its hop goes by another, with the first one behind it in
	// r.More (RFC 3261 §18.1.1).
	Transact(r *Request)
	// Heard tells of a response to r, and whether it is the first thing its
	// target says; Unheard that none came: the code is 408 or 503.
	Heard(r *Request, m *msg.Message, first bool)
	Unheard(r *Request, code int)
	// Cancel sends CANCEL for r's INVITE with extra header lines.
	Cancel(r *Request, extra []string)
	// SendACK sends an ACK for a 2xx, outside any transaction, by the hop its size
	// asks for, as Transact does.
	SendACK(r *Request)
	// Reroute makes r ready for another hop, with a branch of its own.
	Reroute(r *Request, h path.Hop) error
	// Respond answers in a server transaction.
	Respond(s *txn.Server, code int, raw []byte)
	// Arm sets or moves a timer; Disarm stops it.
	Arm(t *Timer, at time.Time)
	Disarm(t *Timer)
	// Record takes the finished record of the call, once.
	Record(r *record.Record)
	// Ended tells that the call is over for its parties, once: it no longer
	// counts as active. Forget tells that nothing of it can come any more.
	Ended(c *Call)
	Forget(c *Call)
	// UUID makes a random Session-ID UUID: 32 lower-case hex digits.
	UUID() string
	// SetupDelay reports the time from the INVITE in to the INVITE out.
	SetupDelay(d time.Duration)
}

// Request is one request of a call: a client transaction, or the ACK of a 2xx.
type Request struct {
	Leg    *Leg
	Call   *Call
	Method msg.Method
	Raw    []byte
	Branch string
	Hop    path.Hop
	// More are the hops to be tried next, in order, while nobody has answered:
	// each in a transaction of its own (RFC 3263 §4.3).
	More []path.Hop
	// Moved: Hop is not the one that was asked for but a stream to the same
	// target, because of the size.
	Moved bool
	// Client is set once the transaction has started.
	Client *txn.Client

	purpose purpose
	heard   bool   // a response has come
	seq     uint32 // CSeq number
	// offerless: an INVITE without SDP; its 2xx makes the offer.
	offerless bool
	// acks are those of the 2xx to an INVITE, one for each dialog it made.
	acks []*acknowledgement
	// cancelled: the CANCEL is wanted, and goes out with the first
	// provisional response (RFC 3261 §9.1). cancelSent: it has gone.
	cancelled  bool
	cancelSent bool
	reason     []string
}

// purpose is what a request of ours is for.
type purpose uint8

const (
	purposeInvite purpose = iota
	purposeReinvite
	purposeBye
	purposeACK
)

// TimerKind names a deadline of a call.
type TimerKind uint8

// The deadlines of a call and its legs.
const (
	// TimerRing gives up an attempt that is not answered (Timer C).
	TimerRing TimerKind = iota
	// TimerDuration ends a call at its longest allowed length.
	TimerDuration
	// TimerAnswer repeats our 2xx until its ACK (RFC 3261 §13.3.1.4).
	TimerAnswer
	// TimerFlow gives up a caller whose connection is gone.
	TimerFlow
)
