package msg

import (
	"errors"
	"fmt"
	"strconv"

	"gatehouse/sip/grammar"
	"gatehouse/sip/uri"
)

// What Builder refuses.
var (
	errBuildControl = errors.New("control character")
	errBuildToken   = errors.New("not a token")
	errBuildURI     = errors.New("not a uri")
	errBuildOrder   = errors.New("out of order")
	errBuildTwice   = errors.New("given twice")
	errBuildType    = errors.New("body without content type")
	errBuildStatus  = errors.New("status code outside 100 to 699")
)

// ErrTooLarge is what Builder and AppendTo give for a message or header line beyond the limits of this package.
var ErrTooLarge = errors.New("too large for a message")

// Builder writes one message into a buffer it keeps. Parts are written in the order of the calls: Request or Response,
// header fields, at most one Body. The first error sticks and comes out of Bytes, so calls need no checks between
// them. No part may hold CR, LF, NUL or another control byte except TAB.
//
// Content-Length is always written by the Builder.
type Builder struct {
	buf     []byte
	err     error
	stage   stage
	hasType bool // a Content-Type was written
}

// stage is how far a Builder has got.
type stage uint8

const (
	atStart stage = iota
	inHeaders
	complete
)

// Reset begins a new message and keeps the memory.
func (b *Builder) Reset() { *b = Builder{buf: b.buf[:0]} }

func (b *Builder) fail(what string, err error) {
	if b.err == nil {
		b.err = fmt.Errorf("build %s: %w", what, err)
	}
}

// start checks that a start line may be written now.
func (b *Builder) start() bool {
	if b.stage != atStart {
		b.fail("start line", errBuildOrder)
	}
	b.stage = inHeaders
	return b.err == nil
}

// Request writes the request line.
func (b *Builder) Request(method, target string) {
	if !b.start() {
		return
	}
	if !grammar.IsToken(method) {
		b.fail("request method", errBuildToken)
		return
	}
	if uri.Check(target) != nil {
		b.fail("request uri", errBuildURI)
		return
	}
	b.buf = append(b.buf, method...)
	b.buf = append(b.buf, ' ')
	b.buf = append(b.buf, target...)
	b.buf = append(b.buf, " "+version+"\r\n"...)
}

// Response writes the status line. Without a reason the phrase of StatusText is written.
func (b *Builder) Response(code int, reason string) {
	if !b.start() {
		return
	}
	if code < minStatus || code > maxStatus {
		b.fail("status line", errBuildStatus)
		return
	}
	if reason == "" {
		reason = StatusText(code)
	}
	if grammar.HasUnsafe(reason) {
		b.fail("reason phrase", errBuildControl)
		return
	}
	b.buf = append(b.buf, version+" "...)
	b.buf = strconv.AppendInt(b.buf, int64(code), 10)
	b.buf = append(b.buf, ' ')
	b.buf = append(b.buf, reason...)
	b.buf = append(b.buf, '\r', '\n')
}

// name checks and writes "Name: ".
func (b *Builder) name(name string) bool {
	if b.stage != inHeaders {
		b.fail("header "+strconv.Quote(name), errBuildOrder)
	}
	if !grammar.IsToken(name) {
		b.fail("header name "+strconv.Quote(name), errBuildToken)
	}
	if b.err != nil {
		return false
	}
	id := Identify(name)
	if id == HeaderContentLength || id == HeaderContentType && b.hasType {
		b.fail(name, errBuildTwice)
		return false
	}
	b.hasType = b.hasType || id == HeaderContentType
	b.buf = append(b.buf, name...)
	b.buf = append(b.buf, ':', ' ')
	return true
}

// endLine ends the header line that began at from.
func (b *Builder) endLine(name string, from int) {
	if b.buf[len(b.buf)-1] == ' ' { // an empty value leaves no blank behind the colon
		b.buf = b.buf[:len(b.buf)-1]
	}
	b.buf = append(b.buf, '\r', '\n')
	if len(b.buf)-from > MaxHeaderBytes {
		b.fail(name, ErrTooLarge)
	}
}

// Header writes one header line; the parts put together are its value.
func (b *Builder) Header(name string, parts ...string) {
	from := len(b.buf)
	if !b.name(name) {
		return
	}
	for _, p := range parts {
		if grammar.HasUnsafe(p) {
			b.fail(name, errBuildControl)
			return
		}
		b.buf = append(b.buf, p...)
	}
	b.endLine(name, from)
}

// HeaderBytes writes one header line.
func (b *Builder) HeaderBytes(name string, value []byte) {
	from := len(b.buf)
	if !b.name(name) {
		return
	}
	if grammar.HasUnsafe(value) {
		b.fail(name, errBuildControl)
		return
	}
	b.buf = append(b.buf, value...)
	b.endLine(name, from)
}

// HeaderInt writes one header line with a decimal value.
func (b *Builder) HeaderInt(name string, n int64) {
	if b.name(name) {
		b.buf = strconv.AppendInt(b.buf, n, 10)
		b.buf = append(b.buf, '\r', '\n')
	}
}

// lines writes whole header lines that were checked when they were made.
func (b *Builder) lines(text []byte) {
	if b.stage != inHeaders {
		b.fail("header lines", errBuildOrder)
	}
	if b.err == nil {
		b.buf = append(b.buf, text...)
	}
}

// Body writes Content-Type, Content-Length and the body, and completes the message. contentType may be empty when the
// body is, or when Content-Type was written as a header before.
func (b *Builder) Body(contentType string, body []byte) {
	if contentType != "" {
		b.Header("Content-Type", contentType)
	}
	if len(body) > 0 && !b.hasType {
		b.fail("body", errBuildType)
	}
	if b.stage != inHeaders {
		b.fail("body", errBuildOrder)
	}
	if b.err != nil {
		return
	}
	b.stage = complete
	b.buf = append(b.buf, "Content-Length: "...)
	b.buf = strconv.AppendInt(b.buf, int64(len(body)), 10)
	b.buf = append(b.buf, "\r\n\r\n"...)
	b.buf = append(b.buf, body...)
}

// noBody ends a message that Body did not complete.
const noBody = "Content-Length: 0\r\n\r\n"

// Bytes returns the message in a slice of its own that nothing else refers to. The Builder can go on.
func (b *Builder) Bytes() ([]byte, error) {
	tail := ""
	if b.stage != complete {
		tail = noBody
	}
	size := len(b.buf) + len(tail)
	switch {
	case b.err != nil:
		return nil, b.err
	case b.stage == atStart:
		return nil, fmt.Errorf("build message without start line: %w", errBuildOrder)
	case size > MaxMessageBytes:
		return nil, fmt.Errorf("build message of %d bytes: %w", size, ErrTooLarge)
	}
	out := make([]byte, 0, size)
	out = append(out, b.buf...)
	return append(out, tail...), nil
}
