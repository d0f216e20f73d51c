package transport

import (
	"time"

	"gatehouse/sip/msg"
)

// Limits bounds what peers can make this package hold. A zero field means the default given beside it.
type Limits struct {
	UDPReaders int // reader goroutines per UDP listener; 1, because two readers may swap two messages of one peer
	UDPBuffer  int // bytes asked of the kernel for each UDP socket, both directions; 4 MB

	MaxConns          int // connections accepted, all sources; 8192
	MaxStrangerConns  int // of those, from sources that are not Known, so that a flood leaves room for peers; 4096
	MaxConnsPerSource int // of those, from one source that is not Known (an IPv4 address, an IPv6 /64); 32
	MaxDialed         int // connections opened by us; 4096
	MaxDialing        int // of those, not yet established; 256

	QueueMessages   int // messages waiting to be written on one connection; 1024
	QueueBytes      int // bytes waiting on one connection; 512 KB
	QueueBytesTotal int // bytes waiting on all connections, of which those of strangers take half at most; 64 MB

	FirstMessageTimeout time.Duration // from accept to the first complete message; 10 s
	HeadTimeout         time.Duration // from a message's first byte to the end of its head; 5 s
	MessageTimeout      time.Duration // from a message's first byte to its last; 10 s
	IdleTimeout         time.Duration // without any byte between messages; 10 min
	WriteTimeout        time.Duration // for one message to be taken by the kernel; 5 s
	DialTimeout         time.Duration // to open a connection; 5 s, well within Timer B (32 s), so that failover has time
	FlushTimeout        time.Duration // for queued messages when a connection ends; 1 s
	LingerTimeout       time.Duration // reading on after a refusal, so that a reset does not overtake it; 1 s
}

const (
	defaultSIPPort = 5060

	// scratchBytes holds the largest UDP datagram, so that none is cut unnoticed.
	scratchBytes = 64 << 10

	// keepBufferBytes is the largest message buffer a pooled Inbound keeps: INVITEs fit, and a flood of 64 KB messages
	// does not stay in memory.
	keepBufferBytes = 8 << 10
	// bufferStepBytes rounds buffer sizes up so that a pooled buffer fits the next message too.
	bufferStepBytes = 512

	// streamBufferBytes is the first read buffer of a connection: one usual INVITE, and 8192 idle connections cost 32 MB.
	streamBufferBytes = 4 << 10
	// maxStreamBufferBytes is one byte more than the largest message, so that a full buffer always means too large.
	maxStreamBufferBytes = msg.MaxMessageBytes + 1

	// maxMalformed is how many malformed but correctly framed messages one connection may send. One bad header must not
	// tear down a trunk; a peer that sends nothing else is not a SIP peer.
	maxMalformed = 16

	// maxLingerBytes bounds what is read and thrown away after a refusal.
	maxLingerBytes = 1 << 20
	// lingerBufferBytes is small because many refused connections may linger at once.
	lingerBufferBytes = 512

	// strangerQueueShare divides QueueBytesTotal for connections that are not of peers: those
	// who do not read what we answer leave room for what waits for peers.
	strangerQueueShare = 2
	// keepQueueMessages is the longest queue array a connection keeps for its next messages.
	keepQueueMessages = 64

	// acceptBackoffMin and acceptBackoffMax pace accept retries when the process is out of file descriptors.
	acceptBackoffMin = 5 * time.Millisecond
	acceptBackoffMax = time.Second
	// readBackoff paces a UDP reader whose socket keeps failing.
	readBackoff = 5 * time.Millisecond

	// sourcePrefix6 is what one IPv6 customer commonly controls, hence what the per-source cap counts.
	sourcePrefix6 = 64
)

// withDefaults fills the fields that are zero or negative.
func (l Limits) withDefaults() Limits {
	for _, f := range []struct {
		v *int
		d int
	}{
		{&l.UDPReaders, 1},
		{&l.UDPBuffer, 4 << 20},
		{&l.MaxConns, 8192},
		{&l.MaxStrangerConns, 4096},
		{&l.MaxConnsPerSource, 32},
		{&l.MaxDialed, 4096},
		{&l.MaxDialing, 256},
		{&l.QueueMessages, 1024},
		{&l.QueueBytes, 512 << 10},
		{&l.QueueBytesTotal, 64 << 20},
	} {
		if *f.v <= 0 {
			*f.v = f.d
		}
	}
	for _, f := range []struct {
		v *time.Duration
		d time.Duration
	}{
		{&l.FirstMessageTimeout, 10 * time.Second},
		{&l.HeadTimeout, 5 * time.Second},
		{&l.MessageTimeout, 10 * time.Second},
		{&l.IdleTimeout, 10 * time.Minute},
		{&l.WriteTimeout, 5 * time.Second},
		{&l.DialTimeout, 5 * time.Second},
		{&l.FlushTimeout, time.Second},
		{&l.LingerTimeout, time.Second},
	} {
		if *f.v <= 0 {
			*f.v = f.d
		}
	}
	return l
}
