package txn

// reason names the cause of the latest transition of a machine.
type reason uint8

const (
	whyNone          reason = iota
	whySent                 // client: request handed to the transport
	whyReceived             // server: request taken in
	whyProvisional          // provisional response
	whySuccess              // 2xx
	whyRefusal              // final response that is not 2xx, to an INVITE
	whyAnswer               // final response to a non-INVITE request
	whyACK                  // ACK of a refusal
	whyTimerB               // client INVITE: no response
	whyTimerD               // client INVITE: repeats of the refusal are over
	whyTimerF               // client non-INVITE: no final response
	whyTimerH               // server INVITE: the refusal was never acknowledged
	whyTimerI               // server INVITE: repeats of the ACK are over
	whyTimerJ               // server non-INVITE: repeats of the request are over
	whyTimerK               // client non-INVITE: repeats of the response are over
	whyTimerL               // server INVITE: repeats of an accepted INVITE are over
	whyTimerM               // client INVITE: repeats of the 2xx are over
	whyTrying               // server non-INVITE: no answer yet, 100 sent
	whyUnanswered           // server non-INVITE: the client has given up by now
	whyCancelExpired        // client INVITE: no final response 64*T1 after its CANCEL
	whyUnsent               // client: transport error
	whyDropped              // the user let go of it
)

// String says the reason in words, for logs and tests.
func (r reason) String() string {
	switch r {
	case whyNone:
		return "none"
	case whySent:
		return "request sent"
	case whyReceived:
		return "request received"
	case whyProvisional:
		return "provisional response"
	case whySuccess:
		return "2xx"
	case whyRefusal:
		return "refusal"
	case whyAnswer:
		return "final response"
	case whyACK:
		return "ACK"
	case whyTimerB:
		return "timer B"
	case whyTimerD:
		return "timer D"
	case whyTimerF:
		return "timer F"
	case whyTimerH:
		return "timer H"
	case whyTimerI:
		return "timer I"
	case whyTimerJ:
		return "timer J"
	case whyTimerK:
		return "timer K"
	case whyTimerL:
		return "timer L"
	case whyTimerM:
		return "timer M"
	case whyTrying:
		return "100 due"
	case whyUnanswered:
		return "no answer in time"
	case whyCancelExpired:
		return "no final response after CANCEL"
	case whyUnsent:
		return "transport error"
	case whyDropped:
		return "dropped"
	}
	return "unknown reason"
}
