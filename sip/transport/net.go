package transport

import (
	"context"
	"net"
	"net/netip"

	"gatehouse/sip/transport/datagram"
)

// Net opens sockets. SystemNet is the real one; tests use an in-memory network.
type Net interface {
	// ListenUDP binds a datagram socket; port 0 picks a free one.
	ListenUDP(a netip.AddrPort) (PacketConn, error)
	// ListenTCP binds and listens; port 0 picks a free one.
	ListenTCP(a netip.AddrPort) (net.Listener, error)
	// DialTCP opens a connection from a local address (the zero Addr: any) to remote.
	DialTCP(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error)
}

// PacketConn is a datagram socket; reads and writes may run concurrently.
type PacketConn = datagram.PacketConn

// SystemNet gives the operating system's network. Sockets may be bound to addresses that are not on this machine yet
// (free bind), so that a standby node can listen before it takes an address over.
func SystemNet() Net { return systemNet{} }

type systemNet struct{}

// family names the Go network for one address family, so that no socket is dual-stack and no IPv4 source is mapped.
func family(base string, a netip.Addr) string {
	if a.Unmap().Is4() {
		return base + "4"
	}
	return base + "6"
}

// ListenUDP implements Net.
func (systemNet) ListenUDP(a netip.AddrPort) (PacketConn, error) {
	return datagram.Listen(context.Background(), &net.ListenConfig{Control: setListenOptions}, family("udp", a.Addr()), a.String())
}

// ListenTCP implements Net.
func (systemNet) ListenTCP(a netip.AddrPort) (net.Listener, error) {
	lc := net.ListenConfig{Control: setListenOptions}
	lc.SetMultipathTCP(false) // Go's default for listeners; such a socket takes no IPV6_TCLASS
	return lc.Listen(context.Background(), family("tcp", a.Addr()), a.String())
}

// DialTCP implements Net.
func (systemNet) DialTCP(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{Control: setDialOptions}
	if local.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
	}
	return d.DialContext(ctx, family("tcp", remote.Addr()), remote.String())
}

// addrPortOf gives a socket address as netip, IPv4 unmapped; the zero value for anything else.
func addrPortOf(a net.Addr) netip.AddrPort {
	switch t := a.(type) {
	case *net.UDPAddr:
		return unmap(t.AddrPort())
	case *net.TCPAddr:
		return unmap(t.AddrPort())
	}
	return netip.AddrPort{}
}

func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
