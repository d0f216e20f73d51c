package config

import (
	"gatehouse/config/files"
	"gatehouse/config/value"
)

// Transport is how SIP travels.
type Transport = value.Transport

// The transports, RFC 3261 §18 and RFC 7118.
const (
	UDP = value.UDP
	TCP = value.TCP
	TLS = value.TLS
	WS  = value.WS
	WSS = value.WSS
)

// Listener is one SIP listener.
type Listener = value.Listener

// Target is one address of a peer: where requests for it go.
type Target = value.Target

// PortRange is an inclusive range of ports.
type PortRange = value.PortRange

// Pattern matches the called user of a route.
type Pattern = value.Pattern

// Secret is a text that never appears in a log, a marshalled file or an error.
type Secret = value.Secret

// NewSecret wraps a secret text.
func NewSecret(text string) Secret { return value.NewSecret(text) }

// ParsePattern reads one pattern as written under called.
func ParsePattern(s string) (Pattern, error) { return value.ParsePattern(s) }

// ServerTLS is what the TLS and WSS listeners of a zone show and ask for.
type ServerTLS = files.ServerTLS

// ClientTLS is how the connections we open to a peer are secured.
type ClientTLS = files.ClientTLS
