package app

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"gatehouse/b2bua"
	"gatehouse/config"
	"gatehouse/sip/transport"
)

// listenerKey is a listener as the file names it.
type listenerKey struct {
	zone  string
	proto transport.Proto
	addr  netip.AddrPort
}

// listenerSet is an immutable picture of the open listeners; the engine reads
// it for every request it sends.
type listenerSet struct {
	open map[listenerKey]*transport.Listener
	// order keeps the order of the file: the first match is the one used.
	order []listenerKey
}

// Find gives the first listener of a zone for a transport and family.
func (s *listenerSet) Find(zone string, p transport.Proto, v6 bool) *transport.Listener {
	for _, k := range s.order {
		l := s.open[k]
		if k.zone == zone && k.proto == p && l.Addr().Addr().Unmap().Is6() == v6 {
			return l
		}
	}
	return nil
}

// listeners owns the open listeners and changes them on reload.
type listeners struct {
	stack   *transport.Stack
	current atomic.Pointer[listenerSet]
}

func newListeners(stack *transport.Stack) *listeners {
	l := &listeners{stack: stack}
	l.current.Store(&listenerSet{})
	return l
}

// get is the set in force, as the engine sees it.
func (l *listeners) get() b2bua.Listeners { return l.current.Load() }

// keysOf lists the listeners of a configuration in the order of the file.
func keysOf(c *config.Config) []listenerKey {
	var keys []listenerKey
	for _, z := range c.Zones {
		for _, spec := range z.Listen {
			keys = append(keys, listenerKey{z.Name, protoOf(spec.Transport), spec.Addr})
		}
	}
	return keys
}

func protoOf(t config.Transport) transport.Proto {
	if t == config.TCP {
		return transport.TCP
	}
	return transport.UDP
}

// change is a prepared step from one set of listeners to another: everything
// that can fail has been done.
type change struct {
	next    *listenerSet
	opened  []*transport.Listener
	retired []*transport.Listener
}

// prepare opens what c has and the current set has not. On error nothing
// stays open.
func (l *listeners) prepare(c *config.Config) (*change, error) {
	old := l.current.Load()
	ch := &change{next: &listenerSet{open: make(map[listenerKey]*transport.Listener), order: keysOf(c)}}
	for _, k := range ch.next.order {
		if have := old.open[k]; have != nil {
			ch.next.open[k] = have
			continue
		}
		opened, err := l.stack.Listen(k.zone, k.proto, k.addr)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listen on %s://%s in zone %s: %w", k.proto, k.addr, k.zone, err), l.abandon(ch))
		}
		ch.opened = append(ch.opened, opened)
		ch.next.open[k] = opened
	}
	for k, have := range old.open {
		if ch.next.open[k] == nil {
			ch.retired = append(ch.retired, have)
		}
	}
	return ch, nil
}

// abandon closes what prepare opened.
func (l *listeners) abandon(ch *change) error {
	errs := make([]error, 0, len(ch.opened))
	for _, o := range ch.opened {
		errs = append(errs, l.stack.CloseListener(o))
	}
	return errors.Join(errs...)
}

// commit puts a change in force. Retired listeners are the caller's to close
// once no call needs them.
func (l *listeners) commit(ch *change) { l.current.Store(ch.next) }

// retireCheck is how often retired listeners are looked at, and retireTime how
// long they stay open for the calls that were set up through them.
const (
	retireCheck = time.Second
	retireTime  = 5 * time.Minute
)

// retire closes listeners when there are no calls left, or after retireTime.
func (l *listeners) retire(ctx context.Context, gone []*transport.Listener, active func() int) error {
	limit := time.NewTimer(retireTime)
	defer limit.Stop()
	tick := time.NewTicker(retireCheck)
	defer tick.Stop()
	for active() > 0 {
		select {
		case <-tick.C:
			continue
		case <-limit.C:
		case <-ctx.Done():
		}
		break
	}
	errs := make([]error, 0, len(gone))
	for _, g := range gone {
		errs = append(errs, l.stack.CloseListener(g))
	}
	return errors.Join(errs...)
}
