package transport_test

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/testlab/memnet"
	"gatehouse/sip/msg"
	"gatehouse/sip/transport"
)

// outbound makes the stack open a connection and gives the far end of it.
func (l *lab) outbound() (*memnet.Conn, func()) {
	l.t.Helper()
	home, err := l.net.ListenTCP(farEnd)
	if err != nil {
		l.t.Fatal(err)
	}
	if err := l.sendTo("b0", ""); err != nil {
		l.t.Fatal(err)
	}
	nc, err := home.Accept()
	if err != nil {
		l.t.Fatal(err)
	}
	synctest.Wait()
	c := nc.(*memnet.Conn)
	_, _ = hear(l.t, c)
	return c, func() {
		_ = c.Close()
		_ = home.Close()
	}
}

// pings counts the keep-alives that come within a time, answering each with pong.
func pings(t *testing.T, c *memnet.Conn, within time.Duration, pong string) (n int, first time.Duration, over bool) {
	t.Helper()
	start := time.Now()
	b := make([]byte, 100)
	for {
		_ = c.SetReadDeadline(start.Add(within))
		k, err := c.Read(b)
		if err != nil {
			var ne net.Error
			return n, first, !errors.As(err, &ne) || !ne.Timeout()
		}
		if string(b[:k]) != "\r\n\r\n" {
			t.Errorf("read %q", b[:k])
		}
		if n++; n == 1 {
			first = time.Since(start)
		}
		_, _ = io.WriteString(c, pong)
	}
}

func TestRFC5626_Ping_DialedIdle_IsSentJittered(t *testing.T) {
	firsts := map[time.Duration]bool{}
	for range 8 {
		inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
			c, done := l.outbound()
			defer done()
			n, first, over := pings(t, c, 10*time.Minute, "\r\n")
			if over || n < 6 || n > 8 {
				t.Errorf("%d pings in 10 minutes, closed %v", n, over)
			}
			if first < 76*time.Second || first > 95*time.Second {
				t.Errorf("first ping after %s", first)
			}
			firsts[first] = true
		})
	}
	if len(firsts) < 4 {
		t.Errorf("not jittered: %v", firsts)
	}
}

func TestRFC5626_Pong_MissingAfterOneCame_EndsTheConnection(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		c, done := l.outbound()
		defer done()
		if n, _, over := pings(t, c, 2*time.Minute, "\r\n"); n == 0 || over {
			t.Fatalf("%d pings, closed %v", n, over)
		}
		start := time.Now()
		n, first, over := pings(t, c, 10*time.Minute, "")
		if took := time.Since(start) - first; n != 1 || !over || took != 10*time.Second {
			t.Errorf("%d pings, closed %v after %s", n, over, took)
		}
		synctest.Wait()
		lost := l.core.losses()
		if len(lost) != 1 || lost[0].err == nil || l.drops(transport.CauseNoPong) != 1 {
			t.Errorf("lost %v, drops %v", lost, l.stack.Stats().Drops)
		}
	})
}

// Many peers have never heard of keep-alives: their connections end by idleness only.
func TestRFC5626_Pong_NeverCame_ConnectionStaysUntilIdle(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		c, done := l.outbound()
		defer done()
		start := time.Now()
		n, _, over := pings(t, c, 20*time.Minute, "")
		if took := time.Since(start); n < 5 || !over || took < 9*time.Minute || took > 11*time.Minute {
			t.Errorf("%d pings, closed %v after %s", n, over, took)
		}
		if l.drops(transport.CauseIdle) != 1 || l.drops(transport.CauseNoPong) != 0 {
			t.Errorf("drops %v", l.stack.Stats().Drops)
		}
	})
}

// An answer that comes late is none: a slow remote must not be held to it the next time.
func TestRFC5626_Pong_AlwaysLate_ConnectionStays(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		c, done := l.outbound()
		defer done()
		b := make([]byte, 100)
		for range 20 {
			_ = c.SetReadDeadline(time.Now().Add(2 * time.Minute))
			if n, err := c.Read(b); err != nil || string(b[:n]) != "\r\n\r\n" {
				t.Fatalf("read %q, %v", b[:n], err)
			}
			wait(20 * time.Second)
			say(t, c, "\r\n")
			// That makes a ping of two answers now and then, which is answered.
			if got, over := hear(t, c); strings.Trim(got, "\r\n") != "" || over {
				t.Fatalf("read %q, closed %v", got, over)
			}
		}
	})
}

func TestRFC5626_Ping_TrafficOrAccepted_None(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		c, done := l.outbound()
		defer done()
		accepted := l.dial("198.51.100.8")
		say(t, accepted, request("OPTIONS", viaTCP, ""))
		for range 20 {
			wait(30 * time.Second)
			say(t, c, request("OPTIONS", "TCP 198.51.100.7;branch=z9hG4bK1", ""))
			say(t, accepted, request("OPTIONS", viaTCP, ""))
		}
		for _, c := range []*memnet.Conn{c, accepted} {
			if got, over := hear(t, c); got != "" || over {
				t.Errorf("read %q, closed %v", got, over)
			}
		}
	})
}

func TestRFC5626_KeepAlives_KeepAConnectionOpen(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		c, done := l.outbound()
		defer done()
		n, _, over := pings(t, c, 2*time.Hour, "\r\n")
		if over || n < 70 {
			t.Errorf("%d pings in 2 hours, closed %v", n, over)
		}
	})
}

