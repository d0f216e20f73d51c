package ladder

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"gatehouse/sip/transport"
)

// arrival is one message as a peer's socket gave it.
type arrival struct {
	raw  []byte
	from netip.AddrPort
}

// peer is one scripted side. Its readers put what comes into arrivals; the
// rest belongs to the goroutine that plays.
type peer struct {
	spec     peerSpec
	net      transport.Net
	arrivals chan arrival
	readers  sync.WaitGroup

	received []message
	sent     []message
	branches []string
	forbid   []string

	udp    transport.PacketConn
	listen net.Listener

	mu     sync.Mutex // guards stream, conns, fault and closed
	stream net.Conn   // the newest connection: where the next message goes
	conns  []net.Conn
	fault  error
	closed bool
}

func openPeer(spec peerSpec, n transport.Net) (*peer, error) {
	p := &peer{spec: spec, net: n, arrivals: make(chan arrival, queuedMessages)}
	var err error
	if spec.tcp {
		if p.listen, err = n.ListenTCP(spec.local); err != nil {
			return nil, fmt.Errorf("peer %s: listen on %s: %w", spec.name, spec.local, err)
		}
		p.readers.Go(p.accept)
		return p, nil
	}
	if p.udp, err = n.ListenUDP(spec.local); err != nil {
		return nil, fmt.Errorf("peer %s: bind %s: %w", spec.name, spec.local, err)
	}
	p.readers.Go(p.readUDP)
	return p, nil
}

func (p *peer) readUDP() {
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := p.udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			p.stop(err)
			return
		}
		p.push(arrival{raw: append([]byte(nil), buf[:n]...), from: from})
	}
}

func (p *peer) accept() {
	for {
		c, err := p.listen.Accept()
		if err != nil {
			p.stop(err)
			return
		}
		p.adopt(c)
	}
}

// adopt starts reading a connection and makes it the one to send on.
func (p *peer) adopt(c net.Conn) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		_ = c.Close() // nobody will read it
		return
	}
	p.stream = c
	p.conns = append(p.conns, c)
	p.readers.Go(func() { p.readStream(c) })
	p.mu.Unlock()
}

func (p *peer) readStream(c net.Conn) {
	r := bufio.NewReader(c)
	for {
		raw, err := readStream(r)
		if err != nil {
			p.mu.Lock()
			if p.stream == c {
				p.stream = nil
			}
			p.mu.Unlock()
			return
		}
		p.push(arrival{raw: raw})
	}
}

// push queues a message; an overfull queue is a fault of the system.
func (p *peer) push(a arrival) {
	select {
	case p.arrivals <- a:
	default:
		p.stop(errors.New("flooded: too many unread messages"))
	}
}

// stop remembers why the socket gave up, unless it was closed by us.
func (p *peer) stop(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed && p.fault == nil {
		p.fault = err
	}
}

func (p *peer) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault
}

func (p *peer) send(raw []byte) error {
	if p.udp != nil {
		if _, err := p.udp.WriteToUDPAddrPort(raw, p.spec.remote); err != nil {
			return fmt.Errorf("send to %s: %w", p.spec.remote, err)
		}
		return nil
	}
	p.mu.Lock()
	c := p.stream
	p.mu.Unlock()
	if c == nil {
		ctx, cancel := context.WithTimeout(context.Background(), defaultTimeout)
		defer cancel()
		var err error
		if c, err = p.net.DialTCP(ctx, p.spec.local.Addr(), p.spec.remote); err != nil {
			return fmt.Errorf("connect to %s: %w", p.spec.remote, err)
		}
		p.adopt(c)
	}
	if _, err := c.Write(raw); err != nil {
		return fmt.Errorf("send to %s: %w", p.spec.remote, err)
	}
	return nil
}

// disconnect closes the peer's connections; it goes on listening.
func (p *peer) disconnect() {
	p.mu.Lock()
	conns := p.conns
	p.conns, p.stream = nil, nil
	p.mu.Unlock()
	for _, c := range conns {
		_ = c.Close() // its reader ends by it
	}
}

// close ends the sockets and waits for their readers.
func (p *peer) close() {
	p.mu.Lock()
	p.closed = true
	conns := p.conns
	p.mu.Unlock()
	if p.udp != nil {
		_ = p.udp.Close() // the reader learns it; nothing else to do
	}
	if p.listen != nil {
		_ = p.listen.Close()
	}
	for _, c := range conns {
		_ = c.Close()
	}
	p.readers.Wait()
}
