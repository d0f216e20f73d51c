package reference

import "gatehouse/config/strict"

func zone() strict.Section {
	return strict.Section{Path: Zone, Doc: "One side of the border.", Keys: []strict.Key{
		{Name: "listen", Want: "a list of TRANSPORT://ADDRESS:PORT", Required: true, Field: "Zones.Listen",
			Doc: "The SIP listeners; TRANSPORT is udp, tcp, tls, ws or wss. IPv6 addresses stand in brackets. No two listeners may share an address and port, but UDP beside one of the others. 0.0.0.0 and [::] need `advertise`; port 0 lets the system choose. tls and wss need `tls`."},
		{Name: "advertise", Want: "an address or a host name", Default: "the address of the listener", Field: "Zones.Advertise",
			Doc: "The host shown in Via and Contact, for a 1:1 NAT or a name in DNS."},
		{Name: "trust", Want: "full or none", Default: "none", Field: "Zones.Trust",
			Doc: "What identity headers mean when they come from here: with `full` they are believed and shown."},
		{Name: "unknown", Want: "reject or drop", Default: "reject with trust: full, else drop", Field: "Zones.Unknown",
			Doc: "What a request from a source that no peer claims gets: a 403, or no answer at all."},
		{Name: "media", Want: "a mapping, or a list of them", Required: true,
			Doc: "The relay addresses, at least one for each address family the zone listens on. A list gives several addresses or both families."},
		{Name: "tls", Want: "a mapping", Doc: "The certificate of the zone, and what it asks of clients. Needed with a tls or wss listener."},
		{Name: "websocket", Want: "a mapping", Doc: "Which pages may open a WebSocket."},
		{Name: "acl", Want: "a mapping", Default: "everybody", Doc: "Which addresses may talk to the zone at all. The others get no answer, and their connections are closed."},
		{Name: "udp_max", Want: "a size in bytes from 512 to 65507, or 0", Default: "1300", Field: "Zones.UDPMax",
			Doc: "A larger request to a UDP address goes over TCP when the zone has a tcp listener, and over UDP when that does not work (RFC 3261 §18.1.1). An address with `transport=udp` stays on UDP. 0 sends every size over UDP."},
		{Name: "dscp", Want: "a mapping", Doc: "Marking of the packets that leave, RFC 2474."},
		later("hide", "What must never appear on this side's wire."),
	}}
}

func pool() strict.Section {
	return strict.Section{Path: Pool, Doc: "One relay address with its ports.", Keys: []strict.Key{
		{Name: "address", Want: "an address", Required: true, Field: "Zones.Media.Addr", Doc: "The local address media is received on and sent from."},
		{Name: "advertise", Want: "an address of the same family", Default: "address", Field: "Zones.Media.Advertise", Doc: "The address shown in SDP, for a 1:1 NAT."},
		{Name: "ports", Want: "LOW-HIGH", Required: true, Field: "Zones.Media.Ports",
			Doc: "The port pool, both ends included. A stream takes a pair: the even port for RTP, the next for RTCP; so LOW is even. Pools on one address must not overlap each other or a UDP listener."},
	}}
}

func zoneTLS() strict.Section {
	return strict.Section{Path: ZoneTLS, Doc: "What the tls and wss listeners of the zone show and ask for. The files are PEM; a reload reads them again, and new connections use what they hold.", Keys: []strict.Key{
		{Name: "certificate", Want: "a path", Required: true, Field: "Zones.TLS.CertificateFile", Also: "Zones.TLS.Certificate",
			Doc: "Our certificate, followed by those between it and a root."},
		{Name: "key_file", Want: "a path", Required: true, Field: "Zones.TLS.KeyFile", Also: "Zones.TLS.Key",
			Doc: "The key of the certificate, not encrypted."},
		{Name: "client_ca", Want: "a path", Field: "Zones.TLS.ClientCAFile", Also: "Zones.TLS.ClientCA",
			Doc: "Who may sign the certificates of clients. Without it they are asked for none."},
		{Name: "client_auth", Want: "require or request", Default: "require", Field: "Zones.TLS.RequireClient",
			Doc: "With `require` a client without a certificate that `client_ca` signed does not get in; with `request` it does, as one without a name. A certificate of somebody else is refused either way."},
		{Name: "min_version", Want: `"1.2" or "1.3"`, Default: `"1.2"`, Field: "Zones.TLS.MinVersion", Doc: "The oldest version of TLS."},
	}}
}

func webSocket() strict.Section {
	return strict.Section{Path: WebSocket, Doc: "The ws and wss listeners of the zone.", Keys: []strict.Key{
		{Name: "origins", Want: "a list of origins", Default: "no page", Field: "Zones.Origins",
			Doc: "Where the pages come from whose scripts may connect, such as `https://app.example`; `\"*\"` takes every page. Programs that are no browser name no origin and are let in."},
	}}
}

func acl() strict.Section {
	return strict.Section{Path: ACL, Doc: "Which addresses may talk to the zone. The longest prefix that holds an address decides.", Keys: []strict.Key{
		{Name: "allow", Want: "a list of prefixes or addresses", Default: "everybody", Field: "Zones.ACL.Allow", Doc: "When it is given, addresses that are in neither list are denied."},
		{Name: "deny", Want: "a list of prefixes or addresses", Default: "nobody", Field: "Zones.ACL.Deny", Doc: "The same prefix cannot be in both."},
	}}
}

func dscp() strict.Section {
	const want = "cs0 to cs7, af11 to af43, ef, or 0 to 63"
	return strict.Section{Path: DSCP, Doc: "The code points of the packets that leave: names of RFC 2474, RFC 2597 and RFC 3246, or numbers.", Keys: []strict.Key{
		{Name: "sip", Want: want, Default: "0", Field: "Zones.DSCP.SIP", Doc: "Signalling. Open connections keep theirs."},
		{Name: "media", Want: want, Default: "0", Field: "Zones.DSCP.Media", Doc: "What the relay sends. Not supported by this version yet: the value is checked and has no effect."},
	}}
}
