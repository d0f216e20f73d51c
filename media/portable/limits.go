package portable

import "gatehouse/media/flow"

const (
	// maxWorkers is how many packet workers there are at most without being told: one a core, and relaying is not all we do.
	maxWorkers = 2
	// socketsPerPair is one for RTP and one for RTCP.
	socketsPerPair = 2
	// receiveBuffer is asked of the kernel for each socket; it doubles it. About a second of audio, half a second of video.
	receiveBuffer = 64 << 10
	// readBytes is the buffer a datagram is read into: one byte more than may be relayed, so that longer ones are seen.
	readBytes = flow.MaxPacketBytes + 1
)
