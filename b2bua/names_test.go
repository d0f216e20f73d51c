package b2bua_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"gatehouse/sip/resolve"
	"gatehouse/sip/transport"
)

// names is the resolver of a rig. Without answers no name exists.
type names struct {
	mu        sync.Mutex
	answers   map[string][]resolve.Target
	delay     time.Duration
	out       map[resolve.Target]time.Time // until when
	hard      map[resolve.Target]bool
	penalties []string
	queries   []resolve.Query
}

// answer makes a name known at one address; look-ups take so long from now on.
func (n *names) answer(host, addr string, delay time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.delay = delay
	n.setLocked(host, resolve.Target{Addr: netip.AddrPortFrom(netip.MustParseAddr(addr), 0)})
}

// targets makes a name resolve to these, in order, at once: "udp 10.0.0.1:5060".
func (n *names) targets(host string, each ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []resolve.Target
	for _, text := range each {
		var proto, addr string
		if _, err := fmt.Sscan(text, &proto, &addr); err != nil {
			panic(err)
		}
		list = append(list, resolve.Target{Addr: netip.MustParseAddrPort(addr), Transport: proto})
	}
	n.setLocked(host, list...)
}

func (n *names) setLocked(host string, t ...resolve.Target) {
	if n.answers == nil {
		n.answers = map[string][]resolve.Target{}
	}
	n.answers[host] = t
}

// Resolve implements b2bua.Resolver.
func (n *names) Resolve(q resolve.Query, done func([]resolve.Target, error)) ([]resolve.Target, bool, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.queries = append(n.queries, q)
	if a, err := netip.ParseAddr(q.Host); err == nil {
		return n.orderedLocked(q, []resolve.Target{n.complete(q, netip.AddrPortFrom(a, 0), "")}), true, nil
	}
	var list []resolve.Target
	for _, t := range n.answers[q.Host] {
		list = append(list, n.complete(q, t.Addr, t.Transport))
	}
	list = n.orderedLocked(q, list)
	if n.delay == 0 {
		return list, true, nil
	}
	time.AfterFunc(n.delay, func() {
		if list == nil {
			done(nil, errors.New("no such name in this test"))
			return
		}
		done(list, nil)
	})
	return nil, false, nil
}

// complete fills in what an address alone leaves open.
func (n *names) complete(q resolve.Query, a netip.AddrPort, name string) resolve.Target {
	if name == "" {
		name = q.Transport
	}
	if name == "" {
		name = "udp"
		if q.Secure {
			name = "tls"
		}
	}
	p, _ := transport.ProtoOf(name)
	port := a.Port()
	if port == 0 {
		port = q.Port
	}
	if port == 0 {
		port = p.DefaultPort()
	}
	return resolve.Target{Addr: netip.AddrPortFrom(a.Addr(), port), Transport: name}
}

// orderedLocked puts penalized targets last, or leaves them out.
func (n *names) orderedLocked(q resolve.Query, list []resolve.Target) []resolve.Target {
	if q.All {
		return list
	}
	list = slices.DeleteFunc(list, func(t resolve.Target) bool { return n.hard[t] && n.isOutLocked(t) })
	slices.SortStableFunc(list, func(a, b resolve.Target) int {
		switch x, y := n.isOutLocked(a), n.isOutLocked(b); {
		case x == y:
			return 0
		case x:
			return 1
		default:
			return -1
		}
	})
	return list
}

func (n *names) isOutLocked(t resolve.Target) bool { return time.Now().Before(n.out[t]) }

// Penalize implements b2bua.Resolver.
func (n *names) Penalize(t resolve.Target, d time.Duration, hard bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.out == nil {
		n.out, n.hard = map[resolve.Target]time.Time{}, map[resolve.Target]bool{}
	}
	n.out[t], n.hard[t] = time.Now().Add(d), hard
	kind := "soft"
	if hard {
		kind = "hard"
	}
	n.penalties = append(n.penalties, fmt.Sprint(t.Transport, " ", t.Addr, " ", kind, " ", d))
}

// Forgive implements b2bua.Resolver.
func (n *names) Forgive(t resolve.Target) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.out, t)
}

// Penalized implements b2bua.Resolver.
func (n *names) Penalized(t resolve.Target) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.isOutLocked(t)
}

// punished gives every penalty so far, in order.
func (n *names) punished() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.penalties)
}
