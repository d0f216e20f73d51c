package call

import (
	"errors"

	"gatehouse/b2bua/crossing"
	"gatehouse/b2bua/offer"
	"gatehouse/media/profile"
	"gatehouse/sip/msg"
)

// failure is how an attempt or a call failed.
type failure struct {
	code    int    // what the A side gets
	from    int    // what the B side sent, 0 when it sent nothing
	attempt int    // what stands in the record for a response that never came
	cause   string // for the log and the record
	retry   bool   // the next target of the route may be tried
	silent  bool   // no Q.850 Reason of our own
	headers []crossing.Header
}

// received is the code the attempt is recorded with.
func (f failure) received() int {
	switch {
	case f.from != 0:
		return f.from
	case f.attempt != 0:
		return f.attempt
	default:
		return f.code
	}
}

// unreachable is the failure of an attempt whose INVITE could not be sent. It
// counts as a 503 (RFC 3261 §8.1.3.1), which is not for the A side.
func unreachable(cause string) failure {
	return failure{code: 500, attempt: 503, cause: cause, retry: true}
}

// rank orders failures: an answer from a user says more than one from a
// server that could not serve (RFC 3261 §16.7 step 6 as model).
func (f failure) rank() int {
	switch {
	case f.code >= 600:
		return 5
	case f.code >= 500 || f.code == 408:
		return 1
	case f.code >= 400:
		return 3
	default:
		return 2
	}
}

// retryable are the received codes after which the next target is tried: the
// server, not the user, failed. 6xx and every answer of a user stop here.
func retryable(code int) bool {
	switch code {
	case 408, 500, 502, 503, 504:
		return true
	default:
		return false
	}
}

// responseFailure maps a final response of the B side to the A side's. A Reason
// that came along goes on; the phrase is ours. 503 would make the caller's side
// drop us whole, and a challenge cannot be answered by the caller, so those
// become what their ISDN cause says, or 500 and 403 (RFC 3261 §16.7 step 6 as
// model, RFC 3398 §7.2.4.1).
func (c *Call) responseFailure(l *Leg, m *msg.Message) failure {
	code := m.Status()
	f := failure{code: code, from: code, cause: "refused with " + utoa(uint32(code)), retry: retryable(code)}
	f.retry = f.retry && (code != 408 || !l.ringing)
	why := crossing.Reasons(m, crossing.FullTrust(l.zone, c.other(l).zone))
	switch code {
	case 503, 401, 407:
		f.code = 500
		if code != 503 {
			f.code = 403
		}
		if cause := crossing.Q850(why); cause != 0 {
			if mapped := crossing.StatusOfCause(cause); mapped != 503 {
				f.code = mapped
			}
		}
	case 300, 301, 302, 305, 380:
		for _, v := range crossing.Redirects(m, c.a.hop.SentBy) {
			f.headers = append(f.headers, crossing.Header{Name: "Contact", Value: v})
		}
		if len(f.headers) == 0 {
			f.code = 480
		}
	case 405, 420, 421, 422, 423, 494:
		// About what we said to the B side, with headers that say it to us.
		f.code = 500
	case 415:
		f.headers = append(f.headers, crossing.Header{Name: "Accept", Value: sdpType})
	default:
		if code < 400 {
			f.code = 480
		}
	}
	for _, v := range why {
		// In responses Reason speaks Q.850 only (RFC 6432 §3).
		if crossing.Q850([]string{v}) != 0 {
			f.headers = append(f.headers, crossing.Header{Name: "Reason", Value: v})
		}
	}
	c.sessions.Learn(m, l == c.a, nil)
	return f
}

// offerFailure turns an error of offer/answer into a final response.
func offerFailure(err error) failure {
	var refusal *offer.Refusal
	if errors.As(err, &refusal) {
		f := failure{code: refusal.Code, cause: refusal.Error()}
		if refusal.Warning != 0 {
			f.headers = append(f.headers, crossing.Header{Name: "Warning", Value: utoa(uint32(refusal.Warning)) + " gatehouse \"" + refusal.Text + "\""})
		}
		return f
	}
	if errors.Is(err, profile.ErrNoPorts) {
		return mediaFailure(err)
	}
	// What the other side said cannot be used (RFC 3261 §21.5.3).
	return failure{code: 502, cause: err.Error()}
}
