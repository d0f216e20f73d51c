// Package resolve turns host names into addresses without ever making a caller wait.
//
// It owns a bounded cache, a bounded queue of names to look up and a few workers that block on the name server so that
// nobody else has to. It refuses names that are no host names, and answers that can be nobody's address. It does not
// choose among addresses, and knows nothing of NAPTR and SRV records yet (RFC 3263).
//
// Threads: Lookup may be called from any goroutine and never blocks. The done functions are called on workers, or on a
// timer's goroutine, or, for those still waiting, on the one that calls Close; they must not block.
//
// When the name server is down, names resolved within the last hour keep their addresses.
package resolve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Errors a done function may be given, beside those of the name server.
var (
	// ErrClosed means that the resolver was closed before the answer came.
	ErrClosed = errors.New("resolver closed")
	// ErrNoAddress means that the name has no usable address.
	ErrNoAddress = errors.New("no usable address")
)

// LookupFunc asks a name server for the addresses of a name; it must return when ctx ends.
type LookupFunc func(ctx context.Context, host string) ([]netip.Addr, error)

// Options are what a Resolver is made of; every field has a default.
type Options struct {
	Lookup LookupFunc       // Go's own resolver, as /etc/resolv.conf and /etc/hosts configure it, when nil
	Now    func() time.Time // time.Now when nil

	Workers  int           // names looked up at once; 8
	Queue    int           // names waiting for a worker; 256
	Waiters  int           // callers waiting for one name; 4096
	Timeout  time.Duration // for one look-up; 5 s
	Positive time.Duration // how long addresses are good; 30 s
	Negative time.Duration // how long a failure is; 5 s
	Stale    time.Duration // how long addresses may still be used when no newer can be had; 1 h
	Patience time.Duration // how long a look-up may take before stale addresses are given; 1 s
	Entries  int           // names in the cache; 4096
}

const (
	defaultWorkers  = 8
	defaultQueue    = 256
	defaultWaiters  = 4096
	defaultTimeout  = 5 * time.Second
	defaultPositive = 30 * time.Second
	defaultNegative = 5 * time.Second
	defaultStale    = time.Hour
	defaultPatience = time.Second
	defaultEntries  = 4096

	// maxAddrs is how many addresses of one name are kept: more are no failover but a way to make us try for long.
	maxAddrs = 8
)

// Resolver looks names up in the background. Make one with New and end it with Close.
type Resolver struct {
	o    Options
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu      sync.Mutex // leaf: guards all below; done functions are called without it
	closed  bool
	cache   map[string]entry
	flights map[string]*flight
	queue   chan *flight // never sent to without room
}

// flight is one name being looked up and who waits for it.
type flight struct {
	host    string
	waiters []func([]netip.Addr, error)
	stale   []netip.Addr
	timer   *time.Timer // gives the stale answer; nil without one
	late    bool        // the stale answer was given: nobody waits any more
}

// New starts the workers.
func New(o Options) *Resolver {
	o = o.withDefaults()
	ctx, stop := context.WithCancel(context.Background())
	r := &Resolver{
		o:       o,
		stop:    stop,
		cache:   make(map[string]entry),
		flights: make(map[string]*flight),
		queue:   make(chan *flight, o.Queue),
	}
	for range o.Workers {
		r.wg.Go(func() { r.work(ctx) })
	}
	return r
}

