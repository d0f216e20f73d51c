// Package wire is a SIP endpoint of the laboratory over real sockets: UDP, TCP, TLS, WebSocket and secure WebSocket, IPv4 and IPv6. It sends
// what it is told, byte for byte, and keeps everything it receives.
//
// It is written on net, crypto/tls and coder/websocket alone and takes messages apart with a splitter of its own, so that a mistake of
// sip/transport or sip/msg is not judged by itself. It knows no transactions and no dialogs: whoever uses it writes those down message by
// message. One goroutine reads each socket; all methods may be called from any goroutine. Only tests import it.
package wire

import "strings"

// Proto is a transport as a Via names it (RFC 3261 §18, RFC 7118 §5.2).
type Proto string

// The transports.
const (
	UDP Proto = "UDP"
	TCP Proto = "TCP"
	TLS Proto = "TLS"
	WS  Proto = "WS"
	WSS Proto = "WSS"
)

// All are the transports in the order of their introduction.
func All() []Proto { return []Proto{UDP, TCP, TLS, WS, WSS} }

// Param is the transport as a URI of ours names it (RFC 3261 §19.1.1, RFC 7118 §5.2.4), and as the configuration does.
func (p Proto) Param() string { return strings.ToLower(string(p)) }

// Secure tells whether what goes over it is encrypted.
func (p Proto) Secure() bool { return p == TLS || p == WSS }

// WebSocket tells whether messages travel in frames of a WebSocket.
func (p Proto) WebSocket() bool { return p == WS || p == WSS }
