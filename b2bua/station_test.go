package b2bua_test

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
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/testlab/certs"
	"gatehouse/internal/testlab/memnet"
	sip "gatehouse/internal/testlab/wire"
	"gatehouse/sip/msg"
	"gatehouse/sip/secure"
	"gatehouse/sip/transport"
	"gatehouse/sip/transport/ws"
)

// papers are the certificates of a test with TLS in it.
type papers struct {
	ca *certs.CA
	t  testing.TB
}

func newPapers(t testing.TB) *papers { return &papers{ca: certs.NewCA(t), t: t} }

// server is the TLS side that somebody with these names listens with.
func (p *papers) server(names ...string) *tls.Config {
	cert, key := p.ca.Leaf(p.t, certs.DNS(names...))
	s, err := secure.NewServer(secure.ServerOptions{Pairs: []secure.KeyPair{{Certificate: cert, Key: key}}, ClientCA: p.ca.PEM})
	if err != nil {
		p.t.Fatal(err)
	}
	return s.Config()
}

// known is client of somebody who shows a certificate of its own.
func (p *papers) known(domain string, names ...string) *tls.Config {
	cert, key := p.ca.Leaf(p.t, certs.DNS(names...))
	c, err := secure.NewClient(secure.ClientOptions{CA: p.ca.PEM, Pair: &secure.KeyPair{Certificate: cert, Key: key}})
	if err != nil {
		p.t.Fatal(err)
	}
	return c.Config(domain)
}

// client is the TLS side that calls somebody of a domain.
func (p *papers) client(domain string) *tls.Config {
	c, err := secure.NewClient(secure.ClientOptions{CA: p.ca.PEM})
	if err != nil {
		p.t.Fatal(err)
	}
	return c.Config(domain)
}

// station is a scripted party on a stream: the ladder's peers speak UDP and TCP
// only. It answers nothing by itself.
type station struct {
	t     testing.TB
	net   *memnet.Network
	proto transport.Proto
	local netip.AddrPort
	tls   *tls.Config // how it accepts, or calls
	shows *tls.Config // how it accepts, when it calls as well

	listener net.Listener
	work     sync.WaitGroup

	mu    sync.Mutex // guards below
	lines []line     // all connections, the newest last
	inbox []sip.Message
}

// line is one connection of a station.
type line interface {
	read() ([]byte, error)
	write(raw []byte) error
	close()
}

type plainLine struct {
	net.Conn
	in *bufio.Reader
}

func (l plainLine) write(raw []byte) error { _, err := l.Write(raw); return err }
func (l plainLine) close()                 { _ = l.Close() }
func (l plainLine) read() ([]byte, error) {
	var raw []byte
	length := 0
	for {
		text, err := l.in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		raw = append(raw, text...)
		if name, value, ok := strings.Cut(text, ":"); ok && strings.EqualFold(name, "Content-Length") {
			length, _ = strconv.Atoi(strings.TrimSpace(value))
		}
		if text == "\r\n" {
			if len(raw) == len(text) { // a keep-alive
				raw = nil
				continue
			}
			break
		}
	}
	body := make([]byte, length)
	_, err := io.ReadFull(l.in, body)
	return append(raw, body...), err
}

type socketLine struct{ c *ws.Conn }

func (l socketLine) write(raw []byte) error { return l.c.Write(raw) }
func (l socketLine) close()                 { l.c.CloseNow() }
func (l socketLine) read() ([]byte, error) {
	if err := l.c.Await(); err != nil {
		return nil, err
	}
	return l.c.Read(nil)
}

// station makes a party. With listen it takes connections at local.
func (r *rig) station(t testing.TB, p transport.Proto, local string, listen bool, settings *tls.Config) *station {
	t.Helper()
	s := &station{t: t, net: r.net, proto: p, local: netip.MustParseAddrPort(local), tls: settings}
	t.Cleanup(s.stop)
	if !listen {
		return s
	}
	var err error
	if s.listener, err = r.net.ListenTCP(s.local); err != nil {
		t.Fatal(err)
	}
	s.work.Go(func() {
		for {
			nc, err := s.listener.Accept()
			if err != nil {
				return
			}
			s.work.Go(func() { s.accept(nc) })
		}
	})
	return s
}

func (s *station) stop() {
	if s.listener != nil {
		_ = s.listener.Close()
	}
	s.hangup()
	s.work.Wait()
}

// hangup closes the connections of a station.
func (s *station) hangup() {
	s.mu.Lock()
	lines := s.lines
	s.lines = nil
	s.mu.Unlock()
	for _, l := range lines {
		l.close()
	}
	synctest.Wait()
}

