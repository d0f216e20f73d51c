package reference

import (
	"gatehouse/config/strict"
	"gatehouse/config/value"
)

func peer() strict.Section {
	return strict.Section{Path: Peer, Doc: "One remote system.", Keys: []strict.Key{
		{Name: "zone", Want: "the name of a zone", Required: true, Field: "Peers.Zone", Doc: "The side of the border it is on."},
		{Name: "address", Want: "a URI, a mapping with one, or a list of up to 16", Required: true, Field: "Peers.Addresses",
			Doc: "Where its calls are sent: " + value.TargetForm + ", or the same with sips:. HOST is an address (IPv6 in brackets) or a name. With neither port nor transport a name is looked up as RFC 3263 says: NAPTR, SRV, then its addresses; with a transport alone, SRV and then its addresses. " +
				"Otherwise the port is 5060, 5061 for tls, 80 for ws, 443 for wss, and the transport udp, or tls for sips:. With sips: calls leave over TLS or not at all. The zone must have a listener of the transport and family."},
		{Name: "source", Want: "a list of prefixes or addresses", Default: "the addresses, and those the names in `address` resolve to", Field: "Peers.Source", Also: "Peers.SourceFromDNS",
			Doc: "How its requests are recognized. The longest prefix in the zone wins; peers of a zone may share one when each has a `match` of its own."},
		{Name: "match", Want: "a mapping", Default: "every request", Doc: "Which requests of the source are this peer's."},
		{Name: "tls", Want: "a mapping", Doc: "How connections that we open to the peer are secured."},
		{Name: "sip", Want: "a mapping", Doc: "Signalling settings."},
		later("register", "Registration at the peer."),
		later("credentials", "Digest credentials for the peer."),
		later("health", "OPTIONS probes."),
		later("limits", "Limits on calls and rates."),
		later("media", "SRTP, ICE, NAT, codecs and DTMF."),
		later("headers", "Header rules for the peer."),
		later("session_timer", "Session timers."),
		later("failover", "When the next target is tried."),
	}}
}

func address() strict.Section {
	return strict.Section{Path: Address, Doc: "One of several addresses of a peer. In a list each item is a URI or a mapping like this.", Keys: []strict.Key{
		{Name: "uri", Want: "a URI, as above", Required: true, Doc: "The address itself."},
		{Name: "priority", Want: "a number from 0 to 65535", Default: "0", Doc: "The lowest is tried first."},
		{Name: "weight", Want: "a number from 0 to 65535", Default: "1", Doc: "The share of the calls among addresses of the same priority; one of weight 0 hardly gets any."},
	}}
}

func match() strict.Section {
	return strict.Section{Path: Match, Doc: "Tells apart peers that share a source; every part that is given must fit.", Keys: []strict.Key{
		{Name: "host", Want: "an address or a host name", Field: "Peers.Match.Host", Doc: "The host of From."},
		{Name: "port", Want: "a port", Field: "Peers.Match.Port", Doc: "The port of the listener the request arrived on."},
		{Name: "prefix", Want: "a text", Field: "Peers.Match.Prefix", Doc: "What the called user starts with."},
		{Name: "certificate", Want: "an address or a host name", Field: "Peers.Match.Certificate",
			Doc: "A name in the certificate of the connection (RFC 5922 §7.1), which must have been checked: see `client_ca` of the zone."},
	}}
}

func peerTLS() strict.Section {
	return strict.Section{Path: PeerTLS, Doc: "The connections that we open to the peer. The files are PEM; a reload reads them again.", Keys: []strict.Key{
		{Name: "ca", Want: "a path", Default: "the roots of the system", Field: "Peers.TLS.CAFile", Also: "Peers.TLS.CA", Doc: "Who may sign the certificate of the peer."},
		{Name: "certificate", Want: "a path", Default: "the certificate of the zone", Field: "Peers.TLS.CertificateFile", Also: "Peers.TLS.Certificate", Doc: "What we show the peer, when it asks."},
		{Name: "key_file", Want: "a path", Default: "the key of the zone", Field: "Peers.TLS.KeyFile", Also: "Peers.TLS.Key", Doc: "The key of the certificate; one needs the other."},
		{Name: "server_name", Want: "an address or a host name", Default: "the host of the address", Field: "Peers.TLS.ServerName",
			Doc: "The name that is asked for and that the certificate of the peer must hold (RFC 5922 §7.2)."},
		{Name: "min_version", Want: `"1.2" or "1.3"`, Default: `"1.2"`, Field: "Peers.TLS.MinVersion", Doc: "The oldest version of TLS."},
	}}
}

func sip() strict.Section {
	return strict.Section{Path: SIP, Doc: "Signalling settings of a peer.", Keys: []strict.Key{
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
