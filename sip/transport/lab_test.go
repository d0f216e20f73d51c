package transport_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"gatehouse/internal/testlab/memnet"
	"gatehouse/sip/msg"
	"gatehouse/sip/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// seen is what the core was given.
type seen struct {
	start    string // the first line
	raw      string
	body     string
	src      netip.AddrPort
	zone     string
	conn     *transport.Conn
	standing transport.Standing
	reply    transport.Dest
	at       time.Time
}

type failure struct {
	branch string
	method msg.Method
	err    error
	at     time.Time
}

// loss is a connection that was reported as lost.
type loss struct {
	conn *transport.Conn
	err  error
}

// core is a transport.Handler that remembers what it was given and answers requests when told to.
type core struct {
	mu     sync.Mutex
	got    []seen
	failed []failure
	lost   []loss
	then   func(in *transport.Inbound)
}

func (c *core) Receive(in *transport.Inbound) {
	defer in.Release()
	raw := string(in.Msg.Raw())
	start, _, _ := strings.Cut(raw, "\r\n")
	c.mu.Lock()
	c.got = append(c.got, seen{
		start: start, raw: raw, body: string(in.Msg.Body()), src: in.Source, zone: in.Listener.Zone(), conn: in.Conn,
		standing: in.Standing, reply: in.ReplyDest(), at: in.At,
	})
	then := c.then
	c.mu.Unlock()
	if then != nil {
		then(in)
	}
}

func (c *core) SendFailed(branch string, method msg.Method, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = append(c.failed, failure{branch, method, err, time.Now()})
}

func (c *core) ConnLost(conn *transport.Conn, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost = append(c.lost, loss{conn, err})
}

func (c *core) losses() []loss {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]loss(nil), c.lost...)
}

func (c *core) messages() []seen {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]seen(nil), c.got...)
}

func (c *core) failures() []failure {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]failure(nil), c.failed...)
}

// lockedBuffer collects bytes of several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  []byte
}

func (l *lockedBuffer) write(b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b = append(l.b, b...)
}

func (l *lockedBuffer) bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]byte(nil), l.b...)
}

// answerOK makes the core answer every request with a 200 to where ReplyDest says.
func (c *core) answerOK(t *testing.T, s *transport.Stack) {
	c.then = func(in *transport.Inbound) {
		if !in.Msg.IsRequest() || in.Msg.Method() == msg.ACK {
			return
		}
		if err := s.Send(in.ReplyDest(), okFor(t, in), "", in.Msg.Method()); err != nil {
			t.Errorf("answer %s: %v", in.Source, err)
		}
	}
}

func okFor(t *testing.T, in *transport.Inbound) []byte {
	head := msg.NewReplyHead(&in.Msg, in.Source)
	var b msg.Builder
	head.Start(&b, 200, "", "tag1")
	raw, err := b.Bytes()
	if err != nil {
		t.Errorf("build answer: %v", err)
	}
	return raw
}

// admit gives every source the same standing, or its own.
type admit struct {
	all transport.Standing
	of  map[netip.Addr]transport.Standing
}

func (a admit) Admit(in transport.Arrival) transport.Standing {
	if s, ok := a.of[in.Source.Addr()]; ok {
		return s
	}
	return a.all
}

func (admit) Offend(transport.Offence) {}

// lab is a stack on an in-memory network.
type lab struct {
	t     *testing.T
	net   *memnet.Network
	core  *core
	stack *transport.Stack
	udp   *transport.Listener
	tcp   *transport.Listener
}

var sbc = netip.MustParseAddrPort("192.0.2.9:5060")

