package sdp

const (
	// MaxBytes bounds a description: the largest seen with ICE and video stay below 16 KB.
	MaxBytes = 32 << 10
	// MaxMedia bounds the m-lines of a description; each costs ports.
	MaxMedia = 16
	// MaxCodecs bounds the formats of one m-line; a browser offers about 40.
	MaxCodecs = 64
	// MaxCandidates bounds the ICE candidates of one m-line.
	MaxCandidates = 64
	// maxHostBytes is the longest host name (RFC 1035 §2.3.4).
	maxHostBytes = 255
	// maxPTimeMs bounds ptime and maxptime: a minute of audio in one packet is a mistake.
	maxPTimeMs = 60_000
	// maxTimeDigits bounds the numbers of t=: NTP seconds have ten digits.
	maxTimeDigits = 15
)
