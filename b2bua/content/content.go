// Package content reads what a message carries in its body: the session
// description, alone or inside a multipart body, and the verdict on bodies that
// cannot be processed.
//
// It is pure: a message in, values out. Package b2bua and the calls on its
// shards use it, each on its own goroutine.
package content

import (
	"bytes"
	"errors"
	"strings"

	"gatehouse/media/sdp"
	"gatehouse/sip/mime"
	"gatehouse/sip/msg"
)

// SDPType is the media type of session descriptions (RFC 3261 §13.2.1).
const SDPType = "application/sdp"

// ErrNoSession says that SDP is missing where the exchange needs it.
var ErrNoSession = errors.New("no session description")

// Error says why the body of a message cannot be processed; Code is the
// response a request with it deserves (RFC 3261 §8.2.3).
type Error struct {
	Code  int
	Cause string
}

// Error gives the cause.
func (e *Error) Error() string { return e.Cause }

// AsError finds the verdict on a body in an error of Session.
func AsError(err error) (*Error, bool) {
	var b *Error
	ok := errors.As(err, &b)
	return b, ok
}

// Session finds the SDP of a message: its body, or the first SDP part of a
// multipart one, nested too (RFC 5621 §4). nil without error when it carries
// none. A body, or a part with handling=required, that we cannot process is an
// *Error with 415; broken SDP or multipart with 400.
func Session(m *msg.Message) (*sdp.Session, error) {
	body := m.Body()
	if len(body) == 0 {
		return nil, nil //nolint:nilnil // no description is an answer of its own here
	}
	if enc, ok := m.Get(msg.HeaderContentEncoding); ok && !strings.EqualFold(string(enc), "identity") {
		return nil, &Error{415, "content encoding is not supported"}
	}
	ctype, ok := m.Get(msg.HeaderContentType)
	if !ok {
		return nil, &Error{400, "body without Content-Type"}
	}
	parts, err := mime.Parts(ctype, body)
	if err != nil {
		return nil, &Error{400, "multipart body: " + err.Error()}
	}
	return sessionIn(parts, markedOptional(m))
}

// markedOptional tells whether the sender can do without its body being
// understood (RFC 3261 §20.11).
func markedOptional(m *msg.Message) bool {
	d, _ := m.Get(msg.HeaderContentDisposition)
	_, params, _ := bytes.Cut(d, []byte{';'})
	h, _ := msg.NameAddr{Params: params}.Param("handling")
	return strings.EqualFold(string(h), "optional")
}

// sessionIn finds the SDP among the parts of a body.
func sessionIn(parts []mime.Part, optional bool) (*sdp.Session, error) {
	var found *sdp.Session
	understood, wanted := map[int]bool{}, map[int]bool{} // by alternative
	for i := range parts {
		p := &parts[i]
		switch {
		case p.Is(SDPType):
			understood[p.Alternative] = true
			if found != nil {
				continue
			}
			var err error
			if found, err = sdp.Parse(p.Body); err != nil {
				return nil, &Error{400, "session description: " + err.Error()}
			}
		case !p.Required || optional:
		case p.Alternative > 0:
			wanted[p.Alternative] = true
		default:
			return nil, &Error{415, "body type is not supported"}
		}
	}
	for a := range wanted {
		if !understood[a] {
			return nil, &Error{415, "no alternative of the body is supported"}
		}
	}
	return found, nil
}