// inLab runs a test in a bubble with a stack that listens on sbc, UDP and TCP, and checks that closing leaves nothing.
func inLab(t *testing.T, o transport.Options, test func(t *testing.T, l *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &lab{t: t, net: memnet.New(), core: &core{}}
		o.Net, o.Handler = l.net.Host(), l.core
		var err error
		if l.stack, err = transport.New(o); err != nil {
			t.Fatal(err)
		}
		if l.udp, err = l.stack.Listen(transport.ListenSpec{Zone: "outside", Proto: transport.UDP, Addr: sbc}); err != nil {
			t.Fatal(err)
		}
		if l.tcp, err = l.stack.Listen(transport.ListenSpec{Zone: "outside", Proto: transport.TCP, Addr: sbc}); err != nil {
			t.Fatal(err)
		}
		defer func() {
			l.close()
			if n := l.stack.Stats().Conns; n != 0 {
				t.Errorf("%d connections left in the stack", n)
			}
			if n := l.stack.Stats().QueuedBytes; n != 0 {
				t.Errorf("%d bytes left in queues", n)
			}
		}()
		test(t, l)
	})
}

func (l *lab) close() {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := l.stack.Close(ctx); err != nil {
		l.t.Errorf("close: %v", err)
	}
	synctest.Wait()
}

// drops gives one counter.
func (l *lab) drops(c transport.Cause) uint64 { return l.stack.Stats().Drops[c] }

// socket binds a client's UDP socket.
func (l *lab) socket(addr string) *memnet.UDPConn {
	l.t.Helper()
	c, err := l.net.ListenUDP(netip.MustParseAddrPort(addr))
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = c.Close() })
	return c
}

// send writes a datagram to the stack and waits until it was dealt with.
func send(t *testing.T, c *memnet.UDPConn, text string) {
	t.Helper()
	if _, err := c.WriteToUDPAddrPort([]byte(text), sbc); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

// receive gives the next datagram and its source; "" when there is none within a second.
func receive(t *testing.T, c *memnet.UDPConn) (string, netip.AddrPort) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(time.Second))
	b := make([]byte, 1<<16)
	n, src, err := c.ReadFromUDPAddrPort(b)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	return string(b[:n]), src
}

// dial opens a client's connection to the stack.
func (l *lab) dial(from string) *memnet.Conn {
	l.t.Helper()
	local := netip.AddrPort{}
	if a, err := netip.ParseAddr(from); err == nil {
		local = netip.AddrPortFrom(a, 0)
	} else {
		local = netip.MustParseAddrPort(from)
	}
	c, err := l.net.DialTCP(context.Background(), local, sbc)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = c.Close() })
	synctest.Wait()
	return c
}

// say writes to the stack and waits until it was dealt with.
func say(t *testing.T, c io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

// hear reads what has arrived, and whether the stack has closed the connection.
func hear(t *testing.T, c *memnet.Conn) (text string, over bool) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	var got strings.Builder
	b := make([]byte, 1<<16)
	for {
		n, err := c.Read(b)
		got.Write(b[:n])
		if err != nil {
			return got.String(), !errors.Is(err, os.ErrDeadlineExceeded)
		}
	}
}

// request makes a well-formed request; via is what follows "SIP/2.0/".
func request(method, via, body string) string {
	return fmt.Sprintf("%s sip:bob@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/%s\r\nMax-Forwards: 70\r\n"+
		"From: <sip:alice@192.0.2.1>;tag=a\r\nTo: <sip:bob@192.0.2.9>\r\nCall-ID: c1\r\nCSeq: 1 %s\r\n"+
		"User-Agent: a client that says what it is\r\nContent-Length: %d\r\n\r\n%s", method, via, method, len(body), body)
}

// without removes the header line that begins with name.
func without(text, name string) string {
	head, body, _ := strings.Cut(text, "\r\n\r\n")
	var kept []string
	for line := range strings.SplitSeq(head, "\r\n") {
		if !strings.HasPrefix(line, name+":") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\r\n") + "\r\n\r\n" + body
}

// with replaces the value of Content-Length.
func withLength(text, value string) string {
	head, body, _ := strings.Cut(text, "\r\n\r\n")
	at := strings.Index(head, "Content-Length:")
	return head[:at] + "Content-Length:" + value + "\r\n\r\n" + body
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\r\n")
	return line
}

func header(text, name string) string {
	for line := range strings.SplitSeq(text, "\r\n") {
		if v, ok := strings.CutPrefix(line, name+": "); ok {
			return v
		}
	}
	return ""
}
