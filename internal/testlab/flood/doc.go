// Package flood attacks a SIP listener the way strangers do, at full rate and from thousands of addresses: Pour sends datagrams, Drip holds
// connections open with a byte a second, Shake begins TLS handshakes and leaves.
//
// Sources are addresses of 127/8, all of which are local on Linux, so nothing here needs rights. It counts what goes out and what comes back
// and judges nothing. A flood runs on goroutines of its own until Stop, which joins them. Only tests import it.
package flood

import "time"

const (
	// step is how often a flood looks at how much is due: short, so that what it sends is a stream and not bursts.
	step = 2 * time.Millisecond
	// batch is how many datagrams go to the kernel at once.
	batch = 64
	// socketBuffer is asked of the kernel for each socket, both directions.
	socketBuffer = 4 << 20
	// openWithin bounds the opening of one connection.
	openWithin = 5 * time.Second
)
