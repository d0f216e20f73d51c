package resolve

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// maxTargets bounds what one resolution gives, and the SRV records it looks at: a caller tries no more.
const maxTargets = 16

// walk is one way through RFC 3263 over what is known. It asks nobody: what it would have to know it notes as missing,
// and is walked again when that is there.
type walk struct {
	r     *Resolver
	now   time.Time
	known map[question]entry // comes before the cache, whatever its age
	final bool               // nothing more will be known: old records are good, and what is missing has failed

	missing  []question
	targets  []Target
	services int   // SRV records looked at
	err      error // the best reason why there are no targets
}

func (r *Resolver) walk(known map[question]entry, final bool) walk {
	return walk{r: r, now: r.o.Now(), known: known, final: final}
}

// state is what is known of a question.
type state uint8

const (
	pending state = iota // must be asked
	found                // there are records
	absent               // there are none, or the server will not say (RFC 2782 treats both alike)
	lost                 // no server answered
)

func (w *walk) look(name string, qtype uint16) (rrset, state) {
	q := question{name, qtype}
	e, ok := w.known[q]
	if !ok {
		e, ok = w.r.cache.get(q)
		switch {
		case ok && w.now.Before(e.good):
		case !w.final:
			w.missing = append(w.missing, q)
			return rrset{}, pending
		case !ok || !w.now.Before(e.stale):
			e = entry{err: errNoAnswer}
		}
	}
	switch {
	case e.err == nil:
		return e.set, found
	case unanswered(e.err):
		w.note(e.err)
		return rrset{}, lost
	default:
		if qtype == dns.TypeA || qtype == dns.TypeAAAA {
			w.note(e.err)
		}
		return rrset{}, absent
	}
}

// note keeps the first of the best reasons: a failure, then what is wrong with what there is, then that there is nothing.
func (w *walk) note(err error) {
	rank := func(err error) int {
		switch {
		case err == nil:
			return 0
		case errors.Is(err, errNoName) || errors.Is(err, errNoRecord):
			return 1
		case denied(err):
			return 2
		default:
			return 3
		}
	}
	if rank(err) > rank(w.err) {
		w.err = err
	}
}

// run gives the targets of a plan, or why there are none; neither is meant when something is missing.
func (w *walk) run(p plan) ([]Target, error) {
	if _, ok := w.r.files.lookup(p.host); ok {
		w.host(&p, p.host, p.portOf(p.proto), p.proto) // the hosts file speaks for all a name may have
	} else {
		for name := range w.r.files.candidates(p.host, p.absolute) {
			if w.domain(&p, name); len(w.targets) > 0 || len(w.missing) > 0 {
				break
			}
		}
	}
	if len(w.targets) == 0 {
		return nil, fmt.Errorf("resolve %q: %w", p.host, cmp.Or(w.err, ErrNoAddress))
	}
	return w.targets, nil
}

// domain is RFC 3263 §4.1 and §4.2 for a name that is no literal.
func (w *walk) domain(p *plan, name string) {
	t, st := p.proto, absent
	switch {
	case p.port != 0:
	case p.named:
		if prefix := protos[t].service; prefix != "" {
			st = w.serve(p, prefix+name, t)
		}
	default:
		t, st = w.choose(p, name)
	}
	if st == absent {
		w.host(p, name, p.portOf(t), t)
	}
}

// choose picks the transport: what NAPTR records name, else the first of the zone's that has SRV records with
// targets. absent means that addresses of the name itself are used, with the transport given.
func (w *walk) choose(p *plan, name string) (proto, state) {
	set, st := w.look(name, dns.TypeNAPTR)
	if st == pending || st == lost {
		return none, st
	}
	if rules := p.applicable(set.rules); len(rules) > 0 {
		st = absent
		for _, rule := range rules {
			st = first(st, w.serve(p, rule.replacement, rule.proto))
		}
		return rules[0].proto, st
	}
	st = absent
	for _, t := range p.usable[:p.count] {
		prefix := protos[t].service
		if prefix == "" {
			continue
		}
		if st == pending { // one more wanted is not known yet: ask for this one along with it
			w.look(prefix+name, dns.TypeSRV)
			continue
		}
		one := w.serve(p, prefix+name, t)
		if one == found && (len(w.targets) > 0 || len(w.missing) > 0) {
			return t, found
		}
		st = first(st, one)
	}
	return p.proto, st
}

// first gives the state that decides for several questions together.
func first(a, b state) state {
	for _, st := range [...]state{pending, found, lost} {
		if a == st || b == st {
			return st
		}
	}
	return absent
}

// serve adds what the SRV records of a name lead to over a transport (RFC 2782).
func (w *walk) serve(p *plan, name string, t proto) state {
	set, st := w.look(name, dns.TypeSRV)
	if st != found {
		return st
	}
	services := set.services[:min(len(set.services), maxTargets-w.services)]
	w.services += len(services)
	for _, s := range draw(services, w.r.o.Rand) {
		if s.target == "" {
			w.note(errNoService)
			continue
		}
		w.host(p, s.target, s.port, t)
	}
	return found
}

// host adds the addresses of a name, the families in turn (RFC 8305 §4), IPv6 first (RFC 6724 §2.1).
func (w *walk) host(p *plan, name string, port uint16, t proto) {
	if e, ok := w.r.files.lookup(name); ok {
		w.add(p, e.set.addrs, port, t)
		w.note(cmp.Or(e.err, errNoRecord))
		return
	}
	var six, four rrset
	if p.ipv6 {
		six, _ = w.look(name, dns.TypeAAAA)
	}
	if p.ipv4 {
		four, _ = w.look(name, dns.TypeA)
	}
	var addrs [maxAddrs]netip.Addr
	n := 0
	for i := range maxAddrs {
		for _, family := range [...][]netip.Addr{six.addrs, four.addrs} {
			if i < len(family) && n < maxAddrs {
				addrs[n] = family[i]
				n++
			}
		}
	}
	w.add(p, addrs[:n], port, t)
}

// add adds addresses that are not ours and not there yet.
func (w *walk) add(p *plan, addrs []netip.Addr, port uint16, t proto) {
next:
	for _, a := range addrs {
		if a.Is4() && !p.ipv4 || !a.Is4() && !p.ipv6 {
			continue
		}
		target := Target{netip.AddrPortFrom(a, port), protos[t].name}
		for _, have := range w.targets {
			if have == target {
				continue next
			}
		}
		if w.r.o.Own(target.Addr) {
			w.note(errOwn)
			continue
		}
		if len(w.targets) < maxTargets {
			w.targets = append(w.targets, target)
		}
	}
}
