package limit

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestBans_Several_NewestFirst(t *testing.T) {
	g, c := newTestGate(usual())
	for i, s := range []string{"192.0.2.7", "2001:db8:1:2:3::4", "::ffff:192.0.2.9"} {
		offend(g, netip.MustParseAddr(s), true, 3+i)
		c.advance(time.Second)
	}
	var got []string
	for _, b := range g.Bans() {
		got = append(got, fmt.Sprint(b.Source, " ", b.Offences))
	}
	if want := []string{"192.0.2.9 5", "2001:db8:1:2::/64 4", "192.0.2.7 3"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestUnban_Texts_LiftWhatTheyCover(t *testing.T) {
	for _, c := range []struct {
		banned, text string
		lifted       bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "::ffff:192.0.2.1/128", true},
		{"192.0.2.1", "192.0.2.1/32", true},
		{"192.0.2.1", "192.0.2.77/24", true},
		{"192.0.2.1", "0.0.0.0/0", true},
		{"192.0.2.1", "::/0", false},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "192.0.2.2/31", false},
		{"192.0.2.1", "", false},
		{"192.0.2.1", "192.0.2.1:5060", false},
		{"192.0.2.1", "192.0.2.1/33", false},
		{"192.0.2.1", "localhost", false},
		{"2001:db8::1", "2001:db8::/64", true},
		{"2001:db8::1", "2001:db8::2", true},
		{"2001:db8::1", "2001:db8::1%eth0", true},
		{"2001:db8::1", "2001:db8::2/128", true},
		{"2001:db8::1", "2001:db8::/32", true},
		{"2001:db8::1", "2001:db8:0:1::/64", false},
		{"2001:db8::1", "0.0.0.0/0", false},
	} {
		for _, proven := range []bool{true, false} {
			g, _ := newTestGate(usual())
			src := netip.MustParseAddr(c.banned)
			offend(g, src, proven, 3)
			got := g.Unban(c.text)
			if passes := g.Message(src, false, false) == Pass; got != c.lifted || passes != c.lifted {
				t.Errorf("%s, proven %v: unban %q gives %v, it passes: %v", c.banned, proven, c.text, got, passes)
			}
			if g.Unban(c.text) {
				t.Errorf("%q lifts twice", c.text)
			}
		}
	}
}

func TestUnban_ForgetsOffencesAndRepetitions(t *testing.T) {
	for _, text := range []string{"192.0.2.1", "192.0.2.0/24"} {
		g, c := newTestGate(usual())
		offend(g, one, true, 3)
		c.advance(11 * time.Minute)
		offend(g, one, true, 3)
		g.Unban(text)
		offend(g, one, true, 2)
		if g.Message(one, false, false) != Pass {
			t.Errorf("%s: offences are remembered", text)
		}
		g.Unban(text)
		offend(g, two, true, 2) // of whom nothing else is known
		g.Unban(strings.Replace(text, "2.1", "2.2", 1))
		offend(g, two, true, 2)
		if g.Message(two, false, false) != Pass {
			t.Errorf("%s: offences of a source that sent nothing else are remembered", text)
		}
		offend(g, one, true, 2)
		if g.Message(one, false, false) != Pass {
			t.Errorf("%s: offences that led to nothing yet are remembered", text)
		}
		offend(g, one, true, 1)
		if b := g.Bans()[0]; b.Source != "192.0.2.1" || b.Until.Sub(b.Since) != 10*time.Minute {
			t.Errorf("%s: the ban before is remembered: %+v", text, b)
		}
		c.advance(10 * time.Minute)
		if g.Unban(text) {
			t.Errorf("%s: a ban that is over was lifted", text)
		}
	}
}
