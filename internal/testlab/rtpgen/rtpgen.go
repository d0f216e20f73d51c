// Package rtpgen makes media streams whose every packet carries a stamp, and
// counts what arrives of them: loss, order, repeats, delay, and packets that
// belong to no stream. Tests of the media plane and of whole calls send with
// it through a relay and know afterwards what the relay did.
//
// A Stream makes packets and a Tally judges them, both without sockets or
// clock; Pump and Collect connect them to one. A Stream belongs to one
// goroutine; a Tally may be read while Collect fills it.
package rtpgen

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/pion/rtp"
)

const (
	// stampMagic starts every stamp; ordinary audio does not look like it.
	stampMagic = 0x47615465
	// StampBytes is the length of a stamp: magic, stream, number, time.
	StampBytes = 4 + 4 + 8 + 8
	// PTime is the usual packet interval.
	PTime = 20 * time.Millisecond
	// g711Bytes is the payload of 20 ms of G.711.
	g711Bytes = 160
	// g711Step is the timestamp step of 20 ms at 8000 Hz.
	g711Step = 160
	// udptlHeaderBytes: sequence number, length of the primary IFP packet
	// (ITU-T T.38 §9.1 with one length byte).
	udptlHeaderBytes = 3
	// udptlTrailerBytes says that no earlier packets are repeated.
	udptlTrailerBytes = 2
)

// Kind is what a stream's packets look like.
type Kind uint8

// The kinds of packet.
const (
	RTP   Kind = iota // RTP with a G.711-sized payload
	UDPTL             // T.38 over UDPTL, one primary packet
)

// Stamp is what a packet says of itself.
type Stamp struct {
	Stream uint32        // the Stream's ID
	Number uint64        // counts from 0
	Sent   time.Duration // since an epoch sender and receiver share
}

// Stream makes the packets of one direction of one stream.
type Stream struct {
	Kind Kind
	ID   uint32 // distinguishes streams in a Tally
	SSRC uint32
	PT   uint8
	// Size is the payload size in bytes, at least StampBytes; 0 is G.711's 160.
	Size int
	// FirstSeq and FirstTimestamp are where numbering starts, to test wraps.
	FirstSeq       uint16
	FirstTimestamp uint32

	number uint64
}

// Sent counts the packets made so far.
func (s *Stream) Sent() uint64 { return s.number }

// Next makes the next packet; at is the time since the shared epoch. The first
// RTP packet has the marker bit.
func (s *Stream) Next(at time.Duration) ([]byte, error) {
	size := s.Size
	if size == 0 {
		size = g711Bytes
	}
	if size < StampBytes {
		return nil, fmt.Errorf("payload of %d bytes cannot hold a stamp of %d", size, StampBytes)
	}
	payload := make([]byte, size)
	putStamp(payload, Stamp{Stream: s.ID, Number: s.number, Sent: at})
	n := s.number
	s.number++
	switch s.Kind {
	case RTP:
		p := rtp.Packet{Header: rtp.Header{Version: 2, Marker: n == 0, PayloadType: s.PT, SSRC: s.SSRC,
			SequenceNumber: s.FirstSeq + uint16(n), Timestamp: s.FirstTimestamp + uint32(n)*g711Step}, Payload: payload}
		b, err := p.Marshal()
		if err != nil {
			return nil, fmt.Errorf("make RTP packet: %w", err)
		}
		return b, nil
	case UDPTL:
		return udptl(s.FirstSeq+uint16(n), payload)
	default:
		return nil, fmt.Errorf("stream kind %d", s.Kind)
	}
}

// udptl frames a primary packet with no redundancy after it.
func udptl(seq uint16, payload []byte) ([]byte, error) {
	const longestShortForm = 127 // a longer one needs two length bytes
	if len(payload) > longestShortForm {
		payload = payload[:longestShortForm]
	}
	b := make([]byte, 0, udptlHeaderBytes+len(payload)+udptlTrailerBytes)
	b = binary.BigEndian.AppendUint16(b, seq)
	b = append(b, byte(len(payload)))
	b = append(b, payload...)
	return append(b, 0, 0), nil
}

func putStamp(b []byte, s Stamp) {
	binary.BigEndian.PutUint32(b, stampMagic)
	binary.BigEndian.PutUint32(b[4:], s.Stream)
	binary.BigEndian.PutUint64(b[8:], s.Number)
	binary.BigEndian.PutUint64(b[16:], uint64(s.Sent))
}

var errNoStamp = errors.New("no stamp")

// Packet is a received packet taken apart.
type Packet struct {
	Stamp Stamp
	RTP   rtp.Header // zero for UDPTL
	Kind  Kind
}

// Read takes a packet apart; it is an error when it carries no stamp.
func Read(b []byte) (Packet, error) {
	if s, ok := stampAt(b, udptlHeaderBytes); ok && int(b[2]) <= len(b)-udptlHeaderBytes {
		return Packet{Stamp: s, Kind: UDPTL}, nil
	}
	var p rtp.Packet
	if err := p.Unmarshal(b); err != nil {
		return Packet{}, fmt.Errorf("read packet: %w", err)
	}
	s, ok := stampAt(p.Payload, 0)
	if !ok {
		return Packet{}, fmt.Errorf("read packet: %w", errNoStamp)
	}
	return Packet{Stamp: s, RTP: p.Header, Kind: RTP}, nil
}

func stampAt(b []byte, at int) (Stamp, bool) {
	if len(b) < at+StampBytes || binary.BigEndian.Uint32(b[at:]) != stampMagic {
		return Stamp{}, false
	}
	b = b[at:]
	return Stamp{Stream: binary.BigEndian.Uint32(b[4:]), Number: binary.BigEndian.Uint64(b[8:]),
		Sent: time.Duration(binary.BigEndian.Uint64(b[16:]))}, true
}
