package resolve

import (
	"errors"
	"sync"
	"time"
)

const (
	minTTL         = time.Second     // a TTL of 0 would have us ask for every call
	maxTTL         = time.Hour       // a poisoned or mistaken answer does not last for days
	maxNegativeTTL = time.Minute     // a name that comes into being is found soon; RFC 2308 §5 allows hours
	bareNegative   = 5 * time.Second // a denial without SOA. Differs from RFC 2308 §5, which would not keep it at all
	failureTTL     = 5 * time.Second // how long a server that fails is not asked the same again (RFC 2308 §7: at most 5 min)

	// evictionSample is among how many entries the one to drop is chosen.
	evictionSample = 8
)

// question is a name, lower case and without the root's dot, and a record type.
type question struct {
	name  string
	qtype uint16
}

// entry is what is known as the answer to a question.
type entry struct {
	set   rrset
	err   error     // why set is empty: a denial, or that no server could tell
	good  time.Time // until when this is the answer
	stale time.Time // until when it may be used when nothing newer is to be had
}

// cache is what name servers answered.
type cache struct {
	limit int
	stale time.Duration

	mu sync.Mutex // leaf
	m  map[question]entry
}

func newCache(limit int, stale time.Duration) *cache {
	return &cache{limit: limit, stale: stale, m: make(map[question]entry)}
}

func (c *cache) get(q question) (entry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.m[q]
	return e, ok
}

// learn enters an answer, records or a denial of them. A failure leaves what was known before, for as long as that may
// be used, and keeps the server from being asked again at once.
func (c *cache) learn(q question, a answer, err error, now time.Time) entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	old, known := c.m[q]
	var e entry
	switch {
	case err == nil:
		good := now.Add(a.ttl)
		e = entry{set: a.set, err: a.denial, good: good, stale: good.Add(c.stale)}
	case known && now.Before(old.stale):
		e = old
		e.good = now.Add(failureTTL)
	default:
		e = entry{err: err, good: now.Add(failureTTL)}
	}
	if !known {
		makeRoom(c.m, c.limit, func(e entry) time.Time { return e.good })
	}
	c.m[q] = e
	return e
}

// denied reports an answer that says that there is nothing, unlike one that says nothing.
func denied(err error) bool { return errors.Is(err, ErrNoAddress) }

// makeRoom lets a map take one more: when it is full, it drops the one of a few entries, chosen by the map's random
// order, that ends first.
func makeRoom[K comparable, V any](m map[K]V, limit int, end func(V) time.Time) {
	if len(m) < limit {
		return
	}
	var victim K
	var first time.Time
	seen := 0
	for k, v := range m {
		if t := end(v); seen == 0 || t.Before(first) {
			victim, first = k, t
		}
		if seen++; seen == evictionSample {
			break
		}
	}
	delete(m, victim)
}
