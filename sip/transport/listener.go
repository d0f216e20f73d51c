package transport

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"gatehouse/sip/transport/datagram"
)

// Listener is one local address and protocol in one zone. Connections opened by us belong to a listener too: the one
// whose zone they were opened in.
type Listener struct {
	zone  string
	proto Proto
	addr  netip.AddrPort
	stack *Stack
	dscp  atomic.Uint32

	tls     func() *tls.Config // TLS and WSS
	origins func() []string    // WS and WSS; nil: none

	pc   PacketConn       // UDP
	sock *datagram.Socket // the same, being read
	tcp  net.Listener     // the others

	stop   chan struct{}  // closed when it stops
	wg     sync.WaitGroup // its accept loop and connections; Add only under Stack.mu while not closed
	closed bool           // guarded by Stack.mu
}

// ListenSpec says where to listen, and how what comes there is treated.
type ListenSpec struct {
	Zone    string
	Proto   Proto
	Addr    netip.AddrPort
	TLS     func() *tls.Config // TLS and WSS: asked at each handshake, so that certificates reload without a new socket
	Origins func() []string    // WS and WSS: Origins browsers may come from, asked at each opening handshake; "*" allows all; a request without Origin (no browser) is allowed
	DSCP    uint8              // code point (0 to 63) of what leaves by this listener, connections dialed for it included
}

// Zone is the zone given to Listen.
func (l *Listener) Zone() string { return l.zone }

// Proto is the protocol given to Listen.
func (l *Listener) Proto() Proto { return l.proto }

// Addr is the address actually bound, with the port chosen when Listen was given none.
func (l *Listener) Addr() netip.AddrPort { return l.addr }

// Listen binds a socket and starts reading from it. Messages may reach Handler before Listen returns.
func (s *Stack) Listen(spec ListenSpec) (*Listener, error) {
	l, err := s.listen(spec)
	if err != nil {
		return nil, fmt.Errorf("listen on %s://%s: %w", spec.Proto, spec.Addr, err)
	}
	s.log.Info().Str("zone", l.zone).Str("listen", l.proto.String()+"://"+l.addr.String()).Msg("listening")
	return l, nil
}

func (s *Stack) listen(spec ListenSpec) (*Listener, error) {
	l := &Listener{zone: spec.Zone, proto: spec.Proto, stack: s, stop: make(chan struct{}), tls: spec.TLS, origins: spec.Origins}
	var err error
	switch {
	case spec.DSCP > maxDSCP:
		return nil, errDSCP
	case spec.Proto >= numProtos:
		return nil, errProto
	case spec.Proto.Secure() && spec.TLS == nil:
		return nil, errNoTLS
	case spec.Proto == UDP:
		err = l.openUDP(spec.Addr)
	default:
		err = l.openTCP(spec.Addr)
	}
	if err != nil {
		return nil, err
	}
	if spec.DSCP != 0 {
		l.SetDSCP(spec.DSCP)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.Join(ErrClosed, l.closeSocket())
	}
	s.listeners[l] = struct{}{}
	if l.proto != UDP {
		l.wg.Go(l.acceptLoop)
		return l, nil
	}
	if err := s.readLocked(l); err != nil {
		delete(s.listeners, l)
		return nil, errors.Join(err, l.closeSocket())
	}
	return l, nil
}

// readLocked starts to read a datagram listener's socket.
func (s *Stack) readLocked(l *Listener) (err error) {
	if l.sock, err = s.poll.Add(l.pc, arrivals{l}); err != nil {
		return err
	}
	return l.sock.Start()
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

// SetDSCP changes the code point of what leaves by the listener: of datagrams at once, of connections from the next. A
// network that cannot mark packets sends them unmarked.
func (l *Listener) SetDSCP(dscp uint8) {
	l.dscp.Store(uint32(min(dscp, maxDSCP)))
	var socket any = l.tcp // what is set there marks the answers to SYNs
	if l.pc != nil {
		socket = l.pc
	}
	if err := setDSCP(socket, l.addr.Addr(), dscp); err != nil {
		l.stack.log.Warn().Err(err).Str("zone", l.zone).Str("listen", l.proto.String()+"://"+l.addr.String()).Msg("packets are not marked")
	}
}

func (l *Listener) closeSocket() error {
	switch {
	case l.sock != nil:
		return l.sock.Close()
	case l.pc != nil:
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
	if l.sock != nil {
		l.sock.Join()
	}
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
