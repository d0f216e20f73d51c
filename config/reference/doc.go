// Package reference is the description of every key of the configuration file:
// what it takes, what counts without it, and which field it fills.
//
// The decoder refuses what is not listed here, the documentation is written
// from it, and a reload names keys by it. The package is text only: it refuses
// to know how a value is checked. Its callers are config and, through it,
// config/docgen; every function may be called from any goroutine.
package reference

import "gatehouse/config/strict"

// The paths of the sections, which tie the decoder to the reference.
const (
	Root      = ""
	Zone      = "zones.NAME"
	Pool      = "zones.NAME.media"
	ZoneTLS   = "zones.NAME.tls"
	WebSocket = "zones.NAME.websocket"
	ACL       = "zones.NAME.acl"
	DSCP      = "zones.NAME.dscp"
	Peer      = "peers.NAME"
	Address   = "peers.NAME.address[]"
	Match     = "peers.NAME.match"
	PeerTLS   = "peers.NAME.tls"
	SIP       = "peers.NAME.sip"
	Route     = "routes[]"
	Media     = "media"
	Admin     = "admin"
	CDR       = "cdr"
	Log       = "log"
	Store     = "store"
	DNS       = "dns"
	Security  = "security"
	Ban       = "security.ban"
	Strangers = "security.strangers"
)

// Sections returns the whole format, section by section.
func Sections() []strict.Section {
	return []strict.Section{
		root(),
		zone(), pool(), zoneTLS(), webSocket(), acl(), dscp(),
		peer(), address(), match(), peerTLS(), sip(),
		route(), media(), dns(), security(), ban(), strangers(),
		admin(), cdr(), log(), store(),
	}
}

func later(name, doc string) strict.Key { return strict.Key{Name: name, Later: true, Doc: doc} }
