package config

import "time"

// Limits of what the file may ask for.
const (
	// MaxZones keeps the comparison of all zones with each other cheap.
	MaxZones = 64
	// MaxListeners is how many SIP listeners one zone may have.
	MaxListeners = 32
	// MaxMediaAddresses is how many relay addresses one zone may have.
	MaxMediaAddresses = 32
	// MaxTargets is how many peers one route may try; a caller does not wait for more.
	MaxTargets = 64
	// minMediaPort keeps the relay off the ports that need privileges.
	minMediaPort = 1024
	// minMediaPorts is one RTP and RTCP pair, the least that can carry a stream.
	minMediaPorts = 2
	// fewMediaPorts is where a pool starts to look like a typing error: 50 streams.
	fewMediaPorts = 100
	// DefaultSIPPort is the port of SIP over UDP and TCP, RFC 3261 §19.1.2.
	DefaultSIPPort = 5060
	// MinTokenBytes is the shortest token of the API: it cannot be guessed over the network when it is random.
	MinTokenBytes = 16
	// maxPort is the largest port number.
	maxPort = 65535
	// maxHostBytes and maxLabelBytes are the longest host name and label, RFC 1035 §2.3.4.
	maxHostBytes, maxLabelBytes = 253, 63
)

// Defaults and bounds of durations.
const (
	// DefaultNode names the gateway when the file does not.
	DefaultNode = "gatehouse"
	// DefaultRingTimeout is Timer C of a proxy, RFC 3261 §16.6 step 11.
	DefaultRingTimeout = 180 * time.Second
	// DefaultMaxDuration ends forgotten calls.
	DefaultMaxDuration = 4 * time.Hour
	// DefaultMediaTimeout ends calls whose both sides fell silent.
	DefaultMediaTimeout = 60 * time.Second
	// DefaultAdminListen is where the API listens when admin is given without an address.
	DefaultAdminListen = "127.0.0.1:8060"
	// DefaultLogLevel is what is logged when the file does not say.
	DefaultLogLevel = "info"

	minDuration     = time.Second
	maxRingTimeout  = time.Hour
	maxCallDuration = 7 * 24 * time.Hour
	maxMediaTimeout = 24 * time.Hour
)
