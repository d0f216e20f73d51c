package rtp

import "time"

// Layout of the RTP fixed header (RFC 3550 §5.1) and the RTCP common header (RFC 3550 §6.1).
const (
	headerBytes     = 12 // RTP header without contributing sources
	rtcpHeaderBytes = 4  // first word of each RTCP packet
	rtcpMinBytes    = 8  // an RTCP compound at least names one SSRC
	wordBytes       = 4  // lengths in RTCP and header extensions count 32-bit words
	version         = 2
	versionShift    = 6
	paddingBit      = 0x20
	extensionBit    = 0x10
	csrcMask        = 0x0f
	markerBit       = 0x80
	payloadTypeMask = 0x7f
)

// Parameters of the sequence number check of RFC 3550 §A.1.
const (
	maxDropout  = 3000    // a forward jump up to here is loss, beyond it a restart
	maxMisorder = 100     // a backward jump up to here is reordering, beyond it a restart
	seqMod      = 1 << 16 // sequence numbers are 16 bits
	noBadSeq    = seqMod + 1
)

// jitterShift is log2 of the gain 1/16 of the jitter estimator (RFC 3550 §6.4.1).
const jitterShift = 4

const nanosPerSecond = int64(time.Second)
