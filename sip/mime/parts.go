package mime

import (
	"bytes"
	"errors"
	"fmt"

	"gatehouse/sip/grammar"
)

var (
	errBoundary   = errors.New("missing or malformed boundary")
	errNoParts    = errors.New("no parts")
	errUnclosed   = errors.New("no closing delimiter")
	errPartHead   = errors.New("malformed part header")
	errPartCount  = errors.New("too many parts")
	errPartDepth  = errors.New("parts nested too deep")
	errMediaType  = errors.New("malformed media type")
	errHandling   = errors.New("malformed content disposition")
	multipartType = []byte("multipart/")
)

// alternativeType is the one multipart whose parts stand for each other.
const alternativeType = "multipart/alternative"

// Part is one leaf of a body (RFC 5621). Its slices point into the body, but for a header value that was folded.
type Part struct {
	// ContentType is the value as received, nil when the part has none, which means text/plain.
	ContentType []byte
	// Disposition is the value of Content-Disposition as received, nil when absent.
	Disposition []byte
	// Required is false when handling=optional was given for the part or for a multipart body around it
	// (RFC 3261 §20.11, RFC 5621 §8.1).
	Required bool
	// Alternative is the number, from 1, of the multipart/alternative body the part is one version in; 0 means none.
	// One version is enough, and Required speaks of the whole then (RFC 5621 §8.3).
	Alternative int
	// Body is the content, without the line end before the delimiter.
	Body []byte
	// ContentID is the value of Content-ID as received.
	ContentID []byte
}

// Is reports whether the part has this media type, compared without case and parameters.
func (p *Part) Is(mediaType string) bool {
	if p.ContentType == nil {
		return grammar.EqualFold(mediaType, "text/plain")
	}
	return grammar.EqualFold(grammar.BeforeParams(p.ContentType), mediaType)
}

// DispositionType returns the disposition without its parameters; by default "session" for application/sdp and
// "render" for everything else (RFC 3261 §20.11).
func (p *Part) DispositionType() string {
	if p.Disposition != nil {
		return string(grammar.BeforeParams(p.Disposition))
	}
	if p.Is("application/sdp") {
		return "session"
	}
	return "render"
}

// Parts returns the leaves of a multipart body in order, nested ones included. A body of another type is one part. A
// multipart body must have a boundary, at least one part and a closing delimiter (RFC 2046 §5.1.1), at most MaxParts
// leaves and MaxDepth levels; the work is bounded by the length of the body times the levels.
func Parts(contentType, body []byte) ([]Part, error) {
	contentType = grammar.Trim(contentType)
	if !isMultipart(contentType) {
		return []Part{{ContentType: contentType, Required: true, Body: body}}, nil
	}
	var r reader
	if err := r.read(contentType, body, around{depth: 1}); err != nil {
		return nil, fmt.Errorf("read multipart body: %w", err)
	}
	return r.parts, nil
}

func isMultipart(contentType []byte) bool {
	return len(contentType) > len(multipartType) && grammar.EqualFold(contentType[:len(multipartType)], multipartType)
}

// reader collects the leaves of a body.
type reader struct {
	parts        []Part
	alternatives int
}

// around is what the multipart bodies around a part mean for it.
type around struct {
	depth       int
	optional    bool
	alternative int
}

func (r *reader) read(contentType, body []byte, a around) error {
	if a.depth > MaxDepth {
		return errPartDepth
	}
	if a.alternative == 0 && grammar.EqualFold(grammar.BeforeParams(contentType), alternativeType) {
		r.alternatives++
		a.alternative = r.alternatives
	}
	boundary, err := boundaryOf(contentType)
	if err != nil {
		return err
	}
	d := append([]byte("--"), boundary...)
	_, rest, last, ok := cutDelimiter(body, d)
	if !ok {
		return errUnclosed
	}
	if last {
		return errNoParts
	}
	for !last {
		var text []byte
		if text, rest, last, ok = cutDelimiter(rest, d); !ok {
			return errUnclosed
		}
		p, err := readPart(text)
		if err != nil {
			return err
		}
		// Among alternatives the marks of the single parts mean nothing.
		p.Required = !a.optional && (p.Required || a.alternative > 0)
		p.Alternative = a.alternative
		if isMultipart(p.ContentType) {
			if err := r.read(p.ContentType, p.Body, around{a.depth + 1, !p.Required, a.alternative}); err != nil {
				return err
			}
			continue
		}
		if len(r.parts) == MaxParts {
			return errPartCount
		}
		r.parts = append(r.parts, p)
	}
	return nil
}

