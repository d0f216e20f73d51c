package flow

import (
	"net/netip"
	"sync/atomic"

	"gatehouse/media/rtp"
)

// State is what one end's pair of ports receives in one call: counters, receiver arithmetic and the latches. Everything above the line
// is atomic and may be read at any time; what is below belongs to the one packet worker of the pair. A new call gets a new State, so
// nothing of an old call can be seen in it.
type State struct {
	rxPackets atomic.Uint64
	rxBytes   atomic.Uint64
	txPackets atomic.Uint64 // sent from this pair to its peer, by the worker of the other end
	txBytes   atomic.Uint64
	lastRx    atomic.Int64 // worker time of the last accepted packet of any kind; 0 = none
	lost      atomic.Uint64
	jitter    atomic.Uint32 // RTP clock units
	drops     [causes]atomic.Uint32
	learnt    [components]atomic.Pointer[netip.AddrPort]

	held       int64  // worker time of the reservation
	generation uint32 // the anchor's: number of the last one given out

	// Below: the pair's packet worker only.
	receiver rtp.Receiver
	latch    [components]Latch
	bucket   bucket
}

// NewState makes the state of a pair that a call gets at now.
func NewState(now int64) *State { return &State{held: now} }

// NextGeneration gives a new number for Rule.Generation. It is for the writer of the table.
func (s *State) NextGeneration() uint32 {
	s.generation++
	return s.generation
}

// Counters is a copy of a State's counters at one moment.
type Counters struct {
	RxPackets, RxBytes uint64 // media packets accepted from this end's peer; RTCP is not in it
	TxPackets, TxBytes uint64 // media packets sent to this end's peer
	Lost               uint64
	JitterUnits        uint32 // RTP clock units
	LastRx             int64  // worker time of the last accepted packet, RTCP and keep-alives too; 0 = none
	Drops              [CauseCount]uint32
}

// Counters copies the counters.
func (s *State) Counters() Counters {
	c := Counters{
		RxPackets: s.rxPackets.Load(), RxBytes: s.rxBytes.Load(),
		TxPackets: s.txPackets.Load(), TxBytes: s.txBytes.Load(),
		Lost: s.lost.Load(), JitterUnits: s.jitter.Load(), LastRx: s.lastRx.Load(),
	}
	for i := range s.drops {
		c.Drops[i] = s.drops[i].Load()
	}
	return c
}

// LastRx is the worker time of the last packet accepted from the peer, of any kind; 0 when none came.
func (s *State) LastRx() int64 { return s.lastRx.Load() }

// Learnt is the source that the component's packets are taken from; invalid while there is none.
func (s *State) Learnt(c Component) netip.AddrPort {
	if a := s.learnt[c].Load(); a != nil {
		return *a
	}
	return netip.AddrPort{}
}

// Drop counts a packet that was not relayed.
func (s *State) Drop(c Cause) { s.drops[c].Add(1) }

// accept asks the component's latch and publishes the source when it moved, which is the only time a packet costs an allocation.
func (s *State) accept(now int64, c Component, r *Rule, src netip.AddrPort, m Mark) bool {
	l := &s.latch[c]
	if !l.Accept(now, r, src, m) {
		return false
	}
	if p := s.learnt[c].Load(); !l.former && (p == nil || *p != l.source) {
		learnt := l.source
		s.learnt[c].Store(&learnt)
	}
	s.lastRx.Store(now)
	return true
}

// Forget withdraws what was learnt about the peer's address, because it signalled another; the next accepted packet teaches it again.
// It may be called at any time.
func (s *State) Forget() {
	for c := range s.learnt {
		s.learnt[c].Store(nil)
	}
}

// bucket is a token bucket that holds DatagramBurst packets. The zero value is full.
type bucket struct {
	debt int64 // nanoseconds of sending not yet paid off
	last int64
}

func (b *bucket) take(now int64) bool {
	const cost = int64(1e9) / DatagramsPerSecond
	b.debt = max(0, b.debt-(now-b.last))
	b.last = now
	if b.debt+cost > cost*DatagramBurst {
		return false
	}
	b.debt += cost
	return true
}
