package config

import "strconv"

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
