package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// stream is a connection over TCP or TLS.
type stream struct {
	conn net.Conn
	mu   sync.Mutex // held while one message is written
}

func (s *stream) send(raw []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.conn.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return err
	}
	_, err := s.conn.Write(raw)
	return err
}

func (s *stream) close() { _ = s.conn.Close() }

// read splits the stream into messages until it ends (RFC 3261 §18.3); line ends between them are keep-alives (RFC 5626 §3.5.1).
func (s *stream) read(keep func([]byte)) error {
	in := bufio.NewReader(s.conn)
	for {
		raw, err := nextMessage(in)
		if err != nil {
			return err
		}
		keep(raw)
	}
}

func nextMessage(in *bufio.Reader) ([]byte, error) {
	var raw []byte
	length := 0
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if strings.TrimRight(line, "\r\n") == "" {
			if len(raw) == 0 {
				continue
			}
			raw = append(raw, line...)
			break
		}
		if raw = append(raw, line...); len(raw) > maxMessageBytes {
			return nil, fmt.Errorf("head of more than %d bytes", maxMessageBytes)
		}
		if name, value, ok := strings.Cut(line, ":"); ok && longName(name) == "content-length" {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil || length < 0 || length > maxMessageBytes {
				return nil, fmt.Errorf("content length %q", strings.TrimSpace(value))
			}
		}
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(in, body); err != nil {
		return nil, fmt.Errorf("body of %d bytes: %w", length, err)
	}
	return append(raw, body...), nil
}

func (e *Endpoint) listenStream() error {
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(e.options.Addr))
	if err != nil {
		return err
	}
	e.addr = addrOf(l.Addr())
	e.stop = func() { _ = l.Close() }
	e.reader.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			remote := addrOf(conn.RemoteAddr())
			if e.options.Proto == TLS {
				// The handshake is done by the first read, which is another goroutine's.
				conn = tls.Server(conn, e.options.Server)
			}
			s := &stream{conn: conn}
			if e.adopt(remote, s, s.read) != nil {
				return
			}
		}
	})
	return nil
}

// dial opens a TCP connection from the endpoint's own address: that is how it is known.
func (e *Endpoint) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: e.addr.Addr().AsSlice(), Zone: e.addr.Addr().Zone()}}
	return d.DialContext(ctx, "tcp", to.String())
}

// dialTLS does the handshake too. Without a name to ask for the server is asked for by its address.
func (e *Endpoint) dialTLS(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	conn, err := e.dial(ctx, to)
	if err != nil {
		return nil, err
	}
	config := e.options.Client.Clone()
	if config.ServerName == "" {
		config.ServerName = to.Addr().String()
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secured, nil
}

func (e *Endpoint) dialStream(to netip.AddrPort) (link, error) {
	ctx, cancel := context.WithTimeout(context.Background(), openWithin)
	defer cancel()
	open := e.dial
	if e.options.Proto == TLS {
		open = e.dialTLS
	}
	conn, err := open(ctx, to)
	if err != nil {
		return nil, err
	}
	s := &stream{conn: conn}
	return s, e.adopt(to, s, s.read)
}
