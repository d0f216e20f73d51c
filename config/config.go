package config

import (
	"net/netip"
	"time"
)

// Config is one checked configuration with every default filled in. It is
// plain data: nothing in it changes after Load returned it.
type Config struct {
	// Node names this gateway in logs and call records.
	Node string
	// Zones are the sides of the border, in the order of the file.
	Zones []Zone
	// Peers are the remote systems, in the order of the file.
	Peers []Peer
	// Routes are tried in this order.
	Routes []Route
	// Media holds what applies to every relayed stream.
	Media Media
	// Admin is the API and metrics listener.
	Admin Admin
	// CDR says where call records go.
	CDR CDR
	// Log sets what is logged.
	Log Log
	// DNS says who is asked about names and what is believed.
	DNS DNS
	// Security holds the limits on sources that abuse the gateway.
	Security Security
	// Path is the name the file was loaded under.
	Path string
}

// Zone is one side of the border: where we listen, what we show there and how
// far we trust what comes from there.
type Zone struct {
	// Name is the key under zones.
	Name string
	// Pos is where the zone starts in the file.
	Pos Pos
	// Listen holds the SIP listeners, at least one.
	Listen []Listener
	// Advertise is the host shown in Via and Contact; "" means the address of the listener.
	Advertise string
	// Trust says what identity headers mean coming from here.
	Trust Trust
	// Unknown says what happens to a source that no peer of the zone claims.
	Unknown Unknown
	// Media holds the relay addresses, at least one.
	Media []MediaAddress
	// TLS holds what the TLS and WSS listeners show and ask for; not nil when there is such a listener.
	TLS *ServerTLS
	// Origins are the pages whose scripts may open a WebSocket here, lower case and without a default port; "*" is every page.
	Origins []string
	// ACL says which addresses may talk to the zone at all.
	ACL ACL
	// UDPMax is the largest request in bytes that leaves over UDP when a stream would do (RFC 3261 §18.1.1); 0 sends every size.
	UDPMax int
	// DSCP marks what leaves.
	DSCP DSCP
}

// MediaAddress is one address of the relay with its own port pool.
type MediaAddress struct {
	// Addr is what the relay binds; Advertise is what SDP shows, equal to Addr unless there is a 1:1 NAT.
	Addr, Advertise netip.Addr
	// Ports is the pool, always whole pairs: Low is even and High is odd.
	Ports PortRange
}

// Peer is a remote system in a zone.
type Peer struct {
	// Name is the key under peers.
	Name string
	// Pos is where the peer starts in the file.
	Pos Pos
	// Zone is the name of the peer's zone.
	Zone string
	// Addresses are where its calls are sent, at least one, in the order of the file; Priority and Weight of each say how they are tried.
	Addresses []Target
	// Source holds the prefixes its requests come from, masked, IPv4 never in its mapped form. It may be empty with SourceFromDNS only.
	Source []netip.Prefix
	// SourceFromDNS adds what the names in Addresses resolve to.
	SourceFromDNS bool
	// Match narrows Source, for peers that share one.
	Match Match
	// TLS secures the connections we open to the peer; nil takes the zone's certificate and the system's roots.
	TLS *ClientTLS
	// SIP holds the signalling settings.
	SIP PeerSIP
}

// PeerSIP holds the signalling settings of one peer.
type PeerSIP struct {
	// RingTimeout is how long a call sent to this peer may ring.
	RingTimeout time.Duration
	// MaxDuration is how long a call with this peer may last after the answer.
	MaxDuration time.Duration
}

// Route sends calls of some peers to others.
type Route struct {
	// Name is unique; "route-3" is the default of the third route.
	Name string
	// Pos is where the route starts in the file.
	Pos Pos
	// From holds peer names, Called patterns for the called user (none takes every call), To peer names in the order they are tried.
	From, Called, To []string
}

// Media holds what applies to every relayed stream.
type Media struct {
	// Path is the data path to use.
	Path MediaPath
	// Timeout ends a call on which no media arrived for so long.
	Timeout time.Duration
}

// Admin is the listener of the API, the metrics and the health checks.
type Admin struct {
	// Listen is not valid when there is no such listener.
	Listen netip.AddrPort
	// TokenFile is the file the token was read from, "" when there is none.
	TokenFile string
	// Token protects the API; it is empty only on a loopback listener. Load sets it from ${NAME}, LoadFile from TokenFile too.
	Token Secret
}

// CDR says where call records go.
type CDR struct {
	// File gets one JSON line for each call; "" writes none.
	File string
}

// Log sets what is logged.
type Log struct {
	// Level is debug, info, warn or error.
	Level string
}
