// Package limit bounds what sources may cost us before anything they say is
// believed.
//
// It owns the Gate: a token bucket for each stranger (a source no peer claims;
// IPv6 counts by /64) and one for all of them together, and the memory of who
// offended. Trust needs proof: the source of a datagram may be forged, so what
// is done in its name at most demotes it, and only a source that proved itself
// by a stream is banned. Peers are never limited, demoted or banned, whatever
// is sent in their name. Scanner knows attack tools by how they call
// themselves.
//
// It refuses to know zones, messages or transports, and to log: app asks it
// between sip/transport and policy/engine, and the API reads it. A Gate may be
// used from any goroutine and starts none. All its memory together stays under
// MaxBytes.
package limit

import "time"

// The bounds of a Gate's memory.
const (
	// MaxSources is how many strangers have a bucket of their own. One that was not heard of for longest, or hardly ever, makes room and is new when it comes back.
	MaxSources = 65536
	// maxConnected is how many strangers on connections have one beside that of their datagrams.
	maxConnected = 16384
	// maxOffenders is how many sources that proved themselves are watched for offences: each had to open a stream, so a flood cannot push them out from forged addresses.
	maxOffenders = 16384
	// maxBans is how many bans are held or remembered; the one that expires first makes room.
	maxBans = 16384
	// maxReasons is how many reasons offences are counted by; callers use fixed words, so this only catches a mistake.
	maxReasons = 64
	// MaxBytes is what a Gate occupies at most, every table full: about 280 bytes a stranger, 130 an offender and 180 a ban come to 23 MB, and what a collection of garbage has not found yet.
	MaxBytes = 32 << 20
)

// How strangers are treated.
const (
	// sourceBits is the length of the IPv6 prefix that counts as one source: whoever has an address has all of its subnet (RFC 4291 §2.5.4).
	sourceBits = 64
	// demotedShare is what a demoted source keeps of its rate: a tenth.
	demotedShare = 10
	// longestBan is where the doubling of repeated bans ends, unless the first one is longer. It is also how long after its end a ban counts as a repetition's first.
	longestBan = time.Hour
)
