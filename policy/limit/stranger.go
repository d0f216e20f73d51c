package limit

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// stranger is what is known of a source no peer claims.
type stranger struct {
	mu           sync.Mutex
	bucket       *rate.Limiter
	pace         *pace // that the bucket was set to
	demotedUntil time.Time
	rules        *rules // that offences were counted by
	offences     window // in datagrams: nobody knows who sent them
}

func newStranger(r *rules) *stranger {
	return &stranger{bucket: rate.NewLimiter(r.normal.limit, r.normal.burst), pace: &r.normal}
}

// take asks for one token in the name of an address of this source.
func (s *stranger) take(src netip.Addr, r *rules, now time.Time) (demoted, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	want := &r.normal
	if now.Before(s.demotedUntil) && !r.DryRun && !r.exempt(src) {
		demoted, want = true, &r.demoted
	}
	if s.pace != want {
		s.pace = want
		s.bucket.SetLimitAt(now, want.limit)
		s.bucket.SetBurstAt(now, want.burst)
	}
	return demoted, s.bucket.AllowN(now, 1)
}

// offend counts an offence that cannot be proven and tells whether it was the
// one that demotes.
func (s *stranger) offend(r *rules, now time.Time, at time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rules != r {
		s.rules, s.offences = r, window{}
	}
	if s.offences.add(at, r.For) < r.After {
		return false
	}
	s.offences = window{}
	s.demotedUntil = now.Add(r.For)
	return true
}

// forgive forgets offences and tells whether the source was demoted.
func (s *stranger) forgive(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := now.Before(s.demotedUntil)
	s.demotedUntil, s.offences = time.Time{}, window{}
	return was
}
