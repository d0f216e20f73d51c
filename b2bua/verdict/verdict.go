// Package verdict says what the failure of an attempt, or of a call, means: the
// response the caller gets, what stands in the record, and whether another
// target may be tried.
//
// It is pure values, made at the place of failure by package call, on the
// call's shard.
package verdict

import (
	"errors"
	"strconv"

	"gatehouse/b2bua/content"
	"gatehouse/b2bua/crossing"
	"gatehouse/b2bua/offer"
	"gatehouse/media/profile"
	"gatehouse/sip/msg"
)

// Failure is how an attempt or a call failed.
type Failure struct {
	Code    int    // what the A side gets
	From    int    // what the B side sent, 0 when it sent nothing
	Attempt int    // what stands in the record for a response that never came
	Cause   string // for the log and the record
	Next    Next   // what may be tried after it
	Silent  bool   // no Q.850 Reason of our own
	Headers []crossing.Header
}

// Next says how far a failure reaches: what is left to try.
type Next uint8

const (
	// NextNone says that the answer stands: nobody else is asked.
	NextNone Next = iota
	// NextPeer says that the next peer of the route may do it.
	NextPeer
	// NextTarget says that another target of the same peer may do it
	// (RFC 3263 §4.3), and when it has none left, the next peer.
	NextTarget
)

// Received is the code the attempt is recorded with.
func (f Failure) Received() int {
	switch {
	case f.From != 0:
		return f.From
	case f.Attempt != 0:
		return f.Attempt
	default:
		return f.Code
	}
}

// Unreachable is the failure of an attempt whose INVITE could not be sent. It
// counts as a 503 (RFC 3261 §8.1.3.1), which is not for the A side. A sips
// request that nobody can take by TLS is refused with 480 (RFC 5630 §5.3).
func Unreachable(cause string, sips bool) Failure {
	f := Failure{Code: 500, Attempt: 503, Cause: cause, Next: NextTarget}
	if sips {
		f.Code = 480
	}
	return f
}

// NotSecure is the failure of an attempt at a peer without any target that a
// sips request may go to (RFC 5630 §5.3).
func NotSecure() Failure {
	return Failure{Code: 480, Cause: "no secure target", Next: NextPeer,
		Headers: []crossing.Header{crossing.Warning(crossing.WarnSIPSNotAllowed, "SIPS Not Allowed")}}
}

// Unanswered is the failure of an attempt that brought no response at all
// (RFC 3261 §8.1.3.1).
func Unanswered() Failure {
	return Failure{Code: 408, Cause: "no response", Next: NextTarget}
}

// rank orders failures: an answer from a user says more than one from a
// server that could not serve (RFC 3261 §16.7 step 6 as model).
func (f Failure) rank() int {
	switch {
	case f.Code >= 600:
		return 5
	case f.Code >= 500 || f.Code == 408:
		return 1
	case f.Code >= 400:
		return 3
	default:
		return 2
	}
}

// Better gives the failure that says more to the caller: best, which came
// before, unless f outranks it or the answer is final.
func Better(best, f Failure) Failure {
	if best.Code == 0 || f.Next == NextNone || f.rank() > best.rank() {
		return f
	}
	return best
}

// nextAfter sorts received codes: a server that does not serve now is as good
// as one that is not there (RFC 3263 §4.3); after the other failures of
// servers the next peer is tried. 6xx and every answer of a user stop here.
func nextAfter(code int, ringing bool) Next {
	switch code {
	case 503:
		return NextTarget
	case 408:
		if ringing {
			return NextNone
		}
		return NextPeer
	case 500, 502, 504:
		return NextPeer
	default:
		return NextNone
	}
}

// OfResponse maps a final response of the B side to the A side's. why is the
// Reason that came along and goes on; the phrase is ours. 503 would make the
// caller's side drop us whole, and a challenge cannot be answered by the caller,
// so those become what their ISDN cause says, or 500 and 403 (RFC 3261 §16.7
// step 6 as model, RFC 3398 §7.2.4.1). sentBy is our host and port on the A
// side; ringing tells that the target had rung.
func OfResponse(m *msg.Message, why []string, sentBy string, ringing bool) Failure {
	code := m.Status()
	f := Failure{Code: code, From: code, Cause: "refused with " + strconv.Itoa(code), Next: nextAfter(code, ringing)}
	switch code {
	case 503, 401, 407:
		f.Code = 500
		if code != 503 {
			f.Code = 403
		}
		if cause := crossing.Q850(why); cause != 0 {
			if mapped := crossing.StatusOfCause(cause); mapped != 503 {
				f.Code = mapped
			}
		}
	case 300, 301, 302, 305, 380:
		for _, v := range crossing.Redirects(m, sentBy) {
			f.Headers = append(f.Headers, crossing.Header{Name: "Contact", Value: v})
		}
		if len(f.Headers) == 0 {
			f.Code = 480
		}
	case 405, 420, 421, 422, 423, 494:
		// About what we said to the B side, with headers that say it to us.
		f.Code = 500
	case 415:
		f.Headers = append(f.Headers, crossing.Header{Name: "Accept", Value: content.SDPType})
	default:
		if code < 400 {
			f.Code = 480
		}
	}
	for _, v := range why {
		// In responses Reason speaks Q.850 only (RFC 6432 §3).
		if crossing.Q850([]string{v}) != 0 {
			f.Headers = append(f.Headers, crossing.Header{Name: "Reason", Value: v})
		}
	}
	return f
}

// OfMedia turns a refusal of the media plane into a final response.
func OfMedia(err error) Failure {
	if errors.Is(err, profile.ErrNoPorts) {
		return Failure{Code: 503, Cause: "no media ports"}
	}
	return Failure{Code: 500, Cause: "media: " + err.Error()}
}

// OfOffer turns an error of offer/answer into a final response.
func OfOffer(err error) Failure {
	var refusal *offer.Refusal
	if errors.As(err, &refusal) {
		f := Failure{Code: refusal.Code, Cause: refusal.Error()}
		if refusal.Warning != 0 {
			f.Headers = append(f.Headers, crossing.Warning(refusal.Warning, refusal.Text))
		}
		return f
	}
	if errors.Is(err, profile.ErrNoPorts) {
		return OfMedia(err)
	}
	// What the other side said cannot be used (RFC 3261 §21.5.3).
	return Failure{Code: 502, Cause: err.Error()}
}
