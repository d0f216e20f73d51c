package strict

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// syntaxError reports what the parser refused. The parser gives the line in
// the text of its error only, and none on the first line of a file.
func (d *Decoder) syntaxError(err error, data []byte) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	pos := Pos{Line: 1, Col: 1}
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		if number, message, ok := strings.Cut(rest, ": "); ok {
			if n, err := strconv.Atoi(number); err == nil {
				pos.Line, text = n, message
				if countsFromZero(text) {
					pos.Line++
				}
			}
		}
	}
	pos.Line = min(pos.Line, bytes.Count(data, []byte{'\n'})+1) // the parser counts the end as a line
	if name, ok := missingAnchor(text); ok {
		if i := bytes.Index(data, []byte("*"+name)); i >= 0 {
			pos = posAt(data, i)
		}
	}
	d.Fail(Place{Pos: pos}, "not valid YAML: %s", text)
}

// countsFromZero tells the errors of the parser's grammar, whose lines start
// at 0, from those of its scanner, whose lines start at 1.
func countsFromZero(text string) bool {
	switch text {
	case "did not find expected <document start>", "did not find expected node content", "did not find expected '-' indicator",
		"did not find expected key", "did not find expected ',' or ']'", "did not find expected ',' or '}'",
		"found undefined tag handle", "found incompatible YAML document",
		"found duplicate %YAML directive", "found duplicate %TAG directive":
		return true
	default:
		return false
	}
}

// missingAnchor takes the name out of the parser's error for an alias without
// an anchor, the one error it gives without any line.
func missingAnchor(text string) (string, bool) {
	rest, ok := strings.CutPrefix(text, "unknown anchor '")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(rest, "' referenced")
}

// badByte finds the first byte that no text file holds, and says what is wrong
// with it; "" means that there is none.
func badByte(data []byte) (Pos, string) {
	for i := 0; i < len(data); {
		if c := data[i]; c < utf8.RuneSelf {
			if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == del {
				return posAt(data, i), "the file holds a control character"
			}
			i++
			continue
		}
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return posAt(data, i), "the file is not UTF-8 text"
		}
		i += n
	}
	return Pos{}, ""
}

// del is the one control character above the space in ASCII.
const del = 0x7f

// posAt turns an offset into a position.
func posAt(data []byte, offset int) Pos {
	before := data[:offset]
	start := bytes.LastIndexByte(before, '\n') + 1
	return Pos{Line: bytes.Count(before, []byte{'\n'}) + 1, Col: utf8.RuneCount(before[start:]) + 1}
}