// cutDelimiter finds the next delimiter line: "--boundary" at the start of a line, blanks, line end. before is what
// precedes it without the line end that belongs to the delimiter; last tells the closing delimiter.
func cutDelimiter(b, d []byte) (before, after []byte, last, ok bool) {
	for from := 0; ; {
		i := bytes.Index(b[from:], d)
		if i < 0 {
			return nil, nil, false, false
		}
		at := from + i
		end := at + len(d)
		from = end
		if at > 0 && b[at-1] != '\n' {
			continue
		}
		if bytes.HasPrefix(b[end:], []byte("--")) {
			last, end = true, end+2
		}
		end = grammar.SkipBlank(b, end)
		if end < len(b) && b[end] == '\r' {
			end++
		}
		switch {
		case end < len(b) && b[end] == '\n':
			end++
		case end == len(b) && last:
		default:
			last = false
			continue
		}
		before = bytes.TrimSuffix(b[:at], []byte{'\n'})
		return bytes.TrimSuffix(before, []byte{'\r'}), b[end:], last, true
	}
}

// boundaryOf returns the boundary parameter without quotes.
func boundaryOf(contentType []byte) ([]byte, error) {
	_, list, ok := bytes.Cut(contentType, []byte{';'})
	if !ok {
		return nil, errBoundary
	}
	v, ok := grammar.FindParam(list, "boundary")
	if !ok || len(v) == 0 {
		return nil, errBoundary
	}
	if v[0] == '"' {
		v = v[1 : len(v)-1]
	}
	if len(v) == 0 || len(v) > MaxBoundaryBytes || v[len(v)-1] == ' ' || bytes.ContainsAny(v, "\\\"") || grammar.HasControl(v) {
		return nil, errBoundary
	}
	return v, nil
}

// readPart splits a part into its header fields and its content. A part may have no header fields at all.
func readPart(text []byte) (Part, error) {
	p := Part{Required: true}
	pos := 0
	for headers := 0; ; headers++ {
		if pos >= len(text) {
			return p, nil // header fields only: the empty line may be the one before the delimiter
		}
		l := grammar.NextLine(text, pos)
		if l.To == pos {
			p.Body = text[l.Next:]
			return p, nil
		}
		if headers == MaxPartHeaders || l.Next-pos > MaxPartHeaderBytes {
			return p, errPartHead
		}
		name, value, ok := bytes.Cut(text[pos:l.To], []byte{':'})
		if name = grammar.Trim(name); !ok || !grammar.IsToken(name) {
			return p, errPartHead
		}
		if l.Folded() {
			value = grammar.Unfold(nil, value)
		}
		if grammar.HasControl(value) && !grammar.ControlsAllowed(value) {
			return p, errPartHead
		}
		if err := p.setHeader(name, grammar.Trim(value)); err != nil {
			return p, err
		}
		pos = l.Next
	}
}

// setHeader keeps what a header field tells of the part; the other fields say nothing about it that we use.
func (p *Part) setHeader(name, value []byte) error {
	switch {
	case isContentType(name):
		if p.ContentType != nil || len(grammar.BeforeParams(value)) == 0 {
			return errMediaType
		}
		p.ContentType = value
	case grammar.EqualFold(name, "Content-Disposition"):
		if p.Disposition != nil || len(value) == 0 {
			return errHandling
		}
		p.Disposition = value
		if _, params, ok := bytes.Cut(value, []byte{';'}); ok {
			handling, _ := grammar.FindParam(params, "handling")
			p.Required = !grammar.EqualFold(handling, "optional")
		}
	case grammar.EqualFold(name, "Content-ID"):
		p.ContentID = value
	}
	return nil
}

// isContentType knows the compact form too, which SIP software writes into the parts it makes (RFC 3261 §7.3.3).
func isContentType(name []byte) bool {
	return grammar.EqualFold(name, "Content-Type") || grammar.EqualFold(name, "c")
}
