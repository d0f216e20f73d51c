// Package resolve locates SIP servers (RFC 3263): from the host, port and transport of a URI to the addresses, ports
// and transports to try, in order, without ever making a caller wait.
//
// It owns the questions to the name servers (NAPTR, SRV, A, AAAA over UDP, and TCP when an answer does not fit), a
// bounded cache of what they answered, the hosts file, and a bounded table of targets that lately failed. It refuses
// names that are no host names, NAPTR rules with a regular expression, more records than a caller could ever try, and
// answers that lead to ourselves: loopback, link-local and the like unless allowed, our own listeners always. It sends
// no SIP and does not know which target failed until it is told.
//
// Threads: every method may be called from any goroutine and none but Close blocks. A resolution that is not in the
// cache is a goroutine of its own, which the resolver bounds, shares among all who ask the same, ends after two seconds
// and joins in Close. The done functions are called there, on a timer's goroutine, or on the one that calls Close; they
// must not block.
//
// When the name servers are down, what they said within the last hour stays good.
package resolve

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
)

// Errors a caller may want to tell apart; all others are the name servers' or say what is wrong with the query.
var (
	// ErrClosed means that the resolver was closed before the answer came.
	ErrClosed = errors.New("resolver closed")
	// ErrNoAddress means that the name is known to lead nowhere we may send to.
	ErrNoAddress = errors.New("no usable address")
	// ErrAllOut means that every target of the name is under a hard penalty.
	ErrAllOut = errors.New("every target is out of service")
)

// errBusy means that more is being resolved than the resolver takes on at once.
var errBusy = errors.New("too many names are being resolved")

// Options are what a Resolver is made of; every field has a default.
type Options struct {
	Servers []netip.AddrPort          // name servers, tried in turn; empty: those, the search list and ndots of Conf
	Allow   []netip.Prefix            // names may lead into these, though loopback, link-local, multicast or unspecified
	Own     func(netip.AddrPort) bool // tells our own listeners, which no name may lead to; called without a lock
	Hosts   string                    // path of the hosts file; /etc/hosts
	Conf    string                    // path of resolv.conf; /etc/resolv.conf
	Rand    func(n int) int           // uniform in [0, n), from any goroutine; math/rand/v2 when nil
	Now     func() time.Time          // time.Now when nil

	Flights  int           // resolutions under way at once; 256
	Waiters  int           // callers waiting for one of them; 4096
	Timeout  time.Duration // for one resolution; 2 s
	Stale    time.Duration // how long records may be used after their time when no newer can be had; 1 h
	Patience time.Duration // how long a resolution may take before stale records are used; 1 s
	Entries  int           // record sets in the cache; 8192

	exchange exchangeFunc // how name servers are reached; sockets when nil
}

const (
	defaultFlights  = 256
	defaultWaiters  = 4096
	defaultTimeout  = 2 * time.Second // what post-dial delay may grow by when the name servers are slow or down
	defaultStale    = time.Hour
	defaultPatience = time.Second
	defaultEntries  = 8192

	defaultHosts = "/etc/hosts"
	defaultConf  = "/etc/resolv.conf"

	// filesCheck is how often the hosts file and resolv.conf are looked at for a change.
	filesCheck = 5 * time.Second
)

// Resolver locates servers. Make one with New and end it with Close.
type Resolver struct {
	o         Options
	cache     *cache
	penalties *penalties
	upstream  *upstream
	files     *files
	stop      context.CancelFunc
	launch    func(*flight) // runs a flight on a goroutine that Close joins; call with mu held
	wg        sync.WaitGroup

	mu      sync.Mutex // leaf: guards all below and the flights; done functions are called without it
	closed  bool
	flights map[plan]*flight
}

// New reads the hosts file and resolv.conf and starts watching them.
func New(o Options) *Resolver {
	o = o.withDefaults()
	ctx, stop := context.WithCancel(context.Background())
	r := &Resolver{
		o:         o,
		cache:     newCache(o.Entries, o.Stale),
		penalties: newPenalties(),
		files:     newFiles(o),
		stop:      stop,
		flights:   make(map[plan]*flight),
	}
	r.upstream = newUpstream(o, r.files)
	r.launch = func(f *flight) { r.wg.Go(func() { r.fly(ctx, f) }) }
	r.wg.Go(func() { r.files.watch(ctx) })
	return r
}

func (o Options) withDefaults() Options {
	for _, f := range []struct {
		v *int
		d int
	}{{&o.Flights, defaultFlights}, {&o.Waiters, defaultWaiters}, {&o.Entries, defaultEntries}} {
		if *f.v <= 0 {
			*f.v = f.d
		}
	}
	for _, f := range []struct {
		v *time.Duration
		d time.Duration
	}{{&o.Timeout, defaultTimeout}, {&o.Stale, defaultStale}, {&o.Patience, defaultPatience}} {
		if *f.v <= 0 {
			*f.v = f.d
		}
	}
	if o.Hosts == "" {
		o.Hosts = defaultHosts
	}
	if o.Conf == "" {
		o.Conf = defaultConf
	}
	if o.Own == nil {
		o.Own = func(netip.AddrPort) bool { return false }
	}
	if o.Rand == nil {
		o.Rand = rand.IntN
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.exchange == nil {
		o.exchange = exchange
	}
	return o
}

// Close ends every resolution, tells everybody who waits ErrClosed, and joins. It may be called again.
func (r *Resolver) Close(ctx context.Context) error {
	r.mu.Lock()
	r.closed = true
	flights := r.flights
	r.flights = make(map[plan]*flight)
	var waiters []waiter
	for _, f := range flights {
		waiters = append(waiters, f.landLocked()...)
	}
	r.mu.Unlock()
	r.stop()
	for _, done := range waiters {
		done(nil, ErrClosed)
	}

	joined := make(chan struct{})
	go func() {
		r.wg.Wait()
		close(joined)
	}()
	select {
	case <-joined:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close resolver: %w", ctx.Err())
	}
}
