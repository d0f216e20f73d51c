package reference

import "gatehouse/config/strict"

func root() strict.Section {
	return strict.Section{Path: Root, Doc: "The document is one mapping.", Keys: []strict.Key{
		{Name: "node", Want: "a name", Default: "gatehouse", Field: "Node", Doc: "Names this gateway in logs and call records."},
		{Name: "zones", Want: "a mapping of names to zones", Required: true, Doc: "The sides of the border. A request belongs to the zone of the listener it arrived on."},
		{Name: "peers", Want: "a mapping of names to peers", Required: true, Doc: "The remote systems, each in one zone."},
		{Name: "routes", Want: "a list of routes", Required: true, Doc: "Who may call whom. The first route that fits takes the call; a call that fits none is refused with 404."},
		{Name: "media", Want: "a mapping", Doc: "What applies to every relayed stream."},
		{Name: "dns", Want: "a mapping", Doc: "Who is asked about names, and what is believed."},
		{Name: "security", Want: "a mapping", Doc: "Limits on sources that abuse the gateway. They hold without a word here, too."},
		{Name: "admin", Want: "a mapping", Doc: "The listener of the API, the metrics and the health checks. Without it there is none."},
		{Name: "cdr", Want: "a mapping", Doc: "Where call records go. Without it none are written."},
		{Name: "log", Want: "a mapping", Doc: "What is logged, always as JSON lines on standard error."},
		{Name: "store", Want: "a mapping", Doc: "Where the state of calls is kept."},
		later("phones", "Registering phones."),
		later("headers", "Named lists of header rules."),
		later("cluster", "Several nodes as one."),
	}}
}

func route() strict.Section {
	return strict.Section{Path: Route, Doc: "One route.", Keys: []strict.Key{
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

func media() strict.Section {
	return strict.Section{Path: Media, Doc: "What applies to every relayed stream.", Keys: []strict.Key{
		{Name: "path", Want: "auto or portable", Default: "auto", Field: "Media.Path", Doc: "The data path of packets. `kernel` and `steer` are not supported by this version yet."},
		{Name: "timeout", Want: "a duration from 1s to 24h", Default: "60s", Field: "Media.Timeout", Doc: "Ends a call on which no media arrived from either side for so long."},
		later("hold_timeout", "The timeout of a call on hold."),
		later("source", "How strictly media sources are held."),
		later("nat", "Media through far-end NAT."),
	}}
}

func dns() strict.Section {
	return strict.Section{Path: DNS, Doc: "Names in the addresses of peers, and in the contacts that they give.", Keys: []strict.Key{
		{Name: "servers", Want: "a list of ADDRESS[:PORT]", Default: "those of the system", Field: "DNS.Servers", Doc: "Who is asked, in this order; at most 8, the port is 53."},
		{Name: "allow", Want: "a list of prefixes or addresses", Field: "DNS.Allow",
			Doc: "An answer that points to a loopback, link-local, multicast or other special address is refused, unless it is in here. One that points to a listener of ours always is."},
	}}
}

func security() strict.Section {
	return strict.Section{Path: Security, Doc: "Sources that no peer claims are limited and, when they offend, banned; those of peers are not.", Keys: []strict.Key{
		{Name: "ban", Want: "a mapping", Doc: "Bans sources that keep offending."},
		{Name: "strangers", Want: "a mapping", Doc: "Bounds what sources that no peer claims may send."},
	}}
}

func ban() strict.Section {
	return strict.Section{Path: Ban, Doc: "Only a source that has proved its address, by a connection, is banned; one that sends datagrams gets a tenth of `rate` and no answers instead. IPv6 sources count by /64.", Keys: []strict.Key{
		{Name: "after", Want: "a number from 0 to 100000", Default: "20", Field: "Security.Ban.After", Doc: "How many offences within `for` lead to a ban: malformed messages, failed handshakes and such. 0 bans nobody."},
		{Name: "for", Want: "a duration from 1s to 168h", Default: "10m", Field: "Security.Ban.For", Doc: "How long the first ban of a source lasts. Each that follows lasts twice as long, up to an hour."},
		{Name: "allow", Want: "a list of prefixes or addresses", Field: "Security.Ban.Allow", Doc: "Who is never banned."},
		{Name: "dry_run", Want: "true or false", Default: "false", Field: "Security.Ban.DryRun", Doc: "Shows the bans in the API and lets everything through."},
	}}
}

func strangers() strict.Section {
	return strict.Section{Path: Strangers, Doc: "Messages a second; what is more gets no answer.", Keys: []strict.Key{
		{Name: "rate", Want: "messages a second, from 1 to 100000", Default: "50", Field: "Security.Strangers.Rate", Doc: "What one source may send all the time."},
		{Name: "burst", Want: "messages, from 1 to 100000", Default: "100", Field: "Security.Strangers.Burst", Doc: "What one source may send at once."},
		{Name: "total", Want: "messages a second, from 1 to 1000000", Default: "2000", Field: "Security.Strangers.Total", Doc: "What all of them may send together."},
	}}
}

func admin() strict.Section {
	return strict.Section{Path: Admin, Doc: "The listener of the API. `/healthz`, `/readyz` and `/metrics` never need a token.", Keys: []strict.Key{
		{Name: "listen", Want: "ADDRESS:PORT", Default: "127.0.0.1:8060", Field: "Admin.Listen", Doc: "Without a token it must be a loopback address."},
		{Name: "token_file", Want: "a path", Field: "Admin.TokenFile", Doc: "A file whose one line is the bearer token of the API, at least 16 characters."},
		{Name: "token", Want: "${NAME}", Field: "Admin.Token", Doc: "The token from an environment variable, instead of `token_file`. A literal token is refused."},
	}}
}

func cdr() strict.Section {
	return strict.Section{Path: CDR, Doc: "Call records.", Keys: []strict.Key{
		{Name: "file", Want: "a path", Field: "CDR.File", Doc: "Gets one JSON line for each call."},
	}}
}

func log() strict.Section {
	return strict.Section{Path: Log, Doc: "Logging.", Keys: []strict.Key{
		{Name: "level", Want: "debug, info, warn or error", Default: "info", Field: "Log.Level", Doc: "The least severe level that is logged."},
	}}
}

func store() strict.Section {
	return strict.Section{Path: Store, Doc: "The state of calls.", Keys: []strict.Key{
		{Name: "kind", Want: "memory", Default: "memory", Doc: "`file` and `redis` are not supported by this version yet."},
		later("path", "The file of the store."),
		later("address", "The server of the store."),
	}}
}
