package ports

import "time"

const (
	// Quarantine is the least time a pair rests after a call: late packets of that call arrive and are dropped in it.
	Quarantine = 2 * time.Second
	// BlockedFor is how long a pair whose ports could not be bound (another program has one) is left alone.
	BlockedFor = 60 * time.Second
	// takeSpread is how many of the longest rested pairs a taker draws from at random, so that the next port cannot be guessed
	// from the last ones.
	takeSpread = 16
)

const (
	wordBits  = 64
	pairPorts = 2 // RTP and RTCP
)
