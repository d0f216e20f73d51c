package limit

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"
)

func TestBans_MoreThanFit_TheFirstToEndMakesRoom(t *testing.T) {
	r := usual()
	r.After = 1
	g, c := newTestGate(r)
	offend(g, one, true, 1)
	c.advance(10 * time.Minute)
	offend(g, one, true, 1) // twenty minutes, so all but the last below end before it
	for i := range maxBans {
		offend(g, addr(i), true, 1)
		c.advance(time.Millisecond)
	}
	if n := len(g.Bans()); n != maxBans {
		t.Errorf("%d bans", n)
	}
	if g.Message(addr(0), false, false) != Pass {
		t.Error("the first to end is still there")
	}
	for _, src := range []netip.Addr{one, addr(1), addr(maxBans - 1)} {
		if g.Message(src, false, false) != Banned {
			t.Errorf("%v is not banned any more", src)
		}
	}
	// Who is banned long since and not in force goes before any that is.
	c.advance(15 * time.Minute)
	for i := range 100 {
		offend(g, addr(maxBans+i), true, 1)
	}
	if g.Message(one, false, false) != Banned || len(g.Bans()) != 101 || len(g.bans.queue) > maxBans {
		t.Errorf("%d in force, %d held", len(g.Bans()), len(g.bans.queue))
	}
	c.advance(3 * time.Hour)
	offend(g, one, true, 1)
	if len(g.bans.queue) != 1 || len(g.bans.by) != 1 {
		t.Errorf("%d and %d are remembered for ever", len(g.bans.queue), len(g.bans.by))
	}
}

func TestOffend_ManyReasons_AreBounded(t *testing.T) {
	g, _ := newTestGate(usual())
	for i := range 1000 {
		g.Offend(one, true, false, fmt.Sprint(i))
	}
	st := g.Stats()
	if len(st.PeerOffences) > maxReasons+1 || st.PeerOffences[otherReason] != 1000-maxReasons {
		t.Errorf("%d reasons, %d others", len(st.PeerOffences), st.PeerOffences[otherReason])
	}
	st.PeerOffences["0"] = 99
	if g.Stats().PeerOffences["0"] != 1 {
		t.Error("the copy is the original")
	}
}

func heapBytes() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A million sources, each with messages and offences of both kinds, so that
// every table is full.
func TestGate_MillionSources_MemoryIsBounded(t *testing.T) {
	if raceEnabled {
		t.Skip("a minute under the race detector, which has nothing to find in one goroutine; make allocs runs it without")
	}
	r := open()
	r.After = 2
	before := heapBytes()
	g, c := newTestGate(r)
	for i := range 1_000_000 {
		src := addr(i)
		g.Message(src, false, false)
		g.Offend(src, false, false, "malformed")
		g.Offend(src, false, true, "malformed")
		if i%50 == 0 {
			g.Offend(src, false, true, "malformed")
		}
		c.advance(time.Microsecond)
	}
	st := g.Stats()
	grown := heapBytes() - before
	t.Logf("%d strangers, %d offenders, %d bans: %d KB", st.Sources, g.offenders.EstimatedSize(), st.Held, grown>>10)
	if grown > MaxBytes {
		t.Errorf("the heap grew by %d bytes, the bound is %d", grown, MaxBytes)
	}
	if st.Sources > MaxSources*11/10 || g.offenders.EstimatedSize() > maxOffenders*11/10 || st.Held != maxBans {
		t.Errorf("%+v, %d offenders", st, g.offenders.EstimatedSize())
	}
	runtime.KeepAlive(g)
}

// A source that keeps sending is not pushed out by a flood from addresses seen
// once: its bucket and its demotion survive.
func TestMessage_FloodOfNewSources_DoesNotResetABusyOne(t *testing.T) {
	if raceEnabled {
		t.Skip("slow under the race detector, which has nothing to find in one goroutine; make allocs runs it without")
	}
	g, c := newTestGate(Rules{Rate: 1, Burst: 1, After: 3, For: 10 * time.Minute})
	offend(g, one, false, 3)
	for i := range 2 * MaxSources {
		g.Message(addr(i), false, false)
		if i%100 == 0 {
			if v := g.Message(one, false, false); v == Pass {
				t.Fatalf("%v after %d others", v, i)
			}
			c.advance(time.Millisecond)
		}
	}
}

func TestMessage_Allocs_NoneForASourceInTheTable(t *testing.T) {
	r := open()
	r.Allow = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	g, _ := newTestGate(r)
	offend(g, addr(7), true, 20)
	offend(g, addr(8), false, 20)
	six := netip.MustParseAddr("2001:db8::1")
	for name, src := range map[string]netip.Addr{"IPv4": one, "IPv6": six, "banned": addr(7), "demoted": addr(8)} {
		g.Message(src, false, false)
		if n := testing.AllocsPerRun(1000, func() { g.Message(src, false, false) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	if n := testing.AllocsPerRun(1000, func() { g.Message(one, true, false) }); n != 0 {
		t.Errorf("a peer: %v allocations", n)
	}
}
