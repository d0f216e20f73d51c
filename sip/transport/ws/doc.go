// Package ws carries SIP messages over WebSocket connections (RFC 6455, RFC 7118), on either side.
//
// It owns the opening handshake on a connection that somebody else accepted or opened: the subprotocol sip, the Origins
// that browsers may come from, and the bounds on both. Afterwards it gives whole messages, whatever frames they came
// in, never allocating by a length somebody announced.
//
// It refuses compression, messages over the limit, frames from clients without mask, and whatever else RFC 6455 says
// ends a connection. It sets no deadlines and starts no goroutines: its user does both, on the connection it gave.
//
// Threads: one goroutine reads (Await, Read), any may write. sip/transport is the only caller.
package ws
