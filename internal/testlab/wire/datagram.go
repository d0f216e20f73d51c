package wire

import (
	"fmt"
	"net"
	"net/netip"
)

// datagramBuffer is asked of the kernel for each socket, so that a burst is not lost before it is read.
const datagramBuffer = 4 << 20

// datagram is the socket of an endpoint over UDP.
type datagram struct{ conn *net.UDPConn }

func (e *Endpoint) listenUDP() error {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(e.options.Addr))
	if err != nil {
		return err
	}
	if err := conn.SetReadBuffer(datagramBuffer); err != nil {
		_ = conn.Close()
		return err
	}
	e.addr = addrOf(conn.LocalAddr())
	e.udp = &datagram{conn: conn}
	e.stop = func() { _ = conn.Close() }
	e.reader.Go(func() {
		buf := make([]byte, maxMessageBytes)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			e.keep(netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), buf[:n])
		}
	})
	return nil
}

func (d *datagram) send(to netip.AddrPort, raw []byte) error {
	if _, err := d.conn.WriteToUDPAddrPort(raw, to); err != nil {
		return fmt.Errorf("datagram to %s: %w", to, err)
	}
	return nil
}

// addrOf is the address of a socket of this package, IPv4 never in mapped form.
func addrOf(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case *net.UDPAddr:
		p := a.AddrPort()
		return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
	case *net.TCPAddr:
		p := a.AddrPort()
		return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
	}
	return netip.AddrPort{}
}
