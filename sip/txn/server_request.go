package txn

import "time"

// serverRequest is the non-INVITE server machine of RFC 3261 §17.2.2 with RFC 4320: a 100 of its own when the user
// is slow, no other 1xx, no 408, and nothing at all once the client has given up. A transport error is no input: the
// request's repeats bring the response again.
type serverRequest struct{ *life }

func (m serverRequest) step(in input, now time.Time, out []action) []action {
	switch m.state {
	case idle:
		return m.begin(in, now, out)
	case trying, proceeding:
		return m.waiting(in, now, out)
	case completed:
		return m.completed(in, out)
	case terminated:
		return out
	case calling, confirmed, accepted:
		return out // states of other machines
	}
	return out
}

func (m serverRequest) begin(in input, now time.Time, out []action) []action {
	if in != inStart {
		return out
	}
	m.to(trying, whyReceived)
	return append(out, arm(slotRetry, now.Add(m.tm.trying())), arm(slotEnd, now.Add(m.tm.long())))
}

// waiting is Trying and Proceeding: a 100 was sent in the latter.
func (m serverRequest) waiting(in input, now time.Time, out []action) []action {
	switch in {
	case inRequest:
		if m.state == trying {
			return out // RFC 3261 §17.2.2: discarded
		}
		return append(out, do(actSend))
	case in100: // RFC 4320 §4.1: by the user on reliable transports only; elsewhere the deadline below sends it
		if !m.reliable || m.state == proceeding {
			return out
		}
		m.to(proceeding, whyProvisional)
		return append(out, stop(slotRetry), do(actKeep), do(actSend))
	case inRetry: // RFC 4320 §4.1: due now, whatever the transport
		m.to(proceeding, whyTrying)
		return append(out, do(actTrying), do(actSend))
	case in2xx, inRefusal:
		m.to(completed, whyAnswer)
		return append(out, stop(slotRetry), do(actKeep), do(actSend), arm(slotEnd, now.Add(m.unreliable(m.tm.long())))) // Timer J
	case inExpiry: // RFC 4320 §4.2: the client is gone, so a response would be late
		return m.end(whyUnanswered, out)
	case in1xx, in408:
		return out // RFC 4320 §4.1, §4.2: never sent
	case inStart, inCancel, inUnsent, inACK:
		return out // not inputs of a running non-INVITE server
	}
	return out
}

func (m serverRequest) completed(in input, out []action) []action {
	switch in {
	case inRequest:
		return append(out, do(actSend))
	case inExpiry:
		return m.end(whyTimerJ, out)
	case in100, in1xx, in2xx, inRefusal, in408:
		return out // after the final response
	case inStart, inRetry, inCancel, inUnsent, inACK:
		return out
	}
	return out
}
