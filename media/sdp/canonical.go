package sdp

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// draft is a description sorted into sections, every line already in the form RFC 8866 §9 wants. The m-lines are kept
// apart: pion/sdp refuses media names and transports it does not list, image and udptl among them.
type draft struct {
	seen   bool   // a line was found that only a session description has
	origin string // "" until o= was read; name and timing alike
	name   string
	timing string
	top    section
	media  []mediaSection
}

// section holds the line types that exist at both levels, without their type and equals sign.
type section struct {
	conn      string
	bandwidth []string
	attrs     []string
}

type mediaSection struct {
	section
	line mline
}

// mline is what an m= line says (RFC 8866 §5.14).
type mline struct {
	kind, proto string
	port        uint16
	formats     []string
}

// newDraft sorts the lines of a body. Lines that are no lines, line types we do not know and those that never cross a
// border are left out; only an m= line that cannot be understood is an error, because it would shift the others.
func newDraft(b []byte) (*draft, error) {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")) // byte order mark of some text editors
	b = bytes.TrimRight(b, "\x00")
	if bytes.IndexByte(b, 0) >= 0 {
		return nil, fmt.Errorf("NUL inside: %w", ErrSyntax)
	}
	d := new(draft)
	for line := range strings.FieldsFuncSeq(string(b), func(r rune) bool { return r == '\r' || r == '\n' }) {
		kind, value, ok := splitLine(line)
		if !ok {
			continue
		}
		if err := d.add(kind, value); err != nil {
			return nil, err
		}
	}
	if !d.seen {
		return nil, fmt.Errorf("no v=, o= or m= line: %w", ErrSyntax)
	}
	if d.origin == "" {
		d.origin = canonicalOrigin("")
	}
	if d.timing == "" {
		d.timing = canonicalTiming("")
	}
	d.name = orDash(d.name)
	return d, nil
}

// splitLine takes "x=value" apart; blanks around either part are tolerated.
func splitLine(line string) (kind byte, value string, ok bool) {
	line = strings.Trim(line, " \t")
	if len(line) < 2 {
		return 0, "", false
	}
	rest := strings.TrimLeft(line[1:], " \t")
	value, ok = strings.CutPrefix(rest, "=")
	return line[0], strings.TrimLeft(value, " \t"), ok
}

// add files one line. Of a line that may stand once the first counts.
func (d *draft) add(kind byte, value string) error {
	at := &d.top
	if len(d.media) > 0 {
		at = &d.media[len(d.media)-1].section
	}
	switch kind {
	case 'v':
		if n, err := strconv.Atoi(value); err == nil && n != 0 {
			return fmt.Errorf("version %d: %w", n, ErrSyntax)
		}
		d.seen = true
	case 'o':
		if d.origin == "" {
			d.seen, d.origin = true, canonicalOrigin(value)
		}
	case 's':
		if d.name == "" {
			d.name = orDash(value)
		}
	case 't':
		if d.timing == "" {
			d.timing = canonicalTiming(value)
		}
	case 'c':
		if at.conn == "" {
			at.conn = canonicalConn(value)
		}
	case 'b':
		if v, ok := canonicalBandwidth(value); ok {
			at.bandwidth = append(at.bandwidth, v)
		}
	case 'a':
		if value != "" && !hasControl(value) {
			at.attrs = append(at.attrs, value)
		}
	case 'm':
		return d.addMedia(value)
	default: // i, u, e, p, k, r, z, and what we do not know; RFC 8866 §5 would have us ignore the whole description then
	}
	return nil
}

func (d *draft) addMedia(value string) error {
	if len(d.media) == MaxMedia {
		return fmt.Errorf("more than %d m-lines: %w", MaxMedia, ErrLimit)
	}
	line, err := parseMLine(value)
	if err != nil {
		return fmt.Errorf("m-line %d: %w", len(d.media)+1, err)
	}
	d.seen = true
	d.media = append(d.media, mediaSection{line: line})
	return nil
}

func parseMLine(value string) (mline, error) {
	words := strings.Fields(value)
	if len(words) < 3 {
		return mline{}, fmt.Errorf("%d words, want media, port, protocol, formats: %w", len(words), ErrSyntax)
	}
	port, _, _ := strings.Cut(words[1], "/") // the port count is layered multicast: unused
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return mline{}, fmt.Errorf("port: %w", ErrSyntax)
	}
	// Cloned, so that a session kept for the life of a call does not keep the whole body.
	m := mline{kind: strings.Clone(words[0]), port: uint16(n), proto: strings.Clone(words[2])}
	if !isVisible(m.kind) || !isVisible(m.proto) {
		return mline{}, fmt.Errorf("media or protocol: %w", ErrSyntax)
	}
	if len(words)-3 > MaxCodecs {
		return mline{}, fmt.Errorf("more than %d formats: %w", MaxCodecs, ErrLimit)
	}
	for _, w := range words[3:] {
		m.formats = append(m.formats, strings.Clone(w))
	}
	return m, nil
}

// text gives the description as pion/sdp takes it. The m-lines carry stand-ins for media and transport.
func (d *draft) text() string {
	var b strings.Builder
	line := func(kind, value string) { b.WriteString(kind + value + "\r\n") }
	body := func(s *section) {
		if s.conn != "" {
			line("c=", s.conn)
		}
		for _, v := range s.bandwidth {
			line("b=", v)
		}
	}
	attrs := func(s *section) {
		for _, v := range s.attrs {
			line("a=", v)
		}
	}
	line("v=", "0")
	line("o=", d.origin)
	line("s=", d.name)
	body(&d.top)
	line("t=", d.timing)
	attrs(&d.top)
	for i := range d.media {
		m := &d.media[i]
		line("m=", "application "+strconv.Itoa(int(m.line.port))+" UDP 0")
		body(&m.section)
		attrs(&m.section)
	}
	return b.String()
}
