package config

import (
	"net/netip"

	"gatehouse/config/strict"
)

// zoneDraft is a zone with the places of its values.
type zoneDraft struct {
	strict.Place
	zone      Zone
	advertise strict.Located[string]
	listen    []strict.Located[Listener]
	media     []strict.Located[MediaAddress]
	hasMedia  bool // media was given, though perhaps wrong
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
		z := &zoneDraft{Place: e.At, zone: Zone{Name: e.Key, Pos: e.At.Pos}}
		d.zones = append(d.zones, z)
		d.decodeZone(e.Val, z)
	}
}

func (d *decoder) decodeZone(v strict.Value, z *zoneDraft) {
	var listen, unknown bool
	mapping := d.Section(v, secZone, map[string]func(strict.Value){
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
		"media": func(v strict.Value) { z.hasMedia = true; d.decodePools(v, z) },
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
		l, err := parseListener(s)
		if err != nil {
			d.Fail(item.Place, "%v", err)
			continue
		}
		z.listen = append(z.listen, strict.Located[Listener]{Place: item.Place, V: l})
	}
}

func (d *decoder) decodeAdvertise(v strict.Value, z *zoneDraft) {
	s, ok := d.Text(v)
	if !ok {
		return
	}
	host := s
	if a, err := parseHostIP(s); err == nil {
		host = a.String()
	} else if host, err = parseHostName(s); err != nil {
		d.Fail(v.Place, "want an address without brackets or a host name, without a port, got %s", strict.Quote(s))
		return
	}
	z.zone.Advertise = host
	z.advertise = strict.Located[string]{Place: v.Place, V: host}
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
		a, err := parseHostIP(s)
		if err != nil {
			d.Fail(v.Place, "%v", err)
		}
		return a
	}
	mapping := d.Section(v, secPool, map[string]func(strict.Value){
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
	r, unused, err := parsePorts(s)
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
	return zone
}

// describe names a zone in a message about another one.
func (z *zoneDraft) describe() string { return "zone " + strict.Plain(z.zone.Name) }
