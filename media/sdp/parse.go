package sdp

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Parse reads a description leniently. Errors wrap ErrSyntax or ErrLimit. The Session shares its strings with one copy of
// the description.
func Parse(b []byte) (*Session, error) {
	if len(b) > MaxBytes {
		return nil, fmt.Errorf("%d bytes: %w", len(b), ErrLimit)
	}
	return parse(b)
}

func parse(b []byte) (*Session, error) {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")) // byte order mark of some text editors
	b = bytes.TrimRight(b, "\x00")
	if bytes.IndexByte(b, 0) >= 0 {
		return nil, fmt.Errorf("NUL inside: %w", ErrSyntax)
	}
	text, s := string(b), new(Session)
	if err := s.readLines(text); err != nil {
		return nil, err
	}
	if err := s.readMediaAttributes(text); err != nil {
		return nil, err
	}
	return s, nil
}

// readLines takes all but the attributes of media. Lines that are no lines, line types we do not know and those that never
// cross a border are left out; only an m= line that cannot be understood is an error, because it would shift the others.
// Of a line that may stand once the first counts.
func (s *Session) readLines(text string) error {
	seen, hasOrigin := false, false // seen: a line that only a session description has
	for text != "" {
		var kind byte
		var value string
		kind, value, text = cutLine(text)
		switch kind {
		case 'v':
			if n, err := strconv.Atoi(value); err == nil && n != 0 {
				return fmt.Errorf("version %d: %w", n, ErrSyntax)
			}
			seen = true
		case 'o':
			if !hasOrigin {
				seen, hasOrigin, s.Origin = true, true, readOrigin(value)
			}
		case 's':
			if s.Name == "" {
				s.Name = orDash(value)
			}
		case 't':
			if s.Timing == "" {
				s.Timing = readTiming(value)
			}
		case 'c':
			s.readConn(value)
		case 'b':
			s.readBandwidth(value)
		case 'a':
			if len(s.Media) == 0 {
				s.readAttribute(value)
			}
		case 'm':
			if err := s.readMedia(value); err != nil {
				return fmt.Errorf("m-line %d: %w", len(s.Media)+1, err)
			}
			seen = true
		default: // i, u, e, p, k, r, z, and what we do not know; RFC 8866 §5 would have us ignore the whole description then
		}
	}
	if !seen {
		return fmt.Errorf("no v=, o= or m= line: %w", ErrSyntax)
	}
	if !hasOrigin {
		s.Origin = readOrigin("")
	}
	s.Name = orDash(s.Name)
	if s.Timing == "" {
		s.Timing = unbounded
	}
	return nil
}

// section gives the media section being read, nil at session level.
func (s *Session) section() *Media {
	if len(s.Media) == 0 {
		return nil
	}
	return &s.Media[len(s.Media)-1]
}

func (s *Session) readConn(value string) {
	addr := readAddr(value)
	if m := s.section(); m == nil {
		if s.Conn == (Addr{}) {
			s.Conn = addr
		}
	} else if !m.Addr.IsValid() && m.HostName == "" {
		m.Addr, m.HostName = addr.IP, addr.Host
	}
}

func (s *Session) readBandwidth(value string) {
	b, ok := readBandwidth(value)
	if !ok {
		return
	}
	if m := s.section(); m == nil {
		s.Bandwidth = append(s.Bandwidth, b)
	} else {
		m.Bandwidth = append(m.Bandwidth, b)
	}
}

// readAttribute takes one attribute of the session level.
func (s *Session) readAttribute(value string) {
	a, ok := readAttr(value)
	if !ok {
		return
	}
	if d, ok := parseDirection(a.Key); !ok {
		s.Attrs = append(s.Attrs, a)
	} else if !s.HasDirection {
		s.Direction, s.HasDirection = d, true
	}
}

// readMediaAttributes takes the attributes of media, when all else is known: some say something about an address or a
// format that may stand behind them.
func (s *Session) readMediaAttributes(text string) error {
	var r attrReader
	for next := 0; text != ""; {
		var kind byte
		var value string
		kind, value, text = cutLine(text)
		switch kind {
		case 'm':
			m := &s.Media[next]
			if !m.Addr.IsValid() && m.HostName == "" {
				m.Addr, m.HostName = s.Conn.IP, s.Conn.Host
			}
			m.Direction = s.Direction
			r = attrReader{m: m, rtp: m.IsRTP()}
			next++
		case 'a':
			a, ok := readAttr(value)
			if !ok || next == 0 {
				continue
			}
			if r.read(a); r.candidates > MaxCandidates {
				return fmt.Errorf("m-line %d: more than %d candidates: %w", next, MaxCandidates, ErrLimit)
			}
		}
	}
	return nil
}

// cutLine cuts the first line off: its type and value, blanks around either left out. The type is 0 when it is no line.
func cutLine(text string) (kind byte, value, rest string) {
	end := 0
	for end < len(text) && text[end] != '\r' && text[end] != '\n' {
		end++
	}
	if end < len(text) {
		rest = text[end+1:]
	}
	line := trimRight(trimLeft(text[:end]))
	if len(line) < 2 {
		return 0, "", rest
	}
	value, ok := strings.CutPrefix(trimLeft(line[1:]), "=")
	if !ok {
		return 0, "", rest
	}
	return line[0], trimLeft(value), rest
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func trimLeft(s string) string {
	for s != "" && isBlank(s[0]) {
		s = s[1:]
	}
	return s
}

func trimRight(s string) string {
	for s != "" && isBlank(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}
