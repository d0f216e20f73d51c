package limit

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gaissmai/bart"
	"golang.org/x/time/rate"
)

// Rules are the limits in force. The zero value lets everything through.
type Rules struct {
	// Rate is how many messages a second one stranger may send; 0 does not limit it.
	Rate int
	// Burst is how many it may send at once; at least 1.
	Burst int
	// Total is how many messages a second all strangers together may send, and how many at once; 0 does not limit them.
	Total int
	// After is how many offences within For it takes to be demoted or banned; 0 never does either.
	After int
	// For is how long a demotion or a first ban lasts, and the time in which offences add up.
	For time.Duration
	// Allow holds those who are never demoted or banned: masked prefixes, IPv4 never in its mapped form. They are limited like others.
	Allow []netip.Prefix
	// DryRun records bans but lets through whom they would stop, and demotes nobody.
	DryRun bool
}

// equal tells whether two sets of rules say the same.
func (r *Rules) equal(o *Rules) bool {
	return r.Rate == o.Rate && r.Burst == o.Burst && r.Total == o.Total && r.After == o.After && r.For == o.For && r.DryRun == o.DryRun &&
		slices.Equal(r.Allow, o.Allow)
}

// pace is how fast a bucket fills and what it holds.
type pace struct {
	limit rate.Limit
	burst int
}

// newPace makes the pace of so many messages a second; 0 is no limit.
func newPace(perSecond float64, burst int) pace {
	if perSecond <= 0 {
		return pace{limit: rate.Inf}
	}
	return pace{limit: rate.Limit(perSecond), burst: max(1, burst)}
}

// rules are Rules made ready. They never change, so that whoever finds them
// where it left them knows that nothing changed.
type rules struct {
	Rules
	normal, demoted, total pace
	allow                  bart.Lite
}

func newRules(r Rules) *rules {
	r.Allow = slices.Clone(r.Allow)
	out := &rules{
		Rules:   r,
		normal:  newPace(float64(r.Rate), r.Burst),
		demoted: newPace(float64(r.Rate)/demotedShare, r.Burst/demotedShare),
		total:   newPace(float64(r.Total), r.Total),
	}
	for _, p := range r.Allow {
		out.allow.Insert(p)
	}
	return out
}

// exempt tells whether an address is on the allow list.
func (r *rules) exempt(a netip.Addr) bool { return r.allow.Lookup(a.Unmap()) }

// banFor is how long a ban lasts that follows so many others.
func (r *rules) banFor(repeats int) time.Duration {
	d, longest := r.For, max(r.For, longestBan)
	for range repeats {
		if d >= longest/2 {
			return longest
		}
		d *= 2
	}
	return d
}
