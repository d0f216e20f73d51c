package limit

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

func TestOffend_Unproven_OnlyDemotes(t *testing.T) {
	g, c := newTestGate(usual())
	offend(g, one, false, 2)
	if v := g.Message(one, false, false); v != Pass {
		t.Fatalf("%v after two offences", v)
	}
	offend(g, one, false, 1)
	c.advance(time.Minute)
	if n := count(g, one, 50); n != [verdicts]int{Demoted: 2, Limited: 48} {
		t.Errorf("a demoted source has a tenth of its burst: %v", n)
	}
	c.advance(time.Second)
	if n := count(g, one, 50); n != [verdicts]int{Demoted: 1, Limited: 49} {
		t.Errorf("and of its rate: %v", n)
	}
	offend(g, one, false, 9999)
	if len(g.Bans()) != 0 || g.Stats().Banned != 0 {
		t.Errorf("banned without a proof: %v", g.Bans())
	}
	c.advance(10*time.Minute - 1)
	if n := count(g, one, 1); n[Demoted] != 1 {
		t.Errorf("until the last moment: %v", n)
	}
	c.advance(1)
	if n := count(g, one, 1); n[Pass] != 1 {
		t.Errorf("when it is over: %v", n)
	}
	c.advance(time.Second)
	offend(g, one, false, 2)
	if n := count(g, one, 1); n[Pass] != 1 {
		t.Errorf("the offences it was demoted for count again: %v", n)
	}
	c.advance(2 * time.Second)
	if n := count(g, one, 50); n[Pass] != 20 {
		t.Errorf("two seconds later it has its burst again: %v", n)
	}
}

func TestOffend_UnprovenBeforeAnyMessage_Counts(t *testing.T) {
	g, _ := newTestGate(usual())
	for range 3 {
		if b, ok := g.Offend(one, false, false, "malformed"); ok {
			t.Errorf("banned without a proof: %+v", b)
		}
	}
	if v := g.Message(one, false, false); v != Demoted {
		t.Error(v)
	}
}

func TestOffend_Proven_BansForTheTime(t *testing.T) {
	g, c := newTestGate(usual())
	offend(g, one, true, 2)
	if v := g.Message(one, false, false); v != Pass || len(g.Bans()) != 0 {
		t.Fatalf("%v after two offences", v)
	}
	c.advance(9 * time.Minute)
	made, ok := g.Offend(one, false, true, "handshake")
	if !ok || made != (Ban{Source: "192.0.2.1", Reason: "handshake", Since: c.now(), Until: c.now().Add(10 * time.Minute), Offences: 3}) {
		t.Errorf("the ban it made: %+v, %v", made, ok)
	}
	if v := g.Message(one, false, false); v != Banned {
		t.Fatalf("%v after three", v)
	}
	if v := g.Message(two, false, false); v != Pass {
		t.Errorf("another source: %v", v)
	}
	if made, ok := g.Offend(one, false, true, "framing"); ok {
		t.Errorf("who is banned is banned again: %+v", made)
	}
	want := []Ban{{Source: "192.0.2.1", Reason: "framing", Since: c.now(), Until: c.now().Add(10 * time.Minute), Offences: 4}}
	if got := g.Bans(); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	c.advance(10*time.Minute - 1)
	if v := g.Message(one, false, false); v != Banned {
		t.Errorf("%v at the last moment", v)
	}
	c.advance(1)
	if v := g.Message(one, false, false); v != Pass || len(g.Bans()) != 0 || g.Stats().Held != 0 {
		t.Errorf("%v when it is over, %v", v, g.Bans())
	}
	// The offences that led to the ban are paid for.
	offend(g, one, true, 2)
	if v := g.Message(one, false, false); v != Pass {
		t.Errorf("%v after two more", v)
	}
}

func TestOffend_TooFewWithinTheTime_NobodyIsBanned(t *testing.T) {
	for _, proven := range []bool{true, false} {
		g, c := newTestGate(usual())
		for range 100 {
			offend(g, one, proven, 1)
			c.advance(6 * time.Minute)
		}
		if v := g.Message(one, false, false); v != Pass {
			t.Errorf("proven %v: %v", proven, v)
		}
	}
}

