package config

import (
	"net/netip"
	"time"
)

// ACL says which addresses may talk to a zone at all. The longest prefix that
// holds an address decides, Deny when both have it; an address in none is
// allowed unless Allow has prefixes.
type ACL struct {
	// Allow and Deny hold masked prefixes, IPv4 never in its mapped form; none is in both.
	Allow, Deny []netip.Prefix
}

// DSCP holds the code points of what leaves a zone (RFC 2474 §3), 0 to 63.
type DSCP struct {
	// SIP marks signalling.
	SIP uint8
	// Media marks what the relay sends; it has no effect yet.
	Media uint8
}

// Match narrows the requests of a source to one of the peers that share it.
// Every part that is set must fit.
type Match struct {
	// Host is the host of From, lower case, IPv6 without brackets; "" fits all.
	Host string
	// Port is the port of our listener; 0 fits all.
	Port uint16
	// Prefix starts the called user; "" fits all.
	Prefix string
	// Certificate is a name the certificate of the connection holds (RFC 5922 §7.1), lower case; "" fits all, and no certificate.
	Certificate string
}

// IsZero reports whether the match fits every request.
func (m Match) IsZero() bool { return m == Match{} }

// DNS says who is asked about names and what is believed.
type DNS struct {
	// Servers are asked in this order; none means those of the system.
	Servers []netip.AddrPort
	// Allow holds the special ranges an answer may point to all the same: loopback, link-local and such.
	Allow []netip.Prefix
}

// Security holds the limits on sources that abuse the gateway.
type Security struct {
	// Ban shuts out sources that keep offending.
	Ban Ban
	// Strangers bounds what sources that no peer claims may send.
	Strangers Strangers
}

// Ban shuts out sources that keep offending.
type Ban struct {
	// After is how many offences within For lead to a ban; 0 never bans.
	After int
	// For is how long a ban lasts.
	For time.Duration
	// Allow holds those who are never banned.
	Allow []netip.Prefix
	// DryRun reports bans and lets everything through.
	DryRun bool
}

// Strangers bounds what sources that no peer claims may send, in messages a
// second.
type Strangers struct {
	// Rate and Burst are for each source.
	Rate, Burst int
	// Total is for all of them together.
	Total int
}
