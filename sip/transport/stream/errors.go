package stream

import (
	"errors"
	"net"
)

// Reason says why a connection was ended by us. It is an error.
type Reason uint8

// The reasons.
const (
	LateFirst   Reason = iota // no message came in the time of the first
	LateHead                  // a message's head took too long
	LateMessage               // a message took too long
	Idle                      // nobody used the connection
	TooLarge                  // a message over the limit
	Unframed                  // where messages end cannot be known
	NoPong                    // the remote stopped to answer keep-alives
)

// Error implements error.
func (r Reason) Error() string {
	switch r {
	case LateFirst:
		return "no message came"
	case LateHead:
		return "the head of a message took too long"
	case LateMessage:
		return "a message took too long"
	case Idle:
		return "connection idle"
	case TooLarge:
		return "message too large"
	case Unframed:
		return "messages cannot be told apart"
	case NoPong:
		return "keep-alive not answered"
	}
	return "unknown reason"
}

// Errors a caller may want to tell apart.
var (
	// ErrEnded means that the connection takes no more messages.
	ErrEnded = errors.New("connection ended")
	// ErrQueueFull means that the remote does not take messages as fast as they are made.
	ErrQueueFull = errors.New("send queue full")
	// ErrNoTLS means that there is nothing to secure the connection with.
	ErrNoTLS = errors.New("no TLS configuration")
)

var errHandshakeSize = errors.New("handshake too large")

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
