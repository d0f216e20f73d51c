package demo

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/demo/papers"
)

// secured is TLS: connections of both sides, by the address of the other end.
type secured struct {
	e        *Endpoint
	papers   *papers.Papers
	listener net.Listener

	mu     sync.Mutex // guards what follows
	conns  map[netip.AddrPort]net.Conn
	closed bool
}

// ListenTLS opens an endpoint that speaks TLS, shows the trunk's certificate of
// the papers and believes their authority only, on either side. The rest is as
// with Listen.
func ListenTLS(name string, addr netip.AddrPort, p *papers.Papers, ladder *Ladder) (*Endpoint, error) {
	l, err := net.Listen("tcp", addr.String())
	if err != nil {
		return nil, fmt.Errorf("open endpoint %s: %w", name, err)
	}
	e := newEndpoint(name, plain(l.Addr().(*net.TCPAddr).AddrPort()), ladder)
	s := &secured{e: e, papers: p, listener: l, conns: map[netip.AddrPort]net.Conn{}}
	e.carrier = s
	e.work.Go(s.accept)
	return e, nil
}

func (*secured) via() string    { return "TLS" }
func (*secured) param() string  { return ";transport=tls" }
func (*secured) reliable() bool { return true }

func (s *secured) accept() {
	for {
		c, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			s.adopt(plain(c.RemoteAddr().(*net.TCPAddr).AddrPort()), tls.Server(c, s.papers.Server()))
		}
	}
}

// adopt reads a connection until it ends.
func (s *secured) adopt(remote netip.AddrPort, c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || !s.e.spawn(func() { s.read(remote, c) }) {
		_ = c.Close()
		return false
	}
	s.conns[remote] = c
	return true
}

func (s *secured) read(remote netip.AddrPort, c net.Conn) {
	r := bufio.NewReader(c)
	for {
		raw, err := cut(r)
		if err != nil {
			break
		}
		s.e.receive(raw, remote)
	}
	_ = c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns[remote] == c {
		delete(s.conns, remote)
	}
}

// send uses the connection to an address, and opens one when there is none.
func (s *secured) send(raw []byte, to netip.AddrPort) {
	s.mu.Lock()
	c := s.conns[to]
	s.mu.Unlock()
	if c == nil {
		d := tls.Dialer{NetDialer: &net.Dialer{Timeout: dialTimeout}, Config: s.papers.Client(to.Addr())}
		var err error
		if c, err = d.Dial("tcp", to.String()); err != nil || !s.adopt(to, c) {
			return
		}
	}
	_ = c.SetWriteDeadline(time.Now().Add(dialTimeout))
	_, _ = c.Write(raw)
}

func (s *secured) close() error {
	err := s.listener.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, c := range s.conns {
		_ = c.Close()
	}
	return err
}

var errTooLong = errors.New("message too long")

// cut takes one message off a stream: as long as its Content-Length says
// (RFC 3261 §18.3), empty lines before it skipped.
func cut(r *bufio.Reader) ([]byte, error) {
	var raw []byte
	length := 0
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		if len(raw)+len(line) > maxMessage {
			return nil, errTooLong
		}
		empty := len(bytes.TrimRight(line, "\r\n")) == 0
		if empty && len(raw) == 0 {
			continue
		}
		raw = append(raw, line...)
		if empty {
			break
		}
		if name, value, ok := bytes.Cut(line, []byte(":")); ok && isLength(string(bytes.TrimSpace(name))) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil || length < 0 || length > maxMessage {
				return nil, errTooLong
			}
		}
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	return append(raw, body...), nil
}

// isLength knows the compact form too (RFC 3261 §20.14).
func isLength(name string) bool {
	return strings.EqualFold(name, "Content-Length") || strings.EqualFold(name, "l")
}
