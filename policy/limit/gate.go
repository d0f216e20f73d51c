package limit

import (
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"
)

// Verdict is what becomes of a message.
type Verdict uint8

// Pass lets a message in; Limited is one too many; Demoted lets it in but gets
// no answer, since its source is likely not who it says; Banned shuts it out.
const (
	Pass Verdict = iota
	Limited
	Demoted
	Banned
	verdicts // how many there are
)

// String names the verdict, for logs and metrics.
func (v Verdict) String() string {
	switch v {
	case Pass:
		return "pass"
	case Limited:
		return "limited"
	case Demoted:
		return "demoted"
	case Banned:
		return "banned"
	case verdicts:
	}
	return "verdict(" + strconv.Itoa(int(v)) + ")"
}

// Gate judges the messages of strangers.
type Gate struct {
	now   func() time.Time
	start time.Time

	rules     atomic.Pointer[rules] // stored with mu held
	datagrams crowd
	streams   crowd

	verdicts  [verdicts]atomic.Uint64
	crowded   atomic.Uint64
	demotions atomic.Uint64
	banned    atomic.Uint64
	holding   atomic.Bool // whether bans has any: while nobody misbehaves, Message takes no lock

	mu        sync.RWMutex
	bans      bans                          // guarded by mu
	offenders *otter.Cache[source, *window] // used with mu held
	strange   reasons                       // offences of strangers, guarded by mu
	familiar  reasons                       // offences of peers, guarded by mu
}

// crowd are the strangers that arrive in one way. Those who prove by a
// connection that they are who they say do not share their buckets with
// datagrams, which anybody can send in their name.
type crowd struct {
	total   *rate.Limiter // of all together
	sources *otter.Cache[source, *stranger]
}

// NewGate makes a gate that reads the time from now, which should be that of
// time.Now: it is compared by its monotonic part where it has one.
func NewGate(r Rules, now func() time.Time) *Gate {
	g := &Gate{now: now, start: now(), offenders: newCache[*window](maxOffenders)}
	g.bans.by = make(map[source]*ban)
	first := newRules(r)
	g.rules.Store(first)
	g.datagrams, g.streams = newCrowd(first, MaxSources), newCrowd(first, maxConnected)
	return g
}

func newCrowd(r *rules, size int) crowd {
	return crowd{total: rate.NewLimiter(r.total.limit, r.total.burst), sources: newCache[*stranger](size)}
}

// newCache makes a table of at most size sources. It keeps itself in order in
// the goroutine that uses it, a little at each use, so that a flood cannot
// outrun it.
func newCache[V any](size int) *otter.Cache[source, V] {
	return otter.Must(&otter.Options[source, V]{MaximumSize: size, Executor: func(fn func()) { fn() }})
}

// Set puts other rules in force. Buckets, bans and demotions stay, except the
// bans of whom the rules now exempt; offences that led to nothing yet are
// forgotten. Rules equal to those in force change nothing.
func (g *Gate) Set(r Rules) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.rules.Load().equal(&r) {
		return
	}
	next, now := newRules(r), g.now()
	g.rules.Store(next)
	for _, c := range []*crowd{&g.datagrams, &g.streams} {
		c.total.SetLimitAt(now, next.total.limit)
		c.total.SetBurstAt(now, next.total.burst)
	}
	g.offenders.InvalidateAll()
	for _, b := range slices.Clone(g.bans.queue) {
		if next.allow.LookupPrefix(b.source.prefix()) {
			g.bans.remove(b)
		}
	}
	g.holding.Store(len(g.bans.by) > 0)
}

// Message judges one message of a source, or a connection it opens. Known
// sources pass and leave no trace. proven tells that it came over a connection,
// so that the source is who it says. The source's own bucket is asked before
// the one of all strangers, so that what it sends too much is not taken from
// others.
func (g *Gate) Message(src netip.Addr, known, proven bool) Verdict {
	if known {
		return Pass
	}
	c := &g.datagrams
	if proven {
		c = &g.streams
	}
	v := g.judge(c, src)
	g.verdicts[v].Add(1)
	return v
}

func (g *Gate) judge(c *crowd, src netip.Addr) Verdict {
	r, s, now := g.rules.Load(), sourceOf(src), g.now()
	if g.isBanned(s, now) && !r.DryRun && !r.exempt(src) {
		return Banned
	}
	e, ok := c.sources.GetIfPresent(s)
	if !ok {
		// The bucket of somebody new is full, so all that can stop it is the total; then it need not be remembered either.
		if !g.admitOne(c, now) {
			return Limited
		}
		e, _ = c.sources.SetIfAbsent(s, newStranger(r))
		if _, ok = e.take(src, r, now); !ok {
			return Limited
		}
		return Pass
	}
	demoted, ok := e.take(src, r, now)
	switch {
	case !ok || !g.admitOne(c, now):
		return Limited
	case demoted:
		return Demoted
	}
	return Pass
}

// admitOne takes a token of all strangers together.
func (g *Gate) admitOne(c *crowd, now time.Time) bool {
	if c.total.AllowN(now, 1) {
		return true
	}
	g.crowded.Add(1)
	return false
}

// isBanned tells whether a ban that is meant is in force.
func (g *Gate) isBanned(s source, now time.Time) bool {
	if !g.holding.Load() {
		return false
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	b := g.bans.inForce(s, now)
	return b != nil && !b.dryRun
}
