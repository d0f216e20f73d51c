package app

import (
	"gatehouse/sip/transport"
)

// budget shares out the files the process may have open, so that no part can
// take them all: a relay that holds every descriptor for its reserve of ports
// would leave none to accept a connection, look up a name or reload.
type budget struct {
	sockets int              // of the relay, two for each pair of ports
	reserve int              // pairs the relay keeps bound for each address
	sip     transport.Limits // connections
	api     int              // connections
}

// The shares, of every 64 files: connections get theirs as far as they need
// it, the rest keeps some, and the relay has what is left, most of it.
const (
	shares        = 64
	connShares    = 4 // accepted, those of strangers included
	otherShares   = 2 // those of strangers, those we open, the API's
	dialingShares = 1 // those being opened

	// A share is never more than what is enough.
	enoughConns     = 8192
	enoughStrangers = 4096
	enoughDialing   = 256
	enoughPerSource = 32
	enoughShakes    = 256
	enoughAPI       = 128
	enoughReserve   = 256
	enoughRest      = 1024

	// leastRest is for listeners, pollers, name look-ups, records and the log.
	leastRest = 40
	// reserveParts is the part of the relay's pairs that may wait in reserve, as a divisor.
	reserveParts = 4
	// sourceParts is the part of the strangers' connections, and of the handshakes, one source may have, as a divisor.
	sourceParts = 4
	// shakeParts is the part of the connections that may be in their handshakes, as a divisor.
	shakeParts = 2

	// fewFiles is where an operator should hear of the limit: 800 calls.
	fewFiles = 4096
	// filesPerCall is what a call with one audio stream takes: two pairs.
	filesPerCall = 4
)

// shareOut divides files between the parts; addresses is how many the relay
// has. Without a known limit (0) every part has its own default.
func shareOut(files, addresses int) budget {
	if files <= 0 {
		return budget{}
	}
	part := func(n, enough int) int { return max(1, min(enough, files*n/shares)) }
	b := budget{api: part(otherShares, enoughAPI)}
	b.sip = transport.Limits{
		MaxConns: part(connShares, enoughConns), MaxStrangerConns: part(otherShares, enoughStrangers),
		MaxDialed: part(otherShares, enoughStrangers), MaxDialing: part(dialingShares, enoughDialing),
	}
	b.sip.MaxConnsPerSource = max(1, min(enoughPerSource, b.sip.MaxStrangerConns/sourceParts))
	// A handshake takes no file of its own, but all connections must not be in one.
	b.sip.MaxShakes = max(1, min(enoughShakes, b.sip.MaxConns/shakeParts))
	b.sip.MaxShakesPerSource = max(1, min(enoughPerSource, b.sip.MaxShakes/sourceParts))
	rest := min(enoughRest, leastRest+files*otherShares/shares)
	b.sockets = max(2*addresses, files-b.api-b.sip.MaxConns-b.sip.MaxDialed-rest)
	b.reserve = max(1, min(enoughReserve, b.sockets/2/reserveParts/max(1, addresses)))
	return b
}

// budget is the share of each part, with a word to the operator when there is
// little to share.
func (a *App) budget(addresses int) budget {
	files := raiseFileLimit(&a.log)
	b := shareOut(files, addresses)
	if files > 0 && files < fewFiles {
		a.log.Warn().Int("files", files).Int("calls", b.sockets/filesPerCall).Msg("few files may be open, which limits the calls")
	}
	return b
}