// A WebSocket is pinged by its own frames, and answers those of the remote.
func TestRFC7118_PingFrames_BothRoles(t *testing.T) {
	inSecureLab(t, transport.Options{}, transport.WS, func(t *testing.T, l *lab) {
		other := &core{}
		far, err := transport.New(transport.Options{Net: l.net.Host(), Handler: other, Limits: transport.Limits{KeepAlive: 30 * time.Second}})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := far.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		from, err := far.Listen(transport.ListenSpec{Zone: "far", Proto: transport.WS, Addr: netip.MustParseAddrPort("198.51.100.7:80")})
		if err != nil {
			t.Fatal(err)
		}
		raw := []byte(request("OPTIONS", "WS 198.51.100.7;branch=z9hG4bK1", ""))
		if err := far.Send(transport.Dest{Listener: from, Addr: sbcTLS}, raw, "b1", msg.OPTIONS); err != nil {
			t.Fatal(err)
		}
		wait(time.Second)
		frames := map[byte]int{} // by first byte
		l.net.Update(func(n *memnet.Network) {
			n.Filter = func(p memnet.Packet) memnet.Verdict {
				frames[p.Data[0]]++
				return memnet.Verdict{}
			}
		})
		wait(time.Hour)
		if frames[0x89] < 110 || frames[0x8a] != frames[0x89] {
			t.Errorf("%d pings, %d pongs in an hour", frames[0x89], frames[0x8a])
		}
		if len(l.core.messages()) != 1 || len(l.core.losses())+len(other.losses()) != 0 {
			t.Errorf("lost %v %v", l.core.losses(), other.losses())
		}
		// Once the pongs stay away, the connection ends.
		l.net.Update(func(n *memnet.Network) {
			n.Filter = func(p memnet.Packet) memnet.Verdict { return memnet.Verdict{Drop: p.Data[0] == 0x8a} }
		})
		wait(41 * time.Second)
		if len(other.losses()) != 1 || far.Stats().Drops[transport.CauseNoPong] != 1 {
			t.Errorf("lost %v, drops %v", other.losses(), far.Stats().Drops)
		}
		l.net.Update(func(n *memnet.Network) { n.Filter = nil })
	})
}

func TestConnLost_OnceAndOnlyForConnectionsTheCoreKnows(t *testing.T) {
	for name, tc := range map[string]struct {
		do   func(t *testing.T, l *lab, c *memnet.Conn)
		want int
	}{
		"nothing said":      {func(t *testing.T, l *lab, c *memnet.Conn) { _ = c.Close() }, 0},
		"only a keep-alive": {func(t *testing.T, l *lab, c *memnet.Conn) { say(t, c, "\r\n\r\n"); _ = c.Close() }, 0},
		"only malformed":    {func(t *testing.T, l *lab, c *memnet.Conn) { say(t, c, "SIP/2.0 200 OK\r\nl: 0\r\n\r\n"); _ = c.Close() }, 0},
		"a message, closed": {func(t *testing.T, l *lab, c *memnet.Conn) { say(t, c, request("OPTIONS", viaTCP, "")); _ = c.Close() }, 1},
		"a message, idle": {func(t *testing.T, l *lab, c *memnet.Conn) {
			say(t, c, request("OPTIONS", viaTCP, ""))
			wait(11 * time.Minute)
		}, 1},
		"a message, garbage": {func(t *testing.T, l *lab, c *memnet.Conn) { say(t, c, request("OPTIONS", viaTCP, "")+"x\n") }, 1},
		"listener is closing": {func(t *testing.T, l *lab, c *memnet.Conn) {
			say(t, c, request("OPTIONS", viaTCP, ""))
			_ = l.stack.CloseListener(l.tcp)
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
				tc.do(t, l, l.dial("198.51.100.7"))
				wait(2 * time.Second)
				lost := l.core.losses()
				if len(lost) != tc.want {
					t.Fatalf("lost %v", lost)
				}
				if tc.want == 1 && (lost[0].err == nil || lost[0].conn != l.core.messages()[0].conn || lost[0].conn.Open()) {
					t.Errorf("lost %+v", lost[0])
				}
			})
		})
	}
}

// B015: what was sent on a connection that ends before it was answered is news for the dialog, though nothing failed.
func TestB015_DialedConnectionLost_IsReportedAfterOurMessageWent(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		c, done := l.outbound()
		defer done()
		_ = c.Close()
		synctest.Wait()
		lost := l.core.losses()
		if len(lost) != 1 || !lost[0].conn.Dialed() || !errors.Is(lost[0].err, io.EOF) || len(l.core.failures()) != 0 {
			t.Errorf("lost %v, failures %v", lost, l.core.failures())
		}
	})
	// One that could not be opened is none.
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		if err := l.sendTo("b1", ""); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(l.core.losses()) != 0 || len(l.core.failures()) != 1 {
			t.Errorf("lost %v, failures %v", l.core.losses(), l.core.failures())
		}
	})
}

func TestDial_Within_BoundsTheOpening(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		l.net.Update(func(n *memnet.Network) {
			n.Filter = func(memnet.Packet) memnet.Verdict { return memnet.Verdict{Drop: true} }
		})
		raw := []byte(request("OPTIONS", "TCP a;branch=z9hG4bK1", ""))
		start := time.Now()
		d := transport.Dest{Listener: l.tcp, Addr: farEnd, Within: 2 * time.Second}
		if err := l.stack.Send(d, raw, "b1", msg.OPTIONS); err != nil {
			t.Fatal(err)
		}
		wait(3 * time.Second)
		f := l.core.failures()
		if len(f) != 1 || f[0].at.Sub(start) != 2*time.Second || !strings.Contains(f[0].err.Error(), "tcp://") {
			t.Errorf("failures %v", f)
		}
	})
}
