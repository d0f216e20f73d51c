package b2bua

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"gatehouse/b2bua/call"
	"gatehouse/b2bua/crossing"
	"gatehouse/b2bua/path"
	"gatehouse/sip/resolve"
	"gatehouse/sip/transport"
	"gatehouse/sip/uri"
)

var (
	errScheme    = errors.New("only sip and sips URIs can be reached")
	errTransport = errors.New("no listener for this transport and address family in the zone")
	errNoTarget  = errors.New("host has no target")
	errOwn       = errors.New("target is one of our own listeners")
	errClear     = errors.New("sips cannot go over this transport")
)

// Locate finds where a URI is reached from a zone (RFC 3263 §4). done runs on
// this shard; at once unless a lookup is needed.
func (s *shard) Locate(w call.Where, done func([]path.Hop, error)) {
	q, err := s.query(&w)
	if err != nil {
		done(s.keep(&w, err))
		return
	}
	if w.Last.Set() {
		// A penalty keeps new calls away from a target, not the requests of a
		// dialog that is there: they do without the resolver where they can.
		if t, ok := literal(q); ok {
			done(s.reach(&w, []resolve.Target{t}, nil))
			return
		}
	}
	// done may run after this event: the slot finds the shard again.
	targets, ready, err := s.e.o.Resolver.Resolve(q, func(targets []resolve.Target, err error) {
		s.post(func(s *shard) {
			s.with(w.Call, func() { done(s.reach(&w, targets, err)) })
		})
	})
	if ready {
		done(s.reach(&w, targets, err))
	}
}

// post runs fn on this shard's goroutine.
func (s *shard) post(fn func(*shard)) {
	select {
	case s.urgent <- event{fn: fn}:
		s.rouse()
	case <-s.e.stop:
	}
}

// query says what of a URI the resolver needs. A sips URI, or any URI where
// only TLS will do, is reached by TLS whatever transport it names: over TCP that
// is TLS, over a WebSocket it is wss (RFC 3263 §4.1, RFC 7118 §9.2).
func (s *shard) query(w *call.Where) (resolve.Query, error) {
	u := w.URI
	if !u.IsSIP() {
		return resolve.Query{}, fmt.Errorf("%s: %w", u.Scheme, errScheme)
	}
	w.Secure = w.Secure || u.Scheme == "sips"
	q := resolve.Query{Host: u.Host, Port: u.Port, Secure: w.Secure, All: w.Urgent}
	if m, ok := u.Param("maddr"); ok && m != "" {
		q.Host = m
	}
	if name := u.Transport(); name != "" {
		p, ok := transport.ProtoOf(name)
		if !ok {
			return resolve.Query{}, fmt.Errorf("transport %q: %w", name, errTransport)
		}
		// In a dialog on wss, transport=ws means the same again: URIs have no
		// other word for it (RFC 7118 §5.2).
		encrypted := w.Secure || w.Last.Set() && w.Last.Proto() == transport.WSS
		switch {
		case p == transport.WS && encrypted:
			p = transport.WSS
		case p == transport.TCP && w.Secure:
			p = transport.TLS
		case p == transport.UDP && w.Secure:
			return resolve.Query{}, errClear
		}
		q.Transport = p.String()
	}
	q.Usable, q.IPv4, q.IPv6 = s.e.o.Listen().Usable(w.Zone)
	return q, nil
}

// literal is the target of a URI whose host is an address: UDP unless it says
// otherwise (RFC 3263 §4.1, §4.2).
func literal(q resolve.Query) (resolve.Target, bool) {
	a, err := netip.ParseAddr(q.Host)
	if err != nil {
		return resolve.Target{}, false
	}
	p := transport.UDP
	if q.Secure {
		p = transport.TLS
	}
	if named, ok := transport.ProtoOf(q.Transport); ok {
		p = named
	}
	port := q.Port
	if port == 0 {
		port = p.DefaultPort()
	}
	return resolve.Target{Addr: netip.AddrPortFrom(a.Unmap(), port), Transport: p.String()}, true
}

// reach turns targets into hops.
func (s *shard) reach(w *call.Where, targets []resolve.Target, err error) ([]path.Hop, error) {
	hops, err := s.hops(w, targets, err)
	if err != nil {
		return s.keep(w, err)
	}
	return hops, nil
}

