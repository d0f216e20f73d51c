package txn

import "time"

// state is where a transaction stands; each machine uses some of them.
type state uint8

const (
	idle       state = iota // before its request is sent or taken in
	calling                 // client INVITE: no response yet
	trying                  // non-INVITE: no response yet
	proceeding              // provisional responses; server INVITE: from the start
	completed               // final response, for an INVITE a refusal
	confirmed               // server INVITE: the refusal was acknowledged
	accepted                // INVITE: 2xx (RFC 6026 §7)
	terminated              // not in the table any more
)

// String names the state as the RFCs do.
func (s state) String() string {
	switch s {
	case idle:
		return "Idle"
	case calling:
		return "Calling"
	case trying:
		return "Trying"
	case proceeding:
		return "Proceeding"
	case completed:
		return "Completed"
	case confirmed:
		return "Confirmed"
	case accepted:
		return "Accepted"
	case terminated:
		return "Terminated"
	}
	return "unknown state"
}

// input is what a machine is told. Responses are those received by a client, or given by the user of a server.
type input uint8

const (
	inStart   input = iota // client: send the request; server: the request came
	in100                  // response 100
	in1xx                  // response 101-199
	in2xx                  // response 200-299
	inRefusal              // response 300-699 except 408
	in408                  // response 408
	inRetry                // the retransmission deadline: Timers A, E, G; server non-INVITE: the 100 is due
	inExpiry               // the end of the wait the state is in: Timers B, D, F, H, I, J, K, L, M
	inCancel               // client INVITE: its CANCEL was sent
	inUnsent               // client: the transport could not send
	inRequest              // server: the request again
	inACK                  // server INVITE: its ACK
)

// String names the input for tests.
func (in input) String() string {
	switch in {
	case inStart:
		return "start"
	case in100:
		return "100"
	case in1xx:
		return "1xx"
	case in2xx:
		return "2xx"
	case inRefusal:
		return "refusal"
	case in408:
		return "408"
	case inRetry:
		return "retry"
	case inExpiry:
		return "expiry"
	case inCancel:
		return "cancel"
	case inUnsent:
		return "unsent"
	case inRequest:
		return "request"
	case inACK:
		return "ACK"
	}
	return "unknown input"
}

// classify gives the input a status code is; false for a code that is not SIP's.
func classify(code int) (input, bool) {
	switch {
	case code == 100:
		return in100, true
	case code > 100 && code < 200:
		return in1xx, true
	case code >= 200 && code < 300:
		return in2xx, true
	case code == 408:
		return in408, true
	case code >= 300 && code < 700:
		return inRefusal, true
	default:
		return 0, false
	}
}

// actionKind is one thing a machine wants done.
type actionKind uint8

const (
	actSend    actionKind = iota // transmit what is kept
	actRelay                     // server: transmit the response at hand without keeping it
	actKeep                      // server: keep the response at hand for repeats
	actForget                    // nothing will be repeated: let go of what is kept
	actACK                       // client INVITE: make the ACK of the response at hand and keep it in place of the INVITE
	actTrying                    // server non-INVITE: make the 100 and keep it
	actDeliver                   // hand the message at hand to the user
	actArm                       // set deadline slot to at
	actStop                      // clear deadline slot
	actTimeout                   // tell the user that the peer did not answer
	actFail                      // tell the user that the request could not be sent
	actDone                      // leave the table
)

// slot is one of the two deadlines a transaction can have.
type slot uint8

const (
	slotRetry slot = iota
	slotEnd
	slots
)

type action struct {
	kind actionKind
	slot slot
	at   time.Time
}

// life is what every machine remembers.
type life struct {
	tm        Timers
	interval  time.Duration // of the retransmission deadline
	state     state
	why       reason
	reliable  bool
	cancelled bool // client INVITE: its CANCEL is under way
}

func (l *life) to(s state, why reason) { l.state, l.why = s, why }

// unreliable gives d on transports that lose messages, else zero: Timers D, I, J and K exist to absorb
// retransmissions only.
func (l *life) unreliable(d time.Duration) time.Duration {
	if l.reliable {
		return 0
	}
	return d
}

func (l *life) end(why reason, out []action) []action {
	l.to(terminated, why)
	return append(out, action{kind: actDone})
}

func do(kind actionKind) action { return action{kind: kind} }

func arm(s slot, at time.Time) action { return action{kind: actArm, slot: s, at: at} }

func stop(s slot) action { return action{kind: actStop, slot: s} }
