// Package memnet is an in-memory network for tests: UDP and TCP between any addresses, with delay, loss, duplication,
// reordering, refusal, NAT and capture, and no operating system sockets.
//
// It exists for testing/synctest: everything blocks on sync.Cond and fires by timers of package time, so that a bubble
// whose goroutines all wait on the network is idle and virtual time advances. A Network starts no goroutine of its
// own; there is nothing to close but the sockets. Make it, and use it, inside one bubble (or in none).
//
// Order is deterministic: what is due at the same instant is delivered in the order in which it was sent. Bytes sent
// without delay are in the receiver's socket when the write returns.
//
// TCP here carries writes as segments: they arrive whole and in order, a full window (64 KB) blocks the writer, closing
// with unread bytes resets the other side, a lost segment stalls its direction for good. That is as much of TCP as
// SIP framing, deadlines and failover depend on.
//
// It refuses wildcard addresses, because it has no notion of which addresses a machine has: every socket is bound to
// the exact address its packets carry.
package memnet
