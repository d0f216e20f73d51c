package txn

import "time"

// serverInvite is the INVITE server machine of RFC 3261 §17.2.1 with the Accepted state of RFC 6026 §7.1. A transport
// error is no input: RFC 6026 §7.1 keeps the state.
type serverInvite struct{ *life }

func (m serverInvite) step(in input, now time.Time, out []action) []action {
	switch m.state {
	case idle:
		if in == inStart {
			m.to(proceeding, whyReceived)
		}
		return out
	case proceeding:
		return m.proceeding(in, now, out)
	case completed:
		return m.completed(in, now, out)
	case confirmed:
		return m.confirmed(in, out)
	case accepted:
		return m.accepted(in, out)
	case terminated:
		return out
	case calling, trying:
		return out // states of other machines
	}
	return out
}

func (m serverInvite) proceeding(in input, now time.Time, out []action) []action {
	switch in {
	case inRequest:
		return append(out, do(actSend))
	case in100, in1xx:
		return append(out, do(actKeep), do(actSend))
	case in2xx: // RFC 6026 §7.1: the user repeats it, so nothing is kept
		m.to(accepted, whySuccess)
		return append(out, do(actRelay), do(actForget), arm(slotEnd, now.Add(m.tm.long()))) // Timer L
	case inRefusal, in408:
		m.to(completed, whyRefusal)
		m.interval = m.tm.T1
		out = append(out, do(actKeep), do(actSend), arm(slotEnd, now.Add(m.tm.long()))) // Timer H
		if !m.reliable {
			out = append(out, arm(slotRetry, now.Add(m.interval))) // Timer G
		}
		return out
	case inACK:
		return out // there is nothing to acknowledge yet
	case inStart, inRetry, inExpiry, inCancel, inUnsent:
		return out // nothing is armed here; the rest are not inputs of a running server
	}
	return out
}

func (m serverInvite) completed(in input, now time.Time, out []action) []action {
	switch in {
	case inRequest:
		return append(out, do(actSend))
	case inACK:
		m.to(confirmed, whyACK)
		return append(out, stop(slotRetry), do(actForget), arm(slotEnd, now.Add(m.unreliable(m.tm.T4)))) // Timer I
	case inRetry: // Timer G
		m.interval = min(2*m.interval, m.tm.T2)
		return append(out, do(actSend), arm(slotRetry, now.Add(m.interval)))
	case inExpiry:
		return m.end(whyTimerH, append(out, do(actTimeout)))
	case in100, in1xx, in2xx, inRefusal, in408:
		return out // after the final response
	case inStart, inCancel, inUnsent:
		return out
	}
	return out
}

func (m serverInvite) confirmed(in input, out []action) []action {
	switch in {
	case inExpiry:
		return m.end(whyTimerI, out)
	case inRequest, inACK:
		return out // repeats that were under way
	case in100, in1xx, in2xx, inRefusal, in408:
		return out // after the final response
	case inStart, inRetry, inCancel, inUnsent:
		return out
	}
	return out
}

func (m serverInvite) accepted(in input, out []action) []action {
	switch in {
	case inRequest:
		return out // RFC 6026 §7.1: absorbed, the 2xx is on its way from the user
	case inACK: // of the 2xx, from a client that used the INVITE's branch for it
		return append(out, do(actDeliver))
	case in2xx:
		return append(out, do(actRelay))
	case inExpiry:
		return m.end(whyTimerL, out)
	case in100, in1xx, inRefusal, in408:
		return out // after the final response
	case inStart, inRetry, inCancel, inUnsent:
		return out
	}
	return out
}