// keep is what becomes of a URI that cannot be reached. A dialog stays on the
// path it has: the Contact of many a peer is a name that only its own side
// resolves, or an address of another family.
//
// Differs from RFC 3263 §4.3, which would let the request fail: then the call
// could neither be acknowledged nor ended.
func (s *shard) keep(w *call.Where, err error) ([]path.Hop, error) {
	if !w.Last.Set() || w.Secure && !w.Last.Proto().Secure() {
		return nil, err
	}
	s.e.o.Log.Debug().Err(err).Str("zone", w.Zone).Msg("target cannot be reached, the dialog keeps its path")
	return []path.Hop{w.Last}, nil
}

// hops gives the targets the zone has a listener for. Behind one that is
// reached by TLS there is none in clear: a failed TLS hop never falls back.
func (s *shard) hops(w *call.Where, targets []resolve.Target, err error) ([]path.Hop, error) {
	if err != nil {
		return nil, err
	}
	err = errNoTarget
	hops := make([]path.Hop, 0, min(len(targets), path.MaxTargets))
	for _, t := range targets {
		h, problem := s.hopTo(w, t)
		switch {
		case problem != nil:
			err = problem
		case len(hops) > 0 && hops[0].Proto().Secure() && !h.Proto().Secure():
		case len(hops) < path.MaxTargets:
			hops = append(hops, h)
		}
	}
	if len(hops) == 0 {
		return nil, err
	}
	return hops, nil
}

// hopTo is the way to one target. The listener of a dialog's path stays good
// for it when the zone has it no more.
func (s *shard) hopTo(w *call.Where, t resolve.Target) (path.Hop, error) {
	p, ok := transport.ProtoOf(t.Transport)
	if !ok {
		return path.Hop{}, errTransport
	}
	if w.Secure && !p.Secure() {
		return path.Hop{}, errClear
	}
	listeners := s.e.o.Listen()
	v6 := t.Addr.Addr().Is6()
	l, used := listeners.Find(w.Zone, p, v6), w.Last.Dest.Listener
	if l == nil && used != nil && used.Proto() == p && used.Addr().Addr().Is6() == v6 {
		l = used
	}
	if l == nil {
		return path.Hop{}, errTransport
	}
	if listeners.Own(t.Addr, p) {
		return path.Hop{}, errOwn
	}
	h := s.hop(transport.Dest{Listener: l, Addr: t.Addr}, l)
	if l == used {
		h.Host, h.SentBy = w.Last.Host, w.Last.SentBy
	}
	if p.Secure() {
		h.Dest.TLS = s.identity(w, h.Dest)
	}
	if p.WebSocket() {
		h.Dest.Host = authority(w.URI.Host, t.Addr.Port())
	}
	h.Pinned = p == transport.UDP && w.URI.Transport() == p.String()
	h.Late = !w.Last.Set() && s.e.o.Resolver.Penalized(t)
	return h, nil
}

// identity says who has to be found at a target: the domain of the URI, before
// any resolution (RFC 5922 §7.2). In a dialog an address is no name of anybody:
// there whoever is found must be who the dialog was set up with.
func (s *shard) identity(w *call.Where, d transport.Dest) *transport.ClientTLS {
	domain := w.URI.Host
	_, isAddress := w.URI.Addr()
	switch last := w.Last.Dest.TLS; {
	case last != nil && (isAddress || w.Last.Dest.Addr == d.Addr):
		return last
	case isAddress && w.Identity != "":
		domain = w.Identity
	}
	return s.e.o.Listen().Client(w.Zone, w.Peer, domain)
}

// authority is the Host of an opening handshake (RFC 6455 §4.1).
func authority(host string, port uint16) string {
	u := uri.URI{Scheme: "sip", Host: host, Port: port}
	return u.String()[len("sip:"):]
}

// hop says what we show of ourselves on a listener.
func (s *shard) hop(d transport.Dest, l *transport.Listener) path.Hop {
	host := s.shownHost(l)
	return path.Hop{Dest: d, Host: host, SentBy: host + ":" + strconv.Itoa(int(l.Addr().Port()))}
}

// shownHost is the host Via and Contact carry for a listener.
func (s *shard) shownHost(l *transport.Listener) string {
	advertise := ""
	if z := s.e.Snapshot().Zone(l.Zone()); z != nil {
		advertise = z.Advertise
	}
	return crossing.ShownHost(advertise, l.Addr().Addr())
}
