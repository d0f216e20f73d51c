package engine

import (
	"net/netip"
	"strconv"

	"gatehouse/config"
)

// Standing is what the border thinks of a source before anything of its
// message was believed. The values equal those of sip/transport, which this
// package must not import.
type Standing uint8

// Known sources belong to a peer, Strangers get refusals, Silent sources get no answer at all, and what Denied sources send is not even read.
const (
	Known Standing = iota
	Stranger
	Silent
	Denied
)

// String names the standing, for logs and metrics.
func (s Standing) String() string {
	switch s {
	case Known:
		return "known"
	case Stranger:
		return "stranger"
	case Silent:
		return "silent"
	case Denied:
		return "denied"
	}
	return "standing(" + strconv.Itoa(int(s)) + ")"
}

// Admit says how to treat a source on the listeners of a zone. The access list
// of the zone comes first, peers included; then whoever a peer claims is Known,
// whatever that peer's match says of the message, which was not read yet. A
// zone that does not exist answers nobody.
func (s *Snapshot) Admit(zone string, src netip.Addr) Standing {
	z := s.byZone[zone]
	if z == nil {
		return Silent
	}
	if !z.access.Allows(src) {
		return Denied
	}
	if z.claimOf(src) != nil {
		return Known
	}
	switch z.Unknown {
	case config.UnknownReject:
		return Stranger
	case config.UnknownDrop:
		return Silent
	}
	return Silent
}
