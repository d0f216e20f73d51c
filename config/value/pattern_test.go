package value

import (
	"testing"

	"pgregory.net/rapid"
)

func TestPattern_Match_HoldsTheStarsMeaning(t *testing.T) {
	for _, c := range []struct {
		pattern, user string
		want          bool
	}{
		{"+*", "+13125550100", true},
		{"+*", "+", true},
		{"+*", "13125550100", false},
		{"00*", "0049", true},
		{"00*", "0", false},
		{"*", "", true},
		{"*", "anything", true},
		{"**", "", true},
		{"911", "911", true},
		{"911", "9111", false},
		{"911", "", false},
		{"*100", "+13125550100", true},
		{"*100", "1000", false},
		{"*55*", "+13125550100", true},
		{"*55*", "55", true},
		{"*55*", "5", false},
		{"alice", "Alice", false},
		{"+1-312*", "+1312", false},
		{"*98", "*98", true},
		{"+49*", "+49 30", true},
		{"é*", "école", true},
	} {
		p, err := ParsePattern(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Match(c.user); got != c.want {
			t.Errorf("%q takes %q: %v, want %v", c.pattern, c.user, got, c.want)
		}
		if p.String() != c.pattern {
			t.Errorf("%q is written as %q", c.pattern, p)
		}
	}
	for _, bad := range []string{"", "a*b", "*a*b", "a**", "***", "**a*"} {
		if p, err := ParsePattern(bad); err == nil {
			t.Errorf("%q was accepted as %q", bad, p)
		}
	}
}

// short makes texts that often meet: two letters only.
var short = rapid.StringMatching(`[ab]{0,4}`)

func patternGen() *rapid.Generator[Pattern] {
	return rapid.Custom(func(t *rapid.T) Pattern {
		p := Pattern{text: short.Draw(t, "text"), head: rapid.Bool().Draw(t, "head"), tail: rapid.Bool().Draw(t, "tail")}
		return p
	})
}

// Whatever a covered pattern takes, an earlier pattern takes too; and a single
// pattern is covered only when that holds.
func TestPatternSet_Covers_IsSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var set PatternSet
		earlier := rapid.SliceOfN(patternGen(), 1, 4).Draw(t, "earlier")
		for _, p := range earlier {
			set.Add(p, p.String())
		}
		p, user := patternGen().Draw(t, "pattern"), rapid.StringMatching(`[ab]{0,8}`).Draw(t, "user")
		who, covered := set.Covers(p)
		if !covered || !p.Match(user) {
			return
		}
		for _, e := range earlier {
			if e.String() == who && e.Match(user) {
				return
			}
		}
		t.Fatalf("%q takes %q, which %q that covers it does not", p, user, who)
	})
}

func TestPatternSet_Covers_FindsEachKind(t *testing.T) {
	for _, c := range []struct {
		earlier, later string
		want           bool
	}{
		{"*", "911", true}, {"*", "*", true}, {"911", "911", true}, {"911", "911*", false},
		{"+1*", "+1312*", true}, {"+1312*", "+1*", false}, {"+1*", "+1312", true}, {"+1*", "*+1", false},
		{"*00", "*100", true}, {"*100", "*00", false}, {"*00", "100", true}, {"*00", "00*", false},
		{"*5*", "+15*", true}, {"*5*", "*51", true}, {"*5*", "*15*", true}, {"*15*", "*5*", false}, {"*5*", "5", true},
		{"+*", "*", false}, {"*5*", "*", false},
	} {
		var set PatternSet
		earlier, err := ParsePattern(c.earlier)
		if err != nil {
			t.Fatal(err)
		}
		later, err := ParsePattern(c.later)
		if err != nil {
			t.Fatal(err)
		}
		set.Add(earlier, "r")
		if who, got := set.Covers(later); got != c.want || got && who != "r" {
			t.Errorf("%s covers %s: %v by %q, want %v", c.earlier, c.later, got, who, c.want)
		}
	}
}
