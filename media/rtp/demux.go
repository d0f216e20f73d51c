package rtp

// Class is what the first byte of a datagram on a media port announces (RFC 7983 §7).
type Class uint8

// The classes. Unknown values are dropped, never guessed.
const (
	Unknown Class = iota
	STUN
	ZRTP
	DTLS
	TURN
	Media // RTP or RTCP
)

// String gives the class in lower case.
func (c Class) String() string {
	switch c {
	case Unknown:
		return "unknown"
	case STUN:
		return "stun"
	case ZRTP:
		return "zrtp"
	case DTLS:
		return "dtls"
	case TURN:
		return "turn"
	case Media:
		return "media"
	}
	return "invalid"
}

// Classify tells the protocols that share a media port apart by their first byte (RFC 7983 §7).
func Classify(first byte) Class {
	switch {
	case first <= 3:
		return STUN
	case first >= 16 && first <= 19:
		return ZRTP
	case first >= 20 && first <= 63:
		return DTLS
	case first >= 64 && first <= 79:
		return TURN
	case first >= 128 && first <= 191:
		return Media
	}
	return Unknown
}

// IsRTCP tells RTCP from RTP where both share a port: the second byte without its top bit is 64 to 95
// (RFC 5761 §4). b is at least two bytes long, else the answer is false.
func IsRTCP(b []byte) bool {
	if len(b) < 2 {
		return false
	}
	pt := b[1] & payloadTypeMask
	return pt >= rtcpFirstPT && pt <= rtcpLastPT
}

// The payload types that RTP leaves to RTCP when they share a port (RFC 5761 §4).
const (
	rtcpFirstPT = 64
	rtcpLastPT  = 95
)

// Reserved says that an RTP payload type is one of those that look like SR, RR, SDES, BYE or APP and so are never
// assigned to a codec (RFC 3551 §6).
func Reserved(pt uint8) bool { return pt >= 72 && pt <= 76 }
