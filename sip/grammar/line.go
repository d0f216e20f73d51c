package grammar

import "bytes"

// Line is one header line with its continuation lines.
type Line struct {
	// To is where its text ends, Next where the next line begins.
	To, Next int
	// Folded tells that it has continuation lines.
	Folded bool
	// Bare tells that it ended, or was folded, by a LF without CR.
	Bare bool
}

// NextLine finds the end of the header line at pos, following its continuation lines (RFC 3261 §7.3.1). A bare LF is
// taken for a line end so that the rest can be read, and reported.
func NextLine(text []byte, pos int) (l Line) {
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
			l.Bare = true
		}
		if l.To == pos || l.Next == len(text) || !IsBlank(text[l.Next]) {
			return l
		}
		l.Folded = true
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
