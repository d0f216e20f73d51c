package grammar

import "bytes"

// Line is one header line with its continuation lines.
type Line struct {
	// To is where its text ends, Next where the next line begins.
	To, Next int

	odd oddity
}

// oddity is what keeps a line from being plain.
type oddity uint8

const (
	unread oddity = 1 << iota // it may hold a control byte, or has no end
	folded
	bare
)

// Plain tells that the line has no continuation, ends with CRLF and holds no control byte. Nearly every line is.
func (l Line) Plain() bool { return l.odd == 0 }

// Folded tells that the line has continuation lines.
func (l Line) Folded() bool { return l.odd&folded != 0 }

// Bare tells that the line ended, or was folded, by a LF without CR.
func (l Line) Bare() bool { return l.odd&bare != 0 }

// NextLine finds the end of the header line at pos, following its continuation lines (RFC 3261 §7.3.1). A bare LF is
// taken for a line end so that the rest can be read, and reported.
func NextLine(text []byte, pos int) Line {
	// A line whose first control byte is the CR of its end is plain, unless the next one continues it.
	if cr := NextControl(text, pos); cr+1 < len(text) && text[cr] == '\r' && text[cr+1] == '\n' {
		if next := cr + 2; cr == pos || next == len(text) || !IsBlank(text[next]) {
			return Line{To: cr, Next: next}
		}
	}
	return nextOddLine(text, pos)
}

// nextOddLine is NextLine for a line that is not plain.
func nextOddLine(text []byte, pos int) Line {
	l := Line{odd: unread}
	for at := pos; ; {
		i := bytes.IndexByte(text[at:], '\n')
		if i < 0 {
			l.To, l.Next = len(text), len(text)
			return l
		}
		lf := at + i
		l.To, l.Next = lf, lf+1
		if lf > pos && text[lf-1] == '\r' {
			l.To--
		} else {
			l.odd |= bare
		}
		if l.To == pos || l.Next == len(text) || !IsBlank(text[l.Next]) {
			return l
		}
		l.odd |= folded
		at = l.Next
	}
}

// Unfold appends the value of a folded line with each line end and the blanks around it replaced by one space, trimmed
// (RFC 3261 §7.3.1).
func Unfold(dst, value []byte) []byte {
	value = bytes.Trim(value, " \t\r\n")
	start := len(dst)
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c != '\n' && c != '\r' {
			dst = append(dst, c)
			continue
		}
		for len(dst) > start && IsBlank(dst[len(dst)-1]) {
			dst = dst[:len(dst)-1]
		}
		for i+1 < len(value) && (IsBlank(value[i+1]) || value[i+1] == '\n' || value[i+1] == '\r') {
			i++
		}
		dst = append(dst, ' ')
	}
	return dst
}
