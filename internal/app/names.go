package app

import (
	"context"
	"errors"
	"net/netip"
	"reflect"
	"sync/atomic"
	"time"

	"gatehouse/config"
	"gatehouse/sip/resolve"
)

// names is the resolver in force, as the engine sees it. A reload that changes
// whom we ask puts another one in its place, with nothing remembered.
type names struct {
	own     func(netip.AddrPort) bool
	current atomic.Pointer[resolve.Resolver]
	dns     config.DNS // what current was made of; guarded by App.reloading
	results [lookupResults]atomic.Uint64
}

// lookupResult is what came of looking a name up.
type lookupResult uint8

const (
	lookupCached    lookupResult = iota // known, also that there is no address
	lookupFound                         // name servers were asked
	lookupNoAddress                     // they know no address we may send to
	lookupFailed                        // they did not say, or too many names were asked for at once
	lookupResults
)

func lookupNames() [lookupResults]string {
	return [lookupResults]string{"cached", "found", "no_address", "failed"}
}

// resultOf says what an answer is.
func resultOf(err error) lookupResult {
	switch {
	case err == nil, errors.Is(err, resolve.ErrAllOut):
		return lookupFound
	case errors.Is(err, resolve.ErrNoAddress):
		return lookupNoAddress
	}
	return lookupFailed
}

// lookups counts the names looked up, by result.
func (n *names) lookups() map[string]uint64 {
	out := make(map[string]uint64, lookupResults)
	for i, name := range lookupNames() {
		out[name] = n.results[i].Load()
	}
	return out
}

// make starts a resolver.
func (n *names) make(c config.DNS) *resolve.Resolver {
	return resolve.New(resolve.Options{Servers: c.Servers, Allow: c.Allow, Own: n.own})
}

// prepare gives the resolver for a configuration: the one in force when it
// would be no other.
func (n *names) prepare(c config.DNS) *resolve.Resolver {
	if now := n.current.Load(); now != nil && reflect.DeepEqual(c, n.dns) {
		return now
	}
	return n.make(c)
}

// commit puts a prepared resolver in force and gives the one it replaced, nil
// when that is the same.
func (n *names) commit(r *resolve.Resolver, c config.DNS) *resolve.Resolver {
	n.dns = c
	if old := n.current.Swap(r); old != r {
		return old
	}
	return nil
}

// Resolve implements b2bua.Resolver.
func (n *names) Resolve(q resolve.Query, done func([]resolve.Target, error)) ([]resolve.Target, bool, error) {
	r := n.current.Load()
	if _, err := netip.ParseAddr(q.Host); err == nil {
		return r.Resolve(q, done)
	}
	targets, ready, err := r.Resolve(q, func(targets []resolve.Target, err error) {
		n.results[resultOf(err)].Add(1)
		done(targets, err)
	})
	if ready {
		result := resultOf(err)
		if result != lookupFailed {
			result = lookupCached
		}
		n.results[result].Add(1)
	}
	return targets, ready, err
}

// Penalize implements b2bua.Resolver.
func (n *names) Penalize(t resolve.Target, d time.Duration, hard bool) {
	n.current.Load().Penalize(t, d, hard)
}

// Penalized implements b2bua.Resolver.
func (n *names) Penalized(t resolve.Target) bool { return n.current.Load().Penalized(t) }

// Forgive implements b2bua.Resolver.
func (n *names) Forgive(t resolve.Target) { n.current.Load().Forgive(t) }

// close ends the resolver in force.
func (n *names) close(ctx context.Context) error {
	if r := n.current.Load(); r != nil {
		return r.Close(ctx)
	}
	return nil
}

// leaveTime is how long a resolver that was replaced may finish what it was
// asked: longer than any question takes.
const leaveTime = 5 * time.Second

// leave closes a resolver that nobody asks any more, in the background.
func (a *App) leave(r *resolve.Resolver) {
	if r == nil {
		return
	}
	a.wg.Go(func() {
		pause(a.life, leaveTime)
		ctx, cancel := context.WithTimeout(context.Background(), closeStep)
		defer cancel()
		if err := r.Close(ctx); err != nil {
			a.log.Warn().Err(err).Msg("closing a resolver that was replaced")
		}
	})
}
