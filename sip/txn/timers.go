package txn

import "time"

// Timers are the base values one transaction runs on; a peer may have its own. A value that is zero or below means
// the default.
type Timers struct {
	T1 time.Duration // round-trip estimate; first retransmission, and 64 of it the length of most waits
	T2 time.Duration // longest interval between retransmissions of non-INVITE requests and INVITE responses
	T4 time.Duration // how long a message may stay in the network
	D  time.Duration // how long a refused client INVITE acknowledges repeats, on unreliable transports
}

// Default base values (RFC 3261 Appendix A).
const (
	defaultT1 = 500 * time.Millisecond
	defaultT2 = 4 * time.Second
	defaultT4 = 5 * time.Second
	defaultD  = 32 * time.Second // at least 32 s whatever T1 is: the peer's T1 is not known (RFC 6026 §8.4)

	// giveUp times T1 is how long Timers B, F, H, J, L and M wait.
	giveUp = 64
)

// DefaultTimers gives the values of RFC 3261 Appendix A.
func DefaultTimers() Timers {
	return Timers{T1: defaultT1, T2: defaultT2, T4: defaultT4, D: defaultD}
}

// usable replaces absent values, so that no machine can be given an interval of zero.
func (t Timers) usable() Timers {
	for _, v := range []struct {
		at  *time.Duration
		def time.Duration
	}{{&t.T1, defaultT1}, {&t.T2, defaultT2}, {&t.T4, defaultT4}, {&t.D, defaultD}} {
		if *v.at <= 0 {
			*v.at = v.def
		}
	}
	t.T2 = max(t.T2, t.T1)
	return t
}

// long is 64*T1.
func (t Timers) long() time.Duration { return giveUp * t.T1 }

// trying is when a peer's Timer E comes to be reset to T2, counted from its request: the moment a 100 to a
// non-INVITE request becomes due, and allowed on unreliable transports (RFC 4320 §4.1). 3.5 s by default.
func (t Timers) trying() time.Duration {
	sum, next := t.T1, 2*t.T1
	for next < t.T2 {
		sum, next = sum+next, 2*next
	}
	return sum
}
