package datagram

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// maxDatagram is the largest UDP datagram, so that none is cut unnoticed.
	maxDatagram = 64 << 10
	// failurePause paces the reading of a socket that only fails.
	failurePause = 5 * time.Millisecond
)

// PacketConn is a datagram socket, of the system or of an in-memory network; reads and writes may run concurrently.
type PacketConn interface {
	ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort(b []byte, a netip.AddrPort) (int, error)
	LocalAddr() net.Addr
	Close() error
}

// Taker takes what comes to a socket.
type Taker interface {
	// Datagram takes one datagram, whose bytes are good until it returns. more tells that datagrams come faster than they are read.
	Datagram(data []byte, from netip.AddrPort, more bool)
	// ReadFailed takes the news that a read failed; the socket lives on.
	ReadFailed(err error)
}

// Socket is one socket of a Poll.
type Socket struct {
	conn  PacketConn
	taker Taker
	sys   systemSocket

	mu     sync.Mutex    // guards what follows
	begun  bool          // Start was called
	busy   bool          // its datagrams are being handled
	gone   bool          // Close was called
	closed chan struct{} // nothing of it is handled any more
}

// Start begins to read. It must be called at most once, and not after Close.
func (s *Socket) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun = true
	if s.sys.polled() {
		return s.join()
	}
	go s.read()
	return nil
}

// begin reserves the socket for reading; false once it is closed.
func (s *Socket) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy = !s.gone
	return s.busy
}

// end gives the socket back, and closes it if that was wanted meanwhile.
func (s *Socket) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy = false
	if s.gone {
		_ = s.conn.Close() // Close had nothing else to report
		close(s.closed)
	}
}

// Close closes the socket without waiting for what is being handled: Join does. Closing again does nothing.
func (s *Socket) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return nil
	}
	s.gone = true
	switch {
	case !s.begun:
		close(s.closed)
	case !s.sys.polled(): // its reader sees that the connection is closed
	default:
		s.sys.leave()
		if s.busy {
			return nil // the descriptor is in use, end closes it
		}
		close(s.closed)
	}
	return s.conn.Close()
}

// Join waits until nothing of a closed socket is handled any more. It must not be called by the taker.
func (s *Socket) Join() { <-s.closed }

// Send sends one datagram.
func (s *Socket) Send(b []byte, to netip.AddrPort) error {
	_, err := s.conn.WriteToUDPAddrPort(b, to)
	return err
}

// read reads a socket that is not of the system until it is closed.
func (s *Socket) read() {
	defer close(s.closed)
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(buf)
		switch {
		case err == nil:
			s.taker.Datagram(buf[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), false)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			s.taker.ReadFailed(err)
			time.Sleep(failurePause)
		}
	}
}
