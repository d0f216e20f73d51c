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
		for _, t := range p.addresses {
			d.checkReach(t, z)
			d.checkOwnListener(t)
			if !privacyTold[z] {
				privacyTold[z] = d.checkShownToPublic(t, p, z)
			}
		}
		d.checkMatch(p, z)
		d.checkPeerTLS(p)
		if sources[p.zone.V] == nil {
			sources[p.zone.V] = newSourceTable(z)
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

// checkReach wants a listener of the target's transport and family in its zone,
// since requests leave from a listener.
func (d *decoder) checkReach(t strict.Located[Target], z *zoneDraft) {
	if len(z.listen) == 0 {
		return
	}
	addr, literal := t.V.Addr()
	transport := false
	for _, l := range z.listen {
		if !carries(l.V.Transport, t.V) {
			continue
		}
		transport = true
		a := l.V.Addr.Addr()
		if !literal || a.Is4() == addr.Is4() {
			return
		}
	}
	switch {
	case transport:
		d.Fail(t.Place, "%s has no %s listener of the family of %s", z.describe(), t.V.Transport, addr)
	case t.V.Open():
		d.Fail(t.Place, "%s has no tls or wss listener for sips", z.describe())
	default:
		d.Fail(t.Place, "%s has no %s listener", z.describe(), t.V.Transport)
	}
}

// carries reports whether requests to the target may leave by a listener of
// transport l: DNS may name any transport for an open target, and a secure one
// for sips.
func carries(l Transport, t Target) bool {
	if t.Open() {
		return !t.Secure || l.Secure()
	}
	return l == t.Transport
}

// checkOwnListener warns of a target that is ourselves.
func (d *decoder) checkOwnListener(t strict.Located[Target]) {
	addr, ok := t.V.Addr()
	if !ok {
		return
	}
	own := Listener{Transport: t.V.Transport, Addr: netip.AddrPortFrom(addr, t.V.EffectivePort())}
	for _, z := range d.zones {
		for _, l := range z.listen {
			if l.V == own {
				d.Warn(t.Place, "this is our own listener in %s (line %d): calls would come back to us", z.describe(), l.Pos.Line)
				return
			}
		}
	}
}

// checkShownToPublic warns when a peer on a public address would be shown
// private ones; it reports whether it did, for one zone needs it once.
func (d *decoder) checkShownToPublic(t strict.Located[Target], p *peerDraft, z *zoneDraft) bool {
	addr, ok := t.V.Addr()
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

// checkMatch wants a match that requests on the listeners of the zone can fit.
func (d *decoder) checkMatch(p *peerDraft, z *zoneDraft) {
	m := p.peer.Match
	if !p.match.sound || len(z.listen) == 0 {
		return
	}
	port, secure := m.Port == 0, m.Certificate == ""
	for _, l := range z.listen {
		port = port || l.V.Addr.Port() == m.Port || l.V.Addr.Port() == 0
		secure = secure || l.V.Transport.Secure()
	}
	if !port {
		d.Fail(p.match.port, "%s has no listener on port %d", z.describe(), m.Port)
	}
	switch {
	case !secure:
		d.Fail(p.match.certificate, "%s has no tls or wss listener, so nobody shows a certificate", z.describe())
	case m.Certificate != "" && z.tls.V != nil && z.tls.V.ClientCAFile == "":
		d.Warn(p.match.certificate, "%s asks for no certificates (tls.client_ca): only connections that we opened have one", z.describe())
	}
}

// checkPeerTLS warns of TLS settings nothing uses.
func (d *decoder) checkPeerTLS(p *peerDraft) {
	if p.tls.V == nil || len(p.addresses) == 0 {
		return
	}
	for _, t := range p.addresses {
		if t.V.Transport.Secure() || t.V.Open() {
			return
		}
	}
	d.Warn(p.tls.Place, "no address of the peer uses TLS")
}
