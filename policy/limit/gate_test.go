package limit

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// clock is a time that a test moves.
type clock struct{ t atomic.Int64 }

func (c *clock) now() time.Time           { return time.Unix(1_700_000_000, c.t.Load()) }
func (c *clock) advance(by time.Duration) { c.t.Add(int64(by)) }

func newTestGate(r Rules) (*Gate, *clock) {
	c := &clock{}
	return NewGate(r, c.now), c
}

// usual are rules under which three offences in ten minutes are too many.
func usual() Rules {
	return Rules{Rate: 10, Burst: 20, Total: 100000, After: 3, For: 10 * time.Minute}
}

var (
	one = netip.MustParseAddr("192.0.2.1")
	two = netip.MustParseAddr("192.0.2.2")
)

// count sends so many messages and counts the verdicts.
func count(g *Gate, src netip.Addr, messages int) (n [verdicts]int) {
	for range messages {
		n[g.Message(src, false, false)]++
	}
	return n
}

// offend offends so many times.
func offend(g *Gate, src netip.Addr, proven bool, times int) {
	for range times {
		g.Offend(src, false, proven, "malformed")
	}
}

func TestMessage_ZeroRules_EverythingPasses(t *testing.T) {
	g, _ := newTestGate(Rules{})
	offend(g, one, true, 100)
	offend(g, one, false, 100)
	if n := count(g, one, 10000); n[Pass] != 10000 {
		t.Errorf("verdicts %v", n)
	}
	if g.Message(netip.Addr{}, false, false) != Pass {
		t.Error("no address does not pass")
	}
}

func TestMessage_AfterZero_NobodyIsDemotedOrBanned(t *testing.T) {
	g, _ := newTestGate(Rules{For: time.Hour})
	offend(g, one, true, 100)
	offend(g, one, false, 100)
	if v := g.Message(one, false, false); v != Pass || len(g.Bans()) != 0 {
		t.Errorf("%v, %v", v, g.Bans())
	}
}

func TestMessage_OneSource_HasItsRateAndBurst(t *testing.T) {
	g, c := newTestGate(usual())
	if n := count(g, one, 50); n[Pass] != 20 || n[Limited] != 30 {
		t.Errorf("at once: %v", n)
	}
	if n := count(g, two, 1); n[Pass] != 1 {
		t.Errorf("another source: %v", n)
	}
	c.advance(time.Second)
	if n := count(g, one, 50); n[Pass] != 10 {
		t.Errorf("a second later: %v", n)
	}
	c.advance(time.Hour)
	if n := count(g, one, 50); n[Pass] != 20 {
		t.Errorf("an hour later: %v", n)
	}
	if st := g.Stats(); st.Passed != 51 || st.Limited != 100 || st.Crowded != 0 || st.Sources != 2 {
		t.Errorf("%+v", st)
	}
}

func TestMessage_SourcesOfOneOwner_ShareABucket(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"2001:db8::1", "2001:db8::ffff:1:2:3", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"fe80::1%eth0", "fe80::2%eth1", true},
		{"0.0.0.0", "::", false},
		{"192.0.2.1", "::192.0.2.1", false},
		{"192.0.2.1", "::ffff:0:192.0.2.1", false},
		{"192.0.2.1", "64:ff9b::192.0.2.1", false},
	} {
		g, _ := newTestGate(usual())
		count(g, netip.MustParseAddr(c.a), 50)
		if n := count(g, netip.MustParseAddr(c.b), 1); (n[Limited] == 1) != c.same {
			t.Errorf("after %s, %s gets %v", c.a, c.b, n)
		}
	}
}

func TestMessage_AllStrangers_HaveATotal(t *testing.T) {
	r := usual()
	r.Total = 100
	g, c := newTestGate(r)
	if n := count(g, one, 1000); n[Pass] != 20 {
		t.Errorf("one source: %v", n)
	}
	// What it sent too much took nothing from the others.
	passed := 0
	for i := range 1000 {
		passed += count(g, addr(i), 1)[Pass]
	}
	if passed != 80 {
		t.Errorf("%d others passed, want the 80 that were left", passed)
	}
	if st := g.Stats(); st.Crowded != 920 || st.Sources != 81 {
		t.Errorf("whoever the total stopped must leave no trace: %+v", st)
	}
	for range 1000 {
		if g.Message(addr(5), true, false) != Pass {
			t.Fatal("a peer does not pass")
		}
	}
	c.advance(time.Second)
	if n := count(g, two, 1); n[Pass] != 1 {
		t.Errorf("a second later: %v", n)
	}
}

func TestMessage_FloodFromTenThousandSources_LetsInTheTotal(t *testing.T) {
	r := usual()
	r.Total = 2000
	g, c := newTestGate(r)
	const seconds = 10
	passed := 0
	for range seconds {
		for i := range 20000 {
			if g.Message(addr(i%10000), false, false) == Pass {
				passed++
			}
			c.advance(time.Second / 20000)
		}
	}
	if passed < 2000*seconds || passed > 2000*(seconds+1) {
		t.Errorf("%d passed in %d s", passed, seconds)
	}
}

func TestGate_Peers_AreNeverLimitedDemotedOrBanned(t *testing.T) {
	g, _ := newTestGate(usual())
	for range 1000 {
		g.Offend(one, true, false, "spoofed")
		g.Offend(one, true, true, "malformed")
	}
	offend(g, one, true, 10) // it was a stranger a moment ago
	offend(g, one, false, 10)
	for range 10000 {
		if v := g.Message(one, true, false); v != Pass {
			t.Fatal(v)
		}
	}
	st := g.Stats()
	if st.PeerOffences["spoofed"] != 1000 || st.PeerOffences["malformed"] != 1000 || len(st.PeerOffences) != 2 || st.Offences["malformed"] != 20 {
		t.Errorf("%+v", st)
	}
	if st.Passed != 0 {
		t.Errorf("peers are counted as strangers: %+v", st)
	}
	g, _ = newTestGate(usual())
	for range 1000 {
		g.Offend(one, true, true, "malformed")
		g.Offend(one, true, false, "malformed")
	}
	if g.Message(one, false, false) != Pass || len(g.Bans()) != 0 {
		t.Error("what it did as a peer counts against it as a stranger")
	}
}

