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

// Known sources belong to a peer, Strangers get refusals, Silent sources get no answer at all.
const (
	Known Standing = iota
	Stranger
	Silent
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
	}
	return "standing(" + strconv.Itoa(int(s)) + ")"
}

// Admit says how to treat a source on the listeners of a zone. A zone that
// does not exist answers nobody.
func (s *Snapshot) Admit(zone string, src netip.Addr) Standing {
	z := s.byZone[zone]
	if z == nil {
		return Silent
	}
	if z.peerOf(src) != nil {
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

// PeerOf returns the peer of the zone whose source has the longest prefix that
// holds src, nil when none does.
func (s *Snapshot) PeerOf(zone string, src netip.Addr) *Peer {
	z := s.byZone[zone]
	if z == nil {
		return nil
	}
	return z.peerOf(src)
}

// peerOf takes an address as a socket gives it: an IPv4 source of a dual-stack
// socket is mapped into IPv6, and a link-local one has a scope, which the table
// does not look at.
func (z *Zone) peerOf(src netip.Addr) *Peer {
	p, _ := z.sources.Lookup(src.Unmap())
	return p
}
