package memnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"gatehouse/sip/transport"
)

var (
	errWildcard = errors.New("memnet has no wildcard addresses")
	errNoPorts  = errors.New("no free port")
)

// Host gives the network as seen by a machine that may bind any address. All hosts of one network share it, so any
// number of them may be asked for.
func (n *Network) Host() transport.Net { return host{n} }

type host struct{ n *Network }

// ListenUDP implements transport.Net.
func (h host) ListenUDP(a netip.AddrPort) (transport.PacketConn, error) {
	c, err := h.n.ListenUDP(a)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// ListenTCP implements transport.Net.
func (h host) ListenTCP(a netip.AddrPort) (net.Listener, error) {
	l, err := h.n.ListenTCP(a)
	if err != nil {
		return nil, err
	}
	return l, nil
}

// DialTCP implements transport.Net.
func (h host) DialTCP(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	c, err := h.n.DialTCP(ctx, netip.AddrPortFrom(local, 0), remote)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// bindLocked checks an address for a new socket and chooses its port when it has none.
func (n *Network) bindLocked(op string, a netip.AddrPort, taken func(netip.AddrPort) bool) (netip.AddrPort, error) {
	a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	if !a.Addr().IsValid() || a.Addr().IsUnspecified() {
		return a, fmt.Errorf("%s %s: %w", op, a, errWildcard)
	}
	if a.Port() == 0 {
		b, ok := n.portLocked(a.Addr(), taken)
		if !ok {
			return a, fmt.Errorf("%s %s: %w", op, a, errNoPorts)
		}
		return b, nil
	}
	if taken(a) {
		return a, fmt.Errorf("%s %s: %w", op, a, syscall.EADDRINUSE)
	}
	return a, nil
}
