package resolve

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

var (
	errTransport = errors.New("no such transport")
	errInsecure  = errors.New("sips does not go over udp")
	errHost      = errors.New("no host name")
)

// Query says what is to be located: the host of a URI and what the URI and the zone say about how to reach it.
type Query struct {
	Host      string   // of the URI, or its maddr: a name or an address, IPv6 with or without brackets
	Port      uint16   // of the URI; 0 when absent
	Transport string   // "udp", "tcp", "tls", "ws" or "wss"; "" when the URI names none
	Secure    bool     // the scheme is sips: only tls and wss
	Usable    []string // transports the zone has listeners for, most wanted first; empty: udp, tcp and tls
	IPv4      bool     // the zone has IPv4 listeners; neither family given: both are looked for
	IPv6      bool     // the zone has IPv6 listeners
	All       bool     // penalties do not count: it is asked whom the name means, not where to send
}

// Target is one place to send to.
type Target struct {
	Addr      netip.AddrPort // IPv4 is never in mapped form
	Transport string         // "udp", "tcp", "tls", "ws" or "wss"
}

// proto is a transport; the zero value is none.
type proto uint8

const (
	none proto = iota
	udp
	tcp
	tls
	ws
	wss
)

// protos says of each transport what it is called, its default port (RFC 3261 §19.1.2, RFC 7118 §5.5), what prefix its
// SRV records have (RFC 3263 §4.1; nothing defines one for WebSocket, only NAPTR leads to such), and what it is under
// a sips URI.
var protos = [...]struct {
	name    string
	port    uint16
	service string
	secured proto
}{
	none: {},
	udp:  {"udp", 5060, "_sip._udp.", none},
	tcp:  {"tcp", 5060, "_sip._tcp.", tls},
	tls:  {"tls", 5061, "_sips._tcp.", tls},
	ws:   {"ws", 80, "", wss},
	wss:  {"wss", 443, "", wss},
}

// secure tells whether a transport is encrypted.
func (p proto) secure() bool { return protos[p].secured == p }

func protoOf(name string) proto {
	for p := udp; int(p) < len(protos); p++ {
		if strings.EqualFold(protos[p].name, name) {
			return p
		}
	}
	return none
}

// plan is a query made ready: it is the same for all queries that have the same answer.
type plan struct {
	host     string
	port     uint16
	proto    proto // what the URI names, or else what is used when nothing tells
	named    bool  // the URI names it
	absolute bool  // host is no beginning of a name on the search list
	secure   bool
	ipv4     bool
	ipv6     bool
	all      bool     // penalties do not count
	count    uint8    // of usable
	usable   [5]proto // without repeats, and only secure ones when secure
}

// plan reads everything of a query but its host.
func (q Query) plan() (plan, error) {
	p := plan{port: q.Port, secure: q.Secure, all: q.All, ipv4: q.IPv4 || !q.IPv6, ipv6: q.IPv6 || !q.IPv4}
	for _, name := range q.Usable {
		p.use(protoOf(name))
	}
	if len(q.Usable) == 0 {
		for _, t := range [...]proto{udp, tcp, tls} {
			p.use(t)
		}
	}
	if q.Transport == "" {
		p.proto = p.fallback()
		return p, nil
	}
	p.named, p.proto = true, protoOf(q.Transport)
	if p.proto == none {
		return p, fmt.Errorf("transport %q: %w", q.Transport, errTransport)
	}
	if p.secure {
		// transport=tcp under sips is TLS over TCP (RFC 3261 §26.2.2), ws is wss (RFC 7118 §5.5).
		if p.proto = protos[p.proto].secured; p.proto == none {
			return p, errInsecure
		}
	}
	return p, nil
}

func (p *plan) use(t proto) {
	if t == none || p.secure && !t.secure() || slices.Contains(p.usable[:p.count], t) {
		return
	}
	p.usable[p.count] = t
	p.count++
}

// fallback is the transport when neither URI nor DNS names one: UDP, and TLS for sips (RFC 3263 §4.1), or what the zone
// has instead.
func (p *plan) fallback() proto {
	t := udp
	if p.secure {
		t = tls
	}
	if p.count == 0 || slices.Contains(p.usable[:p.count], t) {
		return t
	}
	return p.usable[0]
}

// Resolve gives the targets of a query in the order they are to be tried (RFC 3263 §4.1, §4.2; RFC 2782): at most 16.
// Literals and cached names are ready at once and done is not called: then there are targets, or an error that says
// why there are none (ErrNoAddress, ErrAllOut, ErrClosed, too much to do, or what is wrong with query or name server). A
// literal is taken as it is, whatever address it has. Otherwise done is called exactly once, later, from another
// goroutine. The targets are the caller's.
func (r *Resolver) Resolve(q Query, done func([]Target, error)) (targets []Target, ready bool, err error) {
	p, err := q.plan()
	if err != nil {
		return nil, true, fmt.Errorf("resolve %q: %w", q.Host, err)
	}
	if a, ok := literal(q.Host); ok {
		targets, err = r.serviceable(q.Host, p, []Target{{netip.AddrPortFrom(a, p.portOf(p.proto)), protos[p.proto].name}})
		return targets, true, err
	}
	p.absolute = strings.HasSuffix(q.Host, ".")
	name, ok := canonical(q.Host)
	if !ok {
		return nil, true, fmt.Errorf("resolve %q: %w", q.Host, errHost)
	}
	p.host = name
	w := r.walk(nil, false)
	if targets, err = w.run(p); len(w.missing) > 0 {
		return r.board(p, done)
	}
	if err == nil {
		targets, err = r.serviceable(q.Host, p, targets)
	}
	return targets, true, err
}

// portOf is the port of the URI or else the transport's.
func (p *plan) portOf(t proto) uint16 {
	if p.port != 0 {
		return p.port
	}
	return protos[t].port
}

// serviceable puts the targets that lately failed last and leaves out those that asked for it.
func (r *Resolver) serviceable(host string, p plan, targets []Target) ([]Target, error) {
	if p.all {
		return targets, nil
	}
	if targets = r.penalties.apply(targets, r.o.Now()); len(targets) == 0 {
		return nil, fmt.Errorf("resolve %q: %w", host, ErrAllOut)
	}
	return targets, nil
}

// Penalize takes a target out until d has passed, at most an hour: soft, it is tried after all others; hard (503 with
// Retry-After, RFC 3261 §21.5.4), not at all. A soft penalty does not replace a hard one.
func (r *Resolver) Penalize(t Target, d time.Duration, hard bool) {
	now := r.o.Now()
	r.penalties.add(t, now, now.Add(min(d, maxPenalty)), hard)
}

// Penalized tells whether a target is under a penalty, soft or hard, at the moment.
func (r *Resolver) Penalized(t Target) bool { return r.penalties.holds(t, r.o.Now()) }

// Forgive lifts the soft penalty of a target: it answered. A hard one is no question of reachability and runs out by
// itself.
func (r *Resolver) Forgive(t Target) { r.penalties.lift(t) }
