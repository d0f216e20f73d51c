package txn

import "time"

// clientRequest is the non-INVITE client machine of RFC 3261 §17.1.2.
type clientRequest struct{ *life }

func (m clientRequest) step(in input, now time.Time, out []action) []action {
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

func (m clientRequest) begin(in input, now time.Time, out []action) []action {
	if in != inStart {
		return out
	}
	m.to(trying, whySent)
	m.interval = m.tm.T1
	out = append(out, do(actSend), arm(slotEnd, now.Add(m.tm.long()))) // Timer F
	if !m.reliable {
		out = append(out, arm(slotRetry, now.Add(m.interval))) // Timer E
	}
	return out
}

// waiting is Trying and Proceeding, which differ in the interval of Timer E only.
func (m clientRequest) waiting(in input, now time.Time, out []action) []action {
	switch in {
	case in100, in1xx:
		m.to(proceeding, whyProvisional)
		return append(out, do(actDeliver))
	case in2xx, inRefusal, in408:
		m.to(completed, whyAnswer)
		return append(out, stop(slotRetry), do(actForget), arm(slotEnd, now.Add(m.unreliable(m.tm.T4))), do(actDeliver)) // Timer K
	case inRetry:
		m.interval = min(2*m.interval, m.tm.T2)
		if m.state == proceeding { // RFC 3261 §17.1.2.2: at once T2
			m.interval = m.tm.T2
		}
		return append(out, do(actSend), arm(slotRetry, now.Add(m.interval)))
	case inExpiry:
		return m.end(whyTimerF, append(out, do(actTimeout)))
	case inUnsent:
		return m.end(whyUnsent, append(out, do(actFail)))
	case inStart, inCancel, inRequest, inACK:
		return out // not inputs of a running non-INVITE client
	}
	return out
}

func (m clientRequest) completed(in input, out []action) []action {
	switch in {
	case inExpiry:
		return m.end(whyTimerK, out)
	case in100, in1xx, in2xx, inRefusal, in408:
		return out // repeats
	case inUnsent:
		return out // about an earlier copy: the answer is here
	case inRetry, inStart, inCancel, inRequest, inACK:
		return out
	}
	return out
}
