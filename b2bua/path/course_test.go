package path

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/policy/engine"
	"gatehouse/sip/uri"
)

// at is one address of a peer: host, priority, weight.
func at(host string, priority, weight int) engine.Target {
	u, err := uri.Parse("sip:" + host)
	if err != nil {
		panic(err)
	}
	return engine.Target{URI: u, Priority: priority, Weight: weight}
}

// order walks a course whose addresses all resolve to nothing.
func order(c Course) string {
	var out []string
	for {
		step, ok := c.Next()
		if !ok {
			return strings.Join(out, " ")
		}
		out = append(out, step.Of.URI.Host)
	}
}

func TestNewCourse_LowestPriorityFirst(t *testing.T) {
	c := NewCourse([]engine.Target{at("c", 20, 1), at("a", 1, 1), at("b", 5, 100)}, false, func(int) int { return 0 })
	if got := order(c); got != "a b c" {
		t.Errorf("got %s", got)
	}
}

func TestNewCourse_EqualPriority_DrawnByWeight(t *testing.T) {
	targets := []engine.Target{at("a", 1, 10), at("b", 1, 30), at("z", 1, 0), at("later", 2, 1)}
	// The running sum is z 0, a 10, b 40 (RFC 2782).
	for draw, want := range map[int]string{0: "z", 1: "a", 10: "a", 11: "b", 40: "b"} {
		first := true
		c := NewCourse(targets, false, func(n int) int {
			if first {
				first = false
				if n != 41 {
					t.Fatalf("drawn below %d, want 41", n)
				}
				return draw
			}
			return n - 1
		})
		if got := order(c); !strings.HasPrefix(got, want+" ") || !strings.HasSuffix(got, " later") || len(strings.Fields(got)) != 4 {
			t.Errorf("draw %d: %s, want %s first", draw, got, want)
		}
	}
	c := NewCourse([]engine.Target{at("a", 1, 0), at("b", 1, 0), at("c", 1, 0)}, false, func(n int) int { return n - 1 })
	if got := order(c); got != "c b a" {
		t.Errorf("without weights: %s", got)
	}
}

func TestNewCourse_SIPS_OnlyWhatCanBeSecure(t *testing.T) {
	var targets []engine.Target
	for _, text := range []string{"sips:a.example", "sip:b.example", "sip:c.example:5060", "sip:10.0.0.4", "sip:e.example;transport=tls", "sip:10.0.0.6:5061;transport=TLS",
		"sip:g.example;transport=tcp", "sip:h.example;transport=ws", "sip:i.example;transport=wss", "sips:[2001:db8::1]"} {
		u, err := uri.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		targets = append(targets, engine.Target{URI: u, Priority: len(targets)})
	}
	c := NewCourse(targets, true, nil)
	if got, want := order(c), "a.example b.example e.example 10.0.0.6 i.example 2001:db8::1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if targets[2].URI.Host != "c.example" {
		t.Error("the peer's own list was changed")
	}
}

// hops makes hops told apart by their hosts; those of "-x" are late.
func hops(names ...string) []Hop {
	var out []Hop
	for _, n := range names {
		name, late := strings.CutPrefix(n, "-")
		out = append(out, Hop{Host: name, Late: late})
	}
	return out
}

func TestCourse_FoundHops_InOrderAndThoseThatFailedBeforeLast(t *testing.T) {
	c := NewCourse([]engine.Target{at("a", 1, 1), at("b", 2, 1)}, false, nil)
	found := map[string][]Hop{"a": hops("a1", "-a2"), "b": hops("-b1", "b2")}
	var got []string
	for c.More() {
		step, _ := c.Next()
		if step.Hop.Host == "" {
			c.Found(step.Of, found[step.Of.URI.Host])
			continue
		}
		got = append(got, step.Of.URI.Host+"/"+step.Hop.Host)
	}
	if want := []string{"a/a1", "b/b2", "a/a2", "b/b1"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, ok := c.Next(); ok {
		t.Error("a step after the end")
	}
}

func TestCourse_AtMostSixteenHops(t *testing.T) {
	var names []string
	for i := range 50 {
		names = append(names, fmt.Sprint("h", i))
	}
	c := NewCourse([]engine.Target{at("a", 1, 1), at("b", 2, 1)}, false, nil)
	n := 0
	for c.More() {
		step, ok := c.Next()
		if !ok {
			t.Fatal("More without Next")
		}
		if step.Hop.Host == "" {
			c.Found(step.Of, hops(names...))
		} else {
			n++
		}
	}
	if n != MaxTargets {
		t.Errorf("%d hops", n)
	}
}

func TestCourse_Zero_HasEnded(t *testing.T) {
	var c Course
	if _, ok := c.Next(); ok || c.More() {
		t.Error("the zero course goes somewhere")
	}
}
