package transport

import "errors"

// Errors a caller may want to tell apart.
var (
	// ErrClosed means that the stack, or the listener a message was to leave by, is closed.
	ErrClosed = errors.New("transport closed")
	// ErrQueueFull means that the destination does not take messages as fast as they are made.
	ErrQueueFull = errors.New("send queue full")
	// ErrDestination means that the destination can never be sent to: no listener, address or port, or not unicast.
	ErrDestination = errors.New("destination not usable")
)

var (
	errConnEnded   = errors.New("connection ended")
	errTooManyDial = errors.New("too many connections being opened")
	errNoHandler   = errors.New("options: Handler missing")
	errProto       = errors.New("unknown protocol")
)