func (o Options) withDefaults() Options {
	for _, f := range []struct {
		v *int
		d int
	}{
		{&o.Workers, defaultWorkers}, {&o.Queue, defaultQueue}, {&o.Waiters, defaultWaiters},
		{&o.Entries, defaultEntries},
	} {
		if *f.v <= 0 {
			*f.v = f.d
		}
	}
	for _, f := range []struct {
		v *time.Duration
		d time.Duration
	}{
		{&o.Timeout, defaultTimeout}, {&o.Positive, defaultPositive}, {&o.Negative, defaultNegative},
		{&o.Stale, defaultStale}, {&o.Patience, defaultPatience},
	} {
		if *f.v <= 0 {
			*f.v = f.d
		}
	}
	if o.Lookup == nil {
		res := &net.Resolver{PreferGo: true}
		o.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return res.LookupNetIP(ctx, "ip", host)
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Lookup gives the addresses of a host. An address literal (IPv6 with or without brackets) and a cached name are ready
// at once, and done is not called. Ready without addresses means that the name is known not to resolve, is no name, or
// cannot be taken on now (queue full, resolver closed). Otherwise done is called exactly once, later, from another
// goroutine. The addresses must not be changed; IPv4 is never in mapped form.
func (r *Resolver) Lookup(host string, done func([]netip.Addr, error)) (addrs []netip.Addr, ready bool) {
	if a, ok := literal(host); ok {
		return []netip.Addr{a}, true
	}
	host, ok := canonical(host)
	if !ok {
		return nil, true
	}
	now := r.o.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, true
	}
	e, cached := r.cache[host]
	if cached && now.Before(e.good) {
		return e.answer(now), true
	}
	f := r.flights[host]
	if f == nil {
		f = &flight{host: host}
		if cached {
			f.stale = e.usable(now)
		}
		select {
		case r.queue <- f:
		default:
			return f.stale, true
		}
		if f.stale != nil {
			f.timer = time.AfterFunc(r.o.Patience, func() { r.impatient(f) })
		}
		r.flights[host] = f
	}
	if f.late || len(f.waiters) >= r.o.Waiters {
		return f.stale, true
	}
	f.waiters = append(f.waiters, done)
	return nil, false
}

// impatient gives those who wait for a slow name server the addresses known before.
func (r *Resolver) impatient(f *flight) {
	r.mu.Lock()
	waiters := f.waiters
	f.waiters, f.late = nil, true
	r.mu.Unlock()
	tell(waiters, f.stale, nil)
}

// work looks names up until the resolver is closed.
func (r *Resolver) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-r.queue:
			r.fly(ctx, f)
		}
	}
}

// fly looks one name up, caches the outcome and tells those who wait.
func (r *Resolver) fly(ctx context.Context, f *flight) {
	bounded, cancel := context.WithTimeout(ctx, r.o.Timeout)
	found, err := r.o.Lookup(bounded, f.host)
	cancel()
	addrs := clean(found)
	if err == nil && len(addrs) == 0 {
		err = ErrNoAddress
	}
	if err != nil {
		addrs, err = nil, fmt.Errorf("look up %q: %w", f.host, err)
	}
	if ctx.Err() != nil {
		return // Close tells those who wait
	}
	now := r.o.Now()
	r.mu.Lock()
	if f.timer != nil {
		f.timer.Stop()
	}
	e := r.learnLocked(f.host, addrs, err, now)
	delete(r.flights, f.host)
	waiters := f.waiters
	f.waiters = nil
	r.mu.Unlock()
	if usable := e.answer(now); usable != nil {
		tell(waiters, usable, nil)
		return
	}
	tell(waiters, nil, err)
}

// tell gives an outcome to everybody who waits.
func tell(waiters []func([]netip.Addr, error), addrs []netip.Addr, err error) {
	for _, done := range waiters {
		done(addrs, err)
	}
}

// Close stops the workers, tells everybody who waits ErrClosed, and joins. It may be called again.
func (r *Resolver) Close(ctx context.Context) error {
	r.mu.Lock()
	r.closed = true
	flights := r.flights
	r.flights = make(map[string]*flight)
	var waiters []func([]netip.Addr, error)
	for _, f := range flights {
		if f.timer != nil {
			f.timer.Stop()
		}
		waiters = append(waiters, f.waiters...)
		f.waiters = nil
	}
	r.mu.Unlock()
	r.stop()
	tell(waiters, nil, ErrClosed)

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
