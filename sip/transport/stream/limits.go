package stream

import (
	"time"

	"gatehouse/sip/msg"
)

// Limits bounds what one connection may take. All fields are needed.
type Limits struct {
	QueueMessages int // messages waiting to be written
	QueueBytes    int // bytes waiting

	Handshake    time.Duration // from accept to the end of the TLS and WebSocket handshakes
	FirstMessage time.Duration // from accept to the first complete message
	Head         time.Duration // from a message's first byte to the end of its head
	Message      time.Duration // from a message's first byte to its last
	Idle         time.Duration // without any byte between messages
	Write        time.Duration // for one message to be taken by the kernel
	Flush        time.Duration // for queued messages when the connection ends
	Linger       time.Duration // reading on after a refusal, so that a reset does not overtake it
	KeepAlive    time.Duration // without any byte on a connection we opened, until it is pinged
	Pong         time.Duration // for the answer to a ping
}

const (
	codeBadRequest = 400
	codeTooLarge   = 513

	// firstBufferBytes is the first read buffer of a connection. It doubles when a message needs that, once, since it is
	// kept; those who only drip stay with it.
	firstBufferBytes = 1 << 10
	// keepBufferBytes is the largest read buffer that is kept when it is empty: INVITEs fit, and a flood of 64 KB messages
	// does not stay in memory.
	keepBufferBytes = 8 << 10
	// maxBufferBytes is one byte more than the largest message, so that a full buffer always means too large.
	maxBufferBytes = msg.MaxMessageBytes + 1

	// maxLingerBytes bounds what is read and thrown away after a refusal.
	maxLingerBytes = 1 << 20
	// lingerBufferBytes is small because many refused connections may linger at once.
	lingerBufferBytes = 512

	// keepQueueMessages is the longest queue array a connection keeps for its next messages.
	keepQueueMessages = 16

	// maxHandshakeBytes bounds what is read before a remote has proven to speak TLS or WebSocket: hello, certificates
	// (10 KB by sip/secure), and the head of an HTTP request (8 KB).
	maxHandshakeBytes = 32 << 10

	// keepAliveJitter is the part of KeepAlive that is random, so that connections opened together are not pinged
	// together (RFC 5626 §4.4).
	keepAliveJitter = 0.2
)
