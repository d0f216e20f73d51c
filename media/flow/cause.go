package flow

// Component is one of the two ports of a pair.
type Component uint8

// The components: without rtcp-mux RTCP has a port of its own.
const (
	RTP Component = iota
	RTCP
	components
)

// Cause says why a packet was dropped.
type Cause uint8

// The causes. None is no drop.
const (
	None      Cause = iota
	Stray           // the port has no call, or its call no flow
	Late            // the port's last call is over and its peer still sends
	Source          // not the address media is taken from
	Tainted         // an address that sprayed the port before it was handed out
	Oversize        // longer than MaxPacketBytes
	Keepalive       // an empty datagram (RFC 6263 §4.1)
	STUN            // first byte 0 to 3 (RFC 7983 §7)
	DTLS            // first byte 20 to 63
	Demux           // another first byte that belongs to no media
	Version         // RTP version is not 2
	Malformed       // RTP or RTCP that does not fit its own lengths
	Payload         // payload type that was not negotiated
	Rate            // an opaque stream over its rate
	NoAddress       // the other side has no address to send to (hold, RFC 3264 §8.4)
	Denied          // the other side's address is one we never send to
	Send            // the operating system did not take it
	causes
)

// String gives the cause as the metric label has it.
func (c Cause) String() string {
	switch c {
	case None:
		return "none"
	case Stray:
		return "stray"
	case Late:
		return "late"
	case Source:
		return "source"
	case Tainted:
		return "tainted"
	case Oversize:
		return "oversize"
	case Keepalive:
		return "keepalive"
	case STUN:
		return "stun"
	case DTLS:
		return "dtls"
	case Demux:
		return "demux"
	case Version:
		return "version"
	case Malformed:
		return "malformed"
	case Payload:
		return "payload"
	case Rate:
		return "rate"
	case NoAddress:
		return "no_address"
	case Denied:
		return "denied"
	case Send:
		return "send"
	case causes:
	}
	return "invalid"
}

// CauseCount is the size of an array indexed by Cause.
const CauseCount = int(causes)

// Causes gives every cause a packet can be dropped for, in order.
func Causes() []Cause {
	all := make([]Cause, 0, causes-1)
	for c := None + 1; c < causes; c++ {
		all = append(all, c)
	}
	return all
}