func TestSet_OtherRules_HoldAtOnce(t *testing.T) {
	r := usual()
	g, c := newTestGate(r)
	count(g, one, 50)
	offend(g, one, true, 3)
	offend(g, two, true, 2)
	offend(g, addr(3), false, 2)
	g.Set(usual())
	offend(g, two, true, 1)
	offend(g, addr(3), false, 1)
	if g.Message(two, false, false) != Banned || g.Message(addr(3), false, false) != Demoted {
		t.Error("equal rules made it forget offences")
	}
	r.Allow = []netip.Prefix{netip.PrefixFrom(two, 32)}
	g.Set(r)
	if g.Message(one, false, false) != Banned || g.Message(two, false, false) != Pass {
		t.Error("the new allow list does not hold")
	}
	r.Allow[0] = netip.PrefixFrom(one, 32) // the slice is the caller's
	g.Set(r)
	if g.Message(one, false, false) == Banned {
		t.Error("a list the caller changed is taken for the one in force")
	}
	r.Rate, r.Burst = 2, 2
	g.Set(r)
	c.advance(time.Minute)
	if n := count(g, one, 50); n[Pass] != 2 {
		t.Errorf("the new rate, and no ban: %v", n)
	}
	if b := g.Bans(); len(b) != 0 {
		t.Errorf("bans of whom the rules exempt stay: %+v", b)
	}
	r.Rate, r.Total, r.Allow = 0, 5, nil
	g.Set(r)
	c.advance(time.Minute)
	if n := count(g, one, 50); n[Pass] != 5 {
		t.Errorf("the new total: %v", n)
	}
}

func TestMessage_OneNewSourceAtOnce_HasOneBucket(t *testing.T) {
	for range 200 {
		g, _ := newTestGate(usual())
		var passed atomic.Int64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 10 {
					if g.Message(one, false, false) == Pass {
						passed.Add(1)
					}
				}
			})
		}
		wg.Wait()
		if passed.Load() != 20 {
			t.Fatalf("%d passed, want the burst of 20", passed.Load())
		}
	}
}

func TestGate_EverythingAtOnce_HoldsTogether(t *testing.T) {
	g, c := newTestGate(usual())
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 3000 {
				src := addr((i*7 + w) % 50)
				g.Message(src, i%11 == 0, i%2 == 0)
				g.Offend(src, i%11 == 0, i%3 == 0, "malformed")
				c.advance(10 * time.Millisecond)
			}
		})
	}
	wg.Go(func() {
		for i := range 300 {
			r := usual()
			r.Rate, r.DryRun = 10+i%3, i%5 == 0
			g.Set(r)
			for _, b := range g.Bans() {
				if b.Source == "" || !b.Since.Before(b.Until) {
					t.Errorf("%+v", b)
				}
			}
			g.Unban(addr(i % 50).String())
			g.Unban("11.0.0.0/28")
			g.Stats()
		}
	})
	wg.Wait()
	st := g.Stats()
	if sum := st.Offences["malformed"] + st.PeerOffences["malformed"]; sum != 12000 {
		t.Errorf("%d offences of 12000", sum)
	}
	if len(g.bans.by) != len(g.bans.queue) {
		t.Errorf("%d bans by source, %d in the queue", len(g.bans.by), len(g.bans.queue))
	}
	for i, b := range g.bans.queue {
		if b.place != i || g.bans.by[b.source] != b {
			t.Errorf("ban %d says it is at %d", i, b.place)
		}
	}
}

func TestSet_OffencesThatLedToNothing_AreForgotten(t *testing.T) {
	for _, proven := range []bool{true, false} {
		r := usual()
		g, _ := newTestGate(r)
		offend(g, one, proven, 2)
		r.For = time.Hour
		g.Set(r)
		offend(g, one, proven, 2)
		if v := g.Message(one, false, false); v != Pass {
			t.Errorf("proven %v: %v", proven, v)
		}
		offend(g, one, proven, 1)
		if v := g.Message(one, false, false); v == Pass {
			t.Errorf("proven %v: %v after three under the new rules", proven, v)
		}
	}
}

func TestVerdict_Names(t *testing.T) {
	for v, want := range map[Verdict]string{Pass: "pass", Limited: "limited", Demoted: "demoted", Banned: "banned", verdicts: "verdict(4)", 9: "verdict(9)"} {
		if v.String() != want {
			t.Errorf("%d is %q", v, v)
		}
	}
}

func TestMessage_ConnectionOfASource_IsNotChargedWithDatagramsInItsName(t *testing.T) {
	g, _ := newTestGate(Rules{Rate: 1, Burst: 2, Total: 5, After: 3, For: time.Minute})
	victim := netip.MustParseAddr("198.51.100.7")
	for range 20 {
		g.Message(victim, false, false)
		g.Offend(victim, false, false, "malformed")
	}
	if v := g.Message(victim, false, false); v != Limited {
		t.Errorf("a datagram of the source: %v", v)
	}
	if v := g.Message(victim, false, true); v != Pass {
		t.Errorf("its own connection: %v", v)
	}
	// What it sends itself counts all the same.
	g.Message(victim, false, true)
	if v := g.Message(victim, false, true); v != Limited {
		t.Errorf("the third message of its connection: %v", v)
	}
}
