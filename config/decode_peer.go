package config

import (
	"net/netip"

	"gatehouse/config/reference"
	"gatehouse/config/strict"
	"gatehouse/config/value"
)

// peerDraft is a peer with the places of its values.
type peerDraft struct {
	strict.Place
	peer      Peer
	zone      strict.Located[string]
	addresses []strict.Located[Target]
	source    []strict.Located[netip.Prefix]
	given     bool // source was given, though perhaps wrong
	match     matchDraft
	tls       strict.Located[*ClientTLS]
}

// matchDraft is the match of a peer with the places of its values.
type matchDraft struct {
	strict.Place
	given, sound      bool // it was given, it was right
	port, certificate strict.Place
}

func (d *decoder) decodePeers(v strict.Value) {
	list := d.Mapping(v)
	if v.Null() || len(list) == 0 {
		d.Fail(v.Place, "want at least one peer")
		return
	}
	for _, e := range list {
		if !strict.ValidName(e.Key) {
			d.Fail(e.At, "%s", strict.BadName(e.Key))
		}
		p := &peerDraft{Place: e.At, peer: Peer{
			Name: e.Key, Pos: e.At.Pos,
			SIP: PeerSIP{RingTimeout: DefaultRingTimeout, MaxDuration: DefaultMaxDuration},
		}}
		d.peers = append(d.peers, p)
		d.decodePeer(e.Val, p)
	}
}

func (d *decoder) decodePeer(v strict.Value, p *peerDraft) {
	var zone, address bool
	mapping := d.Section(v, reference.Peer, map[string]func(strict.Value){
		"zone": func(v strict.Value) {
			zone = true
			if s, ok := d.Word(v); ok {
				p.zone = strict.Located[string]{Place: v.Place, V: s}
				p.peer.Zone = s
			}
		},
		"address": func(v strict.Value) { address = true; d.decodeAddresses(v, p) },
		"source":  func(v strict.Value) { p.given = true; p.source = d.decodePrefixes(v) },
		"match":   func(v strict.Value) { d.decodeMatch(v, p) },
		"tls":     func(v strict.Value) { p.tls = strict.Located[*ClientTLS]{Place: v.Place, V: d.files.DecodeClient(v)} },
		"sip":     func(v strict.Value) { d.decodePeerSIP(v, p) },
	})
	if mapping {
		d.Need(p.Place, zone, "zone")
		d.Need(p.Place, address, "address")
	}
	if !p.given {
		p.claimAddresses()
	}
}

// claimAddresses makes the addresses of the peer its sources: those of names
// are known once they are resolved.
func (p *peerDraft) claimAddresses() {
	seen := make(map[netip.Addr]bool, len(p.addresses))
	for _, t := range p.addresses {
		a, literal := t.V.Addr()
		switch {
		case !literal:
			p.peer.SourceFromDNS = true
		case !seen[a]:
			seen[a] = true
			p.source = append(p.source, strict.Located[netip.Prefix]{Place: t.Place, V: netip.PrefixFrom(a, a.BitLen())})
		}
	}
}

// decodeAddresses takes one target or a list of them.
func (d *decoder) decodeAddresses(v strict.Value, p *peerDraft) {
	list := d.OneOrItems(v)
	if len(list) > MaxAddresses {
		d.Fail(v.Place, "more than %d addresses for one peer", MaxAddresses)
		return
	}
	for _, item := range list {
		t, ok := d.decodeTarget(item)
		if !ok {
			continue
		}
		for _, earlier := range p.addresses {
			if sameTarget(earlier.V, t.V) {
				d.Fail(t.Place, "the same address as on line %d", earlier.Pos.Line)
				ok = false
				break
			}
		}
		if ok {
			p.addresses = append(p.addresses, t)
		}
	}
}

// sameTarget reports whether two targets lead to the same place. Two names are
// only compared as they are written: with a port or a transport a name is
// looked up in another way (RFC 3263 §4).
func sameTarget(a, b Target) bool {
	if _, literal := a.Addr(); literal {
		return a.Host == b.Host && a.EffectivePort() == b.EffectivePort() && a.Transport == b.Transport
	}
	return a.Host == b.Host && a.Port == b.Port && a.Transport == b.Transport && a.TransportGiven == b.TransportGiven
}

