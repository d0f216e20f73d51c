package transport

// Proto is a SIP transport protocol.
type Proto uint8

// The protocols this package speaks.
const (
	UDP Proto = iota
	TCP
)

// String gives the name used in URIs and configuration: "udp", "tcp".
func (p Proto) String() string {
	switch p {
	case UDP:
		return "udp"
	case TCP:
		return "tcp"
	}
	return "unknown"
}

// Via gives the token of a Via header's sent-protocol: "UDP", "TCP" (RFC 3261 §20.42).
func (p Proto) Via() string {
	switch p {
	case UDP:
		return "UDP"
	case TCP:
		return "TCP"
	}
	return "UNKNOWN"
}

// Reliable reports whether the transport itself retransmits, so that transactions need not (RFC 3261 §17).
func (p Proto) Reliable() bool { return p == TCP }

// DefaultPort is the port meant when an address names none (RFC 3261 §18.2.2, §19.1.2).
func (p Proto) DefaultPort() uint16 { return defaultSIPPort }
