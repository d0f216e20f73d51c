package demo

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// carrier moves the messages of an endpoint.
type carrier interface {
	// send writes one message. A lost one is repeated by its transaction, or
	// its call ends in a timeout, so an error is not more than a loss.
	send(raw []byte, to netip.AddrPort)
	// via is the protocol as Via names it, param what a URI adds for it, and
	// reliable tells that nothing is to be repeated (RFC 3261 §17).
	via() string
	param() string
	reliable() bool
	// close ends everything; the goroutines then return.
	close() error
}

// datagrams is UDP.
type datagrams struct{ conn *net.UDPConn }

func (d datagrams) send(raw []byte, to netip.AddrPort) { _, _ = d.conn.WriteToUDPAddrPort(raw, to) }
func (datagrams) via() string                          { return "UDP" }
func (datagrams) param() string                        { return "" }
func (datagrams) reliable() bool                       { return false }
func (d datagrams) close() error                       { return d.conn.Close() }

// Listen opens an endpoint on UDP. Its messages are added to the ladder under
// its name; the ladder may be nil. Port 0 picks a free one.
func Listen(name string, addr netip.AddrPort, ladder *Ladder) (*Endpoint, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, fmt.Errorf("open endpoint %s: %w", name, err)
	}
	e := newEndpoint(name, plain(conn.LocalAddr().(*net.UDPAddr).AddrPort()), ladder)
	e.carrier = datagrams{conn}
	e.work.Go(func() { e.readDatagrams(conn) })
	return e, nil
}

func (e *Endpoint) readDatagrams(conn *net.UDPConn) {
	buf := make([]byte, maxMessage)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error of an earlier send, not the end of the socket
		}
		e.receive(append([]byte(nil), buf[:n]...), plain(from))
	}
}

// plain writes an IPv4 address as one, also when the socket takes both families.
func plain(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
