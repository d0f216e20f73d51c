package config

import (
	"net/netip"

	"gatehouse/config/strict"
	"gatehouse/config/value"
)

// sourceTable is what the peers of one zone claim.
type sourceTable struct {
	first map[origin]*claimed // who claims it, the first when several do
	exact map[claim]*claimed  // who claims it with this match
	order []origin
	told  map[[2]*peerDraft]bool // of which two peers it was said that their matches are equal

	acl     *value.Access
	denied  map[netip.Prefix]strict.Place // where the acl denies it
	allowed strict.Place                  // the first prefix the acl allows; nowhere without any
}

// origin is where requests come from: a prefix, or a name that is resolved.
type origin struct {
	prefix netip.Prefix
	name   string
}

// String writes the origin as the file does.
func (o origin) String() string {
	if o.name != "" {
		return o.name
	}
	return o.prefix.String()
}

// claim is an origin with what tells its peers apart.
type claim struct {
	origin
	match Match
}

type claimed struct {
	strict.Place
	peer *peerDraft
}

func newSourceTable(z *zoneDraft) *sourceTable {
	t := &sourceTable{
		first: make(map[origin]*claimed), exact: make(map[claim]*claimed), told: make(map[[2]*peerDraft]bool),
		acl:    value.NewAccess(strict.Values(z.acl.allow), strict.Values(z.acl.deny)),
		denied: make(map[netip.Prefix]strict.Place, len(z.acl.deny)),
	}
	for _, p := range z.acl.deny {
		t.denied[p.V] = p.Place
	}
	if len(z.acl.allow) > 0 {
		t.allowed = z.acl.allow[0].Place
	}
	return t
}

// checkSources refuses an origin that two peers of a zone claim, unless their
// matches tell them apart, and looks at each prefix.
func (d *decoder) checkSources(p *peerDraft, z *zoneDraft, t *sourceTable) {
	for _, s := range p.source {
		d.checkClaim(p, t, origin{prefix: s.V}, s.Place)
		d.checkDenied(s, t)
		if s.V.Bits() > 0 {
			continue
		}
		if z.zone.Trust == TrustFull {
			d.Warn(s.Place, "%s makes everybody this peer, in a zone of trust: full", s.V)
		} else {
			d.Warn(s.Place, "%s makes everybody this peer", s.V)
		}
	}
	if !p.peer.SourceFromDNS {
		return
	}
	for _, a := range p.addresses {
		if _, literal := a.V.Addr(); !literal {
			d.checkClaim(p, t, origin{name: a.V.Host}, a.Place)
		}
	}
}

// checkDenied warns of a source that the acl of the zone keeps out whole.
func (d *decoder) checkDenied(s strict.Located[netip.Prefix], t *sourceTable) {
	by, shut := t.acl.Shuts(s.V)
	switch {
	case !shut:
	case by.IsValid():
		d.Warn(s.Place, "nothing comes from %s: the acl of the zone denies %s (line %d)", s.V, by, t.denied[by].Pos.Line)
	default:
		d.Warn(s.Place, "nothing comes from %s: the acl of the zone does not allow it (line %d)", s.V, t.allowed.Pos.Line)
	}
}

func (d *decoder) checkClaim(p *peerDraft, t *sourceTable, o origin, at strict.Place) {
	first := t.first[o]
	if first == nil {
		first = &claimed{Place: at, peer: p}
		t.first[o] = first
		t.order = append(t.order, o)
	}
	if p.match.given && !p.match.sound {
		return // what it would say is not known
	}
	key := claim{origin: o, match: p.peer.Match}
	same := t.exact[key]
	if same == nil {
		t.exact[key] = &claimed{Place: at, peer: p}
	}
	switch {
	case first.peer == p, same != nil && same.peer == p: // several addresses of one name
	case same != nil && p.match.given:
		if pair := [2]*peerDraft{same.peer, p}; !t.told[pair] {
			t.told[pair] = true
			d.Fail(p.match.Place, "the same as the match of peer %s (line %d), and both come from %s", strict.Plain(same.peer.peer.Name), same.peer.match.Pos.Line, o)
		}
	case !p.match.given || !first.peer.match.given:
		d.Fail(at, "%s is already the source of peer %s (line %d): give each of them a match of its own", o, strict.Plain(first.peer.peer.Name), first.Pos.Line)
	}
}

// checkNested tells of prefixes inside the prefix of another peer. The longest
// wins, which may be meant.
func (d *decoder) checkNested(t *sourceTable) {
	if t == nil {
		return
	}
	for _, o := range t.order {
		own := t.first[o]
		for bits := o.prefix.Bits() - 1; bits > 0; bits-- {
			wider := netip.PrefixFrom(o.prefix.Addr(), bits).Masked()
			if by, ok := t.first[origin{prefix: wider}]; ok && by.peer != own.peer {
				d.Warn(own.Place, "%s lies in %s of peer %s (line %d) and wins over it", o, wider, strict.Plain(by.peer.peer.Name), by.Pos.Line)
				break
			}
		}
	}
}
