package resolve

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	maxAddrs    = 8 // of one name and family: more are no failover but a way to make us try for long
	maxServices = 8 // SRV records of one name: those of the best priorities and weights stay
	maxRules    = 8 // NAPTR records of one name: those that come first stay
	maxAliases  = 8 // CNAME records between a question and its answer
)

var (
	errNoName    = fmt.Errorf("no such name: %w", ErrNoAddress)
	errNoRecord  = fmt.Errorf("no such record: %w", ErrNoAddress)
	errNoService = fmt.Errorf("service not offered: %w", ErrNoAddress)
	errForbidden = fmt.Errorf("addresses a name must not lead to: %w", ErrNoAddress)
	errOwn       = fmt.Errorf("target is one of our own listeners: %w", ErrNoAddress)
	errAliases   = errors.New("more than 8 aliases in a row")
)

// rrset is the records of an answer, of one type, good ones only.
type rrset struct {
	addrs    []netip.Addr
	services []service // sorted
	rules    []rule    // sorted
}

// answer is what a name server said to a question.
type answer struct {
	set       rrset
	ttl       time.Duration
	denial    error  // why set is empty
	alias     string // where to ask again, when the answer ends in an alias
	forbidden bool   // there were addresses that are refused
}

// read takes from a message what it says to a question. It follows aliases in it, and counts them down in left. The
// message may be anything a server, or somebody who plays one, can write.
func read(m *dns.Msg, q question, allow filter, left *int) (answer, error) {
	a := answer{ttl: maxTTL}
	name, followed := q.name, false
	for {
		any := false
		for _, rr := range m.Answer {
			if h := rr.Header(); h.Class == dns.ClassINET && h.Rrtype == q.qtype && owns(h, name) {
				any = true
				a.ttl = min(a.ttl, lifetime(h.Ttl))
				a.addRecord(rr, allow)
			}
		}
		if any {
			a.settle()
			return a, nil
		}
		alias := findAlias(m.Answer, name)
		if alias == nil {
			break
		}
		if *left--; *left < 0 {
			return answer{}, errAliases
		}
		a.ttl = min(a.ttl, lifetime(alias.Hdr.Ttl))
		target, ok := canonical(alias.Target)
		if !ok {
			a.denial = errNoRecord
			return a, nil
		}
		name, followed = target, true
	}
	ttl, bounded := negativeTTL(m.Ns)
	switch {
	case m.Rcode == dns.RcodeNameError:
		a.denial = errNoName
	case followed && !bounded:
		a.alias = name // a server that does not follow aliases itself
		return a, nil
	default:
		a.denial = errNoRecord
	}
	a.ttl = min(a.ttl, ttl)
	return a, nil
}

func owns(h *dns.RR_Header, name string) bool {
	return strings.EqualFold(strings.TrimSuffix(h.Name, "."), name)
}

func findAlias(rrs []dns.RR, name string) *dns.CNAME {
	for _, rr := range rrs {
		if c, ok := rr.(*dns.CNAME); ok && c.Hdr.Class == dns.ClassINET && owns(&c.Hdr, name) {
			return c
		}
	}
	return nil
}

// lifetime is a TTL within our bounds; with the top bit set it counts as 0 (RFC 2181 §8).
func lifetime(ttl uint32) time.Duration {
	if ttl > 1<<31-1 {
		ttl = 0
	}
	return min(max(time.Duration(ttl)*time.Second, minTTL), maxTTL)
}

// negativeTTL is how long a denial lasts (RFC 2308 §5), and whether an SOA record says so.
func negativeTTL(authority []dns.RR) (time.Duration, bool) {
	for _, rr := range authority {
		if soa, ok := rr.(*dns.SOA); ok {
			return min(lifetime(soa.Hdr.Ttl), lifetime(soa.Minttl), maxNegativeTTL), true
		}
	}
	return bareNegative, false
}

// addRecord takes over a record of a type we ask for, if it is one we can use.
func (a *answer) addRecord(rr dns.RR, allow filter) {
	switch rr := rr.(type) {
	case *dns.A:
		if addr, ok := netip.AddrFromSlice(rr.A.To4()); ok {
			a.addAddress(addr, allow)
		}
	case *dns.AAAA:
		if addr, ok := netip.AddrFromSlice(rr.AAAA); ok && addr.Is6() {
			a.addAddress(addr, allow)
		}
	case *dns.SRV:
		s := service{port: rr.Port, priority: rr.Priority, weight: rr.Weight}
		if target, ok := canonical(rr.Target); ok && rr.Port != 0 {
			s.target = target
		}
		a.set.services = append(a.set.services, s)
	case *dns.NAPTR:
		// Only rules that end in an SRV name; a regular expression is no part of RFC 3263 §4.1.
		target, ok := canonical(rr.Replacement)
		if p := ruleProto(rr.Service); ok && p != none && rr.Regexp == "" && strings.EqualFold(rr.Flags, "s") {
			a.set.rules = append(a.set.rules, rule{rr.Order, rr.Preference, p, target})
		}
	}
}

func (a *answer) addAddress(addr netip.Addr, allow filter) {
	switch {
	case allow.refuses(addr):
		a.forbidden = true
	case len(a.set.addrs) < maxAddrs && !slices.Contains(a.set.addrs, addr):
		a.set.addrs = append(a.set.addrs, addr)
	}
}

// settle sorts and bounds what was added, and says why it is nothing.
func (a *answer) settle() {
	usable := slices.DeleteFunc(slices.Clone(a.set.services), func(s service) bool { return s.target == "" })
	if len(usable) > 0 || len(a.set.services) == 0 {
		a.set.services = usable
	} else {
		a.set.services = a.set.services[:1] // "." alone, or nothing but nonsense: the service is not there
	}
	slices.SortFunc(a.set.services, compareServices)
	slices.SortFunc(a.set.rules, compareRules)
	a.set.services = slices.Clip(a.set.services[:min(len(a.set.services), maxServices)])
	a.set.rules = slices.Clip(a.set.rules[:min(len(a.set.rules), maxRules)])
	switch {
	case len(a.set.addrs)+len(a.set.services)+len(a.set.rules) > 0:
	case a.forbidden:
		a.denial = errForbidden
	default:
		a.denial = errNoRecord
	}
}
