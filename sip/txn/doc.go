// Package txn keeps the SIP transactions of one event loop: it sends and absorbs retransmissions, acknowledges
// refused INVITEs, and tells its user about each new request, each response that matters, and each failure, once.
//
// Four pure machines decide (client and server, INVITE and other methods; RFC 3261 §17 with RFC 6026 and RFC 4320): an
// input and the time give a list of actions. Table owns the transactions, finds the one a message belongs to,
// keeps their deadlines in one heap and turns actions into events. It has no socket, clock, goroutine or lock: the
// loop that owns it passes the time in, sends what Transmit events say, and calls Advance when Next is reached.
//
// What it refuses: a second final response, 1xx other than 100 and 408 to a non-INVITE request, anything on a
// transaction that ended. What it leaves to its user: the 2xx and its ACK (RFC 6026 §7), the first 100 to an
// INVITE, and how long a call may ring: a client INVITE that got a provisional response waits until it is cancelled.
//
// Every transaction that was entered in the table leaves it with one Terminated event.
package txn
