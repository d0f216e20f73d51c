package memnet

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"gatehouse/sip/transport"
)

// UDPConn is a datagram socket. It implements transport.PacketConn.
type UDPConn struct {
	n        *Network
	addr     netip.AddrPort
	readable *sync.Cond // on n.mu
	inbox    []datagram
	lost     int
	deadline deadline
	closed   bool
}

type datagram struct {
	src  netip.AddrPort
	data []byte
}

// ListenUDP binds a datagram socket; port 0 picks a free one.
func (n *Network) ListenUDP(a netip.AddrPort) (*UDPConn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a, err := n.bindLocked("listen udp", a, func(a netip.AddrPort) bool { return n.udp[a] != nil })
	if err != nil {
		return nil, err
	}
	c := &UDPConn{n: n, addr: a, readable: sync.NewCond(&n.mu)}
	n.udp[a] = c
	return c, nil
}

// ReadFromUDPAddrPort waits for the next datagram. What does not fit b is cut, as by the kernel.
func (c *UDPConn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, netip.AddrPort{}, fmt.Errorf("read udp %s: %w", c.addr, net.ErrClosed)
		case len(c.inbox) > 0:
			d := c.inbox[0]
			c.inbox[0] = datagram{}
			c.inbox = c.inbox[1:]
			return copy(b, d.data), d.src, nil
		case c.deadline.passed():
			return 0, netip.AddrPort{}, fmt.Errorf("read udp %s: %w", c.addr, os.ErrDeadlineExceeded)
		}
		c.readable.Wait()
	}
}

// WriteToUDPAddrPort sends one datagram. As with the real thing, success says nothing about its arrival.
func (c *UDPConn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	switch {
	case c.closed:
		return 0, fmt.Errorf("write udp %s: %w", c.addr, net.ErrClosed)
	case len(b) > maxDatagramBytes:
		return 0, fmt.Errorf("write udp %s: %w", c.addr, syscall.EMSGSIZE)
	case !to.IsValid() || to.Port() == 0 || to.Addr().Is4() != c.addr.Addr().Is4():
		return 0, fmt.Errorf("write udp %s to %s: %w", c.addr, to, syscall.EINVAL)
	}
	data := append([]byte(nil), b...)
	src := c.n.outLocked(transport.UDP, c.addr, to)
	v := c.n.judgeLocked(Packet{Proto: transport.UDP, Src: src, Dst: to, Data: data, At: time.Now()})
	if v.Drop || v.Refuse {
		return len(b), nil
	}
	for range 1 + max(v.Copies, 0) {
		c.n.afterLocked(c.n.Delay+v.Delay, func() { c.n.deliverLocked(src, to, data) })
	}
	return len(b), nil
}

// deliverLocked puts a datagram into the socket it is for, if there is one.
func (n *Network) deliverLocked(src, to netip.AddrPort, data []byte) {
	to, ok := n.inLocked(transport.UDP, src, to)
	if !ok {
		return
	}
	c := n.udp[to]
	if c == nil {
		return
	}
	if len(c.inbox) >= inboxDatagrams {
		c.lost++
		return
	}
	c.inbox = append(c.inbox, datagram{src, data})
	c.readable.Signal()
}

// Lost says how many datagrams did not fit the socket's buffer.
func (c *UDPConn) Lost() int {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	return c.lost
}

// SetReadDeadline bounds reads, those that wait included; the zero time means no bound.
func (c *UDPConn) SetReadDeadline(t time.Time) error {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	c.deadline.set(c.readable, t)
	return nil
}

// LocalAddr is the bound address.
func (c *UDPConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.addr) }

// AddrPort is the bound address.
func (c *UDPConn) AddrPort() netip.AddrPort { return c.addr }

// Close unbinds the socket and wakes its readers.
func (c *UDPConn) Close() error {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	if c.closed {
		return fmt.Errorf("close udp %s: %w", c.addr, net.ErrClosed)
	}
	c.closed = true
	c.deadline.set(c.readable, time.Time{})
	delete(c.n.udp, c.addr)
	c.readable.Broadcast()
	return nil
}
