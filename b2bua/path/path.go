// Package path is the way a request of ours takes: the hop it goes to and what
// it shows of us there, the order in which the targets of a peer are tried, and
// a request that is there already made ready for another hop.
//
// It is values and pure functions: package b2bua fills hops from policy,
// listeners and the resolver, the calls on its shards use them. It knows neither
// dialogs nor transactions, and sends nothing.
package path

import (
	"fmt"
	"net/netip"
	"strings"

	"gatehouse/sip/msg"
	"gatehouse/sip/resolve"
	"gatehouse/sip/transport"
)

// Hop is where a request of ours goes and what it shows of us.
type Hop struct {
	Dest transport.Dest
	// SentBy is our host and port on that path, for Via and Contact.
	SentBy string
	// Host is our host alone, for From and To.
	Host string
	// Pinned: the URI asks for UDP, so that a large request stays on it
	// (RFC 3261 §18.1.1 would move it).
	Pinned bool
	// Late: the target failed a short while ago and is tried after the others.
	Late bool
}

// Proto is the transport of the hop.
func (h Hop) Proto() transport.Proto { return h.Dest.Listener.Proto() }

// Set tells whether the hop leads anywhere.
func (h Hop) Set() bool { return h.Dest.Listener != nil }

// Target is the hop as the resolver knows it, for its penalties.
func (h Hop) Target() resolve.Target {
	return resolve.Target{Addr: h.Dest.Addr, Transport: h.Proto().String()}
}

// Remote is the address at the other end.
func (h Hop) Remote() netip.AddrPort {
	if h.Dest.Conn != nil {
		return h.Dest.Conn.Remote()
	}
	return h.Dest.Addr
}

// Name writes the target as records show it: host:port;transport.
func (h Hop) Name() string { return h.Remote().String() + ";" + h.Proto().String() }

// Via gives the parts of the top Via of a request on this hop
// (RFC 3261 §18.1.1). rport asks for the reply at our source port
// (RFC 3581 §3), alias offers the connection for requests to us (RFC 5923 §5).
func (h Hop) Via(branch string) [7]string {
	v := [...]string{"SIP/2.0/", h.Proto().Via(), " ", h.SentBy, ";branch=", branch, ";rport"}
	if h.Dest.Alias() {
		v[6] = ";rport;alias"
	}
	return v
}

// Contact is the URI a dialog on this hop shows for us.
//
// Differs from RFC 5630 §5.1.1 in writing transport=tls into a sip URI: without
// it the other side would look for UDP at a port that speaks TLS.
func (h Hop) Contact(user string, sips bool) string {
	scheme, param := "sip:", TransportParam(h.Proto().String(), sips)
	if sips {
		scheme = "sips:"
	}
	if param != "" {
		param = ";transport=" + param
	}
	return scheme + user + "@" + h.SentBy + param
}

// TransportParam is the transport parameter of a URI reached by that transport;
// "" when it needs none: UDP is the default, sips says TLS by itself
// (RFC 5630 §5.1.1), and both kinds of WebSocket are "ws" (RFC 7118 §5.2).
func TransportParam(transportName string, sips bool) string {
	p, ok := transport.ProtoOf(transportName)
	switch {
	case !ok, p == transport.UDP, sips && !p.WebSocket():
		return ""
	case p.WebSocket():
		return transport.WS.String()
	}
	return p.String()
}

// Reroute makes a request that was built for one hop the same request on
// another: with the top Via of that hop and a branch of its own, so a new
// transaction (RFC 3263 §4.3, RFC 3261 §18.1.1).
func Reroute(raw []byte, h Hop, branch string) ([]byte, error) {
	var m msg.Message
	if err := m.Parse(raw, msg.Stream); err != nil {
		return nil, fmt.Errorf("read request to be sent elsewhere: %w", err)
	}
	via := h.Via(branch)
	m.Set("Via", strings.Join(via[:], ""))
	out, err := m.AppendTo(make([]byte, 0, len(raw)+rerouteGrowth))
	if err != nil {
		return nil, fmt.Errorf("write request to be sent elsewhere: %w", err)
	}
	return out, nil
}

// rerouteGrowth is room for a Via that is longer than the one it replaces
// (bytes).
const rerouteGrowth = 64