// decodeTarget takes a URI, or a mapping with one and its place among others.
func (d *decoder) decodeTarget(v strict.Value) (strict.Located[Target], bool) {
	if _, scalar := v.Scalar(); scalar && !v.Null() {
		return d.decodeURI(v)
	}
	if !v.IsMapping() {
		d.Fail(v.Place, "want %s or a mapping with uri, got %s", value.TargetForm, v.Kind())
		return strict.Located[Target]{}, false
	}
	before := d.Mistakes()
	var t strict.Located[Target]
	uri, priority, weight := false, 0, 1
	d.Section(v, reference.Address, map[string]func(strict.Value){
		"uri":      func(v strict.Value) { uri = true; t, _ = d.decodeURI(v) },
		"priority": func(v strict.Value) { d.Int(v, &priority, 0, maxRank) },
		"weight":   func(v strict.Value) { d.Int(v, &weight, 0, maxRank) },
	})
	d.Need(v.Place, uri, "uri")
	t.V.Priority, t.V.Weight = priority, weight
	return t, d.Mistakes() == before
}

func (d *decoder) decodeURI(v strict.Value) (strict.Located[Target], bool) {
	s, ok := d.Text(v)
	if !ok {
		return strict.Located[Target]{}, false
	}
	t, err := value.ParseTarget(s)
	if err != nil {
		d.Fail(v.Place, "%v", err)
		return strict.Located[Target]{}, false
	}
	return strict.Located[Target]{Place: v.Place, V: t}, true
}

func (d *decoder) decodeMatch(v strict.Value, p *peerDraft) {
	before := d.Mistakes()
	m, port := &p.peer.Match, 0
	p.match = matchDraft{Place: v.Place, given: true}
	mapping := d.Section(v, reference.Match, map[string]func(strict.Value){
		"host": func(v strict.Value) { m.Host = value.DecodeHost(d.Decoder, v) },
		"port": func(v strict.Value) { p.match.port = v.Place; d.Int(v, &port, 1, maxPort) },
		"prefix": func(v strict.Value) {
			m.Prefix, _ = d.Word(v)
			if n := len(m.Prefix); n > 0 && m.Prefix[n-1] == '*' {
				d.Warn(v.Place, "the * at the end is matched as it stands: a prefix needs none")
			}
		},
		"certificate": func(v strict.Value) { p.match.certificate = v.Place; m.Certificate = value.DecodeHost(d.Decoder, v) },
	})
	m.Port = uint16(port)
	if mapping && d.Mistakes() == before && m.IsZero() {
		d.Fail(v.Place, "matches everything: give host, port, prefix or certificate")
	}
	p.match.sound = d.Mistakes() == before
}

// decodePrefixes takes a list of prefixes, each once.
func (d *decoder) decodePrefixes(v strict.Value) []strict.Located[netip.Prefix] {
	items := d.Items(v)
	list := make([]strict.Located[netip.Prefix], 0, len(items))
	seen := make(map[netip.Prefix]bool, len(items))
	for _, item := range items {
		s, ok := d.Text(item)
		if !ok {
			continue
		}
		prefix, err := value.ParsePrefix(s)
		switch {
		case err != nil:
			d.Fail(item.Place, "%v", err)
		case seen[prefix]:
			d.Fail(item.Place, "%s is listed twice", prefix)
		default:
			seen[prefix] = true
			list = append(list, strict.Located[netip.Prefix]{Place: item.Place, V: prefix})
		}
	}
	return list
}

func (d *decoder) decodePeerSIP(v strict.Value, p *peerDraft) {
	d.Section(v, reference.SIP, map[string]func(strict.Value){
		"ring_timeout": func(v strict.Value) { d.Duration(v, &p.peer.SIP.RingTimeout, minDuration, maxRingTimeout) },
		"max_duration": func(v strict.Value) { d.Duration(v, &p.peer.SIP.MaxDuration, minDuration, maxCallDuration) },
	})
}

func (p *peerDraft) finish() Peer {
	peer := p.peer
	peer.Addresses = strict.Values(p.addresses)
	peer.Source = strict.Values(p.source)
	peer.TLS = p.tls.V
	return peer
}
