package config

import (
	"gatehouse/config/strict"
	"gatehouse/config/value"
)

// checkRoutes compares the routes with the peers and with each other.
func (d *decoder) checkRoutes() {
	peers := make(map[string]bool, len(d.peers))
	names := make([]string, 0, len(d.peers))
	for _, p := range d.peers {
		peers[p.peer.Name] = true
		names = append(names, p.peer.Name)
	}
	named := make(map[string]strict.Place, len(d.routes))
	used := make(map[string]bool, len(d.peers))
	for _, r := range d.routes {
		if first, dup := named[r.route.Name]; dup {
			d.Fail(r.named, "the route on line %d is already named %s", first.Pos.Line, strict.Plain(r.route.Name))
		} else {
			named[r.route.Name] = r.named
		}
		for _, list := range [][]strict.Located[string]{r.from, r.to} {
			d.checkNames(list, peers, names, used)
		}
		d.checkPatterns(r)
		d.checkReturn(r)
	}
	d.checkReachable()
	for _, p := range d.peers {
		if d.Mistakes() == 0 && !used[p.peer.Name] {
			d.Warn(p.Place, "no route names this peer")
		}
	}
}

// checkNames wants known peers, each once.
func (d *decoder) checkNames(list []strict.Located[string], peers map[string]bool, names []string, used map[string]bool) {
	seen := make(map[string]bool, len(list))
	for _, n := range list {
		switch {
		case !peers[n.V]:
			if len(peers) > 0 {
				d.Unknown(n.Place, "peer", n.V, names)
			}
		case seen[n.V]:
			d.Fail(n.Place, "peer %s is listed twice", strict.Plain(n.V))
		}
		seen[n.V], used[n.V] = true, true
	}
}

// regexpBytes hint at a pattern written as a regular expression.
const regexpBytes = `^$[]\|?`

// checkPatterns tells of patterns that cannot mean what they look like.
func (d *decoder) checkPatterns(r *routeDraft) {
	seen := make(map[Pattern]bool, len(r.called))
	for _, p := range r.called {
		if seen[p.V] {
			d.Warn(p.Place, "%s is listed twice", strict.Quote(p.V.String()))
		}
		seen[p.V] = true
		for i := range len(p.V.Text()) {
			if c := p.V.Text()[i]; containsByte(regexpBytes, c) {
				d.Warn(p.Place, "%q is matched as it stands: only * at the start or end is special", c)
				break
			}
		}
	}
}

func containsByte(s string, c byte) bool {
	for i := range len(s) {
		if s[i] == c {
			return true
		}
	}
	return false
}

// checkReturn tells of a route that sends calls back where they came from.
func (d *decoder) checkReturn(r *routeDraft) {
	if len(r.from) != 1 {
		return
	}
	for _, t := range r.to {
		if t.V == r.from[0].V {
			d.Warn(t.Place, "calls of %s go back to %s", strict.Plain(t.V), strict.Plain(t.V))
			return
		}
	}
}

// Returns reports whether the route may send a call of this peer to target: a
// route with several peers in from skips the one that calls, a route with one
// sends it back when it is listed in to.
func (r Route) Returns(from, target string) bool { return returns(from, target, len(r.From)) }

func returns(from, target string, callers int) bool { return from != target || callers == 1 }

// checkReachable warns of a route that never gets a call: for each of its peers
// and patterns an earlier route takes all there is.
func (d *decoder) checkReachable() {
	taken := make(map[string]*value.PatternSet)
	for _, r := range d.routes {
		if !r.sound {
			continue
		}
		patterns := strict.Values(r.called)
		if len(patterns) == 0 {
			patterns = []Pattern{value.Every()}
		}
		if takers, open := shadowed(r, patterns, taken); !open {
			d.Warn(r.Place, "this route never gets a call: %s", takers)
		}
		for _, from := range r.from {
			if !r.serves(from.V) {
				continue
			}
			set := taken[from.V]
			if set == nil {
				set = &value.PatternSet{}
				taken[from.V] = set
			}
			for _, p := range patterns {
				set.Add(p, r.route.Name)
			}
		}
	}
}

// shadowed returns the earlier routes that take what r asks for, and whether
// something is left for r.
func shadowed(r *routeDraft, patterns []Pattern, taken map[string]*value.PatternSet) (takers string, open bool) {
	listed := make(map[string]bool)
	for _, from := range r.from {
		if !r.serves(from.V) {
			continue
		}
		set := taken[from.V]
		for _, p := range patterns {
			if set == nil {
				return "", true
			}
			who, ok := set.Covers(p)
			if !ok {
				return "", true
			}
			if !listed[who] && len(listed) < strict.MaxListed {
				listed[who] = true
				if takers != "" {
					takers += ", "
				}
				takers += "route " + strict.Plain(who)
			}
		}
	}
	verb := " takes them"
	if len(listed) > 1 {
		verb = " take them"
	}
	return takers + verb, false
}

// serves reports whether r has a target for calls of this peer.
func (r *routeDraft) serves(from string) bool {
	for _, t := range r.to {
		if returns(from, t.V, len(r.from)) {
			return true
		}
	}
	return false
}
