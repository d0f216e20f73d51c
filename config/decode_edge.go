package config

import (
	"net/netip"

	"gatehouse/config/reference"
	"gatehouse/config/strict"
	"gatehouse/config/value"
)

// aclDraft is the acl of a zone with the places of its values.
type aclDraft struct {
	allow, deny []strict.Located[netip.Prefix]
}

func (d *decoder) decodeACL(v strict.Value, a *aclDraft) {
	before := d.Mistakes()
	var given bool
	mapping := d.Section(v, reference.ACL, map[string]func(strict.Value){
		"allow": func(v strict.Value) { given = true; a.allow = d.decodePrefixes(v) },
		"deny":  func(v strict.Value) { given = true; a.deny = d.decodePrefixes(v) },
	})
	if mapping && !given && d.Mistakes() == before {
		d.Fail(v.Place, "says nothing: give allow or deny")
	}
	allowed := make(map[netip.Prefix]strict.Place, len(a.allow))
	for _, p := range a.allow {
		allowed[p.V] = p.Place
	}
	for _, p := range a.deny {
		if at, both := allowed[p.V]; both {
			d.Fail(p.Place, "%s is allowed on line %d", p.V, at.Pos.Line)
		}
	}
}

func (d *decoder) decodeDSCP(v strict.Value, into *DSCP) {
	d.Section(v, reference.DSCP, map[string]func(strict.Value){
		"sip": func(v strict.Value) { into.SIP = d.decodeCodePoint(v) },
		"media": func(v strict.Value) {
			if into.Media = d.decodeCodePoint(v); into.Media != 0 {
				d.Warn(v.Place, "without effect: marking what the relay sends is %s", strict.NotYet)
			}
		},
	})
}

func (d *decoder) decodeCodePoint(v strict.Value) uint8 {
	s, ok := d.Word(v)
	if !ok {
		return 0
	}
	n, err := value.ParseDSCP(s)
	if err != nil {
		d.Fail(v.Place, "%v", err)
	}
	return n
}

// decodeWebSocket takes the origins of a zone.
func (d *decoder) decodeWebSocket(v strict.Value, z *zoneDraft) {
	z.webSocket = v.Place
	d.Section(v, reference.WebSocket, map[string]func(strict.Value){
		"origins": func(v strict.Value) { z.origins = d.decodeOrigins(v) },
	})
}

func (d *decoder) decodeOrigins(v strict.Value) []strict.Located[string] {
	items := d.Items(v)
	if len(items) > MaxOrigins {
		d.Fail(v.Place, "more than %d origins", MaxOrigins)
		return nil
	}
	list := make([]strict.Located[string], 0, len(items))
	seen := make(map[string]bool, len(items))
	for _, item := range items {
		s, ok := d.Text(item)
		if !ok {
			continue
		}
		origin, err := value.ParseOrigin(s)
		switch {
		case err != nil:
			d.Fail(item.Place, "%v", err)
		case seen[origin]:
			d.Fail(item.Place, "%s is listed twice", origin)
		default:
			seen[origin] = true
			list = append(list, strict.Located[string]{Place: item.Place, V: origin})
		}
	}
	if seen[value.AnyOrigin] && len(seen) > 1 {
		d.Warn(v.Place, "%q takes every page, the other origins add nothing", value.AnyOrigin)
	}
	return list
}

// decodeUDPMax takes a size, or 0 for every size.
func (d *decoder) decodeUDPMax(v strict.Value, z *zoneDraft) {
	n := z.zone.UDPMax
	d.Int(v, &n, 0, maxUDPMax)
	if n != 0 && n < minUDPMax {
		d.Fail(v.Place, "want at least %d bytes, or 0 to send every size over UDP, got %d", minUDPMax, n)
		return
	}
	z.zone.UDPMax = n
}

func (d *decoder) decodeDNS(v strict.Value) {
	d.Section(v, reference.DNS, map[string]func(strict.Value){
		"servers": d.decodeServers,
		"allow":   func(v strict.Value) { d.dns.Allow = strict.Values(d.decodePrefixes(v)) },
	})
}

func (d *decoder) decodeServers(v strict.Value) {
	items := d.Items(v)
	if len(items) > MaxServers {
		d.Fail(v.Place, "more than %d DNS servers", MaxServers)
		return
	}
	seen := make(map[netip.AddrPort]bool, len(items))
	for _, item := range items {
		s, ok := d.Text(item)
		if !ok {
			continue
		}
		server, err := value.ParseServer(s, dnsPort)
		switch {
		case err != nil:
			d.Fail(item.Place, "%v", err)
		case seen[server]:
			d.Fail(item.Place, "%s is listed twice", server)
		default:
			seen[server] = true
			d.dns.Servers = append(d.dns.Servers, server)
		}
	}
}

func (d *decoder) decodeSecurity(v strict.Value) {
	d.Section(v, reference.Security, map[string]func(strict.Value){
		"ban":       d.decodeBan,
		"strangers": d.decodeStrangers,
	})
}

func (d *decoder) decodeBan(v strict.Value) {
	b := &d.security.Ban
	d.Section(v, reference.Ban, map[string]func(strict.Value){
		"after":   func(v strict.Value) { d.Int(v, &b.After, 0, maxOffences) },
		"for":     func(v strict.Value) { d.Duration(v, &b.For, minDuration, maxBanFor) },
		"allow":   func(v strict.Value) { b.Allow = strict.Values(d.decodePrefixes(v)) },
		"dry_run": func(v strict.Value) { d.Bool(v, &b.DryRun) },
	})
}

func (d *decoder) decodeStrangers(v strict.Value) {
	s := &d.security.Strangers
	before := d.Mistakes()
	var total strict.Place
	d.Section(v, reference.Strangers, map[string]func(strict.Value){
		"rate":  func(v strict.Value) { d.Int(v, &s.Rate, 1, maxRate) },
		"burst": func(v strict.Value) { d.Int(v, &s.Burst, 1, maxRate) },
		"total": func(v strict.Value) { total = v.Place; d.Int(v, &s.Total, 1, maxTotal) },
	})
	if d.Mistakes() == before && s.Total < s.Rate {
		at := v.Place
		if total.Path != "" {
			at = total
		}
		d.Warn(at, "all strangers together get %d messages a second, fewer than the %d of one", s.Total, s.Rate)
	}
}

// defaultSecurity holds without a word in the file.
func defaultSecurity() Security {
	return Security{
		Ban:       Ban{After: DefaultBanAfter, For: DefaultBanFor},
		Strangers: Strangers{Rate: DefaultRate, Burst: DefaultBurst, Total: DefaultTotal},
	}
}
