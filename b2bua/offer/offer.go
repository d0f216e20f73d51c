// Package offer owns the offer/answer state (RFC 3264, RFC 6337) of one leg and builds every session description we
// send on it.
//
// A Leg is the SDP side of one dialog (one early dialog per fork: Clone). It holds our o= identity and version, what we
// last sent, what the peer last said, the m-line slots and the payload type numbers for life. Nothing is ever copied
// from leg to leg as text: a body is made from the far leg's model by a list of what may cross.
//
// An exchange runs like this; a is the leg the offer came from, b the far one, roles are symmetrical:
//
//	a.Offered(sdp)                      // the peer's offer: INVITE, re-INVITE, UPDATE, or a 2xx to our offerless INVITE
//	a.OfferedLines()                    // what the answer may need at most, to be sure of it before anybody is asked
//	need := b.OfferLines(a)             // per m-line: relay it? RTP or datagram? which address family?
//	body, err := b.BuildOffer(a, local) // local[i] = our address for m-line i; the zero Address refuses the line
//	b.Answered(sdp)                     // the peer's answer; may be called again with a later one (18x, then 2xx)
//	need = a.AnswerLines(b)
//	body, err := a.BuildAnswer(b, local)// may be called again; the body and its version change only with the content
//	a.Commit(); b.Commit()              // the exchange is over and stands (2xx sent or received)
//	streams := offer.Streams(a, b)      // any time after: what the relay has to do
//
// A refused or abandoned exchange: Rollback on every leg that took part restores what stood before it; version numbers
// are never reused and payload type numbers never rebound. While an exchange is open Streams gives the new state of a
// leg as soon as it was answered (early media), the old one before.
//
//   - Refusing the peer's offer: build nothing, a.Rollback(). An offer that came in a response cannot be refused:
//     a.BuildRejection() gives a valid answer with every port zero (B111).
//   - Delayed offer (B077): the INVITE to b has no body; b's 2xx goes to b.Offered, a.BuildOffer(b, ..) makes the 2xx
//     to a, a's ACK goes to a.Answered, b.BuildAnswer(a, ..) makes the ACK to b.
//   - Repeats (refresh, reliable retransmission): Sent() is the last body of the standing state.
//   - A second attempt or a transfer target is a new Leg: BuildOffer(a, ..) works as long as a has an SDP of its peer.
//   - One unchanged answer toward a with media switched behind it: do not build, just call Streams(a, otherB).
//
// Refusals are *Refusal (488 with a Warning code). ErrBadAnswer is the peer's fault, ErrOrder the caller's.
//
// It is pure: no clock, no I/O, no lock; one shard loop owns both legs. b2bua/call is the caller.
package offer

import (
	"net/netip"

	"gatehouse/media/profile"
)

// Address is the local address to advertise for one m-line, the advertised (1:1 NAT) address already applied. RTCP may
// be left zero: RTP's port plus one. It converts from profile.Local.
type Address struct {
	RTP, RTCP netip.AddrPort
}

// Line says what one m-line needs of the media plane.
type Line struct {
	Relay  bool           // false: our line has port zero and needs no address
	Kind   profile.Kind   // Off when not relayed
	Family profile.Family // Any until the peer has shown an address
}
