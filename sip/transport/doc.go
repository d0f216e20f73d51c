// Package transport moves SIP messages between sockets and the core: UDP, TCP, TLS, WS and WSS, IPv4 and IPv6.
//
// It owns the listeners, the table of connections with their caps and with who may be reached by which (RFC 3261 §18,
// RFC 5923), the pool of received messages, and the few answers that need no state: malformed requests (RFC 3261 §8.2,
// §18.3) and keep-alives (RFC 5626 §3.5.1). It decides where a response goes (RFC 3261 §18.2.2, RFC 3581 §4). What
// happens on one connection is the business of package stream.
//
// It refuses to know about transactions, dialogs, calls or policy: who may speak is asked through Admission, and every
// well-formed message goes to Handler. It never resolves a name: destinations are addresses. What is to leave encrypted
// never leaves otherwise: there is no way from a TLS destination to a TCP connection.
//
// Threads: each UDP listener has its reader goroutines (one unless Limits says more, so that messages of one peer keep
// their order), each of the others an accept loop, each connection a reader, and a writer while there is something to
// write. Handler is called on their goroutines and must not block. Send may be called from any goroutine, also from
// inside Handler, and never waits for the network. Close and CloseListener join what they stop, so they must not be
// called from inside Handler.
//
// A handler can rely on this: a failed send is reported once, either by the error Send returned or by SendFailed, and
// nothing is called any more after Close returned nil.
package transport
