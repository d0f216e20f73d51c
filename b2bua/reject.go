package b2bua

import (
	"gatehouse/b2bua/call"
	"gatehouse/sip/msg"
	"gatehouse/sip/transport"
)

// Reject is the verdict on a request we refuse before any call takes it: the
// response it gets, and the cause it is recorded with.
type Reject struct {
	Code    int
	Cause   string
	Headers []call.Header
}

// Error gives the cause.
func (r *Reject) Error() string { return r.Cause }

func reject(code int, cause string, headers ...call.Header) *Reject {
	return &Reject{Code: code, Cause: cause, Headers: headers}
}

// acceptedTypes are the body types we process, for Accept.
const acceptedTypes = "application/sdp, multipart/mixed"

func allowHeader() call.Header { return call.Header{Name: "Allow", Value: call.MethodsAllowed()} }

// refusalTag owns the transaction of a request that was refused: the To-tag of
// its answer, which that of a CANCEL repeats.
type refusalTag string

// refuse answers a request in a transaction of its own, so that the answer
// survives loss.
func (s *shard) refuse(in *transport.Inbound, r *Reject) {
	m := &in.Msg
	tag := s.strayTag(in)
	raw, err := s.buildRefusal(in, r, tag)
	if err != nil {
		s.e.o.Log.Error().Err(err).Int("code", r.Code).Msg("cannot build response")
		return
	}
	srv := s.txns.NewServer(m, in.Source, in.Listener.Proto().Reliable(), s.e.o.Timers, refusalTag(tag), in.ReplyDest(), s.now)
	s.Respond(srv, r.Code, raw)
}

func (s *shard) buildRefusal(in *transport.Inbound, r *Reject, tag string) ([]byte, error) {
	head := msg.NewReplyHead(&in.Msg, in.Source)
	b := s.Builder()
	head.Start(b, r.Code, "", tag)
	for _, h := range r.Headers {
		b.Header(h.Name, h.Value)
	}
	return b.Bytes()
}
