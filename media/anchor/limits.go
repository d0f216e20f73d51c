package anchor

import "time"

const (
	// defaultReserve is how many pairs of each address are bound in advance: what a busy second takes.
	defaultReserve = 256
	// reserveExcess is how far the reserve may outgrow its size, as a factor, before rested pairs are closed instead of kept.
	reserveExcess = 2
	// refillBatch is how many pairs are bound or closed between two looks at the plane, so that calls never wait for more.
	refillBatch = 16
	// sweepBatch is how many ends the timeout sweep looks at without letting calls in.
	sweepBatch = 1024
	// sweepEvery is the period of the media timeout sweep.
	sweepEvery = time.Second
	// keepEvery is how often rested pairs are looked after while there are any.
	keepEvery = 100 * time.Millisecond
	// bindTries is how many pairs a call tries to bind when each has a port that another program took.
	bindTries = 8
	// restMax ends a pair's rest even though the last call's peer goes on sending to it.
	restMax = 5 * time.Minute
	// maxStreams is the number of m-lines an end may have ports for; offers are cut to 16 long before.
	maxStreams = 64
	// complainEvery limits log lines about what an operator should look at; the counters are exact.
	complainEvery = 10 * time.Second
)
