package resolve

import (
	"sync"
	"time"
)

const (
	// maxPenalty bounds how long a target can be out: a Retry-After of years must not last until the next restart.
	maxPenalty = time.Hour
	// maxPenalties is how many targets are remembered as failed; with more, those that come back first are forgotten.
	maxPenalties = 4096
)

// penalty is how a target is out, and until when.
type penalty struct {
	until time.Time
	hard  bool
}

// penalties remembers the targets that failed.
type penalties struct {
	mu sync.Mutex // leaf
	m  map[Target]penalty
}

func newPenalties() *penalties { return &penalties{m: make(map[Target]penalty)} }

func (ps *penalties) add(t Target, now, until time.Time, hard bool) {
	if !until.After(now) {
		return
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	old, ok := ps.m[t]
	if ok && now.Before(old.until) {
		if old.hard && !hard {
			return
		}
		if old.hard == hard && old.until.After(until) {
			until = old.until
		}
	}
	if !ok {
		makeRoom(ps.m, maxPenalties, func(p penalty) time.Time { return p.until })
	}
	ps.m[t] = penalty{until, hard}
}

func (ps *penalties) lift(t Target) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if !ps.m[t].hard {
		delete(ps.m, t)
	}
}

// holds tells whether a target is under a penalty of either kind.
func (ps *penalties) holds(t Target, now time.Time) bool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return now.Before(ps.m[t].until)
}

// apply orders targets in place: those without a penalty, then those with a soft one; the others it drops.
func (ps *penalties) apply(targets []Target, now time.Time) []Target {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if len(ps.m) == 0 {
		return targets
	}
	good := targets[:0]
	var soft []Target
	for _, t := range targets {
		switch p, ok := ps.m[t]; {
		case !ok || !now.Before(p.until):
			good = append(good, t)
		case !p.hard:
			soft = append(soft, t)
		}
	}
	return append(good, soft...)
}
