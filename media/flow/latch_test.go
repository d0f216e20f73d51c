package flow

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

const ms = int64(time.Millisecond)

func ap(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// stepper feeds a latch with a clock that moves by itself.
type stepper struct {
	t   *testing.T
	l   Latch
	now int64
}

func (s *stepper) send(r Rule, src string, m Mark, want bool) {
	s.t.Helper()
	s.now += ms
	if got := s.l.Accept(s.now, &r, ap(src), m); got != want {
		s.t.Fatalf("at %d ms from %s: accepted %v, want %v", s.now/ms, src, got, want)
	}
}

func (s *stepper) source(want string) {
	s.t.Helper()
	if s.l.Source() != ap(want) {
		s.t.Fatalf("source %s, want %s", s.l.Source(), want)
	}
}

func numbered(seq int) Mark {
	return Mark{Numbered: true, Seq: uint16(seq), SSRC: 7, Need: LatchPackets}
}

func TestB092_NATOff_OnlySignalledAddressIsHeard(t *testing.T) {
	s := &stepper{t: t, now: 1}
	r := Rule{Signalled: ap("192.0.2.1:4000"), Generation: 1}
	for i := range 100 {
		s.send(r, "198.51.100.1:4000", numbered(i), false)
	}
	s.send(r, "192.0.2.1:4000", numbered(1), true)
	for i := range 100 {
		s.send(r, "198.51.100.1:4000", numbered(i), false)
	}
	s.source("192.0.2.1:4000")
}

func TestB092_SamePeerOtherPort_HeardUntilExactComes(t *testing.T) {
	s := &stepper{t: t, now: 1}
	r := Rule{Signalled: ap("192.0.2.1:4000"), Generation: 1}
	s.send(r, "192.0.2.1:5000", numbered(1), true)
	s.send(r, "192.0.2.1:5000", numbered(2), true)
	s.send(r, "192.0.2.1:4000", numbered(1), true)
	s.send(r, "192.0.2.1:5000", numbered(3), false)
	s.now += int64(time.Hour)
	s.send(r, "192.0.2.1:5000", numbered(4), false)
	s.send(r, "192.0.2.1:4000", numbered(9), true)
}

func TestB092_ExactAfterWindow_StillWins(t *testing.T) {
	s := &stepper{t: t, now: 1}
	r := Rule{Signalled: ap("192.0.2.1:4000"), Generation: 1}
	s.send(r, "192.0.2.1:5000", numbered(1), true)
	s.now += int64(LatchWindow)
	s.send(r, "192.0.2.1:6000", numbered(1), false)
	s.send(r, "192.0.2.1:4000", numbered(1), true)
	s.source("192.0.2.1:4000")
}

func TestB092_StrayOfSameRank_MovesOnceOnlyWhenSilentInsideWindow(t *testing.T) {
	r := Rule{Signalled: ap("192.0.2.1:4000"), Generation: 1}
	s := &stepper{t: t, now: 1}
	s.send(r, "192.0.2.1:5000", numbered(1), true)
	s.send(r, "192.0.2.1:6000", numbered(1), false) // the present one speaks
	s.now += int64(SilentAfter)
	s.send(r, "192.0.2.1:6000", numbered(2), true) // it was silent
	s.now += int64(SilentAfter)
	s.send(r, "192.0.2.1:7000", numbered(1), false) // one move a generation
	r.Generation++
	s.send(r, "192.0.2.1:6000", numbered(3), true)
	s.now += int64(SilentAfter)
	s.send(r, "192.0.2.1:7000", numbered(2), true) // a new generation, a new move
}

func TestB092_NewGeneration_NewAddressTakesOverOldIsHeardBriefly(t *testing.T) {
	s := &stepper{t: t, now: 1}
	r := Rule{Signalled: ap("192.0.2.1:4000"), Generation: 1}
	s.send(r, "192.0.2.1:4000", numbered(1), true)
	r = Rule{Signalled: ap("203.0.113.9:4000"), Generation: 2}
	s.send(r, "192.0.2.1:4000", numbered(2), true)
	if s.l.Source().IsValid() {
		t.Fatal("the former address is no source to send to")
	}
	s.send(r, "203.0.113.9:4000", numbered(1), true)
	s.send(r, "192.0.2.1:4000", numbered(3), false)

	r = Rule{Signalled: ap("203.0.113.10:4000"), Generation: 3}
	s.send(r, "203.0.113.9:4000", numbered(2), true)
	s.now += int64(FormerGrace)
	s.send(r, "203.0.113.9:4000", numbered(3), false)
}

func TestB092_HoldWithoutAddress_KnownSourceGoesOnNobodyElse(t *testing.T) {
	s := &stepper{t: t, now: 1}
	s.send(Rule{Signalled: ap("0.0.0.0:4000"), Generation: 1}, "192.0.2.1:4000", numbered(1), false)
	r := Rule{Signalled: ap("192.0.2.1:4000"), Generation: 2}
	s.send(r, "192.0.2.1:4000", numbered(1), true)
	hold := Rule{Signalled: ap("0.0.0.0:4000"), Generation: 3, Open: true}
	s.now += int64(time.Minute)
	s.send(hold, "192.0.2.1:4000", numbered(2), true)
	for i := range 10 {
		s.send(hold, "198.51.100.1:1", numbered(i), false)
	}
}

func TestB092_BehindNAT_ThreeInSequenceLatchThenStrict(t *testing.T) {
	s := &stepper{t: t, now: 1}
	r := Rule{Signalled: ap("10.0.0.5:4000"), Generation: 1, Open: true}
	for i := range LatchPackets {
		s.send(r, "203.0.113.7:61000", numbered(100+i), i == LatchPackets-1)
	}
	// An attacker with a perfect stream, in the window and after it.
	for i := range 200 {
		s.send(r, "198.51.100.1:4000", numbered(i), false)
		s.send(r, "203.0.113.7:61000", numbered(103+i), true)
	}
	s.now += int64(time.Hour)
	for i := range 200 {
		s.send(r, "198.51.100.1:4000", numbered(i), false)
	}
	s.source("203.0.113.7:61000")
}

func TestB092_BehindNAT_SignalledAddressBeatsLearntOne(t *testing.T) {
	s := &stepper{t: t, now: 1}
	r := Rule{Signalled: ap("10.0.0.5:4000"), Generation: 1, Open: true}
	for i := range LatchPackets {
		s.send(r, "203.0.113.7:61000", numbered(i), i == LatchPackets-1)
	}
	s.send(r, "10.0.0.5:4002", numbered(1), true) // same IP, in the window
	s.send(r, "10.0.0.5:4000", numbered(1), true)
	s.source("10.0.0.5:4000")
	s.send(r, "203.0.113.7:61000", numbered(9), false)
}

func TestB092_BehindNAT_LateSameIPDoesNotBeatLearntOne(t *testing.T) {
	// The private address that was signalled can be forged from afar; after the window only the exact port counts.
	s := &stepper{t: t, now: 1}
	r := Rule{Signalled: ap("10.0.0.5:4000"), Generation: 1, Open: true}
	for i := range LatchPackets {
		s.send(r, "203.0.113.7:61000", numbered(i), i == LatchPackets-1)
	}
	s.now += int64(LatchWindow)
	s.send(r, "10.0.0.5:4002", numbered(1), false)
	s.source("203.0.113.7:61000")
}

func TestB092_BehindNAT_WindowWaitsForTheFirstPacket(t *testing.T) {
	// A phone that is answered after a minute of ringing must still be learnt.
	s := &stepper{t: t, now: 1}
	r := Rule{Signalled: ap("10.0.0.5:4000"), Generation: 1, Open: true}
	s.send(r, "198.51.100.1:1", numbered(1), false)
	s.now += int64(time.Minute)
	for i := range LatchPackets {
		s.send(r, "203.0.113.7:61000", numbered(i), i == LatchPackets-1)
	}
}

// TestB092_Spray_VictimLatchedWithinFivePackets is the learning attack of RTP bleed: an attacker sprays the range before the
// phone speaks, at several rates, from one address or from many, and never with a stream of its own.
func TestB092_Spray_VictimLatchedWithinFivePackets(t *testing.T) {
	for _, rate := range []int64{50, 500, 5000} {
		for _, hosts := range []int{1, 3} {
			t.Run(fmt.Sprintf("%d a second from %d", rate, hosts), func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(1, uint64(rate)))
				var l Latch
				r := Rule{Signalled: ap("10.0.0.5:4000"), Generation: 1, Open: true}
				now, nextVictim, got := int64(1), 200*ms, 0
				for victim := 0; victim < 5; now += int64(time.Second) / rate {
					host := netip.AddrFrom4([4]byte{198, 51, 100, byte(rnd.IntN(hosts))})
					if l.Accept(now, &r, netip.AddrPortFrom(host, 4000), numbered(rnd.IntN(65536))) {
						t.Fatal("attacker heard")
					}
					for ; nextVictim <= now; nextVictim += 20 * ms {
						if l.Accept(now, &r, ap("203.0.113.7:61000"), numbered(victim)) {
							got++
						}
						victim++
					}
				}
				if got < 3 || l.Source() != ap("203.0.113.7:61000") {
					t.Fatalf("victim heard %d times of 5", got)
				}
			})
		}
	}
}

