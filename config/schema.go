package config

// The paths of the sections, which tie the decoder to the reference.
const (
	secRoot  = ""
	secZone  = "zones.NAME"
	secPool  = "zones.NAME.media"
	secPeer  = "peers.NAME"
	secSIP   = "peers.NAME.sip"
	secRoute = "routes[]"
	secMedia = "media"
	secAdmin = "admin"
	secCDR   = "cdr"
	secLog   = "log"
	secStore = "store"
)

// Reference returns the whole format, section by section.
func Reference() []Section {
	return []Section{
		rootSection(), zoneSection(), poolSection(), peerSection(), sipSection(), routeSection(),
		mediaSection(), adminSection(), cdrSection(), logSection(), storeSection(),
	}
}

func later(name, doc string) Key { return Key{Name: name, Later: true, Doc: doc} }

func rootSection() Section {
	return Section{Path: secRoot, Doc: "The document is one mapping.", Keys: []Key{
		{Name: "node", Want: "a name", Default: DefaultNode, Field: "Node", Doc: "Names this gateway in logs and call records."},
		{Name: "zones", Want: "a mapping of names to zones", Required: true, Doc: "The sides of the border. A request belongs to the zone of the listener it arrived on."},
		{Name: "peers", Want: "a mapping of names to peers", Required: true, Doc: "The remote systems, each in one zone."},
		{Name: "routes", Want: "a list of routes", Required: true, Doc: "Who may call whom. The first route that fits takes the call; a call that fits none is refused with 404."},
		{Name: "media", Want: "a mapping", Doc: "What applies to every relayed stream."},
		{Name: "admin", Want: "a mapping", Doc: "The listener of the API, the metrics and the health checks. Without it there is none."},
		{Name: "cdr", Want: "a mapping", Doc: "Where call records go. Without it none are written."},
		{Name: "log", Want: "a mapping", Doc: "What is logged, always as JSON lines on standard error."},
		{Name: "store", Want: "a mapping", Doc: "Where the state of calls is kept."},
		later("phones", "Registering phones."),
		later("headers", "Named lists of header rules."),
		later("security", "Banning of abusive sources."),
		later("cluster", "Several nodes as one."),
	}}
}

func zoneSection() Section {
	return Section{Path: secZone, Doc: "One side of the border.", Keys: []Key{
		{Name: "listen", Want: "a list of udp://ADDRESS:PORT or tcp://ADDRESS:PORT", Required: true, Field: "Zones.Listen",
			Doc: "The SIP listeners. IPv6 addresses stand in brackets. No two listeners may share an address and port. 0.0.0.0 and [::] need `advertise`; port 0 lets the system choose."},
		{Name: "advertise", Want: "an address or a host name", Default: "the address of the listener", Field: "Zones.Advertise",
			Doc: "The host shown in Via and Contact, for a 1:1 NAT or a name in DNS."},
		{Name: "trust", Want: "full or none", Default: "none", Field: "Zones.Trust",
			Doc: "What identity headers mean when they come from here: with `full` they are believed and shown."},
		{Name: "unknown", Want: "reject or drop", Default: "reject with trust: full, else drop", Field: "Zones.Unknown",
			Doc: "What a request from a source that no peer claims gets: a 403, or no answer at all."},
		{Name: "media", Want: "a mapping, or a list of them", Required: true,
			Doc: "The relay addresses, at least one for each address family the zone listens on. A list gives several addresses or both families."},
		later("tls", "Certificates of the zone."),
		later("hide", "What must never appear on this side's wire."),
		later("dscp", "Marking of packets."),
	}}
}

func poolSection() Section {
	return Section{Path: secPool, Doc: "One relay address with its ports.", Keys: []Key{
		{Name: "address", Want: "an address", Required: true, Field: "Zones.Media.Addr", Doc: "The local address media is received on and sent from."},
		{Name: "advertise", Want: "an address of the same family", Default: "address", Field: "Zones.Media.Advertise", Doc: "The address shown in SDP, for a 1:1 NAT."},
		{Name: "ports", Want: "LOW-HIGH", Required: true, Field: "Zones.Media.Ports",
			Doc: "The port pool, both ends included. A stream takes a pair: the even port for RTP, the next for RTCP; so LOW is even. Pools on one address must not overlap each other or a UDP listener."},
	}}
}

