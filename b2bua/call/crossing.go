package call

import (
	"strings"

	"gatehouse/config"
	"gatehouse/policy/engine"
	"gatehouse/sip/msg"
	"gatehouse/sip/uri"
)

// crossing is what one message of one leg carries over to the other: the
// default table of docs/crossing.md. All else is made anew or dropped.
type crossing struct {
	caller  party
	called  party
	headers []Header
}

// party is the part of From or To that crosses: display name and user.
type party struct {
	display string // raw, quotes kept
	user    string // escaped
	phone   bool   // user=phone was said
}

// Header is one header line to be written.
type Header struct{ Name, Value string }

// plainCrossing cross between any two zones.
var plainCrossing = [...]msg.ID{msg.HeaderSubject, msg.HeaderPriority, msg.HeaderUserToUser, msg.HeaderIdentity}

// addressCrossing cross between zones of full trust, with our host in them.
var addressCrossing = [...]msg.ID{msg.HeaderPAssertedIdentity, msg.HeaderDiversion, msg.HeaderHistoryInfo}

// collect reads what crosses from a message that came in zone from and goes
// out in zone to, where we are called host.
func collect(m *msg.Message, from, to *engine.Zone, host string) crossing {
	x := crossing{caller: partyOf(m.From()), called: partyOf(m.To())}
	for _, id := range plainCrossing {
		if id == msg.HeaderIdentity && !m.IsRequest() {
			continue
		}
		for v := range m.Lines(id) {
			x.headers = append(x.headers, Header{id.String(), string(v)})
		}
	}
	trusted := fullTrust(from, to)
	if m.IsRequest() || trusted {
		for _, v := range reasons(m, trusted) {
			x.headers = append(x.headers, Header{"Reason", v})
		}
	}
	if !trusted {
		return x
	}
	for _, id := range addressCrossing {
		for v := range m.Values(id) {
			if s, ok := withHost(v, host); ok {
				x.headers = append(x.headers, Header{id.String(), s})
			}
		}
	}
	for name, v := range m.All() {
		if msg.Identify(name) == msg.HeaderOther {
			x.headers = append(x.headers, Header{string(name), string(v)})
		}
	}
	return x
}

func fullTrust(from, to *engine.Zone) bool {
	return from.Trust == config.TrustFull && to.Trust == config.TrustFull
}

func partyOf(na msg.NameAddr) party {
	p := party{display: displayOf(na)}
	u, err := uri.Parse(string(na.URI))
	if err != nil {
		return p
	}
	p.user, p.phone = userOf(u)
	return p
}

// displayOf writes a display name anew: what a quoted string may carry but a
// careful writer would not is gone.
func displayOf(na msg.NameAddr) string {
	if len(na.Display) == 0 {
		return ""
	}
	return string(msg.AppendDisplay(nil, na.DisplayText()))
}

// userOf gives the number or user a URI names, as a SIP user part.
func userOf(u uri.URI) (user string, phone bool) {
	if u.Scheme == "tel" {
		return u.User, true
	}
	v, _ := u.Param("user")
	return u.User, strings.EqualFold(v, "phone")
}

// write makes a name-addr of the party at a host of ours or of the target.
func (p party) write(host string) string {
	var b strings.Builder
	if p.display != "" {
		b.WriteString(p.display)
		b.WriteByte(' ')
	}
	b.WriteString("<sip:")
	if p.user != "" {
		b.WriteString(p.user)
		b.WriteByte('@')
	}
	b.WriteString(host)
	if p.phone {
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
	p := partyOf(na)
	var s string
	switch {
	case u.Scheme == "tel":
		s = "<tel:" + u.User + ">"
		if p.display != "" {
			s = p.display + " " + s
		}
	case u.IsSIP():
		s = p.write(host)
	default:
		return "", false
	}
	if len(na.Params) > 0 {
		s += ";" + string(na.Params)
	}
	return s, true
}

// writeHeaders puts the crossing header lines into a message.
func (x *crossing) writeHeaders(b *msg.Builder) {
	for _, h := range x.headers {
		b.Header(h.Name, h.Value)
	}
}
