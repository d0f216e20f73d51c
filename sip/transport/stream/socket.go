package stream

import (
	"net"
	"sync"
	"time"
)

// socket is the network's side of a connection. Every write has a deadline, whoever makes it: messages, TLS alerts and
// key updates, WebSocket control frames. While a handshake runs, what may be read is bounded.
type socket struct {
	net.Conn
	timeout time.Duration // for a write that belongs to no message

	most int // bytes that may be read in all; 0: any number. Of the goroutine that reads.
	got  int // bytes read while most was set

	mu      sync.Mutex // leaf: guards what is below, and orders the deadlines set on Conn
	message time.Time  // until when the message being written may take; zero: none is
	last    time.Time  // until when anything may be written; zero: no end is in sight
}

// Read implements net.Conn.
func (s *socket) Read(b []byte) (int, error) {
	if s.most == 0 {
		return s.Conn.Read(b)
	}
	if s.got >= s.most {
		return 0, errHandshakeSize
	}
	n, err := s.Conn.Read(b[:min(len(b), s.most-s.got)])
	s.got += n
	return n, err
}

// Write implements net.Conn.
func (s *socket) Write(b []byte) (int, error) {
	s.mu.Lock()
	by := s.message
	if by.IsZero() {
		by = time.Now().Add(s.timeout)
	}
	if !s.last.IsZero() && s.last.Before(by) {
		by = s.last
	}
	_ = s.Conn.SetWriteDeadline(by)
	s.mu.Unlock()
	return s.Conn.Write(b)
}

// begin says that what is written now is one message, which has its time as a whole; end that it is over.
func (s *socket) begin() {
	s.mu.Lock()
	s.message = time.Now().Add(s.timeout)
	s.mu.Unlock()
}

func (s *socket) end() {
	s.mu.Lock()
	s.message = time.Time{}
	s.mu.Unlock()
}

// lastWrites bounds all writes from now on, the one under way included.
func (s *socket) lastWrites(by time.Time) {
	s.mu.Lock()
	s.last = by
	_ = s.Conn.SetWriteDeadline(by)
	s.mu.Unlock()
}

// SetWriteDeadline implements net.Conn: Write knows better.
func (s *socket) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline implements net.Conn for reads.
func (s *socket) SetDeadline(t time.Time) error { return s.SetReadDeadline(t) }

// CloseWrite ends the stream in our direction, if the network can.
func (s *socket) CloseWrite() error {
	if h, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		return h.CloseWrite()
	}
	return nil
}
