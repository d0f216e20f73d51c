package path

import (
	"slices"

	"gatehouse/policy/engine"
	"gatehouse/sip/transport"
	"gatehouse/sip/uri"
)

// MaxTargets is how many targets of one peer a call tries: more would keep the
// caller waiting for minutes, and let one INVITE make us send to a list of hosts
// that somebody else's name server chose.
const MaxTargets = 16

// Step is one thing to try: a hop, or, while that is not set, an address that
// has to be resolved first.
type Step struct {
	Of  *engine.Target
	Hop Hop
}

// Course is the order in which a call tries the targets of one peer: its
// addresses by priority and weight, and of each the hops it resolves to
// (RFC 3263 §4.3). Those that failed a short while ago come last. The zero value
// is a course that has ended.
type Course struct {
	addresses []*engine.Target
	ready     []Step
	late      []Step
	tried     int
}

// NewCourse orders a peer's addresses: lower priorities first, and among equals
// at random in proportion to their weights (RFC 2782, Weight). draw gives a
// number below n. With sips only the addresses that can be reached by TLS are
// on it (RFC 5630 §5.3).
func NewCourse(targets []engine.Target, sips bool, draw func(n int) int) Course {
	left := make([]*engine.Target, 0, len(targets))
	for i := range targets {
		if !sips || CanBeSecure(targets[i].URI) {
			left = append(left, &targets[i])
		}
	}
	if len(left) < 2 {
		return Course{addresses: left}
	}
	slices.SortStableFunc(left, func(a, b *engine.Target) int { return a.Priority - b.Priority })
	ordered := make([]*engine.Target, 0, min(len(left), MaxTargets))
	for len(left) > 0 && len(ordered) < MaxTargets {
		i := pick(left, draw)
		ordered = append(ordered, left[i])
		left = slices.Delete(left, i, i+1)
	}
	return Course{addresses: ordered}
}

// pick draws one of the addresses that share the first one's priority. In the
// running sum those without a weight come first, which leaves them the small
// chance that RFC 2782 wants.
func pick(left []*engine.Target, draw func(n int) int) int {
	n, sum := 0, 0
	for n < len(left) && left[n].Priority == left[0].Priority {
		sum += left[n].Weight
		n++
	}
	if n == 1 {
		return 0
	}
	if sum == 0 {
		return draw(n)
	}
	at := draw(sum + 1)
	for _, weightless := range [...]bool{true, false} {
		for i, t := range left[:n] {
			if (t.Weight == 0) != weightless {
				continue
			}
			if at -= t.Weight; at <= 0 {
				return i
			}
		}
	}
	return n - 1
}

// CanBeSecure tells whether a URI can stand for a target that is reached by TLS:
// it says so, or is a name that leaves the transport to DNS. A literal address
// or a port of unsaid transport is one for clear text.
func CanBeSecure(u uri.URI) bool {
	if u.Scheme == "sips" {
		return true
	}
	if name := u.Transport(); name != "" {
		p, ok := transport.ProtoOf(name)
		return ok && p.Secure()
	}
	_, literal := u.Addr()
	return !literal && u.Port == 0
}

// More tells whether there is anything left to try.
func (c *Course) More() bool {
	return c.tried < MaxTargets && len(c.addresses)+len(c.ready)+len(c.late) > 0
}

// Next takes the step to be made now. An address in it that has no hop yet is
// to be resolved, and what comes of it given to Found. ok is false when the
// course has ended.
func (c *Course) Next() (step Step, ok bool) {
	switch {
	case c.tried >= MaxTargets:
		return Step{}, false
	case len(c.ready) > 0:
		step, c.ready = c.ready[0], c.ready[1:]
	case len(c.addresses) > 0:
		step.Of, c.addresses = c.addresses[0], c.addresses[1:]
		return step, true
	case len(c.late) > 0:
		step, c.late = c.late[0], c.late[1:]
	default:
		return Step{}, false
	}
	c.tried++
	return step, true
}

// Found takes the hops an address resolved to, in the order they are to be
// tried.
func (c *Course) Found(of *engine.Target, hops []Hop) {
	for _, h := range hops {
		if s := (Step{of, h}); h.Late {
			c.late = append(c.late, s)
		} else {
			c.ready = append(c.ready, s)
		}
	}
}
