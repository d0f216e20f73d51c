package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

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

// String writes the listener as the file does.
func (k listenerKey) String() string { return k.proto.String() + "://" + k.addr.String() }

// meets tells whether two sockets cannot both be open: 0.0.0.0 holds every
// IPv4 address and :: every IPv6 one, and all but UDP is TCP to the system.
func (k listenerKey) meets(o listenerKey) bool {
	a, b := k.addr.Addr(), o.addr.Addr()
	return (k.proto == transport.UDP) == (o.proto == transport.UDP) && k.addr.Port() == o.addr.Port() && a.Is4() == b.Is4() && (a == b || a.IsUnspecified() || b.IsUnspecified())
}

// listeners owns the open listeners and changes them on reload.
type listeners struct {
	stack   *transport.Stack // set before the first change is prepared
	log     zerolog.Logger
	current atomic.Pointer[listenerSet]
	keys    atomic.Pointer[keyring] // what handshakes use from now on

	mu      sync.Mutex               // guards retired
	retired map[listenerKey]*retiree // out of the set, still open for their calls
}

// retiree is a listener that no configuration in force names.
type retiree struct {
	key      listenerKey
	listener *transport.Listener
	claimed  bool // guarded by listeners.mu: a change that is being prepared takes it back
}

func newListeners(log zerolog.Logger) *listeners {
	l := &listeners{log: log, retired: make(map[listenerKey]*retiree)}
	l.current.Store(&listenerSet{keys: &l.keys})
	l.keys.Store(&keyring{})
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
	switch t {
	case config.UDP:
		return transport.UDP
	case config.TCP:
		return transport.TCP
	case config.TLS:
		return transport.TLS
	case config.WS:
		return transport.WS
	case config.WSS:
		return transport.WSS
	}
	return transport.UDP
}

// spec says how to open a listener. Its functions are called for as long as it
// is open: they give what is in force, and before that, or when its zone is
// gone from the file, what it was opened with.
func (l *listeners) spec(k listenerKey, dscp uint8, opened *keyring) transport.ListenSpec {
	return transport.ListenSpec{Zone: k.zone, Proto: k.proto, Addr: k.addr, DSCP: dscp,
		TLS: func() *tls.Config {
			if c := l.keys.Load().server(k.zone); c != nil {
				return c
			}
			return opened.server(k.zone)
		},
		Origins: func() []string {
			if o, ok := l.keys.Load().origins[k.zone]; ok {
				return o
			}
			return opened.origins[k.zone]
		}}
}

// change is a prepared step from one set of listeners to another: everything
// that can fail has been done.
type change struct {
	next    *listenerSet
	keys    *keyring
	dscp    map[string]uint8 // by zone
	opened  []*transport.Listener
	claimed []*retiree // back in the set
	retired []*retiree
}

// prepare opens what c has and the current set has not. On error nothing
// stays open that was not.
func (l *listeners) prepare(c *config.Config) (*change, error) {
	old := l.current.Load()
	ch := &change{next: &listenerSet{open: make(map[listenerKey]*transport.Listener), order: keysOf(c), keys: &l.keys}, dscp: make(map[string]uint8, len(c.Zones))}
	var err error
	if ch.keys, err = newKeyring(c); err != nil {
		return nil, err
	}
	ch.keys.keep(l.keys.Load())
	for _, z := range c.Zones {
		ch.dscp[z.Name] = z.DSCP.SIP
	}
	for _, k := range ch.next.order {
		if have := old.open[k]; have != nil {
			ch.next.open[k] = have
			continue
		}
		if r := l.claim(k); r != nil {
			ch.claimed = append(ch.claimed, r)
			ch.next.open[k] = r.listener
			continue
		}
		opened, err := l.stack.Listen(l.spec(k, ch.dscp[k.zone], ch.keys))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("zone %s: %w%s", k.zone, err, l.holder(k, err)), l.abandon(ch))
		}
		if missing(k.addr.Addr()) {
			l.log.Warn().Str("zone", k.zone).Str("listen", k.String()).Msg("the address is not on this machine, nothing arrives until it is")
		}
		ch.opened = append(ch.opened, opened)
		ch.next.open[k] = opened
	}
	for k, have := range old.open {
		if ch.next.open[k] == nil {
			ch.retired = append(ch.retired, &retiree{key: k, listener: have})
		}
	}
	ch.next.index(c)
	return ch, nil
}

// claim keeps a retired listener open for the set that is being prepared; nil
// when there is none.
func (l *listeners) claim(k listenerKey) *retiree {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.retired[k]
	if r != nil {
		r.claimed = true
	}
	return r
}

// abandon undoes prepare.
func (l *listeners) abandon(ch *change) error {
	l.mu.Lock()
	for _, r := range ch.claimed {
		r.claimed = false
	}
	l.mu.Unlock()
	errs := make([]error, 0, len(ch.opened))
	for _, o := range ch.opened {
		errs = append(errs, l.stack.CloseListener(o))
	}
	return errors.Join(errs...)
}

// commit puts a change in force. Retired listeners are the caller's to close
// once no call needs them.
func (l *listeners) commit(ch *change) {
	l.mu.Lock()
	for _, r := range ch.claimed {
		delete(l.retired, r.key)
	}
	for _, r := range ch.retired {
		l.retired[r.key] = r
	}
	l.mu.Unlock()
	for k, have := range ch.next.open {
		have.SetDSCP(ch.dscp[k.zone])
	}
	l.keys.Store(ch.keys)
	l.current.Store(ch.next)
}

// retireCheck is how often retired listeners are looked at, and retireTime how
// long they stay open for the calls that were set up through them.
const (
	retireCheck = time.Second
	retireTime  = 5 * time.Minute
)

// retire closes listeners when there are no calls left, or after retireTime,
// but for those that a later change took back.
func (l *listeners) retire(ctx context.Context, gone []*retiree, active func() int) error {
	limit := time.NewTimer(retireTime)
	defer limit.Stop()
	tick := time.NewTicker(retireCheck)
	defer tick.Stop()
	var errs []error
	for late := false; ; {
		left, err := l.settle(gone, late || active() == 0)
		gone, errs = left, append(errs, err)
		if len(gone) == 0 {
			return errors.Join(errs...)
		}
		select {
		case <-tick.C:
		case <-limit.C:
			late = true
		case <-ctx.Done():
			return errors.Join(errs...) // the stack closes what is left
		}
	}
}

// settle forgets those that are back in the set, closes the others if that is
// due, and gives those that stay: all that is not due, and what a change being
// prepared may yet take back.
func (l *listeners) settle(gone []*retiree, due bool) (left []*retiree, err error) {
	var closing []*retiree
	l.mu.Lock()
	for _, r := range gone {
		switch {
		case l.retired[r.key] != r: // back in the set
		case r.claimed || !due:
			left = append(left, r)
		default:
			delete(l.retired, r.key)
			closing = append(closing, r)
		}
	}
	l.mu.Unlock()
	errs := make([]error, 0, len(closing))
	for _, r := range closing {
		errs = append(errs, l.stack.CloseListener(r.listener))
	}
	return left, errors.Join(errs...)
}
