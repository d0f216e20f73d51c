package resolve

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// grace is how long addresses of one family wait for those of the other (RFC 8305 §3), and the SRV records of one
// transport for those of another: servers that drop some questions exist.
const grace = 250 * time.Millisecond

// waiter is told the outcome, once.
type waiter func([]Target, error)

// flight is one resolution under way and who waits for it.
type flight struct {
	plan    plan
	waiters []waiter
	timer   *time.Timer // gives what is known from before; nil when that is nothing
	late    bool        // it did, or nothing new is to be hoped for: nobody waits
}

// board makes the caller wait for a resolution, and starts it unless somebody waits for the same already.
func (r *Resolver) board(p plan, done waiter) (targets []Target, ready bool, err error) {
	old, _ := r.recall(p, nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, true, ErrClosed
	}
	f := r.flights[p]
	if f == nil {
		if len(r.flights) >= r.o.Flights {
			return r.refuse(old)
		}
		f = &flight{plan: p, late: len(old) > 0 && r.upstream.down()}
		if len(old) > 0 && !f.late {
			f.timer = time.AfterFunc(r.o.Patience, func() { r.impatient(f) })
		}
		r.flights[p] = f
		r.launch(f)
	}
	if f.late || len(f.waiters) >= r.o.Waiters {
		return r.refuse(old)
	}
	f.waiters = append(f.waiters, done)
	return nil, false, nil
}

// refuse answers a caller that cannot wait with what is known from before.
func (r *Resolver) refuse(old []Target) ([]Target, bool, error) {
	if len(old) == 0 {
		return nil, true, errBusy
	}
	return old, true, nil
}

// recall answers from what is known, however old, and takes for failed what is not.
func (r *Resolver) recall(p plan, known map[question]entry) ([]Target, error) {
	w := r.walk(known, true)
	targets, err := w.run(p)
	if err != nil {
		return nil, err
	}
	return r.serviceable(p.host, p, targets)
}

// landLocked takes the waiters off a flight; call it with the resolver's mu held.
func (f *flight) landLocked() []waiter {
	if f.timer != nil {
		f.timer.Stop()
	}
	waiters := f.waiters
	f.waiters = nil
	return waiters
}

// impatient gives those who wait for a slow name server what was known before.
func (r *Resolver) impatient(f *flight) {
	r.mu.Lock()
	f.late = true
	waiters := f.landLocked()
	r.mu.Unlock()
	r.tell(waiters, f.plan, nil)
}

// tell gives each of those who wait targets of its own: the order is drawn anew (RFC 2782).
func (r *Resolver) tell(waiters []waiter, p plan, known map[question]entry) {
	for _, done := range waiters {
		done(r.recall(p, known))
	}
}

// fly asks what must be known until the plan has an answer, and tells those who wait. What was learnt on the way stays
// good for them even if its TTL is shorter than that. The caps on records bound the questions, and when the time is
// out they all fail at once.
func (r *Resolver) fly(ctx context.Context, f *flight) {
	bounded, cancel := context.WithTimeout(ctx, r.o.Timeout)
	defer cancel()
	known := make(map[question]entry)
	for {
		w := r.walk(known, false)
		if _, _ = w.run(f.plan); len(w.missing) == 0 {
			break
		}
		maps.Copy(known, r.askAll(bounded, w.missing))
		if ctx.Err() != nil {
			return // Close tells those who wait
		}
	}
	r.mu.Lock()
	waiters := f.landLocked()
	if r.flights[f.plan] == f {
		delete(r.flights, f.plan)
	}
	r.mu.Unlock()
	r.tell(waiters, f.plan, known)
}

// askAll asks several questions at once and gives what is known after it.
func (r *Resolver) askAll(ctx context.Context, qs []question) map[question]entry {
	// A context per domain: once it has one answer, the others have little time left.
	contexts := make(map[string]context.Context, len(qs))
	enough := make(map[string]context.CancelFunc, len(qs))
	for _, q := range qs {
		if d := q.domain(); contexts[d] == nil {
			c, cancel := context.WithCancel(ctx)
			defer cancel()
			contexts[d], enough[d] = c, cancel
		}
	}
	hurry := func(domain string) {
		timer := time.AfterFunc(grace, enough[domain])
		context.AfterFunc(contexts[domain], func() { timer.Stop() })
	}
	found := make([]entry, len(qs))
	var wg sync.WaitGroup
	for i, q := range qs {
		wg.Go(func() {
			d := q.domain()
			if r.familyKnown(q) {
				hurry(d)
			}
			found[i] = r.answerTo(ctx, contexts[d], q)
			if found[i].err == nil {
				hurry(d)
			}
		})
	}
	wg.Wait()
	known := make(map[question]entry, len(qs))
	for i, q := range qs {
		known[q] = found[i]
	}
	return known
}

// domain is what questions that may take each other's place have in common: the name, less `_sip._udp` and the like.
func (q question) domain() string {
	name := q.name
	for strings.HasPrefix(name, "_") {
		_, name, _ = strings.Cut(name, ".")
	}
	return name
}

// familyKnown tells whether a question is for addresses and those of the other family are at hand.
func (r *Resolver) familyKnown(q question) bool {
	switch q.qtype {
	case dns.TypeA:
		q.qtype = dns.TypeAAAA
	case dns.TypeAAAA:
		q.qtype = dns.TypeA
	default:
		return false
	}
	e, _ := r.cache.get(q)
	return len(e.set.addrs) > 0 && r.o.Now().Before(e.good)
}

// answerTo asks one question in the time of its name and keeps the answer, and a failure too unless the resolution
// ended before the servers had a chance.
func (r *Resolver) answerTo(resolution, name context.Context, q question) entry {
	start := time.Now()
	a, err := r.ask(name, q)
	if err != nil && resolution.Err() != nil && time.Since(start) < attemptTimeout {
		return entry{err: err}
	}
	return r.cache.learn(q, a, err, r.o.Now())
}

// ask asks the name servers one question, and again where an alias leads.
func (r *Resolver) ask(ctx context.Context, q question) (answer, error) {
	name, ttl := q.name, maxTTL
	for left := maxAliases; ; {
		m, err := r.upstream.consult(ctx, question{name, q.qtype})
		if err != nil {
			return answer{}, fmt.Errorf("ask for %s of %q: %w", dns.TypeToString[q.qtype], name, err)
		}
		a, err := read(m, question{name, q.qtype}, r.o.Allow, &left)
		if err != nil {
			return answer{}, fmt.Errorf("answer for %s of %q: %w", dns.TypeToString[q.qtype], name, err)
		}
		ttl = min(ttl, a.ttl)
		if a.alias == "" {
			a.ttl = ttl
			return a, nil
		}
		name = a.alias
	}
}

// unanswered reports that no name server said anything, so that nothing is known of the question.
func unanswered(err error) bool {
	var code rcodeError
	return err != nil && !denied(err) && !errors.As(err, &code)
}
