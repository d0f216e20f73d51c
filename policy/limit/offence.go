package limit

import "net/netip"

// reasons counts offences by why they are some.
type reasons map[string]uint64

// otherReason counts what is beyond maxReasons.
const otherReason = "other"

func (c *reasons) add(reason string) {
	if *c == nil {
		*c = make(reasons)
	}
	if _, ok := (*c)[reason]; !ok && len(*c) >= maxReasons {
		reason = otherReason
	}
	(*c)[reason]++
}

// Offend reports that a message of a source is what no honest system sends.
// proven tells that the source is who it says, because it came by a stream:
// only then it is banned when offences add up, else it is demoted. The two are
// counted apart, so that nobody is banned for one mistake of its own after what
// others did in its name. Peers are only counted. The reason is a fixed word.
// When this very offence led to a ban it is returned, for whoever keeps a log.
func (g *Gate) Offend(src netip.Addr, known, proven bool, reason string) (b Ban, banned bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if known {
		g.familiar.add(reason)
		return Ban{}, false
	}
	g.strange.add(reason)
	r := g.rules.Load()
	switch {
	case r.After <= 0 || r.exempt(src):
	case proven:
		return g.offendProven(sourceOf(src), r, reason)
	default:
		g.offendUnproven(sourceOf(src), r)
	}
	return Ban{}, false
}

func (g *Gate) offendProven(s source, r *rules, reason string) (Ban, bool) {
	now := g.now()
	if b := g.bans.inForce(s, now); b != nil && b.dryRun == r.DryRun {
		b.offences++
		b.reason = reason
		return Ban{}, false
	}
	w, ok := g.offenders.GetIfPresent(s)
	if !ok {
		w = &window{}
		g.offenders.Set(s, w)
	}
	n := w.add(max(0, now.Sub(g.start)), r.For)
	if n < r.After {
		return Ban{}, false
	}
	g.offenders.Invalidate(s)
	b := g.bans.add(s, reason, n, r, now)
	g.banned.Add(1)
	g.holding.Store(true)
	return b.shown(r.DryRun), true
}

func (g *Gate) offendUnproven(s source, r *rules) {
	now := g.now()
	e, ok := g.datagrams.sources.GetIfPresent(s)
	if !ok {
		e, _ = g.datagrams.sources.SetIfAbsent(s, newStranger(r))
	}
	if e.offend(r, now, max(0, now.Sub(g.start))) {
		g.demotions.Add(1)
	}
}

// Bans lists the bans in force, the newest first.
func (g *Gate) Bans() []Ban {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.bans.list(g.now(), g.rules.Load().DryRun)
}

// Unban takes an address or a prefix and lifts the bans and demotions of the
// sources it covers; an IPv6 address covers its whole source. What they did is
// forgotten, so the next ban is a first one again. It tells whether anybody was
// banned or demoted.
func (g *Gate) Unban(text string) bool {
	p, ok := parseSources(text)
	if !ok {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now, lifted := g.now(), false
	for s := range g.covered(p) {
		if b := g.bans.by[s]; b != nil {
			lifted = lifted || now.Before(b.until)
			g.bans.remove(b)
		}
		g.offenders.Invalidate(s)
		if e, ok := g.datagrams.sources.GetIfPresent(s); ok && e.forgive(now) {
			lifted = true
		}
	}
	g.holding.Store(len(g.bans.by) > 0)
	return lifted
}

// covered gives the sources in a prefix of whom anything is known.
func (g *Gate) covered(p netip.Prefix) map[source]struct{} {
	out := make(map[source]struct{})
	if s := sourceOf(p.Addr()); s.prefix() == p {
		out[s] = struct{}{}
		return out
	}
	add := func(s source) {
		if p.Contains(s.prefix().Addr()) {
			out[s] = struct{}{}
		}
	}
	for s := range g.bans.by {
		add(s)
	}
	for s := range g.offenders.Keys() {
		add(s)
	}
	for s := range g.datagrams.sources.Keys() {
		add(s)
	}
	return out
}