func TestB092_RTCP_LatchesByItselfAndFollowsRTP(t *testing.T) {
	one := Mark{Need: 1}
	s := &stepper{t: t, now: 1}
	r := Rule{Signalled: ap("10.0.0.5:4001"), Generation: 1, Open: true}
	s.send(r, "198.51.100.1:9", one, true) // nothing of RTP is known yet
	r.Anchor = netip.MustParseAddr("203.0.113.7")
	s.now += int64(time.Minute)
	s.send(r, "198.51.100.2:9", one, false)
	s.send(r, "203.0.113.7:61001", one, true)
	s.send(r, "198.51.100.1:9", one, false)
	s.source("203.0.113.7:61001")

	off := &stepper{t: t, now: 1}
	r = Rule{Signalled: ap("192.0.2.1:4001"), Generation: 1}
	off.send(r, "198.51.100.1:4001", one, false)
	off.send(r, "192.0.2.1:4001", one, true)
}

func TestLatch_Refused_ChangesNothingAccepted(t *testing.T) {
	// Whatever strangers send, the latched source is accepted at every moment.
	rnd := rand.New(rand.NewPCG(5, 6))
	var l Latch
	r := Rule{Signalled: ap("10.0.0.5:4000"), Generation: 1, Open: true}
	now := int64(1)
	for i := range LatchPackets {
		l.Accept(now, &r, ap("203.0.113.7:61000"), numbered(i))
	}
	for i := range 100000 {
		now += rnd.Int64N(ms)
		src := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(rnd.IntN(8))}), uint16(rnd.IntN(3)+1))
		if l.Accept(now, &r, src, Mark{Numbered: rnd.IntN(2) == 0, Seq: uint16(i), Need: uint8(rnd.IntN(4))}) {
			t.Fatalf("stranger %s accepted", src)
		}
		if i%20 == 0 && !l.Accept(now, &r, ap("203.0.113.7:61000"), numbered(i)) {
			t.Fatal("source lost")
		}
	}
}

func TestB092_FloodOfForgedAddresses_DoesNotHideThePhoneOnceSeenTwice(t *testing.T) {
	s := &stepper{t: t, now: 1}
	r := Rule{Signalled: ap("10.0.0.5:4000"), Generation: 1, Open: true}
	s.send(r, "203.0.113.7:61000", numbered(1), false)
	s.send(r, "203.0.113.7:61000", numbered(2), false)
	for i := range 100 {
		s.send(r, fmt.Sprintf("198.51.100.%d:4000", i), numbered(i), false)
	}
	s.send(r, "203.0.113.7:61000", numbered(3), true)
}
