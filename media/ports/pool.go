// Package ports hands out pairs of media ports of one address: an even port for RTP and the next one for RTCP (RFC 3550 §11).
//
// A Pool is bookkeeping only: it opens no socket, has no clock (now is an argument), no goroutine and no lock; media/anchor owns each pool
// and serializes its calls. A pair goes free -> drawn -> warm (bound, waiting) -> busy -> resting (still bound, its late packets are dropped)
// -> warm again or free. Resting is at least Quarantine, first in first out, and longer while warmer pairs are left. A pair never has
// two holders: a call that does not fit the pair's state is an error and changes nothing.
package ports

import (
	"errors"
	"fmt"
	"math/bits"
	"time"
)

// errState is a broken invariant of the caller: a pair was moved from a state it is not in.
var errState = errors.New("port pair is not in that state")

// Pair names one pair of a pool by its position.
type Pair uint16

type state uint8

const (
	free    state = iota
	drawn         // taken out to be bound
	warm          // bound, waiting for a call
	busy          // held by a call
	resting       // bound, call gone
	blocked       // could not be bound
	states
)

func (s state) String() string {
	switch s {
	case free:
		return "free"
	case drawn:
		return "drawn"
	case warm:
		return "warm"
	case busy:
		return "busy"
	case resting:
		return "resting"
	case blocked:
		return "blocked"
	case states:
	}
	return "invalid"
}

type timed struct {
	pair Pair
	at   time.Time
}

// Pool is the pairs of one address. Create it with New; it is not safe for concurrent use.
type Pool struct {
	first   uint16   // first even port
	used    []uint64 // bitmap: 1 = not free (or beyond the range)
	state   []state
	count   [states]int
	warm    fifo[Pair]
	resting fifo[timed]
	blocked fifo[timed]
	rnd     func(n int) int
}

// New makes a pool of the ports lo to hi, both included; an odd lo or even hi is left out. rnd gives a number in [0, n) that outsiders
// cannot predict.
func New(lo, hi uint16, rnd func(n int) int) (*Pool, error) {
	first := uint32(lo) + uint32(lo)&1
	n := (int(hi) - int(first) + 1) / pairPorts
	if lo == 0 || n < 1 {
		return nil, fmt.Errorf("port range %d-%d holds no even and odd pair", lo, hi)
	}
	p := &Pool{first: uint16(first), used: make([]uint64, (n+wordBits-1)/wordBits), state: make([]state, n), rnd: rnd}
	if tail := n % wordBits; tail != 0 {
		p.used[len(p.used)-1] = ^uint64(0) << tail
	}
	p.count[free] = n
	return p, nil
}

// Size is the number of pairs.
func (p *Pool) Size() int { return len(p.state) }

// RTP is the pair's even port.
func (p *Pool) RTP(pair Pair) uint16 { return p.first + pairPorts*uint16(pair) }

// RTCP is the pair's odd port.
func (p *Pool) RTCP(pair Pair) uint16 { return p.RTP(pair) + 1 }

// Contains says whether port is one of the pool's.
func (p *Pool) Contains(port uint16) bool {
	return port >= p.first && int(port-p.first) < pairPorts*len(p.state)
}

// Draw takes a free pair out, searching from a random start, for the caller to bind and then Stock, Hold or Block.
func (p *Pool) Draw(now time.Time) (Pair, bool) {
	p.unblock(now)
	if p.count[free] == 0 {
		return 0, false
	}
	start := p.rnd(len(p.state))
	word := start / wordBits
	candidates := ^p.used[word] & (^uint64(0) << (start % wordBits))
	for range len(p.used) + 1 {
		if candidates != 0 {
			pair := Pair(word*wordBits + bits.TrailingZeros64(candidates))
			p.move(pair, drawn)
			return pair, true
		}
		word = (word + 1) % len(p.used)
		candidates = ^p.used[word]
	}
	return 0, false
}

// Stock puts a drawn or rested pair, bound by now, behind the others of the warm reserve.
func (p *Pool) Stock(pair Pair) error {
	if err := p.expect(pair, drawn); err != nil {
		return err
	}
	p.move(pair, warm)
	p.warm.push(pair)
	return nil
}

// Hold makes a drawn pair, bound by now, busy at once, past the warm reserve.
func (p *Pool) Hold(pair Pair) error {
	if err := p.expect(pair, drawn); err != nil {
		return err
	}
	p.move(pair, busy)
	return nil
}

