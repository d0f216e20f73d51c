package demo

import "time"

// The SIP timers of RFC 3261 Appendix A.
const (
	timerT1 = 500 * time.Millisecond
	timerT2 = 4 * time.Second
	// giveUp is 64*T1: Timers B, F and H.
	giveUp = 64 * timerT1
)

const (
	// maxMessage is the largest SIP message read, in bytes.
	maxMessage = 65535
	// dialTimeout bounds the opening of a connection and a write on it.
	dialTimeout = 5 * time.Second
	// rememberedTransactions bounds what an endpoint keeps to answer repeats;
	// older ones are forgotten first.
	rememberedTransactions = 1024
	// waitingCalls bounds the incoming calls nobody has accepted yet; more are
	// refused with 486.
	waitingCalls = 16
	// waitingResponses bounds the unread responses of one transaction.
	waitingResponses = 16
	// defaultSIPPort is where a URI without a port is reached.
	defaultSIPPort = 5060
)
