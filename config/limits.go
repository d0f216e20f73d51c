package config

import (
	"time"

	"gatehouse/config/files"
)

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
	// MaxAddresses is how many addresses one peer may have; a caller does not wait for more.
	MaxAddresses = 16
	// MaxOrigins is how many origins one zone may list; each opening handshake is compared with them.
	MaxOrigins = 256
	// MaxServers is how many DNS servers may be asked; one that is silent costs seconds.
	MaxServers = 8
	// maxPort is the largest port number.
	maxPort = 65535
	// maxRank is the largest priority and weight, as in RFC 2782.
	maxRank = 65535
	// dnsPort is the port of DNS, RFC 1035 §4.2.
	dnsPort = 53
	// minUDPMax and maxUDPMax bound udp_max: less moves every request, more fits no datagram over IPv4.
	minUDPMax, maxUDPMax = 512, 65507
	// maxOffences, maxRate and maxTotal bound the limits of security, far above what a gateway can take.
	maxOffences, maxRate, maxTotal = 100_000, 100_000, 1_000_000
	// fewMediaPorts is where a pool starts to look like a typing error: 50 streams.
	fewMediaPorts = 100
	// MinTokenBytes is the shortest token of the API.
	MinTokenBytes = files.MinTokenBytes
)

// Defaults, and bounds of durations.
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

	// DefaultUDPMax is where requests move to a stream, RFC 3261 §18.1.1.
	DefaultUDPMax = 1300
	// DefaultBanAfter is how many offences lead to a ban.
	DefaultBanAfter = 20
	// DefaultBanFor is how long a ban lasts.
	DefaultBanFor = 10 * time.Minute
	// DefaultRate is how many messages a second one source that no peer claims may send.
	DefaultRate = 50
	// DefaultBurst is how many it may send at once.
	DefaultBurst = 100
	// DefaultTotal is how many a second all such sources may send together.
	DefaultTotal = 2000

	maxBanFor       = 7 * 24 * time.Hour
	minDuration     = time.Second
	maxRingTimeout  = time.Hour
	maxCallDuration = 7 * 24 * time.Hour
	maxMediaTimeout = 24 * time.Hour
)
