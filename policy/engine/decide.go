package engine

import "net/netip"

// Query asks where a request goes.
type Query struct {
	// Zone is the zone of the listener the request came in on.
	Zone string
	// Source is where it came from.
	Source netip.AddrPort
	// From is the peer it belongs to; nil makes Decide look it up by Zone, Source and Facts. It may be of an earlier snapshot.
	From *Peer
	// Called is the user part of the request URI, unescaped.
	Called string
	// Caller is the user part of the caller's URI, unescaped.
	Caller string
	// Method is the SIP method.
	Method string
	// Facts tell apart the peers that share a source; Called stands above and is not read from here.
	Facts Facts
}

// Decision is where a request goes.
type Decision struct {
	// Route is the name of the route that took it.
	Route string
	// Line is where that route stands in the file.
	Line int
	// From is the peer the request belongs to, of this snapshot.
	From *Peer
	// Targets are tried in order; there is at least one. The slice is shared: do not change it.
	Targets []*Peer
}

// Refusal is why a request goes nowhere.
type Refusal struct {
	// Code is the response it deserves.
	Code int
	// Reason is its reason phrase, safe on the wire.
	Reason string
	// Cause is a fixed word for logs, metrics and call records.
	Cause string
}

// The codes of a Refusal, RFC 3261 §21.4.4 and §21.4.5.
const (
	codeForbidden = 403
	codeNotFound  = 404
)

// The causes of a Refusal.
const (
	CauseUnknownSource = "unknown_source"
	CauseNoRoute       = "no_route"
)

// Decide picks the route of a request: the first in the file that takes calls
// of this peer to this called user. A source no peer claims is refused with
// 403 (RFC 3261 §21.4.4), a called user no route takes with 404 (§21.4.5).
func (s *Snapshot) Decide(q Query) (Decision, *Refusal) {
	from := s.caller(q)
	if from == nil {
		return Decision{}, &Refusal{Code: codeForbidden, Reason: "Forbidden", Cause: CauseUnknownSource}
	}
	rule := s.routes.Find(from.Name, q.Called)
	if rule == nil {
		return Decision{From: from}, &Refusal{Code: codeNotFound, Reason: "Not Found", Cause: CauseNoRoute}
	}
	return Decision{Route: rule.Name, Line: rule.Line, From: from, Targets: rule.Targets}, nil
}

// caller finds the peer of this snapshot that q belongs to. A peer of an
// earlier snapshot counts by its name, and only while it is in the same zone.
func (s *Snapshot) caller(q Query) *Peer {
	if q.From == nil {
		q.Facts.Called = q.Called
		return s.PeerFor(q.Zone, q.Source.Addr(), q.Facts)
	}
	p := s.byPeer[q.From.Name]
	if p == nil || p.Zone.Name != q.From.Zone.Name {
		return nil
	}
	return p
}
