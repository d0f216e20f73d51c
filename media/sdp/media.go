package sdp

import (
	"fmt"
	"strconv"
	"strings"
)

// usualWords is room for the words of nearly every line.
const usualWords = 16

// readMedia takes an m= line (RFC 8866 §5.14).
func (s *Session) readMedia(value string) error {
	if len(s.Media) == MaxMedia {
		return fmt.Errorf("more than %d m-lines: %w", MaxMedia, ErrLimit)
	}
	words := appendWords(make([]string, 0, usualWords), value)
	if len(words) < 3 {
		return fmt.Errorf("%d words, want media, port, protocol, formats: %w", len(words), ErrSyntax)
	}
	port, _, _ := strings.Cut(words[1], "/") // the port count is layered multicast: unused
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return fmt.Errorf("port: %w", ErrSyntax)
	}
	m := Media{Kind: words[0], Port: uint16(n), Proto: words[2]}
	if !isVisible(m.Kind) || !isVisible(m.Proto) {
		return fmt.Errorf("media or protocol: %w", ErrSyntax)
	}
	if len(words)-3 > MaxCodecs {
		return fmt.Errorf("more than %d formats: %w", MaxCodecs, ErrLimit)
	}
	m.setFormats(words[3:])
	s.Media = append(s.Media, m)
	return nil
}

// setFormats takes the formats of an m-line. Those of an RTP profile are payload types, each once. A line with no
// usable format names nothing that could flow: it counts as refused.
func (m *Media) setFormats(words []string) {
	if m.IsRTP() {
		m.setPayloadTypes(words)
	} else {
		for _, w := range words {
			if isVisible(w) {
				m.Formats = append(m.Formats, w)
			}
		}
	}
	if len(m.Formats) == 0 {
		m.Port, m.Formats = 0, []string{"0"}
		if m.IsRTP() {
			m.Codecs = []Codec{staticCodec(0)}
		}
	}
}

func (m *Media) setPayloadTypes(words []string) {
	m.Formats, m.Codecs = make([]string, 0, len(words)), make([]Codec, 0, len(words))
	var seen [128]bool
	for _, w := range words {
		pt, ok := payloadType(w)
		if !ok || seen[pt] {
			continue
		}
		seen[pt] = true
		if w[0] == '0' { // it may be written with leading zeros
			w = strconv.Itoa(int(pt))
		}
		m.Formats = append(m.Formats, w)
		m.Codecs = append(m.Codecs, staticCodec(pt))
	}
}
