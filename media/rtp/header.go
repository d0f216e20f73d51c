// Package rtp reads the fixed parts of RTP and RTCP packets and keeps the receiver's arithmetic of RFC 3550: extended
// sequence numbers, loss and jitter.
//
// It is a leaf: bytes and numbers in, values out; no socket, no clock, no allocation, no goroutine. It refuses to look into
// payloads. Every function may be called from packet workers; a Receiver belongs to one of them at a time. media/flow calls it.
package rtp

import (
	"encoding/binary"
	"errors"
)

// Reasons why bytes are no RTP packet. They are fixed values, so that refusing a packet costs nothing.
var (
	// ErrShort says that the packet ends before the header it announces.
	ErrShort = errors.New("rtp packet shorter than its header")
	// ErrVersion says that the version field is not 2 (RFC 3550 §5.1).
	ErrVersion = errors.New("rtp version is not 2")
	// ErrPadding says that the padding count is zero or longer than the payload (RFC 3550 §5.1, §A.1).
	ErrPadding = errors.New("rtp padding does not fit the packet")
)

// Header is what the fixed header of an RTP packet says, with the bounds of the payload.
type Header struct {
	Marker    bool
	Extension bool
	PT        uint8 // payload type, 7 bits
	CSRCs     uint8 // number of contributing sources
	Seq       uint16
	Timestamp uint32
	SSRC      uint32
	Start     int // first byte of the payload
	End       int // first byte after the payload, padding left out
}

// Parse reads the header of b and checks that contributing sources, extension and padding lie inside the packet
// (RFC 3550 §5.1, §5.3.1, §A.1). It does not allocate.
func Parse(b []byte) (Header, error) {
	if len(b) < headerBytes {
		return Header{}, ErrShort
	}
	if b[0]>>versionShift != version {
		return Header{}, ErrVersion
	}
	h := Header{
		Marker:    b[1]&markerBit != 0,
		Extension: b[0]&extensionBit != 0,
		PT:        b[1] & payloadTypeMask,
		CSRCs:     b[0] & csrcMask,
		Seq:       binary.BigEndian.Uint16(b[2:]),
		Timestamp: binary.BigEndian.Uint32(b[4:]),
		SSRC:      binary.BigEndian.Uint32(b[8:]),
		Start:     headerBytes + wordBytes*int(b[0]&csrcMask),
		End:       len(b),
	}
	if h.Extension {
		if len(b) < h.Start+wordBytes {
			return Header{}, ErrShort
		}
		h.Start += wordBytes + wordBytes*int(binary.BigEndian.Uint16(b[h.Start+2:]))
	}
	if h.Start > len(b) {
		return Header{}, ErrShort
	}
	if b[0]&paddingBit != 0 {
		pad := int(b[len(b)-1])
		if pad == 0 || h.Start+pad > len(b) {
			return Header{}, ErrPadding
		}
		h.End -= pad
	}
	return h, nil
}

// SetPT writes the payload type of a packet that Parse accepted, in place; the marker stays.
func SetPT(b []byte, pt uint8) {
	b[1] = b[1]&markerBit | pt&payloadTypeMask
}
