package sdp

import (
	"fmt"
	"strings"
)

// Direction is who sends on a stream, as the describing side sees it (RFC 3264 §5.1).
type Direction uint8

// The directions. SendRecv is what holds when nothing is said (RFC 8866 §6.7).
const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

// NewDirection gives the direction with these two halves.
func NewDirection(send, recv bool) Direction {
	switch {
	case send && recv:
		return SendRecv
	case send:
		return SendOnly
	case recv:
		return RecvOnly
	}
	return Inactive
}

// Sends says that the describing side may send.
func (d Direction) Sends() bool { return d == SendRecv || d == SendOnly }

// Receives says that the describing side wants to receive.
func (d Direction) Receives() bool { return d == SendRecv || d == RecvOnly }

// Reverse is the same flow seen from the other side.
func (d Direction) Reverse() Direction { return NewDirection(d.Receives(), d.Sends()) }

// And leaves of d what other allows too; both are from the same side's view.
func (d Direction) And(other Direction) Direction {
	return NewDirection(d.Sends() && other.Sends(), d.Receives() && other.Receives())
}

// String gives the attribute name.
func (d Direction) String() string {
	switch d {
	case SendRecv:
		return "sendrecv"
	case SendOnly:
		return "sendonly"
	case RecvOnly:
		return "recvonly"
	case Inactive:
		return "inactive"
	}
	return fmt.Sprintf("direction(%d)", uint8(d))
}

// parseDirection reads an attribute name, without regard to case.
func parseDirection(name string) (Direction, bool) {
	for d := SendRecv; d <= Inactive; d++ {
		if strings.EqualFold(name, d.String()) {
			return d, true
		}
	}
	return SendRecv, false
}
