package flow

import (
	"net/netip"
	"sync/atomic"

	"gatehouse/media/profile"
)

// Entry is the flow from one end's pair of ports to another: what may come in and where it goes. It is immutable: the anchor
// makes a new one for each change and swaps it into the slot.
type Entry struct {
	Kind       profile.Kind
	MuxIn      bool // RTCP is expected on the RTP port, told apart by RFC 5761 §4
	MuxOut     bool // RTCP leaves from the RTP port
	Follow     bool // the other peer is behind NAT: packets go to where its own come from
	Open       bool // this peer is behind NAT, see Rule.Open
	Generation uint32
	ClockHz    uint32

	PT       *profile.PTMap // nil passes every payload type
	FormerPT *profile.PTMap // what the previous offer/answer allowed, until FormerTill
	// FormerTill is worker time.
	FormerTill int64

	State     *State // of the receiving pair
	Peer      uint32 // slot that packets leave from
	PeerState *State

	Signalled [components]netip.AddrPort // sources, by the port they send to
	Dest      [components]netip.AddrPort // where RTP and RTCP go; invalid: nowhere
	// Refused says that Dest was cleared because such an address is never sent to.
	Refused bool
}

// Supersede takes over from the entry before it what outlives an offer/answer: payload types that were allowed until now are for PayloadGrace
// (RFC 3264 §8.3.2).
func (e *Entry) Supersede(before *Entry, now int64) {
	if before.Kind != profile.RTP || e.Kind != profile.RTP {
		return
	}
	if before.PT == e.PT || before.PT != nil && e.PT != nil && *before.PT == *e.PT {
		e.PT, e.FormerPT, e.FormerTill = before.PT, before.FormerPT, before.FormerTill
		return
	}
	e.FormerPT, e.FormerTill = before.PT, now+int64(PayloadGrace)
}

// Rest is what a pair of ports remembers while no call has it: who was heard in the last one.
type Rest struct {
	Heard [components]netip.Addr
	Since int64 // worker time the call ended
	late  atomic.Int64
}

// LastLate is the worker time of the last packet that the last call's peer sent; 0 when none came.
func (r *Rest) LastLate() int64 { return r.late.Load() }

// Slot is one pair of ports in the table that packet workers read. The anchor alone calls Idle, Hold and Connect; Forward is for the pair's
// own worker. The zero value drops everything.
type Slot struct {
	entry  atomic.Pointer[Entry]
	rest   atomic.Pointer[Rest]
	strays atomic.Uint64

	// Below: the pair's packet worker only.
	recent [straySlots]stray
}

type stray struct {
	from netip.Addr
	at   int64
}

// Idle says that no call has the pair. rest may be empty but not nil.
func (s *Slot) Idle(rest *Rest) {
	s.rest.Store(rest)
	s.entry.Store(nil)
}

// Hold says that a call has the pair, though no flow yet.
func (s *Slot) Hold() {
	s.entry.Store(nil)
	s.rest.Store(nil)
}

// Connect sets the flow of packets that arrive at the pair; nil drops them.
func (s *Slot) Connect(e *Entry) { s.entry.Store(e) }

// Entry is the present flow, or nil.
func (s *Slot) Entry() *Entry { return s.entry.Load() }

// Resting is what Idle was given, nil while a call has the pair.
func (s *Slot) Resting() *Rest { return s.rest.Load() }

// Strays counts packets that came while no flow was there, stragglers of finished calls included.
func (s *Slot) Strays() uint64 { return s.strays.Load() }

// idle handles a packet that no flow takes.
func (s *Slot) idle(now int64, c Component, src netip.Addr) Cause {
	s.strays.Add(1)
	rest := s.rest.Load()
	if rest == nil {
		return Stray
	}
	if rest.Heard[c] == src || rest.Heard[RTP] == src {
		rest.late.Store(now)
		return Late
	}
	oldest := &s.recent[0]
	for i := range s.recent {
		r := &s.recent[i]
		if r.from == src {
			r.at = now
			return Stray
		}
		if r.at < oldest.at {
			oldest = r
		}
	}
	*oldest = stray{src, now}
	return Stray
}

// tainted says that src sent to the pair shortly before a call got it: no peer of the call could know the port then.
func (s *Slot) tainted(held int64, src netip.Addr) bool {
	for i := range s.recent {
		if r := &s.recent[i]; r.from == src && held-r.at < int64(TaintWindow) {
			return true
		}
	}
	return false
}
