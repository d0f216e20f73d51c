// Package datagram reads and sends datagrams for package transport: on Linux many in one system call, all sockets of the process in
// one wait and on one goroutine, because waking a thread for each datagram costs more than handling it.
//
// It knows sockets and bytes, nothing of SIP. A Poll runs one goroutine for the sockets of the system; any other kind of socket, such
// as one of an in-memory network, gets a goroutine of its own. The functions given to Add are called on these goroutines and should
// be quick. Sockets may be added, sent on and closed from any goroutine.
package datagram
