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

	"gatehouse/sip/transport/datagram"
	"gatehouse/sip/transport/stream"
)

// Options are what a Stack is made of. Handler is required; the rest has defaults.
type Options struct {
	Net       Net              // SystemNet when nil
	Handler   Handler          // takes what arrives
	Admission Admission        // nil: everyone is Known
	Log       zerolog.Logger   // the zero logger writes nothing
	Noise     zerolog.Logger   // takes what hostile input can trigger, so the caller must have it sampled; zero as Log
	Limits    Limits           // zero fields mean the defaults
	Now       func() time.Time // time.Now when nil
}

// Stack is the transport layer: listeners, connections, counters. All methods may be called from any goroutine.
type Stack struct {
	net       Net
	handler   Handler
	admission Admission
	now       func() time.Time
	limits    Limits
	log       zerolog.Logger
	noise     zerolog.Logger
	count     counters
	lines     stream.Limits // of each connection
	budget    stream.Budget // of all
	pool      inboundPool
	poll      datagram.Poll // reads every UDP listener

	mu        sync.Mutex // leaf: guards all below; never held across I/O, Handler or log
	closed    bool
	listeners map[*Listener]struct{}
	conns     map[*Conn]struct{}
	byPeer    map[connKey]*Conn
	aliases   map[aliasKey][]*Conn // newest last
	bySource  map[netip.Prefix]int // accepted
	shakes    shakes
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
		o.Admission = everyoneKnown{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	limits := o.Limits.withDefaults()
	return &Stack{
		net:       o.Net,
		handler:   o.Handler,
		admission: o.Admission,
		now:       o.Now,
		limits:    limits,
		lines:     limits.ofLine(),
		log:       o.Log,
		noise:     o.Noise,
		listeners: make(map[*Listener]struct{}),
		conns:     make(map[*Conn]struct{}),
		byPeer:    make(map[connKey]*Conn),
		aliases:   make(map[aliasKey][]*Conn),
		bySource:  make(map[netip.Prefix]int),
		shakes:    shakes{bySource: make(map[netip.Prefix]int)},
	}, nil
}

// Stats copies the counters.
func (s *Stack) Stats() Stats {
	st := s.count.snapshot()
	s.mu.Lock()
	st.QueuedBytes = s.budget.Used()
	st.Conns, st.Handshakes = len(s.conns), s.shakes.all
	st.ConnsBy = make(map[string]int)
	for c := range s.conns {
		st.ConnsBy[c.listener.proto.String()]++
	}
	s.mu.Unlock()
	return st
}

// standing asks about who a message or, when opening, a connection comes from.
func (s *Stack) standing(l *Listener, src netip.AddrPort, opening bool) Standing {
	src = netip.AddrPortFrom(src.Addr().WithZone(""), src.Port())
	return s.admission.Admit(Arrival{Zone: l.zone, Source: src, Proto: l.proto, Opening: opening})
}

// The words Offend is told.
const (
	reasonMalformed = "malformed"
	reasonFraming   = "framing"
	reasonHandshake = "handshake"
	reasonSlow      = "slow"
)

// offend reports a source that misbehaved, unless it is Known.
func (s *Stack) offend(l *Listener, src netip.Addr, standing Standing, proven bool, reason string) {
	if standing != Known {
		s.admission.Offend(Offence{Zone: l.zone, Source: src.WithZone(""), Proven: proven, Reason: reason})
	}
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
		s.poll.Close()
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