func peerSection() Section {
	return Section{Path: secPeer, Doc: "One remote system.", Keys: []Key{
		{Name: "zone", Want: "the name of a zone", Required: true, Field: "Peers.Zone", Doc: "The side of the border it is on."},
		{Name: "address", Want: "sip:HOST[:PORT][;transport=udp|tcp]", Required: true, Field: "Peers.Address",
			Doc: "Where its calls are sent. HOST is an address (IPv6 in brackets) or a name; without a port it is 5060, without a transport UDP. The zone must have a listener of that transport."},
		{Name: "source", Want: "a list of prefixes or addresses", Default: "the address, when it is no name", Field: "Peers.Source",
			Doc: "How its requests are recognized. The longest prefix in the zone wins; no two peers of a zone may have the same."},
		{Name: "sip", Want: "a mapping", Doc: "Signalling settings."},
		later("match", "Telling apart peers that share a source."),
		later("register", "Registration at the peer."),
		later("credentials", "Digest credentials for the peer."),
		later("tls", "TLS settings of the peer."),
		later("health", "OPTIONS probes."),
		later("limits", "Limits on calls and rates."),
		later("media", "SRTP, ICE, NAT, codecs and DTMF."),
		later("headers", "Header rules for the peer."),
		later("session_timer", "Session timers."),
		later("failover", "When the next target is tried."),
	}}
}

func sipSection() Section {
	return Section{Path: secSIP, Doc: "Signalling settings of a peer.", Keys: []Key{
		{Name: "ring_timeout", Want: "a duration from 1s to 1h", Default: "180s", Field: "Peers.SIP.RingTimeout", Doc: "How long a call sent to this peer may ring before it is given up."},
		{Name: "max_duration", Want: "a duration from 1s to 168h", Default: "4h", Field: "Peers.SIP.MaxDuration", Doc: "How long a call with this peer may last after the answer."},
		later("offer", "Early or delayed offer."),
		later("hold", "How hold is expressed."),
		later("refer", "What happens to REFER."),
		later("forking", "Whether forks are shown."),
		later("reliable", "Reliable provisional responses."),
		later("redirect", "What happens to a 3xx."),
		later("from_domain", "The host of From."),
	}}
}

func routeSection() Section {
	return Section{Path: secRoute, Doc: "One route.", Keys: []Key{
		{Name: "name", Want: "a unique name", Default: "route-1, route-2 ... by position", Field: "Routes.Name", Doc: "Names the route in call records and logs."},
		{Name: "from", Want: "a peer, or a list of peers", Required: true, Field: "Routes.From", Doc: "Whose calls it takes."},
		{Name: "called", Want: "a pattern, or a list of patterns", Default: "every call", Field: "Routes.Called",
			Doc: "Which called users it takes, compared with the user part of the request URI after unescaping, case and punctuation included. A * at the start, at the end or at both stands for any text; anywhere else it is refused."},
		{Name: "to", Want: "a peer, or a list of peers", Required: true, Field: "Routes.To",
			Doc: "Where the calls go, in the order they are tried. A route with several peers in `from` never sends a call back to the peer it came from; a route with one does when that peer is listed here."},
		later("balance", "Spreading calls over targets."),
		later("parallel", "Calling all targets at once."),
		later("rewrite", "Changing numbers."),
	}}
}

func mediaSection() Section {
	return Section{Path: secMedia, Doc: "What applies to every relayed stream.", Keys: []Key{
		{Name: "path", Want: "auto or portable", Default: "auto", Field: "Media.Path", Doc: "The data path of packets. `kernel` and `steer` are not supported by this version yet."},
		{Name: "timeout", Want: "a duration from 1s to 24h", Default: "60s", Field: "Media.Timeout", Doc: "Ends a call on which no media arrived from either side for so long."},
		later("hold_timeout", "The timeout of a call on hold."),
		later("source", "How strictly media sources are held."),
		later("nat", "Media through far-end NAT."),
	}}
}

func adminSection() Section {
	return Section{Path: secAdmin, Doc: "The listener of the API. `/healthz`, `/readyz` and `/metrics` never need a token.", Keys: []Key{
		{Name: "listen", Want: "ADDRESS:PORT", Default: DefaultAdminListen, Field: "Admin.Listen", Doc: "Without a token it must be a loopback address."},
		{Name: "token_file", Want: "a path", Field: "Admin.TokenFile", Doc: "A file whose one line is the bearer token of the API, at least 16 characters."},
		{Name: "token", Want: "${NAME}", Field: "Admin.Token", Doc: "The token from an environment variable, instead of `token_file`. A literal token is refused."},
	}}
}

func cdrSection() Section {
	return Section{Path: secCDR, Doc: "Call records.", Keys: []Key{
		{Name: "file", Want: "a path", Field: "CDR.File", Doc: "Gets one JSON line for each call."},
	}}
}

func logSection() Section {
	return Section{Path: secLog, Doc: "Logging.", Keys: []Key{
		{Name: "level", Want: "debug, info, warn or error", Default: DefaultLogLevel, Field: "Log.Level", Doc: "The least severe level that is logged."},
	}}
}

func storeSection() Section {
	return Section{Path: secStore, Doc: "The state of calls.", Keys: []Key{
		{Name: "kind", Want: "memory", Default: "memory", Doc: "`file` and `redis` are not supported by this version yet."},
		later("path", "The file of the store."),
		later("address", "The server of the store."),
	}}
}
