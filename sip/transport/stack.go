package transport

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// Options are what a Stack is made of. Handler is required; the rest has defaults.
type Options struct {
	Net       Net              // SystemNet when nil
	Handler   Handler          // takes what arrives
	Admission func() Admission // read per message, so that a snapshot can be swapped; nil: everyone is Known
	Log       zerolog.Logger   // the zero logger writes nothing
	Noise     zerolog.Logger   // takes what hostile input can trigger, so the caller must have it sampled; zero as Log
	Limits    Limits           // zero fields mean the defaults
	Now       func() time.Time // time.Now when nil
}

// connKey names a connection for reuse: the listener it belongs to and the peer's address (RFC 3261 §18).
type connKey struct {
	listener *Listener
	remote   netip.AddrPort
}

// Stack is the transport layer: listeners, connections, counters. All methods may be called from any goroutine.
type Stack struct {
	net       Net
	handler   Handler
	admission func() Admission
	now       func() time.Time
	limits    Limits
	log       zerolog.Logger
	noise     zerolog.Logger
	count     counters
	pool      inboundPool

	mu        sync.Mutex // leaf: guards all below; never held across I/O, Handler or log
	closed    bool
	listeners map[*Listener]struct{}
	conns     map[*Conn]struct{}
	byPeer    map[connKey]*Conn
	bySource  map[netip.Prefix]int // accepted, not Known
	accepted  int
	strangers int
	dialed    int
	dialing   int
	unproven  list.List // accepted *Conn without a complete message yet, oldest first
}

// New makes a stack with no listeners.
func New(o Options) (*Stack, error) {
	if o.Handler == nil {
		return nil, errNoHandler
	}
	if o.Net == nil {
		o.Net = SystemNet()
	}
	if o.Admission == nil {
		o.Admission = func() Admission { return everyoneKnown{} }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Stack{
		net:       o.Net,
		handler:   o.Handler,
		admission: o.Admission,
		now:       o.Now,
		limits:    o.Limits.withDefaults(),
		log:       o.Log,
		noise:     o.Noise,
		listeners: make(map[*Listener]struct{}),
		conns:     make(map[*Conn]struct{}),
		byPeer:    make(map[connKey]*Conn),
		bySource:  make(map[netip.Prefix]int),
	}, nil
}

// Stats copies the counters.
func (s *Stack) Stats() Stats {
	st := s.count.snapshot()
	s.mu.Lock()
	st.Conns = len(s.conns)
	s.mu.Unlock()
	return st
}

// standing asks the current admission about a source.
func (s *Stack) standing(zone string, src netip.Addr) Standing {
	a := s.admission()
	if a == nil {
		return Known
	}
	return a.Admit(zone, src.WithZone(""))
}

// Close stops every listener, writes what is queued on connections (at most FlushTimeout) and joins all goroutines.
// When ctx ends first, connections are cut and Close still joins; it returns ctx's error only if a Handler call is
// what does not return. It may be called again, and on a stack that never listened.
func (s *Stack) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	open := make([]*Listener, 0, len(s.listeners))
	for l := range s.listeners {
		open = append(open, l)
	}
	s.mu.Unlock()

	done := make(chan error, 1)
	go func() {
		errs := make([]error, 0, len(open))
		for _, l := range open {
			errs = append(errs, s.stopListener(l))
		}
		for _, l := range open {
			s.joinListener(l)
		}
		done <- errors.Join(errs...)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	for _, l := range open {
		s.cutConns(l)
	}
	// Every connection is cut now, so only a blocked Handler can keep a goroutine; it gets as long as a flush would.
	t := time.NewTimer(s.limits.FlushTimeout)
	defer t.Stop()
	select {
	case err := <-done:
		return err
	case <-t.C:
		return fmt.Errorf("close transport: %w", ctx.Err())
	}
}
