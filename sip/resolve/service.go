package resolve

import (
	"cmp"
	"slices"
	"strings"
)

// service is an SRV record (RFC 2782); its target is empty when there is no host to go to.
type service struct {
	target   string
	port     uint16
	priority uint16
	weight   uint16
}

// rule is a NAPTR record that names a transport of ours and where its SRV records are (RFC 3263 §4.1).
type rule struct {
	order, preference uint16
	proto             proto
	replacement       string
}

// ruleServices are the NAPTR services of RFC 3263 §9 and RFC 7118 §10.2, less SCTP.
var ruleServices = [...]struct {
	name  string
	proto proto
}{{"SIP+D2U", udp}, {"SIP+D2T", tcp}, {"SIPS+D2T", tls}, {"SIP+D2W", ws}, {"SIPS+D2W", wss}}

// ruleProto is the transport a NAPTR service stands for, or none.
func ruleProto(service string) proto {
	for _, s := range ruleServices {
		if strings.EqualFold(s.name, service) {
			return s.proto
		}
	}
	return none
}

// applicable gives the rules a plan follows, best first: of those it has transports for, the ones of the lowest order
// (RFC 3263 §4.1: the most preferred transport is the one used), as secure as the first of them, so that failing over
// never leads from TLS to a clear transport.
func (p *plan) applicable(rules []rule) []rule {
	var best []rule
	for _, x := range rules {
		if !slices.Contains(p.usable[:p.count], x.proto) {
			continue
		}
		if len(best) > 0 && (x.order != best[0].order || x.proto.secure() != best[0].proto.secure()) {
			continue
		}
		best = append(best, x)
	}
	return best
}

func compareRules(a, b rule) int {
	return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.preference, b.preference),
		cmp.Compare(a.proto, b.proto), cmp.Compare(a.replacement, b.replacement))
}

func compareServices(a, b service) int {
	return cmp.Or(cmp.Compare(a.priority, b.priority), cmp.Compare(b.weight, a.weight),
		cmp.Compare(a.target, b.target), cmp.Compare(a.port, b.port))
}

// draw orders SRV records, which come sorted by priority, for one call: within a priority each next one is drawn by
// weight, as RFC 2782 says under "Weight".
func draw(services []service, rand func(int) int) []service {
	drawn := slices.Clone(services)
	for rest := drawn; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].priority == rest[0].priority {
			n++
		}
		drawGroup(rest[:n], rand)
		rest = rest[n:]
	}
	return drawn
}

// drawGroup draws the order of records of one priority, in place.
func drawGroup(group []service, rand func(int) int) {
	// "In any order" is a new one each time: records that all weigh nothing share the load too.
	for i := len(group) - 1; i > 0; i-- {
		j := rand(i + 1)
		group[i], group[j] = group[j], group[i]
	}
	// Those with weight 0 come first, where only a draw of 0 finds them.
	slices.SortStableFunc(group, func(a, b service) int { return cmp.Compare(min(a.weight, 1), min(b.weight, 1)) })
	for ; len(group) > 1; group = group[1:] {
		sum := 0
		for _, s := range group {
			sum += int(s.weight)
		}
		at, running := rand(sum+1), 0
		for i, s := range group {
			if running += int(s.weight); running >= at {
				copy(group[1:i+1], group[:i]) // the others keep their order
				group[0] = s
				break
			}
		}
	}
}
