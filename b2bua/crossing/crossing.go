// Package crossing is the default table of what one leg's message carries over
// to the other (docs/crossing.md): display names and numbers, a few headers,
// Reason with its ISDN causes, and Session-ID. Everything else is made anew or
// dropped, and nothing here can be copied past it.
//
// It is pure: messages and zones in, values out. Package call is its user, on
// the call's shard.
package crossing

import (
	"net/netip"
	"strings"

	"gatehouse/config"
	"gatehouse/policy/engine"
	"gatehouse/sip/msg"
	"gatehouse/sip/uri"
)

// Set is what one message of one leg carries over to the other.
type Set struct {
	Caller  Party
	Called  Party
	Headers []Header
}

// Party is the part of From or To that crosses: display name and user.
type Party struct {
	Display string // as a message carries it
	User    string // escaped
	Phone   bool   // a telephone number, by user=phone or tel
}

// Header is one header line to be written.
type Header struct{ Name, Value string }

// plainCrossing cross between any two zones.
var plainCrossing = [...]msg.ID{msg.HeaderSubject, msg.HeaderPriority, msg.HeaderResourcePriority, msg.HeaderUserToUser, msg.HeaderIdentity}

// addressCrossing cross between zones of full trust, with our host in them.
var addressCrossing = [...]msg.ID{msg.HeaderPAssertedIdentity, msg.HeaderDiversion, msg.HeaderHistoryInfo}

// Collect reads what crosses from a message that came in zone from and goes
// out in zone to, where we are called host.
func Collect(m *msg.Message, from, to *engine.Zone, host string) Set {
	x := Set{Caller: PartyOf(m.From()), Called: PartyOf(m.To())}
	for _, id := range plainCrossing {
		if (id == msg.HeaderIdentity || id == msg.HeaderResourcePriority) && !m.IsRequest() {
			continue
		}
		for v := range m.Lines(id) {
			x.Headers = append(x.Headers, Header{id.String(), string(v)})
		}
	}
	trusted := FullTrust(from, to)
	if m.IsRequest() || trusted {
		for _, v := range Reasons(m, trusted) {
			// In responses Reason speaks Q.850 only (RFC 6432 §3).
			if m.IsRequest() || Q850([]string{v}) != 0 {
				x.Headers = append(x.Headers, Header{"Reason", v})
			}
		}
	}
	if !trusted {
		return x
	}
	for _, id := range addressCrossing {
		for v := range m.Values(id) {
			if s, ok := withHost(v, host); ok {
				x.Headers = append(x.Headers, Header{id.String(), s})
			}
		}
	}
	for name, v := range m.All() {
		if msg.Identify(name) == msg.HeaderOther {
			x.Headers = append(x.Headers, Header{string(name), string(v)})
		}
	}
	return x
}

// Sets is what an INVITE carries into each zone its route leads to: zones
// differ in what they may see.
type Sets []zoneSet

type zoneSet struct {
	zone *engine.Zone
	set  Set
}

// CollectEach is Collect for every zone of the targets.
func CollectEach(m *msg.Message, from *engine.Zone, targets []*engine.Peer) Sets {
	var all Sets
	for _, t := range targets {
		if all.Into(t.Zone) == nil {
			all = append(all, zoneSet{t.Zone, Collect(m, from, t.Zone, zoneHost(t.Zone))})
		}
	}
	return all
}

// Into gives what crosses into a zone, nil when the route does not lead there.
func (s Sets) Into(zone *engine.Zone) *Set {
	for i := range s {
		if s[i].zone == zone {
			return &s[i].set
		}
	}
	return nil
}

// zoneHost is the host we show in a zone.
func zoneHost(z *engine.Zone) string { return ShownHost(z.Advertise, z.Listeners[0].Addr.Addr()) }

// ShownHost is the host a zone with this advertise shows on a listener, as it
// stands in a URI: IPv6 in brackets (RFC 3261 §25.1, IPv6reference).
func ShownHost(advertise string, listener netip.Addr) string {
	if advertise == "" {
		advertise = listener.String()
	}
	if strings.Contains(advertise, ":") {
		return "[" + advertise + "]"
	}
	return advertise
}

