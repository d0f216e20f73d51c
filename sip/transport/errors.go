package transport

import (
	"errors"

	"gatehouse/sip/transport/stream"
)

// Errors a caller may want to tell apart.
var (
	// ErrClosed means that the stack, or the listener a message was to leave by, is closed.
	ErrClosed = errors.New("transport closed")
	// ErrQueueFull means that the destination does not take messages as fast as they are made.
	ErrQueueFull = stream.ErrQueueFull
	// ErrDestination means that the destination can never be sent to: no listener, address or port, not unicast, or
	// nothing that says how to secure the connection.
	ErrDestination = errors.New("destination not usable")
)

var (
	errConnEnded   = stream.ErrEnded
	errTooManyDial = errors.New("too many connections being opened")
	errNoHandler   = errors.New("options: Handler missing")
	errProto       = errors.New("unknown protocol")
	errNoTLS       = stream.ErrNoTLS
	errDSCP        = errors.New("code point above 63")
	errDenied      = errors.New("source denied")
	errSpare       = errors.New("closed to make room")
	errMalformed   = errors.New("too many malformed messages")
)
