package flow

import "time"

const (
	// MaxPacketBytes is the largest payload that is relayed: an Ethernet frame and some room for tunnels with larger frames.
	MaxPacketBytes = 1600
	// LatchWindow is how long after the first accepted packet of a generation another source of the same rank may take over.
	LatchWindow = 3 * time.Second
	// SilentAfter is how long the present source must have been quiet before one of the same rank may take over.
	SilentAfter = 500 * time.Millisecond
	// FormerGrace is how long the source of the previous generation is heard while the new one is silent.
	FormerGrace = 2 * time.Second
	// PayloadGrace is how long payload types of the previous offer/answer are accepted (RFC 3264 §8.3.2).
	PayloadGrace = 5 * time.Second
	// TaintWindow is how long before a port was handed out a source must have sent to it to be taken for a sprayer.
	TaintWindow = time.Second
	// LatchPackets is how many packets in sequence make an address that was never signalled a source: single packets sprayed
	// over the port range do not.
	LatchPackets = 3
	// DatagramsPerSecond and DatagramBurst bound an opaque stream: T.38 sends at most 100 packets a second.
	DatagramsPerSecond = 500
	// DatagramBurst is how many datagrams may come at once.
	DatagramBurst = 200
)

const (
	candidateSlots = 4    // unsignalled addresses watched at a time, per port
	straySlots     = 2    // strangers remembered per idle port
	chunkSlots     = 1024 // table entries per allocation
	maxChunks      = 1024 // table entries end at a million
)