func (s *station) accept(nc net.Conn) {
	if s.proto.Secure() {
		settings := s.tls
		if s.shows != nil {
			settings = s.shows
		}
		nc = tls.Server(nc, settings)
	}
	if !s.proto.WebSocket() {
		s.adopt(plainLine{nc, bufio.NewReader(nc)})
		return
	}
	c, err := ws.Accept(nc, nil, ws.Options{MaxMessageBytes: msg.MaxMessageBytes})
	if err != nil {
		_ = nc.Close()
		return
	}
	s.adopt(socketLine{c})
}

// adopt reads a connection until it ends.
func (s *station) adopt(l line) {
	s.mu.Lock()
	s.lines = append(s.lines, l)
	s.mu.Unlock()
	for {
		raw, err := l.read()
		if err != nil {
			l.close()
			return
		}
		m, err := sip.Parse(raw)
		if err != nil {
			s.t.Errorf("%v: %s", err, raw)
		}
		s.mu.Lock()
		s.inbox = append(s.inbox, m)
		s.mu.Unlock()
	}
}

// connect opens a connection to the border from an address.
func (s *station) connect(from netip.Addr, to string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	nc, err := s.net.Host().DialTCP(ctx, from, netip.MustParseAddrPort(to))
	if err != nil {
		s.t.Fatal(err)
	}
	if s.proto.Secure() {
		nc = tls.Client(nc, s.tls)
	}
	var l line = plainLine{nc, bufio.NewReader(nc)}
	if s.proto.WebSocket() {
		c, err := ws.Dial(nc, "sbc.example", ws.Options{MaxMessageBytes: msg.MaxMessageBytes})
		if err != nil {
			s.t.Fatal(err)
		}
		l = socketLine{c}
	}
	s.work.Go(func() { s.adopt(l) })
	synctest.Wait()
}

// say sends on the newest connection.
func (s *station) say(text string) {
	s.t.Helper()
	s.mu.Lock()
	if len(s.lines) == 0 {
		s.mu.Unlock()
		s.t.Fatalf("no connection to say\n%s", text)
	}
	l := s.lines[len(s.lines)-1]
	s.mu.Unlock()
	if err := l.write([]byte(text)); err != nil {
		s.t.Fatalf("%v to say\n%s", err, text)
	}
	synctest.Wait()
}

// hear takes the next message, which must start so.
func (s *station) hear(start string) sip.Message {
	s.t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.inbox) == 0 {
		s.t.Fatalf("nothing came, want %q", start)
	}
	m := s.inbox[0]
	s.inbox = s.inbox[1:]
	if !strings.HasPrefix(m.Raw, start) {
		s.t.Fatalf("want %q, got\n%s", start, m.Raw)
	}
	return m
}

// nothing fails unless nothing has come.
func (s *station) nothing() {
	s.t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.inbox) > 0 {
		s.t.Fatalf("unexpected:\n%s", s.inbox[0].Raw)
	}
}

// dialogSide is what a caller knows of its call.
type dialogSide struct {
	via, from, to, callID, contact, target string
	seq, invited                           int // the last CSeq number, and that of the last INVITE
}

// request writes the next request of a caller's dialog.
func (d *dialogSide) request(method string, body string) string {
	seq := d.invited
	if method != "ACK" && method != "CANCEL" {
		d.seq++
		seq = d.seq
	}
	if method == "INVITE" {
		d.invited = seq
	}
	headers := []string{fmt.Sprintf("Via: %s;branch=z9hG4bK-%s-%d", d.via, method, d.seq), "Max-Forwards: 70", "From: " + d.from, "To: " + d.to,
		"Call-ID: " + d.callID, fmt.Sprintf("CSeq: %d %s", seq, method)}
	if d.contact != "" {
		headers = append(headers, "Contact: <"+d.contact+">")
	}
	if body != "" {
		headers = append(headers, "Content-Type: application/sdp")
	}
	return sip.Compose(method+" "+d.target+" SIP/2.0", headers, body)
}

// audioBody is a description with one audio line at an address.
func audioBody(ip string) string {
	return strings.ReplaceAll("v=0\r\no=- 1 1 IN IP4 IP\r\ns=-\r\nc=IN IP4 IP\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n", "IP", ip)
}

// ok writes the 200 of a station with a Contact and, to an INVITE, a body.
func ok(m sip.Message, contact, body string) string {
	headers := []string{"Contact: <" + contact + ">"}
	if body != "" {
		headers = append(headers, "Content-Type: application/sdp")
	}
	return sip.Reply(m, "200 OK", "b1", headers, body)
}
