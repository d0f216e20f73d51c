package txn

import "time"

// clientInvite is the INVITE client machine of RFC 3261 §17.1.1 with the Accepted state of RFC 6026 §7.2.
type clientInvite struct{ *life }

func (m clientInvite) step(in input, now time.Time, out []action) []action {
	switch m.state {
	case idle:
		return m.begin(in, now, out)
	case calling:
		return m.calling(in, now, out)
	case proceeding:
		return m.proceeding(in, now, out)
	case completed:
		return m.completed(in, out)
	case accepted:
		return m.accepted(in, out)
	case terminated:
		return out
	case trying, confirmed:
		return out // states of other machines
	}
	return out
}

func (m clientInvite) begin(in input, now time.Time, out []action) []action {
	if in != inStart {
		return out
	}
	m.to(calling, whySent)
	m.interval = m.tm.T1
	out = append(out, do(actSend), arm(slotEnd, now.Add(m.tm.long()))) // Timer B
	if !m.reliable {
		out = append(out, arm(slotRetry, now.Add(m.interval))) // Timer A
	}
	return out
}

func (m clientInvite) calling(in input, now time.Time, out []action) []action {
	switch in {
	case in100, in1xx:
		m.to(proceeding, whyProvisional)
		return append(out, stop(slotRetry), stop(slotEnd), do(actDeliver))
	case in2xx:
		return m.succeed(now, out)
	case inRefusal, in408:
		return m.refuse(now, out)
	case inRetry: // Timer A doubles without bound: RFC 3261 §17.1.1.2
		m.interval *= 2
		return append(out, do(actSend), arm(slotRetry, now.Add(m.interval)))
	case inExpiry:
		return m.end(whyTimerB, append(out, do(actTimeout)))
	case inUnsent:
		return m.end(whyUnsent, append(out, do(actFail)))
	case inCancel:
		return out // RFC 3261 §9.1: no CANCEL before a provisional response; Table.Cancel refuses it
	case inStart, inRequest, inACK:
		return out // not inputs of a running client
	}
	return out
}

func (m clientInvite) proceeding(in input, now time.Time, out []action) []action {
	switch in {
	case in100, in1xx:
		return append(out, do(actDeliver))
	case in2xx:
		return m.succeed(now, out)
	case inRefusal, in408:
		return m.refuse(now, out)
	case inCancel: // RFC 3261 §9.1: an old peer may never answer the cancelled INVITE
		m.cancelled = true
		return append(out, arm(slotEnd, now.Add(m.tm.long())))
	case inExpiry: // only armed by inCancel
		return m.end(whyCancelExpired, append(out, do(actTimeout)))
	case inUnsent:
		return out // the peer has the INVITE: a late report about an earlier copy changes nothing
	case inRetry, inStart, inRequest, inACK:
		return out // Timer A stopped; the rest are not inputs of a running client
	}
	return out
}

func (m clientInvite) completed(in input, out []action) []action {
	switch in {
	case inRefusal, in408: // the response again: RFC 3261 §17.1.1.2 wants the ACK again, and nothing delivered
		return append(out, do(actSend))
	case inExpiry:
		return m.end(whyTimerD, out)
	case inUnsent: // the ACK; the user has its final response already, so no second failure is reported
		return m.end(whyUnsent, out)
	case in100, in1xx, in2xx:
		return out // after the final response: RFC 6026 §8.4 has no way back
	case inRetry, inCancel, inStart, inRequest, inACK:
		return out
	}
	return out
}

func (m clientInvite) accepted(in input, out []action) []action {
	switch in {
	case in2xx: // repeats and those of other forks: the user acknowledges each
		return append(out, do(actDeliver))
	case inExpiry:
		return m.end(whyTimerM, out)
	case in100, in1xx, inRefusal, in408:
		return out // only 2xx pass up: RFC 6026 §7.2
	case inUnsent:
		return out // about an earlier copy of the INVITE; the ACK is the user's
	case inRetry, inCancel, inStart, inRequest, inACK:
		return out
	}
	return out
}

func (m clientInvite) succeed(now time.Time, out []action) []action {
	m.to(accepted, whySuccess)
	return append(out, stop(slotRetry), do(actForget), arm(slotEnd, now.Add(m.tm.long())), do(actDeliver)) // Timer M
}

func (m clientInvite) refuse(now time.Time, out []action) []action {
	m.to(completed, whyRefusal)
	return append(out, stop(slotRetry), do(actACK), arm(slotEnd, now.Add(m.unreliable(m.tm.D))), do(actDeliver))
}
