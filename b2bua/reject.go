package b2bua

import (
	"gatehouse/b2bua/call"
	"gatehouse/b2bua/crossing"
	"gatehouse/sip/msg"
	"gatehouse/sip/transport"
)

// Reject is the verdict on a request we refuse before any call takes it: the
// response it gets, and the cause it is recorded with.
type Reject struct {
	Code    int
	Cause   string
	Headers []crossing.Header
}

// Error gives the cause.
func (r *Reject) Error() string { return r.Cause }

func reject(code int, cause string, headers ...crossing.Header) *Reject {
	return &Reject{Code: code, Cause: cause, Headers: headers}
}

// acceptedTypes are the body types we process, for Accept.
const acceptedTypes = "application/sdp, multipart/mixed"

func allowHeader() crossing.Header {
	return crossing.Header{Name: "Allow", Value: call.MethodsAllowed()}
}

// refusalTag owns the transaction of a request that was refused: the To-tag of
// its answer, which that of a CANCEL repeats.
type refusalTag string

// refuse answers a request that belongs to no dialog of ours.
func (s *shard) refuse(in *transport.Inbound, r *Reject) { s.answer(in, nil, r) }

// answer answers a request in a transaction of its own, so that the answer
// survives loss. leg is the one whose dialog the request is in, or nil.
func (s *shard) answer(in *transport.Inbound, leg *call.Leg, r *Reject) {
	m := &in.Msg
	tag := s.strayTag(in)
	raw, err := s.buildAnswer(in, leg, r, tag)
	if err != nil {
		s.e.o.Log.Error().Err(err).Int("code", r.Code).Msg("cannot build response")
		return
	}
	srv := s.txns.NewServer(m, in.Source, in.Listener.Proto().Reliable(), s.e.o.Timers, refusalTag(tag), in.ReplyDest(), s.now)
	s.Respond(srv, r.Code, raw)
}

func (s *shard) buildAnswer(in *transport.Inbound, leg *call.Leg, r *Reject, tag string) ([]byte, error) {
	head := msg.NewReplyHead(&in.Msg, in.Source)
	b := s.Builder()
	head.Start(b, r.Code, "", tag)
	if h, ok := call.SessionReply(&in.Msg, leg); ok {
		b.Header(h.Name, h.Value)
	}
	for _, h := range r.Headers {
		b.Header(h.Name, h.Value)
	}
	return b.Bytes()
}
