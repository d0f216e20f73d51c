package app

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"gatehouse/config"
	"gatehouse/sip/resolve"
)

const (
	// sourceWait is how long a start or a reload waits for the names of peers
	// whose addresses are not known at all.
	sourceWait = 3 * time.Second
	// sourceCheck is how often the names are looked at again. The resolver
	// answers from its cache until their time to live is over.
	sourceCheck = 30 * time.Second
	// sourceRetry is how often while a peer has no address.
	sourceRetry = 5 * time.Second
	// sourceKeep is how long an address stays one of a peer after its name
	// last had it: many names give a part of their addresses at a time, and
	// another one each time.
	sourceKeep = 5 * time.Minute
)

// resolveFunc is the resolver as far as sources need it.
type resolveFunc func(q resolve.Query, done func([]resolve.Target, error)) (targets []resolve.Target, ready bool, err error)

// sources knows where the peers send from whose file gives names only.
type sources struct {
	log zerolog.Logger
	now func() time.Time

	mu     sync.Mutex                          // guards what follows
	found  map[string]map[netip.Addr]time.Time // by peer: address and when a name last had it
	silent map[string]bool                     // names that do not resolve, which is said once
}

func newSources(log zerolog.Logger, now func() time.Time) *sources {
	return &sources{log: log, now: now, found: make(map[string]map[netip.Addr]time.Time), silent: make(map[string]bool)}
}

// question is one name of a peer.
type question struct {
	peer string
	q    resolve.Query
}

var errNoAnswerYet = errors.New("no answer yet")

// Find looks the names of a configuration up and gives the addresses of each
// peer. It waits for the answers, at most sourceWait or until ctx ends; with
// hurry only for those of peers that have no address yet, so that a name
// server that is slow delays no reload. An answer that comes later counts the
// next time.
func (s *sources) Find(ctx context.Context, c *config.Config, r resolveFunc, hurry bool) map[string][]netip.Addr {
	wanting := s.wanting(c)
	answered, asked := s.ask(c, r)
	maps.DeleteFunc(asked, func(q *question, _ bool) bool { return hurry && !wanting[q.peer] })
	ctx, cancel := context.WithTimeout(ctx, sourceWait)
	defer cancel()
	for len(asked) > 0 {
		select {
		case q := <-answered:
			delete(asked, q)
		case <-ctx.Done():
			for q := range asked {
				s.learn(q, nil, errNoAnswerYet)
			}
			clear(asked)
		}
	}
	return s.known(c)
}

// ask puts every name to the resolver. There is room for all answers, so that
// one nobody waits for any more holds nothing up.
func (s *sources) ask(c *config.Config, look resolveFunc) (answered chan *question, asked map[*question]bool) {
	asked = make(map[*question]bool)
	for _, p := range c.Peers {
		for _, t := range p.Addresses {
			if _, literal := t.Addr(); p.SourceFromDNS && !literal {
				asked[&question{p.Name, queryOf(c, p.Zone, t)}] = true
			}
		}
	}
	answered = make(chan *question, len(asked))
	for q := range asked {
		done := func(targets []resolve.Target, err error) {
			s.learn(q, targets, err)
			answered <- q
		}
		if targets, ready, err := look(q.q, done); ready {
			done(targets, err)
		}
	}
	return answered, asked
}

// queryOf asks for a target as a call to it would (RFC 3263 §4), but a target
// that is out of service still sends.
func queryOf(c *config.Config, zone string, t config.Target) resolve.Query {
	q := resolve.Query{Host: t.Host, Port: t.Port, Secure: t.Secure, All: true}
	if t.TransportGiven {
		q.Transport = t.Transport.String()
	}
	q.Usable, q.IPv4, q.IPv6 = usable(keysOf(c), zone)
	return q
}

