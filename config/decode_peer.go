package config

import (
	"net/netip"

	"gatehouse/config/strict"
)

// peerDraft is a peer with the places of its values.
type peerDraft struct {
	strict.Place
	peer    Peer
	zone    strict.Located[string]
	address strict.Located[Target] // Host "" when it was wrong or missing
	source  []strict.Located[netip.Prefix]
	given   bool // source was given, though perhaps wrong
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
	mapping := d.Section(v, secPeer, map[string]func(strict.Value){
		"zone": func(v strict.Value) {
			zone = true
			if s, ok := d.Word(v); ok {
				p.zone = strict.Located[string]{Place: v.Place, V: s}
				p.peer.Zone = s
			}
		},
		"address": func(v strict.Value) { address = true; d.decodeAddress(v, p) },
		"source":  func(v strict.Value) { p.given = true; d.decodeSource(v, p) },
		"sip":     func(v strict.Value) { d.decodePeerSIP(v, p) },
	})
	if mapping {
		d.Need(p.Place, zone, "zone")
		d.Need(p.Place, address, "address")
	}
	if p.given || p.address.V.Host == "" {
		return
	}
	if a, ok := p.address.V.Addr(); ok {
		p.source = []strict.Located[netip.Prefix]{{Place: p.address.Place, V: netip.PrefixFrom(a, a.BitLen())}}
		return
	}
	d.Fail(p.address.Place, "taking the sources of a peer from DNS is %s: list its prefixes under source", strict.NotYet)
}

func (d *decoder) decodeAddress(v strict.Value, p *peerDraft) {
	if _, scalar := v.Scalar(); !scalar {
		d.Fail(v.Place, "several addresses for one peer are %s, want sip:HOST[:PORT][;transport=udp|tcp]", strict.NotYet)
		return
	}
	s, ok := d.Text(v)
	if !ok {
		return
	}
	t, err := parseTarget(s)
	if err != nil {
		d.Fail(v.Place, "%v", err)
		return
	}
	p.peer.Address = t
	p.address = strict.Located[Target]{Place: v.Place, V: t}
}

func (d *decoder) decodeSource(v strict.Value, p *peerDraft) {
	for _, item := range d.Items(v) {
		s, ok := d.Text(item)
		if !ok {
			continue
		}
		prefix, err := parsePrefix(s)
		if err != nil {
			d.Fail(item.Place, "%v", err)
			continue
		}
		p.source = append(p.source, strict.Located[netip.Prefix]{Place: item.Place, V: prefix})
	}
}

func (d *decoder) decodePeerSIP(v strict.Value, p *peerDraft) {
	d.Section(v, secSIP, map[string]func(strict.Value){
		"ring_timeout": func(v strict.Value) { d.Duration(v, &p.peer.SIP.RingTimeout, minDuration, maxRingTimeout) },
		"max_duration": func(v strict.Value) { d.Duration(v, &p.peer.SIP.MaxDuration, minDuration, maxCallDuration) },
	})
}

func (p *peerDraft) finish() Peer {
	peer := p.peer
	peer.Source = strict.Values(p.source)
	return peer
}
