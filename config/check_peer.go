package config

import (
	"net/netip"

	"gatehouse/config/strict"
)

// checkPeers compares the peers with their zones and with each other.
func (d *decoder) checkPeers() {
	zones := make(map[string]*zoneDraft, len(d.zones))
	names := make([]string, 0, len(d.zones))
	for _, z := range d.zones {
		zones[z.zone.Name] = z
		names = append(names, z.zone.Name)
	}
	sources := make(map[string]*sourceTable, len(d.zones))
	used := make(map[*zoneDraft]bool, len(d.zones))
	privacyTold := make(map[*zoneDraft]bool, len(d.zones))
	for _, p := range d.peers {
		z := zones[p.zone.V]
		if z == nil {
			if p.zone.V != "" && len(d.zones) > 0 {
				d.Unknown(p.zone.Place, "zone", p.zone.V, names)
			}
			continue
		}
		used[z] = true
		d.checkReach(p, z)
		d.checkOwnListener(p)
		if !privacyTold[z] {
			privacyTold[z] = d.checkShownToPublic(p, z)
		}
		if sources[p.zone.V] == nil {
			sources[p.zone.V] = &sourceTable{}
		}
		d.checkSources(p, z, sources[p.zone.V])
	}
	for _, z := range d.zones {
		d.checkNested(sources[z.zone.Name])
		if !used[z] && d.Mistakes() == 0 {
			d.Warn(z.Place, "no peer is in this zone")
		}
	}
}

// checkReach wants a listener of the peer's transport and family in its zone,
// since requests leave from a listener.
func (d *decoder) checkReach(p *peerDraft, z *zoneDraft) {
	t := p.address.V
	if t.Host == "" || len(z.listen) == 0 {
		return
	}
	addr, literal := t.Addr()
	transport := false
	for _, l := range z.listen {
		if l.V.Transport != t.Transport {
			continue
		}
		transport = true
		a := l.V.Addr.Addr()
		if !literal || a.Is4() == addr.Is4() {
			return
		}
	}
	if !transport {
		d.Fail(p.address.Place, "%s has no %s listener", z.describe(), t.Transport)
		return
	}
	d.Fail(p.address.Place, "%s has no %s listener of the family of %s", z.describe(), t.Transport, addr)
}

// checkOwnListener warns of a peer that is ourselves.
func (d *decoder) checkOwnListener(p *peerDraft) {
	addr, ok := p.address.V.Addr()
	if !ok {
		return
	}
	port := p.address.V.EffectivePort()
	for _, z := range d.zones {
		for _, l := range z.listen {
			if l.V.Transport == p.address.V.Transport && l.V.Addr == netip.AddrPortFrom(addr, port) {
				d.Warn(p.address.Place, "this is our own listener in %s (line %d): calls would come back to us", z.describe(), l.Pos.Line)
				return
			}
		}
	}
}

// checkShownToPublic warns when a peer on a public address would be shown
// private ones; it reports whether it did, for one zone needs it once.
func (d *decoder) checkShownToPublic(p *peerDraft, z *zoneDraft) bool {
	addr, ok := p.address.V.Addr()
	if !ok || isPrivate(addr) {
		return false
	}
	told := false
	if z.advertise.V == "" {
		for _, l := range z.listen {
			if a := l.V.Addr.Addr(); isPrivate(a) && a.Is4() == addr.Is4() {
				d.Warn(l.Place, "peer %s is on a public address, but Via and Contact will show the private %s: set advertise", strict.Plain(p.peer.Name), a)
				told = true
				break
			}
		}
	}
	for _, m := range z.media {
		if isPrivate(m.V.Addr) && m.V.Advertise == m.V.Addr && m.V.Addr.Is4() == addr.Is4() {
			d.Warn(m.Place, "peer %s is on a public address, but SDP will show the private %s: set advertise", strict.Plain(p.peer.Name), m.V.Addr)
			told = true
		}
	}
	return told
}

// sourceTable is what the peers of one zone claim.
type sourceTable struct {
	owner map[netip.Prefix]*claimed
	order []netip.Prefix
}

type claimed struct {
	strict.Place
	peer *peerDraft
}

// checkSources refuses the same prefix twice in a zone: nothing else tells the
// peers apart yet.
func (d *decoder) checkSources(p *peerDraft, z *zoneDraft, t *sourceTable) {
	if t.owner == nil {
		t.owner = make(map[netip.Prefix]*claimed)
	}
	for _, s := range p.source {
		if first, dup := t.owner[s.V]; dup {
			if first.peer == p {
				d.Fail(s.Place, "%s is listed twice", s.V)
			} else {
				d.Fail(s.Place, "%s is already the source of peer %s (line %d): telling peers of one source apart is %s", s.V, strict.Plain(first.peer.peer.Name), first.Pos.Line, strict.NotYet)
			}
			continue
		}
		t.owner[s.V] = &claimed{Place: s.Place, peer: p}
		t.order = append(t.order, s.V)
		if s.V.Bits() == 0 {
			if z.zone.Trust == TrustFull {
				d.Warn(s.Place, "%s makes everybody this peer, in a zone of trust: full", s.V)
			} else {
				d.Warn(s.Place, "%s makes everybody this peer", s.V)
			}
		}
	}
}

// checkNested tells of prefixes inside the prefix of another peer. The longest
// wins, which may be meant.
func (d *decoder) checkNested(t *sourceTable) {
	if t == nil {
		return
	}
	for _, s := range t.order {
		own := t.owner[s]
		for bits := s.Bits() - 1; bits > 0; bits-- {
			wider := netip.PrefixFrom(s.Addr(), bits).Masked()
			if by, ok := t.owner[wider]; ok && by.peer != own.peer {
				d.Warn(own.Place, "%s lies in %s of peer %s (line %d) and wins over it", s, wider, strict.Plain(by.peer.peer.Name), by.Pos.Line)
				break
			}
		}
	}
}
