package b2bua

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"gatehouse/b2bua/call"
	"gatehouse/b2bua/crossing"
	"gatehouse/sip/transport"
	"gatehouse/sip/uri"
)

// defaultPort is where SIP over UDP and TCP listens (RFC 3261 §19.1.2).
const defaultPort = 5060

var (
	errScheme    = errors.New("only sip URIs can be reached")
	errTransport = errors.New("no listener for this transport and address family in the zone")
	errNoAddress = errors.New("host name has no address")
	errOwn       = errors.New("target is one of our own listeners")
)

// Locate finds where a URI is reached from a zone (RFC 3263 §4 for numeric
// hosts and plain names). done runs on this shard; at once unless a lookup is
// needed.
func (s *shard) Locate(zone, target string, last call.Hop, done func(call.Hop, error)) {
	u, err := uri.Parse(target)
	if err != nil {
		done(call.Hop{}, err)
		return
	}
	// sips never leaves on a clear transport (RFC 5630 §3.1).
	if u.Scheme != "sip" {
		done(call.Hop{}, fmt.Errorf("%s: %w", u.Scheme, errScheme))
		return
	}
	proto, ok := protoOf(u.Transport())
	if !ok {
		done(call.Hop{}, fmt.Errorf("transport %q: %w", u.Transport(), errTransport))
		return
	}
	host, port := u.Host, u.Port
	if m, ok := u.Param("maddr"); ok && m != "" {
		host = m
	}
	if port == 0 {
		port = defaultPort
	}
	// done may run after this event: the slot finds the shard again.
	addrs, ready := s.e.o.Resolver.Lookup(host, func(addrs []netip.Addr, err error) {
		s.post(func(s *shard) { done(s.reach(zone, proto, port, addrs, last, err)) })
	})
	if ready {
		done(s.reach(zone, proto, port, addrs, last, nil))
	}
}

// post runs fn on this shard's goroutine.
func (s *shard) post(fn func(*shard)) {
	select {
	case s.urgent <- event{fn: fn}:
	case <-s.e.stop:
	}
}

func protoOf(name string) (transport.Proto, bool) {
	switch name {
	case "", "udp":
		return transport.UDP, true
	case "tcp":
		return transport.TCP, true
	default:
		return 0, false
	}
}

// reach picks a path to one of the addresses. A dialog whose target cannot be
// reached keeps the path it has: the Contact of many a peer is a name that only
// its own side resolves, or an address of another family.
//
// Differs from RFC 3263 §4.3, which would let the request fail: then the call
// could neither be acknowledged nor ended.
func (s *shard) reach(zone string, proto transport.Proto, port uint16, addrs []netip.Addr, last call.Hop, err error) (call.Hop, error) {
	h, err := s.pick(zone, proto, port, addrs, last, err)
	if err != nil && last.Dest.Listener != nil {
		s.e.o.Log.Debug().Err(err).Str("zone", zone).Msg("target cannot be reached, the dialog keeps its path")
		return last, nil
	}
	return h, err
}

// pick takes the first address the zone has a listener for; the one of the
// last path stays good for its dialog when the zone has it no more.
func (s *shard) pick(zone string, proto transport.Proto, port uint16, addrs []netip.Addr, last call.Hop, err error) (call.Hop, error) {
	if err != nil {
		return call.Hop{}, err
	}
	if len(addrs) == 0 {
		return call.Hop{}, errNoAddress
	}
	listeners := s.e.o.Listen()
	for _, a := range addrs {
		a = a.Unmap()
		l, used := listeners.Find(zone, proto, a.Is6()), last.Dest.Listener
		if l == nil && used != nil && used.Proto() == proto && used.Addr().Addr().Is6() == a.Is6() {
			l = used
		}
		if l == nil {
			continue
		}
		to := netip.AddrPortFrom(a, port)
		if to == l.Addr() {
			return call.Hop{}, errOwn
		}
		d := transport.Dest{Listener: l, Addr: to}
		if l == used {
			return call.Hop{Dest: d, Host: last.Host, SentBy: last.SentBy}, nil
		}
		return s.hop(d, l), nil
	}
	return call.Hop{}, errTransport
}

// hop says what we show of ourselves on a listener.
func (s *shard) hop(d transport.Dest, l *transport.Listener) call.Hop {
	host := s.shownHost(l)
	return call.Hop{Dest: d, Host: host, SentBy: host + ":" + strconv.Itoa(int(l.Addr().Port()))}
}

// shownHost is the host Via and Contact carry for a listener.
func (s *shard) shownHost(l *transport.Listener) string {
	advertise := ""
	if z := s.e.Snapshot().Zone(l.Zone()); z != nil {
		advertise = z.Advertise
	}
	return crossing.ShownHost(advertise, l.Addr().Addr())
}
