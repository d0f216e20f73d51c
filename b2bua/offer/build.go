package offer

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"gatehouse/media/profile"
	"gatehouse/media/sdp"
)

// BuildOffer builds our offer toward this leg's peer out of what the far leg's peer last said (its open offer, else the
// standing agreement) and opens an exchange. local is indexed by m-line; a line without a valid RTP address is refused.
// It gives a *Refusal when the far side offers media and none of it can be relayed, ErrOrder while an offer of the peer
// is unanswered or the far side has said nothing.
func (l *Leg) BuildOffer(far *Leg, local []Address) ([]byte, error) {
	if l.x.role == theirs && !l.x.answered {
		return nil, fmt.Errorf("offer while the peer's is unanswered: %w", ErrOrder)
	}
	v := far.view()
	if v.session == nil {
		return nil, fmt.Errorf("offer out of a silent far side: %w", ErrOrder)
	}
	n := max(len(v.lines), len(l.cur.lines))
	s := &sdp.Session{Timing: "0 0", Bandwidth: bandwidth(v.session.Bandwidth), Attrs: cross(v.session.Attrs, profile.Off, nil)}
	lines := make([]line, n)
	var verdict verdict
	for i := range n {
		var m sdp.Media
		switch {
		case i >= len(v.lines): // this leg had more lines: they stay, empty (RFC 3264 §8)
			m, lines[i] = l.emptyLine(i)
		default:
			m, lines[i] = l.offerLine(i, &v.lines[i], address(local, i), &verdict)
		}
		s.Media = append(s.Media, m)
	}
	if r := verdict.refusal(); r != nil {
		return nil, r
	}
	body := l.seal(s)
	l.begin(ours)
	l.x.body, l.x.version, l.x.lines = body, s.Origin.Version, lines
	return body, nil
}

// emptyLine repeats a slot of this leg with port zero.
func (l *Leg) emptyLine(i int) (sdp.Media, line) {
	m := &l.cur.remote.Media[i]
	return refused(m), line{name: m.Kind}
}

// offerLine builds one m-line of an offer.
func (l *Leg) offerLine(i int, v *viewLine, local Address, out *verdict) (sdp.Media, line) {
	m := refused(v.media)
	ln := line{name: v.media.Kind}
	if v.media.Rejected() {
		return m, ln
	}
	reason := warnNone
	var codecs []codec
	var to renumber
	switch {
	case v.kind == profile.Off && relayKind(v.media) == profile.Off:
		reason = warnTransport
	case v.kind == profile.Off: // refused on the far leg
		return m, ln
	case !local.RTP.IsValid():
		reason = warnMedia
	case v.kind == profile.RTP:
		if codecs, to = l.offerCodecs(i, v); !usable(codecs, v.codecs) {
			reason = warnFormat
		}
	}
	out.add(reason)
	if reason != warnNone {
		return m, ln
	}
	ln.kind, ln.ours, ln.mux, ln.local, ln.codecs = v.kind, v.wish, v.media.Mux, local, codecs
	fill(&m, &ln, v, to)
	if m.Mux {
		m.RTCP = rtcpAttribute(local) // for a peer that does not share the port
	}
	return m, ln
}

// offerCodecs gives the far side's codecs their numbers on this leg.
func (l *Leg) offerCodecs(i int, v *viewLine) ([]codec, renumber) {
	table := l.table(i)
	var used [profile.PayloadTypes]bool
	var list []proposed
	for k := range v.codecs {
		if pt, ok := table.assign(&v.codecs[k], &used, v.media.Mux); ok {
			list = append(list, proposed{&v.codecs[k], pt})
		}
	}
	return settle(list)
}

// BuildAnswer builds our answer to the peer's open offer out of the far leg's standing agreement. It may be called again
// while the exchange is open; an unchanged body keeps its version. A *Refusal says that the far side accepted and yet
// nothing is common; when the far side itself refused every line, the answer does too.
func (l *Leg) BuildAnswer(far *Leg, local []Address) ([]byte, error) {
	if l.x.role != theirs {
		return nil, fmt.Errorf("answer without an offer: %w", ErrOrder)
	}
	v := far.standing()
	if v.session == nil {
		return nil, fmt.Errorf("answer out of a silent far side: %w", ErrOrder)
	}
	s := &sdp.Session{
		Timing: l.x.offer.Timing, Bandwidth: bandwidth(v.session.Bandwidth), Attrs: cross(v.session.Attrs, profile.Off, nil),
	}
	lines := make([]line, len(l.x.offer.Media))
	var verdict verdict
	for i := range l.x.offer.Media {
		var fv *viewLine
		if i < len(v.lines) {
			fv = &v.lines[i]
		}
		var m sdp.Media
		m, lines[i] = answerLine(&l.x.offer.Media[i], fv, address(local, i), &verdict)
		s.Media = append(s.Media, m)
	}
	if r := verdict.refusal(); r != nil {
		return nil, r
	}
	l.answer(s, lines)
	return l.cur.body, nil
}

