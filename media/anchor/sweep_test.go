package anchor

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"gatehouse/media/profile"
)

// timed is a plane whose timeouts are collected.
func timed(t *testing.T, timeout time.Duration) (*Plane, *clock, func() []uint64) {
	fired := make(chan uint64, 1000)
	p, clk := newPlane(t, func(c *Config) {
		c.Timeout, c.manual = timeout, true
		c.OnTimeout = func(owner uint64) { fired <- owner }
	})
	return p, clk, func() []uint64 {
		p.sweep()
		var owners []uint64
		for len(fired) > 0 {
			owners = append(owners, <-fired)
		}
		slices.Sort(owners)
		return owners
	}
}

func TestB100_SilentCall_ReportedOnceATimeout(t *testing.T) {
	p, clk, fired := timed(t, time.Minute)
	newCall(t, p, 7)
	clk.advance(time.Minute - 1)
	if got := fired(); len(got) != 0 {
		t.Fatalf("too early: %v", got)
	}
	clk.advance(1)
	if got := fired(); !slices.Equal(got, []uint64{7}) {
		t.Fatalf("%v", got)
	}
	clk.advance(time.Minute - 1)
	if got := fired(); len(got) != 0 {
		t.Fatalf("again too early: %v", got)
	}
	clk.advance(1)
	if got := fired(); !slices.Equal(got, []uint64{7}) {
		t.Fatalf("not again: %v", got)
	}
}

func TestB100_AnyPacketOnEitherSide_KeepsTheCall(t *testing.T) {
	p, clk, fired := timed(t, time.Minute)
	c := newCall(t, p, 7)
	rtcpA, rtcpB := newPhone(t, phoneIn), newPhone(t, phoneOut)
	c.stream.A.RTCP, c.stream.B.RTCP = rtcpA.addr(), rtcpB.addr()
	c.connect()
	for i, sign := range []func(){
		func() { c.speak(1) },
		func() {
			rtcpA.send(c.local[0].RTCP, []byte{0x80, 201, 0, 1, 0, 0, 0, 1})
			rtcpB.receive()
		},
		func() { c.speak(0) },
	} {
		clk.advance(50 * time.Second)
		sign()
		clk.advance(50 * time.Second)
		if got := fired(); len(got) != 0 {
			t.Fatalf("sign %d did not count: %v", i, got)
		}
	}
	attacker := newPhone(t, "127.80.66.6:0")
	c.ignored(attacker, 0, "source")
	clk.advance(10 * time.Second)
	if got := fired(); !slices.Equal(got, []uint64{7}) {
		t.Fatalf("a stranger kept the call: %v", got)
	}
}

func TestB100_HeldOrFax_Suspended(t *testing.T) {
	cases := map[string]func(*profile.Stream){
		"A held":          func(s *profile.Stream) { s.A.Sends = false },
		"B held":          func(s *profile.Stream) { s.B.Sends = false },
		"both held":       func(s *profile.Stream) { s.A.Sends, s.B.Sends = false, false },
		"fax":             func(s *profile.Stream) { s.Kind = profile.Datagram },
		"off":             func(s *profile.Stream) { s.Kind = profile.Off },
		"held by 0.0.0.0": func(s *profile.Stream) { s.A.RTP, s.B.Sends = netip.MustParseAddrPort("0.0.0.0:9"), false },
	}
	for name, hold := range cases {
		t.Run(name, func(t *testing.T) {
			p, clk, fired := timed(t, time.Minute)
			c := newCall(t, p, 7)
			active := c.stream
			hold(&c.stream)
			c.connect()
			clk.advance(24 * time.Hour)
			if got := fired(); len(got) != 0 {
				t.Fatalf("fired while suspended: %v", got)
			}
			// Back in conversation the full timeout begins anew.
			c.stream = active
			c.connect()
			clk.advance(time.Minute - 1)
			if got := fired(); len(got) != 0 {
				t.Fatalf("fired too early after hold: %v", got)
			}
			clk.advance(1)
			if got := fired(); !slices.Equal(got, []uint64{7}) {
				t.Fatalf("never fired after hold: %v", got)
			}
		})
	}
}

func TestB100_FaxBesideAudio_Suspended(t *testing.T) {
	p, clk, fired := timed(t, time.Minute)
	c := newCall(t, p, 7)
	mustReserve(t, p, c.ends[0], 1, profile.Any)
	mustReserve(t, p, c.ends[1], 1, profile.Any)
	fax := c.stream
	fax.Kind = profile.Datagram
	p.Connect(c.ends[0], c.ends[1], []profile.Stream{c.stream, fax})
	clk.advance(24 * time.Hour)
	if got := fired(); len(got) != 0 {
		t.Fatalf("fired while a fax may be silent: %v", got)
	}
}

func TestB100_VideoInactive_AudioSilenceStillCounts(t *testing.T) {
	p, clk, fired := timed(t, time.Minute)
	c := newCall(t, p, 7)
	mustReserve(t, p, c.ends[0], 1, profile.Any)
	mustReserve(t, p, c.ends[1], 1, profile.Any)
	video := c.stream
	video.A.Sends, video.B.Sends = false, false
	p.Connect(c.ends[0], c.ends[1], []profile.Stream{c.stream, video})
	clk.advance(time.Minute)
	if got := fired(); !slices.Equal(got, []uint64{7}) {
		t.Fatalf("%v", got)
	}
}

func TestB100_Unconnected_NeverFires_AndZeroIsOff(t *testing.T) {
	p, clk, fired := timed(t, time.Minute)
	mustReserve(t, p, mustOpen(t, p, 1, "in"), 0, profile.Any)
	c := newCall(t, p, 2)
	p.SetTimeout(0)
	clk.advance(time.Hour)
	if got := fired(); len(got) != 0 {
		t.Fatalf("%v", got)
	}
	p.SetTimeout(time.Hour)
	if got := fired(); !slices.Equal(got, []uint64{2}) {
		t.Fatalf("%v", got)
	}
	c.close()
	clk.advance(24 * time.Hour)
	if got := fired(); len(got) != 0 {
		t.Fatalf("closed call fired: %v", got)
	}
}

func TestB100_ManyCalls_EachReportedOnce(t *testing.T) {
	p, clk, fired := timed(t, time.Minute)
	const calls = sweepBatch // two ends each: more than one batch
	side := profile.Side{RTP: netip.MustParseAddrPort("127.80.1.9:9"), Sends: true}
	var want []uint64
	for i := range uint64(calls / 8) {
		a, b := mustOpen(t, p, i, "in"), mustOpen(t, p, i, "out")
		mustReserve(t, p, a, 0, profile.Any)
		mustReserve(t, p, b, 0, profile.Any)
		p.Connect(a, b, []profile.Stream{{Kind: profile.RTP, A: side, B: side}})
		for range 14 { // ends of attempts that failed
			mustOpen(t, p, i, "out")
		}
		want = append(want, i)
	}
	clk.advance(time.Minute)
	if got := fired(); !slices.Equal(got, want) {
		t.Fatalf("%d owners reported, want %d", len(got), len(want))
	}
}
