package offer

import (
	"net/netip"
	"strings"

	"gatehouse/media/profile"
	"gatehouse/media/sdp"
)

// line is one m-line of one leg as it was agreed, or as we offered it. Its slices are never changed once stored.
type line struct {
	name   string        // media name: audio, image ...
	kind   profile.Kind  // Off: port zero on either side
	ours   sdp.Direction // what we said
	wish   sdp.Direction // what the peer wants by itself, whatever our offers forced it to say (RFC 6337 §5.3)
	mux    bool          // RTP and RTCP share a port, agreed both ways
	codecs []codec
	local  Address
}

// relayKind says what can be done with a line of that transport: plain RTP and bare UDP are relayed; what is encrypted,
// or runs over streams, needs more than a relay.
func relayKind(m *sdp.Media) profile.Kind {
	proto := strings.ToUpper(m.Proto)
	switch proto {
	case "RTP/AVP", "RTP/AVPF":
		return profile.RTP
	case "UDPTL", "UDP":
		return profile.Datagram
	}
	rest, udp := strings.CutPrefix(proto, "UDP/")
	if !udp {
		return profile.Off
	}
	for part := range strings.SplitSeq(rest, "/") {
		switch part {
		case "TLS", "DTLS", "SCTP", "TCP", "RTP", "AVP", "AVPF", "SAVP", "SAVPF":
			return profile.Off
		}
	}
	return profile.Datagram
}

// wished is the direction a peer's own offer asks for. A line held the old way does not receive (RFC 3264 §8.4).
func wished(m *sdp.Media) sdp.Direction {
	if m.OnHold() {
		return m.Direction.And(sdp.SendOnly)
	}
	return m.Direction
}

// learnt is what an answer tells of the peer's wish: a half of the direction that our offer ruled out says nothing, and
// what was known of it before stands.
func learnt(before, offered sdp.Direction, m *sdp.Media) sdp.Direction {
	said := wished(m)
	send, recv := said.Sends(), said.Receives()
	if !offered.Receives() {
		send = before.Sends()
	}
	if !offered.Sends() {
		recv = before.Receives()
	}
	return sdp.NewDirection(send, recv)
}

// view is what a leg's peer last said, as the other leg needs it to build something.
type view struct {
	session *sdp.Session
	lines   []viewLine
}

type viewLine struct {
	media  *sdp.Media
	kind   profile.Kind
	wish   sdp.Direction
	codecs []codec
}

// view gives the peer's open offer, else the standing agreement; its session is nil when there is neither.
func (l *Leg) view() view {
	if l.x.role == theirs {
		return viewOf(l.x.offer)
	}
	return l.standing()
}

func viewOf(s *sdp.Session) view {
	v := view{session: s, lines: make([]viewLine, len(s.Media))}
	for i := range s.Media {
		m := &s.Media[i]
		v.lines[i] = viewLine{media: m, wish: wished(m), codecs: identify(m)}
		if !m.Rejected() {
			v.lines[i].kind = relayKind(m)
		}
	}
	return v
}

// standing gives what was agreed last.
func (l *Leg) standing() view {
	v := view{session: l.cur.remote}
	if v.session == nil {
		return v
	}
	v.lines = make([]viewLine, len(l.cur.lines))
	for i := range l.cur.lines {
		ln := &l.cur.lines[i]
		v.lines[i] = viewLine{media: &v.session.Media[i], kind: ln.kind, wish: ln.wish, codecs: ln.codecs}
	}
	return v
}

// OfferLines says what BuildOffer(far, ..) needs, per m-line of the offer it will build. It is empty when far's peer has
// said nothing yet.
func (l *Leg) OfferLines(far *Leg) []Line {
	v := far.view()
	if v.session == nil {
		return nil
	}
	out := make([]Line, max(len(v.lines), len(l.cur.lines)))
	for i := range v.lines {
		if v.lines[i].kind != profile.Off {
			out[i] = Line{Relay: true, Kind: v.lines[i].kind, Family: l.family(i, netip.Addr{})}
		}
	}
	return out
}

// AnswerLines says what BuildAnswer(far, ..) needs, per m-line of the peer's open offer. It is empty when none is open.
func (l *Leg) AnswerLines(far *Leg) []Line {
	if l.x.role != theirs {
		return nil
	}
	v := far.standing()
	out := make([]Line, len(l.x.offer.Media))
	for i := range l.x.offer.Media {
		m := &l.x.offer.Media[i]
		kind := relayKind(m)
		if m.Rejected() || i >= len(v.lines) || kind != v.lines[i].kind {
			continue
		}
		out[i] = Line{Relay: kind != profile.Off, Kind: kind, Family: l.family(i, m.Addr)}
	}
	return out
}

// OfferedLines says what answering the peer's open offer needs when the far side takes all of it, per m-line of that
// offer. It is empty when none is open.
func (l *Leg) OfferedLines() []Line {
	if l.x.role != theirs {
		return nil
	}
	out := make([]Line, len(l.x.offer.Media))
	for i := range l.x.offer.Media {
		m := &l.x.offer.Media[i]
		if kind := relayKind(m); kind != profile.Off && !m.Rejected() {
			out[i] = Line{Relay: true, Kind: kind, Family: l.family(i, m.Addr)}
		}
	}
	return out
}

// family chooses the address family of our line i: that of the address the peer shows, of what it showed or we
// advertised before on that line, of any line of its; Any when the peer is not known yet.
func (l *Leg) family(i int, shown netip.Addr) profile.Family {
	known := func(a netip.Addr) bool { return a.IsValid() && !a.IsUnspecified() }
	if known(shown) {
		return profile.FamilyOf(shown)
	}
	if l.cur.remote != nil {
		media := l.cur.remote.Media
		if i < len(media) && known(media[i].Addr) {
			return profile.FamilyOf(media[i].Addr)
		}
		if i < len(l.cur.lines) && l.cur.lines[i].local.RTP.IsValid() {
			return profile.FamilyOf(l.cur.lines[i].local.RTP.Addr())
		}
		for j := range media {
			if known(media[j].Addr) {
				return profile.FamilyOf(media[j].Addr)
			}
		}
	}
	return profile.FamilyOf(shown)
}
