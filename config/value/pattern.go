package value

import (
	"fmt"
	"strings"

	"gatehouse/config/strict"
)

// Pattern matches the called user of a route: a text with a * before it, after
// it or on both sides. The zero value matches only the empty user.
type Pattern struct {
	text       string
	head, tail bool // a * stands before, after the text
}

// ParsePattern reads one pattern as written under called. A * in the middle
// is refused.
func ParsePattern(s string) (Pattern, error) {
	if s == "" {
		return Pattern{}, fmt.Errorf("the pattern is empty, * takes every user")
	}
	p := Pattern{text: s}
	if rest, ok := strings.CutPrefix(p.text, "*"); ok {
		p.text, p.head = rest, true
	}
	if rest, ok := strings.CutSuffix(p.text, "*"); ok {
		p.text, p.tail = rest, true
	}
	if strings.Contains(p.text, "*") {
		return Pattern{}, fmt.Errorf("a * is only allowed at the start and at the end, got %s", strict.Quote(s))
	}
	return p, nil
}

// Every is the pattern that takes every user.
func Every() Pattern { return Pattern{tail: true} }

// Text is the pattern without its stars.
func (p Pattern) Text() string { return p.text }

// any reports whether the pattern takes every user.
func (p Pattern) any() bool { return p.text == "" && (p.head || p.tail) }

// Match reports whether the pattern takes this user, compared byte by byte.
func (p Pattern) Match(user string) bool {
	switch {
	case p.head && p.tail:
		return strings.Contains(user, p.text)
	case p.head:
		return strings.HasSuffix(user, p.text)
	case p.tail:
		return strings.HasPrefix(user, p.text)
	default:
		return user == p.text
	}
}

// String writes the pattern as the file does.
func (p Pattern) String() string {
	s := p.text
	if p.head {
		s = "*" + s
	}
	if p.tail {
		s += "*"
	}
	return s
}

// PatternSet is what earlier routes take; it answers whether a later pattern
// can still match anything, without comparing each with each. The zero value
// is empty; one goroutine uses it.
type PatternSet struct {
	all                 bool
	exact, heads, tails map[string]string // text -> who takes it
	inner               []claim
	taker               string // who takes all
}

// maxInner is how many patterns with a * on both sides are compared with every
// later one; such patterns are rare, and only a warning depends on it.
const maxInner = 200

// claim is a text with a * on both sides and the route that takes it.
type claim struct{ text, who string }

// Add records that route who takes p.
func (s *PatternSet) Add(p Pattern, who string) {
	if s.exact == nil {
		s.exact, s.heads, s.tails = map[string]string{}, map[string]string{}, map[string]string{}
	}
	switch {
	case p.any():
		if !s.all {
			s.all, s.taker = true, who
		}
	case p.head && p.tail:
		if len(s.inner) < maxInner {
			s.inner = append(s.inner, claim{text: p.text, who: who})
		}
	case p.head:
		put(s.tails, p.text, who)
	case p.tail:
		put(s.heads, p.text, who)
	default:
		put(s.exact, p.text, who)
	}
}

func put(m map[string]string, k, v string) {
	if _, ok := m[k]; !ok {
		m[k] = v
	}
}

// Covers returns the route that takes everything p could match, and false when
// no single earlier pattern does.
func (s *PatternSet) Covers(p Pattern) (string, bool) {
	if s.all {
		return s.taker, true
	}
	if p.any() {
		return "", false
	}
	for _, in := range s.inner {
		if strings.Contains(p.text, in.text) {
			return in.who, true
		}
	}
	if !p.head {
		for i := range len(p.text) {
			if who, ok := s.heads[p.text[:i+1]]; ok {
				return who, true
			}
		}
	}
	if !p.tail {
		for i := range len(p.text) {
			if who, ok := s.tails[p.text[i:]]; ok {
				return who, true
			}
		}
	}
	if !p.head && !p.tail {
		who, ok := s.exact[p.text]
		return who, ok
	}
	return "", false
}
