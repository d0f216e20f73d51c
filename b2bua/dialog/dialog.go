// Package dialog holds the state of one SIP dialog as one user agent sees it:
// identifiers, sequence numbers, route set and remote target
// (RFC 3261 §12). It is a pure value: no socket, clock or logger. A leg of a
// call owns it, on that call's shard, and nobody else touches it.
package dialog

import (
	"strings"

	"gatehouse/sip/msg"
)

// SeqVerdict is the outcome of checking the CSeq of a request in a dialog.
type SeqVerdict uint8

// The outcomes of Dialog.Accept.
const (
	// SeqNew is a higher number than any before: process it. Gaps are fine.
	SeqNew SeqVerdict = iota
	// SeqOld is a lower or equal number: RFC 3261 §12.2.2 wants 500.
	SeqOld
)

// Dialog is one dialog from our side. Strings are owned copies.
type Dialog struct {
	CallID    string
	LocalTag  string
	RemoteTag string
	// LocalParty and RemoteParty are the From and To values we write, as
	// name-addr without the tag.
	LocalParty  string
	RemoteParty string
	// RouteSet holds the Route values in the order they are sent.
	RouteSet []string
	// RemoteTarget is the URI of the peer's Contact.
	RemoteTarget string

	localSeq  uint32
	remoteSeq uint32
	seenSeq   bool
}

// SetLocalSeq fixes the number of the request that made the dialog; the next
// request of ours is one higher.
func (d *Dialog) SetLocalSeq(n uint32) { d.localSeq = n }

// NextSeq gives the CSeq number of the next request of ours. Numbers rise by
// exactly one (RFC 3261 §12.2.1.1).
func (d *Dialog) NextSeq() uint32 {
	d.localSeq++
	return d.localSeq
}

// LocalSeq is the number of our last request.
func (d *Dialog) LocalSeq() uint32 { return d.localSeq }

// Accept checks the CSeq number of a request from the peer and remembers it
// (RFC 3261 §12.2.2). ACK and CANCEL repeat their INVITE's number and must not
// be given here.
func (d *Dialog) Accept(seq uint32) SeqVerdict {
	if d.seenSeq && seq <= d.remoteSeq {
		return SeqOld
	}
	d.remoteSeq, d.seenSeq = seq, true
	return SeqNew
}

// RemoteSeq is the highest CSeq number the peer has used, 0 before the first.
func (d *Dialog) RemoteSeq() uint32 { return d.remoteSeq }

// Matches tells whether a request from the peer belongs to this dialog: same
// Call-ID, our tag in To, theirs in From. A missing remote tag counts as
// empty (RFC 3261 §12.1.1).
func (d *Dialog) Matches(m *msg.Message) bool {
	return string(m.CallID()) == d.CallID &&
		strings.EqualFold(string(m.ToTag()), d.LocalTag) &&
		string(m.FromTag()) == d.RemoteTag
}

// UpdateTarget takes the Contact of a target refresh request or of a response
// to ours. A message without a usable Contact leaves the target as it was.
func (d *Dialog) UpdateTarget(m *msg.Message) {
	if target, ok := Target(m); ok {
		d.RemoteTarget = target
	}
}

// Routing says how the next request is addressed: its request URI and its
// Route values. A first route without lr is a strict router: it becomes the
// request URI, and the remote target goes last (RFC 3261 §12.2.1.1).
func (d *Dialog) Routing() (requestURI string, routes []string) {
	if len(d.RouteSet) == 0 {
		return d.RemoteTarget, nil
	}
	first, ok := routeURI(d.RouteSet[0])
	if ok && first.loose {
		return d.RemoteTarget, d.RouteSet
	}
	routes = append(routes, d.RouteSet[1:]...)
	routes = append(routes, "<"+d.RemoteTarget+">")
	return first.raw, routes
}

// NextHop is the URI whose host receives the next request: the first route,
// else the remote target (RFC 3261 §8.1.2).
func (d *Dialog) NextHop() string {
	if len(d.RouteSet) > 0 {
		if first, ok := routeURI(d.RouteSet[0]); ok {
			return first.raw
		}
	}
	return d.RemoteTarget
}
