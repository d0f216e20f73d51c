package config

import (
	"net/netip"

	"gatehouse/config/reference"
	"gatehouse/config/strict"
	"gatehouse/config/value"
)

// zoneDraft is a zone with the places of its values.
type zoneDraft struct {
	strict.Place
	zone      Zone
	advertise strict.Located[string]
	listen    []strict.Located[Listener]
	media     []strict.Located[MediaAddress]
	hasMedia  bool // media was given, though perhaps wrong
	tls       strict.Located[*ServerTLS]
	webSocket strict.Place // its path is "" when there is none
	origins   []strict.Located[string]
	acl       aclDraft
}

func (d *decoder) decodeZones(v strict.Value) {
	list := d.Mapping(v)
	if v.Null() || len(list) == 0 {
		d.Fail(v.Place, "want at least one zone")
		return
	}
	if len(list) > MaxZones {
		d.Fail(v.Place, "more than %d zones", MaxZones)
		return
	}
	for _, e := range list {
		if !strict.ValidName(e.Key) {
			d.Fail(e.At, "%s", strict.BadName(e.Key))
		}
		z := &zoneDraft{Place: e.At, zone: Zone{Name: e.Key, Pos: e.At.Pos, UDPMax: DefaultUDPMax}}
		d.zones = append(d.zones, z)
		d.decodeZone(e.Val, z)
	}
}

func (d *decoder) decodeZone(v strict.Value, z *zoneDraft) {
	var listen, unknown bool
	mapping := d.Section(v, reference.Zone, map[string]func(strict.Value){
		"listen":    func(v strict.Value) { listen = true; d.decodeListen(v, z) },
		"advertise": func(v strict.Value) { d.decodeAdvertise(v, z) },
		"trust": func(v strict.Value) {
			if s, ok := d.Choice(v, []string{TrustFull.String(), TrustNone.String()}, nil); ok && s == TrustFull.String() {
				z.zone.Trust = TrustFull
			}
		},
		"unknown": func(v strict.Value) {
			s, ok := d.Choice(v, []string{UnknownReject.String(), UnknownDrop.String()}, nil)
			unknown = ok
			if s == UnknownReject.String() {
				z.zone.Unknown = UnknownReject
			}
		},
		"media":     func(v strict.Value) { z.hasMedia = true; d.decodePools(v, z) },
		"tls":       func(v strict.Value) { z.tls = strict.Located[*ServerTLS]{Place: v.Place, V: d.files.DecodeServer(v)} },
		"websocket": func(v strict.Value) { d.decodeWebSocket(v, z) },
		"acl":       func(v strict.Value) { d.decodeACL(v, &z.acl) },
		"udp_max":   func(v strict.Value) { d.decodeUDPMax(v, z) },
		"dscp":      func(v strict.Value) { d.decodeDSCP(v, &z.zone.DSCP) },
	})
	if !unknown && z.zone.Trust == TrustFull {
		z.zone.Unknown = UnknownReject
	}
	if mapping {
		d.Need(z.Place, listen, "listen")
		d.Need(z.Place, z.hasMedia, "media")
	}
}

func (d *decoder) decodeListen(v strict.Value, z *zoneDraft) {
	list := d.Items(v)
	if len(list) > MaxListeners {
		d.Fail(v.Place, "more than %d listeners in one zone", MaxListeners)
		return
	}
	for _, item := range list {
		s, ok := d.Text(item)
		if !ok {
			continue
		}
		l, err := value.ParseListener(s)
		if err != nil {
			d.Fail(item.Place, "%v", err)
			continue
		}
		z.listen = append(z.listen, strict.Located[Listener]{Place: item.Place, V: l})
	}
}

func (d *decoder) decodeAdvertise(v strict.Value, z *zoneDraft) {
	if host := value.DecodeHost(d.Decoder, v); host != "" {
		z.zone.Advertise = host
		z.advertise = strict.Located[string]{Place: v.Place, V: host}
	}
}

// decodePools takes one relay address or a list of them.
func (d *decoder) decodePools(v strict.Value, z *zoneDraft) {
	if v.Null() {
		d.Fail(v.Place, "want a mapping with address and ports, got nothing")
		return
	}
	list := d.OneOrItems(v)
	if len(list) > MaxMediaAddresses {
		d.Fail(v.Place, "more than %d media addresses in one zone", MaxMediaAddresses)
		return
	}
	for _, item := range list {
		if m, ok := d.decodePool(item); ok {
			z.media = append(z.media, strict.Located[MediaAddress]{Place: item.Place, V: m})
		}
	}
}

func (d *decoder) decodePool(v strict.Value) (MediaAddress, bool) {
	before := d.Mistakes()
	var m MediaAddress
	var address, ports bool
	var shown strict.Place
	ip := func(v strict.Value) netip.Addr {
		s, ok := d.Text(v)
		if !ok {
			return netip.Addr{}
		}
		a, err := value.ParseHostIP(s)
		if err != nil {
			d.Fail(v.Place, "%v", err)
		}
		return a
	}
	mapping := d.Section(v, reference.Pool, map[string]func(strict.Value){
		"address":   func(v strict.Value) { address = true; m.Addr = ip(v) },
		"advertise": func(v strict.Value) { m.Advertise = ip(v); shown = v.Place },
		"ports":     func(v strict.Value) { ports = true; m.Ports = d.decodePorts(v) },
	})
	if mapping {
		d.Need(v.Place, address, "address")
		d.Need(v.Place, ports, "ports")
	}
	switch {
	case !m.Advertise.IsValid():
		m.Advertise = m.Addr
	case m.Addr.IsValid() && m.Addr.Is4() != m.Advertise.Is4():
		d.Fail(shown, "%s and the address %s are of different families", m.Advertise, m.Addr)
	}
	return m, d.Mistakes() == before
}

func (d *decoder) decodePorts(v strict.Value) PortRange {
	s, ok := d.Word(v)
	if !ok {
		return PortRange{}
	}
	r, unused, err := value.ParsePorts(s)
	switch {
	case err != nil:
		d.Fail(v.Place, "%v", err)
	case unused:
		d.Warn(v.Place, "port %d is left unused: it has no odd partner", int(r.High)+1)
	case r.Len() < fewMediaPorts:
		d.Warn(v.Place, "only %d ports: one stream takes 2, and those just used rest a while", r.Len())
	}
	return r
}

func (z *zoneDraft) finish() Zone {
	zone := z.zone
	zone.Listen = strict.Values(z.listen)
	zone.Media = strict.Values(z.media)
	zone.TLS = z.tls.V
	zone.Origins = strict.Values(z.origins)
	zone.ACL = ACL{Allow: strict.Values(z.acl.allow), Deny: strict.Values(z.acl.deny)}
	return zone
}

// describe names a zone in a message about another one.
func (z *zoneDraft) describe() string { return "zone " + strict.Plain(z.zone.Name) }
