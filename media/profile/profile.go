// Package profile holds the values that signalling and the media plane exchange: which local ports a side has,
// what flows between two sides, how payload types are translated and what was counted.
//
// It owns no state and does no I/O: every type is a plain value, safe to copy; a *PTMap that is shared between a
// Stream and a packet worker is never changed after it was handed over. b2bua/offer derives Streams from the two
// negotiated session descriptions, b2bua/call passes them on, media/anchor carries them out.
package profile

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// ErrNoPorts says that a zone's port pool is exhausted; the call it was meant for is refused with 503.
var ErrNoPorts = errors.New("no media ports left")

// EndID names one side's set of local ports in the media plane. Zero is no end.
type EndID uint64

// Family is an IP address family as a stream needs it.
type Family uint8

// The families. Any leaves the choice to the zone: its first address.
const (
	Any Family = iota
	IPv4
	IPv6
)

// String gives "any", "ipv4" or "ipv6".
func (f Family) String() string {
	switch f {
	case Any:
		return "any"
	case IPv4:
		return "ipv4"
	case IPv6:
		return "ipv6"
	}
	return fmt.Sprintf("family(%d)", uint8(f))
}

// FamilyOf gives the family of an address; an IPv4-mapped IPv6 address counts as IPv4, the zero Addr as Any.
func FamilyOf(a netip.Addr) Family {
	switch {
	case !a.IsValid():
		return Any
	case a.Unmap().Is4():
		return IPv4
	}
	return IPv6
}

// Kind says how the packets of a stream are treated.
type Kind uint8

// The kinds. Off has no ports and no flow; RTP is looked into (RTP and RTCP); Datagram is opaque UDP such as UDPTL.
const (
	Off Kind = iota
	RTP
	Datagram
)

// String gives "off", "rtp" or "datagram".
func (k Kind) String() string {
	switch k {
	case Off:
		return "off"
	case RTP:
		return "rtp"
	case Datagram:
		return "datagram"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// NAT says whether the source of media may differ from the signalled address.
type NAT uint8

// The NAT modes. NATOff: only the signalled source counts; NATAuto: a private or unreachable signalled address opens
// latching; NATOn: always latched.
const (
	NATOff NAT = iota
	NATAuto
	NATOn
)

// String gives "off", "auto" or "on", as in the configuration.
func (n NAT) String() string {
	switch n {
	case NATOff:
		return "off"
	case NATAuto:
		return "auto"
	case NATOn:
		return "on"
	}
	return fmt.Sprintf("nat(%d)", uint8(n))
}

// Local is what one stream of one end advertises: the addresses as the peer is told them, advertised address
// already applied. RTCP is RTP's port plus one unless the pool says otherwise.
type Local struct {
	RTP, RTCP netip.AddrPort
}

// Side is one side of a stream.
type Side struct {
	// RTP and RTCP are where this side's peer receives. Invalid or unspecified: nothing is sent there.
	RTP, RTCP netip.AddrPort
	// Mux says RTP and RTCP share the RTP port on this side (RFC 5761 §5.1.1): agreed in offer and answer.
	Mux bool
	// PT translates the payload types of packets from this side; nil passes all unchanged.
	PT *PTMap
	// ClockHz is the RTP clock of the main codec this side sends; zero when unknown.
	ClockHz uint32
	// NAT is how the source address of this side is learnt.
	NAT NAT
	// Sends says that this side's peer may send by its direction. Media is relayed either way (music on hold, late packets); while it
	// is false the media timeout is suspended.
	Sends bool
	// Generation changes with each new offer/answer on this side: latching opens once per generation.
	Generation uint32
}

// Stream is one m-line of a call: what flows between side A and side B.
type Stream struct {
	Kind Kind
	A, B Side
}

// Stats are the counters of one stream at one end: Rx as received from that end's peer, Tx as sent to it.
type Stats struct {
	RxPackets, RxBytes uint64
	TxPackets, TxBytes uint64
	Lost               uint64            // packets missing by sequence number, of what was received
	JitterMs           float64           // RFC 3550 §6.4.1, in milliseconds
	Path               string            // data path that carries it now: portable, steer or kernel
	LastRx             time.Time         // last packet of any kind; zero when none came
	Latched            netip.AddrPort    // source that media is taken from; invalid when none yet
	Drops              map[string]uint64 // dropped packets by cause; nil when none
}
