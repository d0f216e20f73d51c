package transport

import (
	"time"

	"gatehouse/sip/transport/stream"
)

// Limits bounds what peers can make this package hold. A zero field means the default given beside it.
type Limits struct {
	UDPBuffer int // bytes asked of the kernel for each UDP socket, both directions; 4 MB

	MaxConns          int // connections accepted, all sources; 8192
	MaxStrangerConns  int // of those, from sources that are not Known, so that a flood leaves room for peers; 4096
	MaxConnsPerSource int // of those, from one source that is not Known (an IPv4 address, an IPv6 /64); 32
	MaxConnsPerPeer   int // accepted from one source that is Known; half of MaxConns
	MaxDialed         int // connections opened by us; 4096
	MaxDialing        int // of those, not yet established; 256

	MaxShakes          int // TLS and WebSocket handshakes on accepted connections at once; 256
	MaxStrangerShakes  int // of those, of sources that are not Known; three quarters of MaxShakes
	MaxShakesPerSource int // of those, of one source, Known or not; 32: an office full of phones after a power cut

	QueueMessages   int // messages waiting to be written on one connection; 1024
	QueueBytes      int // bytes waiting on one connection; 512 KB
	QueueBytesTotal int // bytes waiting on all connections, of which those of strangers take half at most; 64 MB

	HandshakeTimeout    time.Duration // from accept to the end of the TLS and WebSocket handshakes; 5 s
	FirstMessageTimeout time.Duration // from accept to the first complete message, handshakes included; 10 s
	HeadTimeout         time.Duration // from a message's first byte to the end of its head; 5 s
	MessageTimeout      time.Duration // from a message's first byte to its last; 10 s
	IdleTimeout         time.Duration // without any byte between messages; 10 min
	WriteTimeout        time.Duration // for one message to be taken by the kernel; 5 s
	DialTimeout         time.Duration // to open a connection; 5 s, well within Timer B (32 s), so that failover has time
	FlushTimeout        time.Duration // for queued messages when a connection ends; 1 s
	LingerTimeout       time.Duration // reading on after a refusal, so that a reset does not overtake it; 1 s
	KeepAlive           time.Duration // without any byte on a connection we opened, until it is pinged, jittered 80 to 100 %; 95 s (RFC 5626 §4.4)
	PongTimeout         time.Duration // for the answer to a ping; 10 s (RFC 5626 §4.4.1)
}

const (
	defaultSIPPort  = 5060
	defaultSIPSPort = 5061
	defaultWSPort   = 80
	defaultWSSPort  = 443

	// keepBufferBytes is the largest message buffer a pooled Inbound keeps: INVITEs fit, and a flood of 64 KB messages
	// does not stay in memory.
	keepBufferBytes = 8 << 10
	// bufferStepBytes rounds buffer sizes up so that a pooled buffer fits the next message too.
	bufferStepBytes = 512

	// maxMalformed is how many malformed but correctly framed messages one connection may send. One bad header must not
	// tear down a trunk; a peer that sends nothing else is not a SIP peer.
	maxMalformed = 16

	// strangerQueueShare divides QueueBytesTotal for connections that are not of peers: those
	// who do not read what we answer leave room for what waits for peers.
	strangerQueueShare = 2
	// spareAfter is how long a connection we opened must have carried no message before it may go to make room: every
	// transaction is over by then (64*T1, twice).
	spareAfter = 64 * time.Second

	// maxDSCP is the largest code point (RFC 2474 §3).
	maxDSCP = 63

	// acceptBackoffMin and acceptBackoffMax pace accept retries when the process is out of file descriptors.
	acceptBackoffMin = 5 * time.Millisecond
	acceptBackoffMax = time.Second

	// sourcePrefix6 is what one IPv6 customer commonly controls, hence what the per-source cap counts.
	sourcePrefix6 = 64
)

// withDefaults fills the fields that are zero or negative.
func (l Limits) withDefaults() Limits {
	for _, f := range []struct {
		v *int
		d int
	}{
		{&l.UDPBuffer, 4 << 20},
		{&l.MaxConns, 8192},
		{&l.MaxStrangerConns, 4096},
		{&l.MaxConnsPerSource, 32},
		{&l.MaxDialed, 4096},
		{&l.MaxDialing, 256},
		{&l.MaxShakes, 256},
		{&l.MaxShakesPerSource, 32},
		{&l.QueueMessages, 1024},
		{&l.QueueBytes, 512 << 10},
		{&l.QueueBytesTotal, 64 << 20},
	} {
		if *f.v <= 0 {
			*f.v = f.d
		}
	}
	// The shares.
	for _, f := range []struct {
		v *int
		d int
	}{
		{&l.MaxConnsPerPeer, (l.MaxConns + 1) / 2},
		{&l.MaxStrangerShakes, max(1, l.MaxShakes*3/4)},
	} {
		if *f.v <= 0 {
			*f.v = f.d
		}
	}
	for _, f := range []struct {
		v *time.Duration
		d time.Duration
	}{
		{&l.HandshakeTimeout, 5 * time.Second},
		{&l.FirstMessageTimeout, 10 * time.Second},
		{&l.HeadTimeout, 5 * time.Second},
		{&l.MessageTimeout, 10 * time.Second},
		{&l.IdleTimeout, 10 * time.Minute},
		{&l.WriteTimeout, 5 * time.Second},
		{&l.DialTimeout, 5 * time.Second},
		{&l.FlushTimeout, time.Second},
		{&l.LingerTimeout, time.Second},
		{&l.KeepAlive, 95 * time.Second},
		{&l.PongTimeout, 10 * time.Second},
	} {
		if *f.v <= 0 {
			*f.v = f.d
		}
	}
	return l
}

// ofLine are the limits of one connection.
func (l Limits) ofLine() stream.Limits {
	return stream.Limits{
		QueueMessages: l.QueueMessages, QueueBytes: l.QueueBytes,
		Handshake: l.HandshakeTimeout, FirstMessage: l.FirstMessageTimeout, Head: l.HeadTimeout, Message: l.MessageTimeout,
		Idle: l.IdleTimeout, Write: l.WriteTimeout, Flush: l.FlushTimeout, Linger: l.LingerTimeout,
		KeepAlive: l.KeepAlive, Pong: l.PongTimeout,
	}
}