// FullTrust tells whether a message goes between zones of full trust.
func FullTrust(from, to *engine.Zone) bool {
	return from.Trust == config.TrustFull && to.Trust == config.TrustFull
}

// PartyOf reads what crosses of a From or To.
func PartyOf(na msg.NameAddr) Party {
	p := Party{Display: DisplayOf(na)}
	u, err := uri.Parse(string(na.URI))
	if err != nil {
		return p
	}
	p.User, p.Phone = UserOf(u)
	return p
}

// DisplayOf writes a display name anew: what a quoted string may carry but a
// careful writer would not is gone.
func DisplayOf(na msg.NameAddr) string {
	if len(na.Display) == 0 {
		return ""
	}
	return string(msg.AppendDisplay(nil, na.DisplayText()))
}

// UserOf gives the number or user a URI names, as a SIP user part without the
// parameters that name the network or trunk of its side.
func UserOf(u uri.URI) (user string, phone bool) {
	if u.Scheme == "tel" {
		return u.User, true
	}
	v, _ := u.Param("user")
	return withoutContext(u.User), strings.EqualFold(v, "phone")
}

// withoutContext drops the parameters of a telephone number in a user part that
// name a domain or a trunk group (RFC 3966 §5.1.5, RFC 4904 §5). A context that
// is a number stays: it is part of the number.
func withoutContext(user string) string {
	number, params, ok := strings.Cut(user, ";")
	if !ok {
		return user
	}
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(p, "=")
		switch strings.ToLower(name) {
		case "tgrp", "trunk-context":
			continue
		case "phone-context":
			if !strings.HasPrefix(value, "+") {
				continue
			}
		}
		number += ";" + p
	}
	return number
}

// Write makes a name-addr of the Party at a host of ours or of the target; the
// scheme is sip or sips.
func (p Party) Write(scheme, host string) string {
	var b strings.Builder
	if p.Display != "" {
		b.WriteString(p.Display)
		b.WriteByte(' ')
	}
	b.WriteByte('<')
	b.WriteString(scheme)
	b.WriteByte(':')
	if p.User != "" {
		b.WriteString(p.User)
		b.WriteByte('@')
	}
	b.WriteString(host)
	if p.Phone {
		b.WriteString(";user=phone")
	}
	b.WriteByte('>')
	return b.String()
}

// withHost rewrites one name-addr value so that it names the same user at our
// host; URI headers and host-bound parameters are dropped. tel URIs name no
// host and stay. ok is false for what cannot be read or made safe.
func withHost(v []byte, host string) (string, bool) {
	na, err := msg.ParseNameAddr(v)
	if err != nil {
		return "", false
	}
	u, err := uri.Parse(string(na.URI))
	if err != nil {
		return "", false
	}
	p := PartyOf(na)
	var s string
	switch {
	case u.Scheme == "tel":
		s = "<tel:" + u.User + ">"
		if p.Display != "" {
			s = p.Display + " " + s
		}
	case u.IsSIP():
		s = p.Write("sip", host)
	default:
		return "", false
	}
	if len(na.Params) > 0 {
		s += ";" + string(na.Params)
	}
	return s, true
}

// Bare writes the From or To of a request as the other party of the dialog,
// without the tag.
func Bare(na msg.NameAddr) string {
	s := "<" + string(na.URI) + ">"
	if d := DisplayOf(na); d != "" {
		s = d + " " + s
	}
	return s
}

// Redirects rewrites the Contacts of a 3xx so that they lead back to us: same
// user, our host and port. Targets of the other side are never shown.
func Redirects(m *msg.Message, sentBy string) []string {
	var out []string
	for v := range m.Values(msg.HeaderContact) {
		na, err := msg.ParseNameAddr(v)
		if err != nil {
			continue
		}
		u, err := uri.Parse(string(na.URI))
		if err != nil || !u.IsSIP() || u.User == "" {
			continue
		}
		user, phone := UserOf(u)
		out = append(out, Party{User: user, Phone: phone}.Write("sip", sentBy))
	}
	return out
}
