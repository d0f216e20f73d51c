package b2bua

import (
	"net/netip"
	"time"

	"gatehouse/sip/resolve"
	"gatehouse/sip/transport"
)

// Resolver turns URIs into the targets a request may go to, without blocking
// the caller, and remembers how those fared.
type Resolver interface {
	// Resolve gives the targets in the order they are to be tried (RFC 3263 §4).
	// They are ready at once, and done is not called, for literals and cached
	// names: then there is a target or an error. Otherwise done is called once,
	// from another goroutine.
	Resolve(q resolve.Query, done func([]resolve.Target, error)) (targets []resolve.Target, ready bool, err error)
	// Penalize takes a target out for that long: behind all others when soft,
	// altogether when hard. Forgive ends a soft penalty.
	Penalize(t resolve.Target, d time.Duration, hard bool)
	Forgive(t resolve.Target)
	// Penalized tells whether a target is out at the moment.
	Penalized(t resolve.Target) bool
}

// Listeners are the listeners of the moment. A reload replaces them as a whole.
type Listeners interface {
	// Find gives the listener a zone sends from, nil when it has none of that
	// transport and family.
	Find(zone string, p transport.Proto, v6 bool) *transport.Listener
	// Usable gives the transports a zone has listeners for, the most wanted
	// first, and the address families.
	Usable(zone string) (transports []string, v4, v6 bool)
	// Own tells whether an address is one of our listeners.
	Own(a netip.AddrPort, p transport.Proto) bool
	// Client gives the TLS settings of connections from a zone to a peer that
	// must prove to be of the domain; peer is empty for a target that no peer
	// names.
	Client(zone, peer, domain string) *transport.ClientTLS
}
