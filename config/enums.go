package config

import "strconv"

// Transport is how SIP travels.
type Transport uint8

// The transports of this version.
const (
	UDP Transport = iota
	TCP
)

// String returns the name used in the file, "udp" or "tcp".
func (t Transport) String() string {
	switch t {
	case UDP:
		return "udp"
	case TCP:
		return "tcp"
	}
	return "transport(" + strconv.Itoa(int(t)) + ")"
}

// Trust is what identity headers mean when they come from a zone.
type Trust uint8

// The zero value trusts nothing.
const (
	TrustNone Trust = iota
	TrustFull
)

// String returns the name used in the file.
func (t Trust) String() string {
	switch t {
	case TrustNone:
		return "none"
	case TrustFull:
		return "full"
	}
	return "trust(" + strconv.Itoa(int(t)) + ")"
}

// Unknown is what happens to requests from a source no peer claims.
type Unknown uint8

// UnknownDrop answers nothing, UnknownReject answers 403.
const (
	UnknownDrop Unknown = iota
	UnknownReject
)

// String returns the name used in the file.
func (u Unknown) String() string {
	switch u {
	case UnknownDrop:
		return "drop"
	case UnknownReject:
		return "reject"
	}
	return "unknown(" + strconv.Itoa(int(u)) + ")"
}

// MediaPath is the data path relayed packets take.
type MediaPath uint8

// PathAuto takes the fastest path of this version and machine, PathPortable always one socket for each port.
const (
	PathAuto MediaPath = iota
	PathPortable
)

// String returns the name used in the file.
func (p MediaPath) String() string {
	switch p {
	case PathAuto:
		return "auto"
	case PathPortable:
		return "portable"
	}
	return "path(" + strconv.Itoa(int(p)) + ")"
}

// PortRange is an inclusive range of ports.
type PortRange struct {
	// Low and High both belong to the range.
	Low, High uint16
}

// Len returns how many ports the range has.
func (r PortRange) Len() int {
	if r.High < r.Low {
		return 0
	}
	return int(r.High) - int(r.Low) + 1
}

// Contains reports whether port p is in the range.
func (r PortRange) Contains(p uint16) bool { return r.Low <= p && p <= r.High }

// Overlaps reports whether the two ranges share a port.
func (r PortRange) Overlaps(o PortRange) bool { return r.Low <= o.High && o.Low <= r.High }

// String writes the range as the file does, LOW-HIGH.
func (r PortRange) String() string {
	return strconv.Itoa(int(r.Low)) + "-" + strconv.Itoa(int(r.High))
}
