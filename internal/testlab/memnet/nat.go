package memnet

import (
	"net/netip"

	"gatehouse/sip/transport"
)

// Filtering is whose packets a NAT lets in to a mapping (RFC 4787 §5).
type Filtering uint8

// The kinds of filtering.
const (
	// AddressAndPort lets in only whom the inside host has sent to ("port restricted").
	AddressAndPort Filtering = iota
	// AddressOnly lets in any port of a host the inside host has sent to ("restricted").
	AddressOnly
	// Anyone lets everybody in ("full cone").
	Anyone
)

// NAT translates the addresses of the hosts behind it. Set its fields before it is used, or through Network.Update.
type NAT struct {
	// Symmetric gives every destination its own port (RFC 4787 §4.1, address and port-dependent mapping).
	Symmetric bool
	// Filtering is who is let in.
	Filtering Filtering

	inside netip.Prefix
	public netip.Addr
	byIn   map[mapping]netip.AddrPort
	byOut  map[outside]*binding
}

// mapping is what a public port is chosen for; to is set by a symmetric NAT only.
type mapping struct {
	proto transport.Proto
	from  netip.AddrPort
	to    netip.AddrPort
}

type outside struct {
	proto transport.Proto
	addr  netip.AddrPort
}

// binding is one public port.
type binding struct {
	inside netip.AddrPort
	sentTo map[netip.AddrPort]bool
}

// AddNAT puts a NAT between the hosts of a prefix and everybody else, who see them as the public address. Hosts of the
// prefix reach each other directly.
func (n *Network) AddNAT(inside netip.Prefix, public netip.Addr) *NAT {
	n.mu.Lock()
	defer n.mu.Unlock()
	t := &NAT{inside: inside, public: public}
	t.forget()
	n.nats = append(n.nats, t)
	return t
}

// Forget drops a NAT's mappings, as after a restart or a long silence: inside hosts get new public ports, and what is
// sent to the old ones is lost.
func (n *Network) Forget(t *NAT) {
	n.mu.Lock()
	defer n.mu.Unlock()
	t.forget()
}

func (t *NAT) forget() {
	t.byIn = make(map[mapping]netip.AddrPort)
	t.byOut = make(map[outside]*binding)
}

// outLocked gives the source address the wire shows for a packet, and opens the NAT for answers.
func (n *Network) outLocked(p transport.Proto, from, to netip.AddrPort) netip.AddrPort {
	for _, t := range n.nats {
		if t.inside.Contains(from.Addr()) && !t.inside.Contains(to.Addr()) {
			return t.outLocked(n, p, from, to)
		}
	}
	return from
}

func (t *NAT) outLocked(n *Network, p transport.Proto, from, to netip.AddrPort) netip.AddrPort {
	key := mapping{proto: p, from: from}
	if t.Symmetric {
		key.to = to
	}
	pub, ok := t.byIn[key]
	if !ok {
		pub, ok = n.portLocked(t.public, func(a netip.AddrPort) bool { return t.byOut[outside{p, a}] != nil })
		if !ok {
			return from // no port left: the packet leaves untranslated, and nobody can answer it
		}
		t.byIn[key] = pub
		t.byOut[outside{p, pub}] = &binding{inside: from, sentTo: make(map[netip.AddrPort]bool)}
	}
	t.byOut[outside{p, pub}].sentTo[to] = true
	return pub
}

// inLocked gives the address a packet is delivered to; false when a NAT does not let it in, or it comes from outside
// to an inside address.
func (n *Network) inLocked(p transport.Proto, from, to netip.AddrPort) (netip.AddrPort, bool) {
	for _, t := range n.nats {
		if t.public == to.Addr() {
			b := t.byOut[outside{p, to}]
			if b == nil || !t.admits(b, from) {
				return to, false
			}
			return b.inside, true
		}
		if t.inside.Contains(to.Addr()) && !t.inside.Contains(from.Addr()) {
			return to, false
		}
	}
	return to, true
}

func (t *NAT) admits(b *binding, from netip.AddrPort) bool {
	switch t.Filtering {
	case Anyone:
		return true
	case AddressOnly:
		for a := range b.sentTo {
			if a.Addr() == from.Addr() {
				return true
			}
		}
		return false
	case AddressAndPort:
		return b.sentTo[from]
	}
	return false
}
