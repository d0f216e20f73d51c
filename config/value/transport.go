package value

import (
	"fmt"
	"strconv"
	"strings"

	"gatehouse/config/strict"
)

// Transport is how SIP travels.
type Transport uint8

// UDP, TCP and TLS are those of RFC 3261 §18, WS and WSS those of RFC 7118.
const (
	UDP Transport = iota
	TCP
	TLS
	WS
	WSS
)

// String returns the name used in the file, such as "udp".
func (t Transport) String() string {
	switch t {
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
	}
	return "transport(" + strconv.Itoa(int(t)) + ")"
}

// Secure reports whether the transport runs over TLS.
func (t Transport) Secure() bool { return t == TLS || t == WSS }

// WebSocket reports whether the transport runs over WebSocket.
func (t Transport) WebSocket() bool { return t == WS || t == WSS }

// Stream reports whether the transport runs over TCP: such listeners share one
// space of ports.
func (t Transport) Stream() bool { return t != UDP }

// DefaultPort is the port of a URI that names none: 5060 and, for TLS, 5061
// (RFC 3261 §19.1.2), 80 and 443 for WebSocket (RFC 7118 §5.5).
func (t Transport) DefaultPort() uint16 {
	switch t {
	case UDP, TCP:
		return sipPort
	case TLS:
		return sipsPort
	case WS:
		return wsPort
	case WSS:
		return wssPort
	}
	return sipPort
}

// The default ports of the transports.
const (
	sipPort  = 5060
	sipsPort = 5061
	wsPort   = 80
	wssPort  = 443
)

// ParseTransport takes the transport of a listener or target.
func ParseTransport(s string) (Transport, error) {
	for t := UDP; t <= WSS; t++ {
		if strings.EqualFold(s, t.String()) {
			return t, nil
		}
	}
	return 0, fmt.Errorf("unknown transport %s, want udp, tcp, tls, ws or wss", strict.Plain(s))
}
