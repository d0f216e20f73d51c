package value

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"gatehouse/config/strict"
)

// Listener is one SIP listener.
type Listener struct {
	// Transport is how requests arrive there.
	Transport Transport
	// Addr is what to bind; port 0 lets the system choose.
	Addr netip.AddrPort
}

// String writes the listener as the file does.
func (l Listener) String() string { return l.Transport.String() + "://" + l.Addr.String() }

// ParseListener takes TRANSPORT://ADDRESS:PORT.
func ParseListener(s string) (Listener, error) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return Listener{}, fmt.Errorf("want TRANSPORT://ADDRESS:PORT such as udp://192.0.2.1:5060, got %s", strict.Quote(s))
	}
	t, err := ParseTransport(scheme)
	if err != nil {
		return Listener{}, err
	}
	a, err := ParseBind(rest)
	if err != nil {
		return Listener{}, err
	}
	return Listener{Transport: t, Addr: a}, nil
}

// Target is one address of a peer: where requests for it go.
type Target struct {
	// Host is an address (IPv6 without brackets) or a lower-case host name.
	Host string
	// Port is 0 when the file names none.
	Port uint16
	// Transport is what the URI names, else what RFC 3263 §4.1 takes without looking anything up: TLS with sips, UDP without. It is never a clear one with sips.
	Transport Transport
	// TransportGiven tells whether the URI names a transport. Without it a name may lead to any (RFC 3263 §4.1).
	TransportGiven bool
	// Secure tells a sips URI: requests leave over TLS or WSS only.
	Secure bool
	// Priority orders the targets of a peer, the lowest first; Weight shares the calls among those of equal priority (as RFC 2782 does).
	Priority, Weight int
	// Raw is the URI as written in the file.
	Raw string
}

// Addr returns Host as an address, and false when it is a name.
func (t Target) Addr() (netip.Addr, bool) {
	a, err := netip.ParseAddr(t.Host)
	return a, err == nil
}

// EffectivePort returns Port, or the default of the transport when there is
// none.
func (t Target) EffectivePort() uint16 {
	if t.Port == 0 {
		return t.Transport.DefaultPort()
	}
	return t.Port
}

// Open reports whether DNS decides the transport: the URI has a name and
// neither a port nor a transport (RFC 3263 §4.1).
func (t Target) Open() bool {
	_, literal := t.Addr()
	return !literal && t.Port == 0 && !t.TransportGiven
}

// TargetForm is what the URI of a target looks like, for messages and the
// reference.
const TargetForm = "sip:HOST[:PORT][;transport=udp|tcp|tls|ws|wss]"

// ParseTarget takes a URI like TargetForm, or the same with sips.
func ParseTarget(s string) (Target, error) {
	scheme, rest, ok := strings.Cut(s, ":")
	t := Target{Raw: s, Weight: 1, Secure: strings.EqualFold(scheme, "sips")}
	switch {
	case !ok || !t.Secure && !strings.EqualFold(scheme, "sip"):
		return Target{}, fmt.Errorf("want %s, got %s", TargetForm, strict.Quote(s))
	case strings.Contains(rest, "@"):
		return Target{}, fmt.Errorf("the address of a peer has no user part, got %s", strict.Quote(s))
	case strings.Contains(rest, "?"):
		return Target{}, fmt.Errorf("the address of a peer has no headers, got %s", strict.Quote(s))
	}
	hostport, params, given := strings.Cut(rest, ";")
	var err error
	if t.Host, t.Port, err = ParseHostPort(hostport); err != nil {
		return Target{}, err
	}
	t.TransportGiven = given
	if given {
		t.Transport, err = parseTargetParams(params)
	}
	if err == nil && t.Secure {
		t.Transport, err = secured(t.Transport, given)
	}
	if err != nil {
		return Target{}, err
	}
	return t, nil
}

func parseTargetParams(params string) (Transport, error) {
	name, val, _ := strings.Cut(params, "=")
	if !strings.EqualFold(name, "transport") || strings.Contains(val, ";") {
		return 0, fmt.Errorf("the only parameter here is transport, such as transport=tcp, got %s", strict.Quote(params))
	}
	return ParseTransport(val)
}

// errSecureUDP is what sips cannot be.
var errSecureUDP = errors.New("sips needs TLS, and there is none over udp: leave the transport out, or take tls or wss")

// secured is the transport of a sips URI: its parameter names what lies under
// TLS (RFC 3261 §26.2.2), and for WebSocket the scheme alone tells WSS from WS
// (RFC 7118 §5.5).
func secured(t Transport, given bool) (Transport, error) {
	switch t {
	case UDP:
		if given {
			return 0, errSecureUDP
		}
		return TLS, nil
	case TCP, TLS:
		return TLS, nil
	case WS, WSS:
		return WSS, nil
	}
	return t, nil
}
