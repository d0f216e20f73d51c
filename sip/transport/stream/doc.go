// Package stream carries SIP messages over one connection, accepted or opened by us: TCP, TLS, WebSocket, or WebSocket
// over TLS (RFC 3261 §18, RFC 7118).
//
// It owns the handshakes, the cutting of a byte stream into messages, every deadline, the queue of what is to be
// written, and the keep-alive in both roles (RFC 5626 §4.4.1). Memory grows with what arrived, never with what a remote
// announces; each end of a connection has a reason.
//
// It refuses to know who is at the other end: which connections there are, who may open one and what a message is worth
// is its owner's business.
//
// Threads: the goroutine that made the handshake calls Run, which reads; a writer runs while there is something to
// write. The owner is called on both, and must not block. All methods but Accept, Dial and Run may be called from any
// goroutine, and none of those waits for the network. sip/transport is the only caller.
package stream
