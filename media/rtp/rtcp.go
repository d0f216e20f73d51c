package rtp

import (
	"encoding/binary"
	"errors"
)

// Reasons why bytes are no RTCP compound packet.
var (
	// ErrRTCPShort says that the compound ends inside a packet or is shorter than one.
	ErrRTCPShort = errors.New("rtcp packet shorter than its length field")
	// ErrRTCPVersion says that a packet of the compound has a version other than 2.
	ErrRTCPVersion = errors.New("rtcp version is not 2")
	// ErrRTCPType says that a packet type lies outside 192 to 223 (RFC 5761 §4).
	ErrRTCPType = errors.New("rtcp packet type out of range")
	// ErrRTCPPadding says that a packet before the last is padded or the padding does not fit (RFC 3550 §6.4.1).
	ErrRTCPPadding = errors.New("rtcp padding does not fit the packet")
)

// The packet types that can be told from RTP payload types (RFC 5761 §4).
const (
	rtcpTypeMin = 192
	rtcpTypeMax = 223
)

// CheckCompound checks the headers of a compound RTCP packet as RFC 3550 §A.2 asks: version 2 throughout, lengths that add up to
// the datagram, padding on the last packet only. It does not allocate.
//
// Differs from RFC 3550 §A.2: the first packet need not be SR or RR, because reduced-size RTCP is relayed too (RFC 5506 §4.1).
func CheckCompound(b []byte) error {
	if len(b) < rtcpMinBytes {
		return ErrRTCPShort
	}
	for len(b) > 0 {
		if len(b) < rtcpHeaderBytes {
			return ErrRTCPShort
		}
		if b[0]>>versionShift != version {
			return ErrRTCPVersion
		}
		if b[1] < rtcpTypeMin || b[1] > rtcpTypeMax {
			return ErrRTCPType
		}
		size := rtcpHeaderBytes + wordBytes*int(binary.BigEndian.Uint16(b[2:]))
		if size > len(b) {
			return ErrRTCPShort
		}
		if b[0]&paddingBit != 0 {
			pad := int(b[size-1])
			if size != len(b) || pad == 0 || pad%wordBytes != 0 || pad > size-rtcpHeaderBytes {
				return ErrRTCPPadding
			}
		}
		b = b[size:]
	}
	return nil
}
