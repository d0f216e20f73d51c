package datagram

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// got keeps what came to a socket.
type got struct {
	mu   sync.Mutex
	all  []string
	more int
	came chan string
	hold chan struct{} // each datagram waits for it, when there is one
}

func (g *got) Datagram(data []byte, from netip.AddrPort, more bool) {
	if g.hold != nil {
		<-g.hold
	}
	g.mu.Lock()
	g.all = append(g.all, string(data))
	if more {
		g.more++
	}
	g.mu.Unlock()
	g.came <- string(data) + " from " + from.String()
}

func (g *got) ReadFailed(error) {}

func newGot() *got { return &got{came: make(chan string, 4096)} }

func (g *got) wait(t *testing.T) string {
	t.Helper()
	select {
	case s := <-g.came:
		return s
	case <-time.After(5 * time.Second):
		t.Fatal("nothing came")
		return ""
	}
}

func listen(t *testing.T, addr string) PacketConn {
	t.Helper()
	c, err := Listen(t.Context(), &net.ListenConfig{}, "udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func open(t *testing.T) *Poll {
	t.Helper()
	p := &Poll{}
	t.Cleanup(p.Close)
	return p
}

func start(t *testing.T, p *Poll, c PacketConn, k Taker) *Socket {
	t.Helper()
	s, err := p.Add(c, k)
	if err == nil {
		err = s.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.Close()
		s.Join()
	})
	return s
}

// onlyConn hides what kind of socket it is.
type onlyConn struct{ PacketConn }

func TestSocket_BothFamiliesAndBothKinds_SendAndReceive(t *testing.T) {
	p := open(t)
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		for _, plain := range []bool{false, true} {
			wrap := func(c PacketConn) PacketConn {
				if plain {
					return onlyConn{c}
				}
				return c
			}
			ca, cb := listen(t, addr), listen(t, addr)
			a, b := newGot(), newGot()
			sa, sb := start(t, p, wrap(ca), a), start(t, p, wrap(cb), b)
			aAddr, bAddr := ca.LocalAddr().(*net.UDPAddr).AddrPort(), cb.LocalAddr().(*net.UDPAddr).AddrPort()
			if err := sa.Send([]byte("hello"), bAddr); err != nil {
				t.Fatal(err)
			}
			if got, want := b.wait(t), "hello from "+aAddr.String(); got != want {
				t.Errorf("%s: got %q, want %q", addr, got, want)
			}
			if err := sb.Send(bytes.Repeat([]byte{'x'}, 65507), aAddr); addr[0] != '[' && err != nil {
				t.Error(err)
			}
			if got := a.wait(t); len(got) < 65507 {
				t.Errorf("%s: %d bytes of the largest datagram", addr, len(got))
			}
			if err := sb.Send(bytes.Repeat([]byte{'x'}, 1<<17), aAddr); err == nil {
				t.Error("a datagram larger than any was sent")
			}
		}
	}
}

func TestSocket_Burst_ArrivesInOrderAndSaysThatMoreWaits(t *testing.T) {
	p := open(t)
	c := listen(t, "127.0.0.1:0")
	g := newGot()
	g.hold = make(chan struct{})
	start(t, p, c, g)
	out := listen(t, "127.0.0.1:0")
	defer out.Close()
	const n = 200
	for i := range n {
		if _, err := out.WriteToUDPAddrPort(fmt.Append(nil, i), c.LocalAddr().(*net.UDPAddr).AddrPort()); err != nil {
			t.Fatal(err)
		}
	}
	close(g.hold)
	for range n {
		g.wait(t)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, s := range g.all {
		if s != fmt.Sprint(i) {
			t.Fatalf("datagram %d is %q", i, s)
		}
	}
	if g.more < n/2 || g.more == n {
		t.Errorf("%d of %d said that more waits", g.more, n)
	}
}

func TestSocket_ClosedWhileHandling_JoinWaitsAndOthersGoOn(t *testing.T) {
	p := open(t)
	c, other := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	g, o := newGot(), newGot()
	g.hold = make(chan struct{})
	s := start(t, p, c, g)
	so := start(t, p, other, o)
	to := c.LocalAddr().(*net.UDPAddr).AddrPort()
	if err := so.Send([]byte("1"), to); err != nil {
		t.Fatal(err)
	}
	joined := make(chan struct{})
	g.hold <- struct{}{} // it is being handled
	g.wait(t)
	if err := so.Send([]byte("2"), to); err != nil {
		t.Fatal(err)
	}
	go func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		s.Join()
		close(joined)
	}()
	select {
	case g.hold <- struct{}{}: // the second was taken already
	case <-joined:
	}
	<-joined
	if err := s.Send([]byte("x"), to); err == nil {
		t.Error("sent on a closed socket")
	}
	if err := so.Send([]byte("still here"), other.LocalAddr().(*net.UDPAddr).AddrPort()); err != nil {
		t.Fatal(err)
	}
	o.wait(t)
	// The address is free again at once.
	again, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

func TestSocket_NeverStarted_ClosesAndJoins(t *testing.T) {
	p := open(t)
	for _, c := range []PacketConn{listen(t, "127.0.0.1:0"), onlyConn{listen(t, "127.0.0.1:0")}} {
		s, err := p.Add(c, newGot())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		s.Join()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestSend_Allocs(t *testing.T) {
	p := open(t)
	c := listen(t, "127.0.0.1:0")
	s := start(t, p, c, newGot())
	sink := listen(t, "127.0.0.1:0")
	defer sink.Close()
	to, data := sink.LocalAddr().(*net.UDPAddr).AddrPort(), make([]byte, 500)
	if n := testing.AllocsPerRun(100, func() { _ = s.Send(data, to) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestPacer_BusyFromAThousandASecondOn(t *testing.T) {
	var p pacer
	now := time.Unix(1_700_000_000, 0)
	// rests counts the reads of one datagram each that are followed by a rest.
	rests := func(every time.Duration, n int) int {
		count := 0
		for range n {
			now = now.Add(every)
			if p.read(1, now) > 0 {
				count++
			}
		}
		return count
	}
	if n := rests(2*time.Millisecond, 200); n != 0 {
		t.Errorf("%d rests at 500 a second", n)
	}
	if n := rests(500*time.Microsecond, 400); n < 300 {
		t.Errorf("%d rests at 2,000 a second", n)
	}
	now = now.Add(time.Second)
	if p.read(1, now) != 0 {
		t.Error("the first datagram after a quiet time is kept waiting")
	}
}