// learn enters an answer. A name that does not resolve changes nothing: what
// was known of it grows old and is forgotten like any address.
func (s *sources) learn(q *question, targets []resolve.Target, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := q.peer + " " + q.q.Host
	if len(targets) == 0 {
		if !s.silent[name] {
			s.silent[name] = true
			s.log.Warn().Err(err).Str("peer", q.peer).Str("host", q.q.Host).Msg("the name of a peer does not resolve: it is not known by it where the peer sends from")
		}
		return
	}
	delete(s.silent, name)
	if s.found[q.peer] == nil {
		s.found[q.peer] = make(map[netip.Addr]time.Time)
	}
	for _, t := range targets {
		s.found[q.peer][t.Addr.Addr().Unmap()] = s.now()
	}
}

// wanting lists the peers whose names have led to no address.
func (s *sources) wanting(c *config.Config) map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]bool)
	for _, p := range c.Peers {
		if p.SourceFromDNS && len(s.found[p.Name]) == 0 {
			out[p.Name] = true
		}
	}
	return out
}

// known gives the addresses of the peers of a configuration, sorted, and
// forgets those that are too old. While a name server is down nothing is
// learnt, and a peer keeps its last addresses rather than none.
func (s *sources) known(c *config.Config) map[string][]netip.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string][]netip.Addr)
	for _, p := range c.Peers {
		if addrs := s.found[p.Name]; p.SourceFromDNS && len(addrs) > 0 {
			newest := slices.MaxFunc(slices.Collect(maps.Values(addrs)), time.Time.Compare)
			maps.DeleteFunc(addrs, func(_ netip.Addr, seen time.Time) bool { return newest.Sub(seen) > sourceKeep })
			out[p.Name] = slices.SortedFunc(maps.Keys(addrs), netip.Addr.Compare)
		}
	}
	return out
}

// forget drops what is of no peer of a configuration. That must be the one in
// force, with no reload under way: its peers are not in there yet.
func (s *sources) forget(c *config.Config) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.found, func(peer string, _ map[netip.Addr]time.Time) bool {
		return !slices.ContainsFunc(c.Peers, func(p config.Peer) bool { return p.Name == peer && p.SourceFromDNS })
	})
}

// watchSources looks the names up again until the end of the process, and
// puts a policy with the new addresses in force when they differ.
func (a *App) watchSources() {
	next := time.NewTimer(a.sourcesDue())
	defer next.Stop()
	for {
		select {
		case <-next.C:
			a.refreshSources()
			next.Reset(a.sourcesDue())
		case <-a.life.Done():
			return
		}
	}
}

func (a *App) sourcesDue() time.Duration {
	if len(a.sources.wanting(a.cfg.Load())) > 0 {
		return sourceRetry
	}
	return sourceCheck
}

// refreshSources does not wait under the lock of a reload: it asks first, and
// leaves it to the reload when one came in between.
func (a *App) refreshSources() {
	c := a.cfg.Load()
	found := a.sources.Find(a.life, c, a.names.Resolve, false)
	a.reloading.Lock()
	defer a.reloading.Unlock()
	if a.cfg.Load() != c {
		return
	}
	a.sources.forget(c)
	if maps.EqualFunc(found, a.resolved, slices.Equal) {
		return
	}
	snapshot, err := compile(c, found)
	if err != nil {
		a.log.Warn().Err(err).Msg("where a peer sends from has changed, and cannot be put in force")
		return
	}
	for peer, addrs := range found {
		if !slices.Equal(addrs, a.resolved[peer]) {
			a.log.Info().Str("peer", peer).Array("sources", addrList(addrs)).Msg("where a peer sends from has changed")
		}
	}
	a.resolved = found
	a.engine.SetSnapshot(snapshot)
}

// addrList writes addresses into a log line.
type addrList []netip.Addr

// MarshalZerologArray implements zerolog.LogArrayMarshaler.
func (l addrList) MarshalZerologArray(out *zerolog.Array) {
	for _, addr := range l {
		out.Str(addr.String())
	}
}