// BuildRejection builds a valid answer to the peer's open offer that refuses every m-line: what an offer in a response
// gets when nothing of it can be used (RFC 3261 §14.2, RFC 6337 §2.3).
func (l *Leg) BuildRejection() ([]byte, error) {
	if l.x.role != theirs {
		return nil, fmt.Errorf("answer without an offer: %w", ErrOrder)
	}
	s := &sdp.Session{Timing: l.x.offer.Timing}
	lines := make([]line, len(l.x.offer.Media))
	for i := range l.x.offer.Media {
		m := &l.x.offer.Media[i]
		s.Media = append(s.Media, refused(m))
		lines[i] = line{name: m.Kind, wish: wished(m)}
	}
	l.answer(s, lines)
	return l.cur.body, nil
}

// answer makes our answer the standing agreement.
func (l *Leg) answer(s *sdp.Session, lines []line) {
	body := l.seal(s)
	l.cur = state{
		remote: l.x.offer, lines: lines, body: body, version: s.Origin.Version,
		generation: l.nextGeneration(l.x.offer),
	}
	l.x.answered = true
}

// answerLine builds one m-line of an answer: v is what the far side agreed to on that line.
func answerLine(m *sdp.Media, v *viewLine, local Address, out *verdict) (sdp.Media, line) {
	ans := refused(m)
	ln := line{name: m.Kind, wish: wished(m)}
	kind := relayKind(m)
	switch {
	case m.Rejected() || v == nil || v.media.Rejected():
		return ans, ln
	case kind == profile.Off:
		out.add(warnTransport)
		return ans, ln
	case v.kind == profile.Off && kind == profile.RTP: // accepted there, with nothing we offered
		out.add(warnFormat)
		return ans, ln
	case v.kind != kind || !local.RTP.IsValid():
		out.add(warnMedia)
		return ans, ln
	}
	asked := identify(m)
	var codecs []codec
	var to renumber
	if kind == profile.RTP {
		if codecs, to = answerCodecs(asked, v.codecs); !usable(codecs, asked) {
			out.add(warnFormat)
			return ans, ln
		}
	}
	out.add(warnNone)
	// The far side's own wish, as far as the offer's direction attribute allows; a c= of 0.0.0.0 does not count here
	// (RFC 3264 §6.1, RFC 6337 §5.4). Sharing the port is between the peer and us: the relay always can, unless a number
	// would look like RTCP (RFC 5761 §4).
	ln.kind, ln.ours, ln.local, ln.codecs = kind, v.wish.And(m.Direction.Reverse()), local, codecs
	ln.mux = m.Mux && !slices.ContainsFunc(codecs, func(c codec) bool { return likeRTCP(c.PT) })
	fill(&ans, &ln, v, to)
	return ans, ln
}

// answerCodecs gives the codecs of the far answer under the names and numbers of the offer, in the far side's order.
func answerCodecs(asked, far []codec) ([]codec, renumber) {
	pairs := common(asked, far)
	list := make([]proposed, 0, len(pairs))
	for _, p := range pairs {
		list = append(list, proposed{&far[p.y], asked[p.x].PT})
	}
	codecs, to := settle(list)
	for i := range codecs {
		for k := range asked {
			if c := &codecs[i].Codec; asked[k].PT == c.PT {
				c.Name, c.ClockHz, c.Channels = asked[k].Name, asked[k].ClockHz, asked[k].Channels
			}
		}
	}
	return codecs, to
}

// fill writes into an m-line what ln says and what of the far side's line crosses.
func fill(m *sdp.Media, ln *line, v *viewLine, to renumber) {
	m.Port, m.Addr, m.Direction = ln.local.RTP.Port(), ln.local.RTP.Addr(), ln.ours
	m.Bandwidth, m.Attrs = bandwidth(v.media.Bandwidth), cross(v.media.Attrs, ln.kind, to)
	if ln.kind != profile.RTP {
		m.Formats = v.media.Formats
		return
	}
	m.PTime, m.MaxPTime, m.RTCPFB, m.Mux = v.media.PTime, v.media.MaxPTime, v.media.RTCPFB, ln.mux
	m.Formats = make([]string, 0, len(ln.codecs))
	for i := range ln.codecs {
		m.Formats = append(m.Formats, strconv.Itoa(int(ln.codecs[i].PT)))
		m.Codecs = append(m.Codecs, ln.codecs[i].Codec)
	}
	if !ln.mux {
		m.RTCP = rtcpAttribute(ln.local)
	}
}

// rtcpAttribute gives what a=rtcp has to say: nothing when RTCP is where everybody expects it, on the next port of the
// same address (RFC 3605 §2.1).
func rtcpAttribute(local Address) netip.AddrPort {
	if !local.RTCP.IsValid() ||
		local.RTCP.Addr() == local.RTP.Addr() && int(local.RTCP.Port()) == int(local.RTP.Port())+1 {
		return netip.AddrPort{}
	}
	return local.RTCP
}

// refused gives an m-line with port zero in the place of m (RFC 3264 §6). It has to name a format, which nobody reads; a
// dynamic payload type would need an rtpmap with it.
func refused(m *sdp.Media) sdp.Media {
	format := "0"
	if len(m.Formats) > 0 && !m.IsRTP() {
		format = m.Formats[0]
	}
	return sdp.Media{Kind: m.Kind, Proto: m.Proto, Formats: []string{format}, Direction: sdp.Inactive}
}

// address gives the local address of line i; the caller may give fewer than there are lines.
func address(local []Address, i int) Address {
	if i < len(local) {
		return local[i]
	}
	return Address{}
}
