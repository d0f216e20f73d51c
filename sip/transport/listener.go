package transport

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
)

// Listener is one local address and protocol in one zone. Connections opened by us belong to a listener too: the one
// whose zone they were opened in.
type Listener struct {
	zone  string
	proto Proto
	addr  netip.AddrPort
	stack *Stack

	pc  PacketConn   // UDP
	tcp net.Listener // TCP

	stop   chan struct{}  // closed when it stops
	wg     sync.WaitGroup // its readers, accept loop and connections; Add only under Stack.mu while not closed
	closed bool           // guarded by Stack.mu
}

// Zone is the zone given to Listen.
func (l *Listener) Zone() string { return l.zone }

// Proto is the protocol given to Listen.
func (l *Listener) Proto() Proto { return l.proto }

// Addr is the address actually bound, with the port chosen when Listen was given none.
func (l *Listener) Addr() netip.AddrPort { return l.addr }

// Listen binds a socket and starts reading from it. Messages may reach Handler before Listen returns.
func (s *Stack) Listen(zone string, p Proto, a netip.AddrPort) (*Listener, error) {
	l := &Listener{zone: zone, proto: p, stack: s, stop: make(chan struct{})}
	var err error
	switch p {
	case UDP:
		err = l.openUDP(a)
	case TCP:
		err = l.openTCP(a)
	default:
		err = errProto
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s://%s: %w", p, a, err)
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, errors.Join(fmt.Errorf("listen on %s://%s: %w", p, a, ErrClosed), l.closeSocket())
	}
	s.listeners[l] = struct{}{}
	switch p {
	case UDP:
		for range s.limits.UDPReaders {
			l.wg.Go(l.readDatagrams)
		}
	case TCP:
		l.wg.Go(l.acceptLoop)
	}
	s.mu.Unlock()
	s.log.Info().Str("zone", zone).Str("listen", p.String()+"://"+l.addr.String()).Msg("listening")
	return l, nil
}

func (l *Listener) openUDP(a netip.AddrPort) error {
	pc, err := l.stack.net.ListenUDP(a)
	if err != nil {
		return err
	}
	l.pc, l.addr = pc, addrPortOf(pc.LocalAddr())
	// Best effort: the kernel caps both at net.core.rmem_max and wmem_max.
	if b, ok := pc.(interface{ SetReadBuffer(int) error }); ok {
		_ = b.SetReadBuffer(l.stack.limits.UDPBuffer)
	}
	if b, ok := pc.(interface{ SetWriteBuffer(int) error }); ok {
		_ = b.SetWriteBuffer(l.stack.limits.UDPBuffer)
	}
	return nil
}

func (l *Listener) openTCP(a netip.AddrPort) error {
	tl, err := l.stack.net.ListenTCP(a)
	if err != nil {
		return err
	}
	l.tcp, l.addr = tl, addrPortOf(tl.Addr())
	return nil
}

func (l *Listener) closeSocket() error {
	if l.pc != nil {
		return l.pc.Close()
	}
	return l.tcp.Close()
}

// CloseListener stops a listener and its connections, opened by either side, after writing what is queued on them (at
// most FlushTimeout), and joins their goroutines. Closing it again does nothing.
func (s *Stack) CloseListener(l *Listener) error {
	err := s.stopListener(l)
	s.joinListener(l)
	return err
}

// stopListener closes the socket and lets the connections end; it does not wait.
func (s *Stack) stopListener(l *Listener) error {
	s.mu.Lock()
	if l.closed {
		s.mu.Unlock()
		return nil
	}
	l.closed = true
	conns := s.connsOfLocked(l)
	s.mu.Unlock()

	close(l.stop)
	err := l.closeSocket()
	for _, c := range conns {
		c.end(errListenerClosed())
	}
	if err != nil {
		return fmt.Errorf("close listener %s://%s: %w", l.proto, l.addr, err)
	}
	return nil
}

// joinListener waits for the goroutines of a stopped listener and forgets it.
func (s *Stack) joinListener(l *Listener) {
	l.wg.Wait()
	s.mu.Lock()
	delete(s.listeners, l)
	s.mu.Unlock()
}

// cutConns ends the connections of a listener without writing what is queued.
func (s *Stack) cutConns(l *Listener) {
	s.mu.Lock()
	conns := s.connsOfLocked(l)
	s.mu.Unlock()
	for _, c := range conns {
		c.kill(errListenerClosed())
	}
}

func (s *Stack) connsOfLocked(l *Listener) []*Conn {
	var conns []*Conn
	for c := range s.conns {
		if c.listener == l {
			conns = append(conns, c)
		}
	}
	return conns
}

func errListenerClosed() error { return fmt.Errorf("listener closed: %w", ErrClosed) }
