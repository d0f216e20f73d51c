package transport

import "strings"

// Proto is a SIP transport protocol.
type Proto uint8

// The protocols this package speaks.
const (
	UDP Proto = iota
	TCP
	TLS
	WS
	WSS
	numProtos
)

// ProtoOf gives the protocol of a name in a URI, a Via or the configuration, in either case.
func ProtoOf(name string) (Proto, bool) {
	for p := range numProtos {
		if strings.EqualFold(name, p.String()) {
			return p, true
		}
	}
	return 0, false
}

// String gives the name used in URIs and configuration: "udp", "tcp", "tls", "ws", "wss".
func (p Proto) String() string {
	switch p {
	case UDP:
		return "udp"
	case TCP:
		return "tcp"
	case TLS:
		return "tls"
	case WS:
		return "ws"
	case WSS:
		return "wss"
	case numProtos:
	}
	return "unknown"
}

// Via gives the token of a Via header's sent-protocol: "UDP", "TCP", "TLS" (RFC 3261 §20.42), "WS", "WSS" (RFC 7118 §5.2.1).
func (p Proto) Via() string {
	switch p {
	case UDP:
		return "UDP"
	case TCP:
		return "TCP"
	case TLS:
		return "TLS"
	case WS:
		return "WS"
	case WSS:
		return "WSS"
	case numProtos:
	}
	return "UNKNOWN"
}

// Reliable reports whether the transport itself retransmits, so that transactions need not (RFC 3261 §17).
func (p Proto) Reliable() bool { return p == TCP || p == TLS || p == WS || p == WSS }

// Secure reports whether what is sent is encrypted on this hop.
func (p Proto) Secure() bool { return p == TLS || p == WSS }

// WebSocket reports whether messages travel as WebSocket messages (RFC 7118).
func (p Proto) WebSocket() bool { return p == WS || p == WSS }

// DefaultPort is the port meant when an address names none (RFC 3261 §18.2.2, §19.1.2; RFC 7118 §5.2.4).
func (p Proto) DefaultPort() uint16 {
	switch p {
	case TLS:
		return defaultSIPSPort
	case WS:
		return defaultWSPort
	case WSS:
		return defaultWSSPort
	case UDP, TCP, numProtos:
	}
	return defaultSIPPort
}