func TestOffend_ProvenAndUnproven_DoNotAddUp(t *testing.T) {
	g, _ := newTestGate(usual())
	offend(g, one, false, 2) // an enemy in its name
	offend(g, one, true, 2)
	if v := g.Message(one, false, false); v != Pass {
		t.Errorf("%v", v)
	}
	offend(g, one, false, 1000)
	offend(g, two, true, 2)
	if len(g.Bans()) != 0 {
		t.Errorf("%v", g.Bans())
	}
}

func TestOffend_RepeatedBans_DoubleUpToAnHour(t *testing.T) {
	g, c := newTestGate(usual())
	for i, want := range []time.Duration{10, 20, 40, 60, 60, 60} {
		offend(g, one, true, 3)
		bans := g.Bans()
		if len(bans) != 1 || bans[0].Until.Sub(bans[0].Since) != want*time.Minute {
			t.Fatalf("ban %d: %+v, want %d minutes", i+1, bans, want)
		}
		c.advance(want*time.Minute + 59*time.Minute)
	}
	c.advance(time.Minute)
	offend(g, one, true, 3)
	if b := g.Bans()[0]; b.Until.Sub(b.Since) != 10*time.Minute {
		t.Errorf("an hour of peace is not honoured: %+v", b)
	}
	if st := g.Stats(); st.Bans != 7 || st.Held != 1 {
		t.Errorf("%+v", st)
	}
}

func TestOffend_BanLongerThanAnHour_DoesNotGrow(t *testing.T) {
	r := usual()
	r.For = 3 * time.Hour
	g, c := newTestGate(r)
	for range 3 {
		offend(g, one, true, 3)
		if b := g.Bans()[0]; b.Until.Sub(b.Since) != 3*time.Hour {
			t.Fatalf("%+v", b)
		}
		c.advance(3 * time.Hour)
	}
}

func TestOffend_AllowList_IsNeverBannedOrDemoted(t *testing.T) {
	r := usual()
	r.Allow = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/31"), netip.MustParsePrefix("2001:db8::5/128")}
	g, _ := newTestGate(r)
	mapped := netip.MustParseAddr("::ffff:192.0.2.1")
	for _, src := range []netip.Addr{one, mapped} {
		offend(g, src, true, 100)
		offend(g, src, false, 100)
	}
	if n := count(g, one, 50); n[Pass] != 20 || n[Limited] != 30 {
		t.Errorf("limited as others are, no more: %v", n)
	}
	if st := g.Stats(); len(g.Bans()) != 0 || st.Offences["malformed"] != 400 {
		t.Errorf("%v, %+v", g.Bans(), st)
	}
	// A neighbour's ban covers the whole source, but not who is on the list.
	six := netip.MustParseAddr("2001:db8::6")
	offend(g, six, true, 3)
	offend(g, six, false, 3)
	if v := g.Message(six, false, false); v != Banned {
		t.Errorf("the neighbour: %v", v)
	}
	if v := g.Message(netip.MustParseAddr("2001:db8::5"), false, false); v != Pass {
		t.Errorf("who is on the list: %v", v)
	}
}

func TestOffend_DryRun_RecordsAndLetsPass(t *testing.T) {
	r := usual()
	r.DryRun = true
	g, _ := newTestGate(r)
	offend(g, one, true, 3)
	offend(g, one, false, 3)
	if n := count(g, one, 50); n[Pass] != 20 {
		t.Errorf("%v", n)
	}
	if b := g.Bans(); len(b) != 1 || !b[0].DryRun || b[0].Offences != 3 {
		t.Errorf("%+v", b)
	}
	r.DryRun = false
	g.Set(r)
	if b := g.Bans(); len(b) != 1 || !b[0].DryRun || g.Message(two, false, false) != Pass || g.isBanned(sourceOf(one), g.now()) {
		t.Errorf("a dry ban became one that is meant: %+v", b)
	}
	offend(g, one, true, 3)
	if b := g.Bans(); len(b) != 1 || b[0].DryRun || b[0].Until.Sub(b[0].Since) != r.For || g.Message(one, false, false) != Banned {
		t.Errorf("now it is meant: %+v", b)
	}
	r.DryRun = true
	g.Set(r)
	if b := g.Bans(); len(b) != 1 || !b[0].DryRun || g.Message(one, false, false) == Banned {
		t.Errorf("and now no more: %+v", b)
	}
}