// Block sets a drawn pair aside for BlockedFor, because it could not be bound.
func (p *Pool) Block(pair Pair, now time.Time) error {
	if err := p.expect(pair, drawn); err != nil {
		return err
	}
	p.move(pair, blocked)
	p.blocked.push(timed{pair, now.Add(BlockedFor)})
	return nil
}

// Discard makes a drawn pair free again; its sockets are closed or never were open.
func (p *Pool) Discard(pair Pair) error {
	if err := p.expect(pair, drawn); err != nil {
		return err
	}
	p.move(pair, free)
	return nil
}

// Take makes one of the longest rested warm pairs busy.
func (p *Pool) Take() (Pair, bool) {
	pair, ok := p.popWarm()
	if ok {
		p.move(pair, busy)
	}
	return pair, ok
}

// Trim takes a warm pair out of the reserve, for the caller to close and Discard.
func (p *Pool) Trim() (Pair, bool) {
	pair, ok := p.popWarm()
	if ok {
		p.move(pair, drawn)
	}
	return pair, ok
}

func (p *Pool) popWarm() (Pair, bool) {
	n := p.warm.len()
	if n == 0 {
		return 0, false
	}
	chosen := p.warm.at(p.rnd(min(n, takeSpread)))
	*chosen, *p.warm.at(0) = *p.warm.at(0), *chosen
	return p.warm.pop(), true
}

// Rest ends a busy pair's call: it rests from now on.
func (p *Pool) Rest(pair Pair, now time.Time) error {
	if err := p.expect(pair, busy); err != nil {
		return err
	}
	p.move(pair, resting)
	p.resting.push(timed{pair, now})
	return nil
}

// Ripe takes out the pair that rests longest if that is at least Quarantine, for the caller to Stock, Hold, Extend, or to
// close and Discard.
func (p *Pool) Ripe(now time.Time) (Pair, bool) {
	if p.resting.len() == 0 || now.Sub(p.resting.at(0).at) < Quarantine {
		return 0, false
	}
	pair := p.resting.pop().pair
	p.move(pair, drawn)
	return pair, true
}

// Extend sends a ripe pair back to rest for another Quarantine: its ports still get packets of the last call.
func (p *Pool) Extend(pair Pair, now time.Time) error {
	if err := p.expect(pair, drawn); err != nil {
		return err
	}
	p.move(pair, resting)
	p.resting.push(timed{pair, now})
	return nil
}

// unblock frees the pairs whose time aside is over.
func (p *Pool) unblock(now time.Time) {
	for p.blocked.len() > 0 && !now.Before(p.blocked.at(0).at) {
		p.move(p.blocked.pop().pair, free)
	}
}

func (p *Pool) expect(pair Pair, want state) error {
	if int(pair) >= len(p.state) {
		return fmt.Errorf("pair %d of %d: %w", pair, len(p.state), errState)
	}
	if got := p.state[pair]; got != want {
		return fmt.Errorf("pair %d is %s, not %s: %w", pair, got, want, errState)
	}
	return nil
}

func (p *Pool) move(pair Pair, to state) {
	p.count[p.state[pair]]--
	p.count[to]++
	p.state[pair] = to
	mask := uint64(1) << (pair % wordBits)
	if to == free {
		p.used[pair/wordBits] &^= mask
		return
	}
	p.used[pair/wordBits] |= mask
}

// Usage is how many pairs are in each state; they add up to Size.
type Usage struct {
	Free    int // unbound
	Drawn   int // being bound or closed
	Warm    int // bound, waiting for a call
	Busy    int // held by calls
	Resting int // bound, in quarantine
	Blocked int // could not be bound
}

// Usage counts the pairs by state.
func (p *Pool) Usage() Usage {
	c := p.count
	return Usage{Free: c[free], Drawn: c[drawn], Warm: c[warm], Busy: c[busy], Resting: c[resting], Blocked: c[blocked]}
}

// Add adds the counts of another pool.
func (u *Usage) Add(v Usage) {
	u.Free += v.Free
	u.Drawn += v.Drawn
	u.Warm += v.Warm
	u.Busy += v.Busy
	u.Resting += v.Resting
	u.Blocked += v.Blocked
}
