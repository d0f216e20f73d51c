package sdp

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	pion "github.com/pion/sdp/v3"
)

// Parse reads a description leniently. Errors wrap ErrSyntax or ErrLimit.
func Parse(b []byte) (*Session, error) {
	if len(b) > MaxBytes {
		return nil, fmt.Errorf("%d bytes: %w", len(b), ErrLimit)
	}
	return parse(b)
}

func parse(b []byte) (*Session, error) {
	d, err := newDraft(b)
	if err != nil {
		return nil, err
	}
	var desc pion.SessionDescription
	if err := desc.UnmarshalString(d.text()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSyntax, err)
	}
	if len(desc.MediaDescriptions) != len(d.media) {
		return nil, fmt.Errorf("%d of %d m-lines read: %w", len(desc.MediaDescriptions), len(d.media), ErrSyntax)
	}
	s := &Session{
		Origin: Origin{
			User: desc.Origin.Username, SessID: desc.Origin.SessionID,
			Version: desc.Origin.SessionVersion, Addr: desc.Origin.UnicastAddress,
		},
		Name: string(desc.SessionName), Conn: newAddr(desc.ConnectionInformation),
		Bandwidth: newBandwidth(desc.Bandwidth), Timing: d.timing,
	}
	s.readAttributes(desc.Attributes)
	for i, m := range desc.MediaDescriptions {
		media, err := s.newMedia(d.media[i].line, m)
		if err != nil {
			return nil, fmt.Errorf("m-line %d: %w", i+1, err)
		}
		s.Media = append(s.Media, media)
	}
	return s, nil
}

// readAttributes takes the session level attributes.
func (s *Session) readAttributes(attrs []pion.Attribute) {
	for _, a := range attrs {
		at := newAttr(a)
		if d, ok := parseDirection(at.Key); ok {
			if !s.HasDirection {
				s.Direction, s.HasDirection = d, true
			}
			continue
		}
		s.Attrs = append(s.Attrs, at)
	}
}

func (s *Session) newMedia(line mline, desc *pion.MediaDescription) (Media, error) {
	m := Media{
		Kind: line.kind, Port: line.port, Proto: line.proto,
		Direction: s.Direction, Bandwidth: newBandwidth(desc.Bandwidth),
	}
	conn := newAddr(desc.ConnectionInformation)
	if conn == (Addr{}) {
		conn = s.Conn
	}
	m.Addr, m.HostName = conn.IP, conn.Host
	m.setFormats(line.formats)
	r := attrReader{m: &m, rtp: m.IsRTP()}
	for _, a := range desc.Attributes {
		r.read(newAttr(a))
	}
	if r.candidates > MaxCandidates {
		return Media{}, fmt.Errorf("more than %d candidates: %w", MaxCandidates, ErrLimit)
	}
	return m, nil
}

// setFormats takes the formats of an m-line. Those of an RTP profile are payload types, each once. A line with no
// usable format names nothing that could flow: it counts as refused.
func (m *Media) setFormats(words []string) {
	if !m.IsRTP() {
		for _, w := range words {
			if isVisible(w) {
				m.Formats = append(m.Formats, w)
			}
		}
	} else {
		var seen [128]bool
		for _, w := range words {
			pt, ok := payloadType(w)
			if !ok || seen[pt] {
				continue
			}
			seen[pt] = true
			m.Formats = append(m.Formats, strconv.Itoa(int(pt)))
			m.Codecs = append(m.Codecs, staticCodec(pt))
		}
	}
	if len(m.Formats) == 0 {
		m.Port, m.Formats = 0, []string{"0"}
		if m.IsRTP() {
			m.Codecs = []Codec{staticCodec(0)}
		}
	}
}

func newAttr(a pion.Attribute) Attr {
	return Attr{Key: strings.TrimSpace(a.Key), Value: strings.TrimSpace(a.Value)}
}

func newAddr(c *pion.ConnectionInformation) Addr {
	if c == nil || c.Address == nil {
		return Addr{}
	}
	ip, err := netip.ParseAddr(c.Address.Address)
	if err != nil {
		return Addr{Host: c.Address.Address}
	}
	return Addr{IP: ip}
}

func newBandwidth(list []pion.Bandwidth) []Bandwidth {
	out := slices.Grow([]Bandwidth(nil), len(list)) // nil without lines, as in a session made by hand
	for _, b := range list {
		kind := b.Type
		if b.Experimental {
			kind = "X-" + kind
		}
		out = append(out, Bandwidth{Type: kind, Value: b.Bandwidth})
	}
	return out
}
