package transport

import (
	"errors"
	"fmt"
	"runtime/debug"

	"gatehouse/sip/msg"
)

// receive parses one message and hands it over, or answers or drops it when it is malformed. It takes ownership of in
// and reports whether the message was well-formed. A panic on the way is counted and contained in the one message.
func (s *Stack) receive(in *Inbound, f msg.Framing) (ok bool) {
	defer s.contain()
	if err := in.Msg.Parse(in.buf, f); err != nil {
		s.offend(in.Listener, in.Source.Addr(), in.Standing, in.Conn != nil, reasonMalformed)
		code, reason := verdict(err)
		s.refuse(in, code, reason)
		in.Release()
		return false
	}
	code := 0
	if !in.Msg.IsRequest() {
		code = in.Msg.Status()
	}
	s.count.message(In, in.Msg.Method(), code)
	if in.Conn != nil {
		in.Conn.last.Store(in.At.UnixNano())
		in.Conn.learnAlias(&in.Msg)
	}
	s.handler.Receive(in)
	return true
}

// contain, deferred, ends a panic in one message. The message is left to the garbage collector, because nobody knows
// who holds it now.
func (s *Stack) contain() {
	if p := recover(); p != nil {
		s.count.drop(CausePanic)
		s.noise.Error().Str("panic", fmt.Sprint(p)).Bytes("stack", debug.Stack()).Msg("panic while handling a message")
	}
}

// verdict gives the code and reason a parse error deserves on the wire.
func verdict(err error) (int, string) {
	var e *msg.Error
	if errors.As(err, &e) {
		return e.Code, e.Reason
	}
	return codeBadRequest, ""
}
