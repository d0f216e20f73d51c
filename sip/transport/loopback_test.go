package transport_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/sip/msg"
	"gatehouse/sip/transport"
)

// onLoopback gives a stack on real sockets whose core answers 200, listening on a free port of an address.
func onLoopback(t *testing.T, addr string, p transport.Proto) (*transport.Stack, *transport.Listener, *core) {
	t.Helper()
	c := &core{}
	s, err := transport.New(transport.Options{Handler: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	c.answerOK(t, s)
	l, err := s.Listen(transport.ListenSpec{Zone: "z", Proto: p, Addr: netip.AddrPortFrom(netip.MustParseAddr(addr), 0)})
	if err != nil {
		if strings.Contains(addr, ":") {
			t.Skipf("no IPv6 here: %v", err)
		}
		t.Fatal(err)
	}
	if l.Addr().Port() == 0 {
		t.Fatalf("listening on %s", l.Addr())
	}
	return s, l, c
}

func TestLoopback_UDP_RequestAndReply(t *testing.T) {
	for _, addr := range []string{"127.0.0.1", "::1"} {
		t.Run(addr, func(t *testing.T) {
			_, l, _ := onLoopback(t, addr, transport.UDP)
			c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(l.Addr()))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
			b := make([]byte, 1<<16)
			for i := range 10 {
				text := request("OPTIONS", fmt.Sprintf("UDP pc.example;rport;branch=z9hG4bK%d", i), strings.Repeat("b", i*1000))
				if _, err := c.Write([]byte(text)); err != nil {
					t.Fatal(err)
				}
				n, err := c.Read(b)
				if err != nil || firstLine(string(b[:n])) != "SIP/2.0 200 OK" {
					t.Fatalf("answer %d: %q, %v", i, b[:n], err)
				}
			}
		})
	}
}

func TestLoopback_TCP_RequestsRepliesAndPing(t *testing.T) {
	for _, addr := range []string{"127.0.0.1", "::1"} {
		t.Run(addr, func(t *testing.T) {
			_, l, _ := onLoopback(t, addr, transport.TCP)
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(5 * time.Second))
			r := bufio.NewReader(c)
			var all strings.Builder
			for i := range 20 {
				all.WriteString(request("OPTIONS", fmt.Sprintf("TCP pc.example;branch=z9hG4bK%d", i), strings.Repeat("b", i*2000)))
			}
			if _, err := io.WriteString(c, all.String()+"\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			for i := range 20 {
				text := readReply(t, r)
				if firstLine(text) != "SIP/2.0 200 OK" || !strings.Contains(text, fmt.Sprintf("branch=z9hG4bK%d;", i)) {
					t.Fatalf("answer %d: %q", i, text)
				}
			}
			if line, err := r.ReadString('\n'); line != "\r\n" || err != nil {
				t.Errorf("pong %q, %v", line, err)
			}
		})
	}
}

func readReply(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	var text strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("after %q: %v", text.String(), err)
		}
		text.WriteString(line)
		if line == "\r\n" {
			return text.String()
		}
	}
}

func TestLoopback_TCP_RefusalIsNotLostToTheClose(t *testing.T) {
	_, l, _ := onLoopback(t, "127.0.0.1", transport.TCP)
	for range 20 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		// Much more than is read before the refusal: a plain close would reset the connection.
		go func() {
			_, _ = io.WriteString(c, strings.Replace(request("MESSAGE", viaTCP, ""), "User-Agent:", "X: "+strings.Repeat("x", 300_000)+"\r\nUser-Agent:", 1))
		}()
		got, err := io.ReadAll(c)
		if err != nil || !strings.HasPrefix(string(got), "SIP/2.0 513 ") {
			t.Errorf("read %q, %v", firstLine(string(got)), err)
		}
		_ = c.Close()
	}
}

func TestLoopback_TwoStacks_TCPBothWaysAndRefusedDial(t *testing.T) {
	a, la, coreA := onLoopback(t, "127.0.0.1", transport.TCP)
	_, lb, coreB := onLoopback(t, "127.0.0.1", transport.TCP)
	const n = 200
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range n / 4 {
				branch := fmt.Sprintf("z9hG4bK%d-%d", w, i)
				raw := []byte(request("OPTIONS", "TCP 127.0.0.1;branch="+branch, "body"))
				if err := a.Send(transport.Dest{Listener: la, Addr: lb.Addr()}, raw, branch, msg.OPTIONS); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	eventually(t, func() bool { return len(coreB.messages()) == n && len(coreA.messages()) == n })
	if st := a.Stats(); st.Dialed != 1 || len(coreA.failures()) != 0 {
		t.Errorf("dialed %d, failures %v", st.Dialed, coreA.failures())
	}
	for _, m := range coreA.messages() {
		if m.start != "SIP/2.0 200 OK" {
			t.Fatalf("got %q", m.start)
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := netip.MustParseAddrPort(free.Addr().String())
	_ = free.Close()
	raw := []byte(request("OPTIONS", "TCP 127.0.0.1;branch=x", ""))
	if err := a.Send(transport.Dest{Listener: la, Addr: nobody}, raw, "x", msg.OPTIONS); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return len(coreA.failures()) == 1 })
}

// eventually waits for something real sockets do in their own time.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	give := time.After(10 * time.Second)
	for !done() {
		select {
		case <-tick.C:
		case <-give:
			t.Fatal("did not happen within 10 s")
		}
	}
}

func TestLoopback_CloseUnderLoad_JoinsEverything(t *testing.T) {
	for range 5 {
		c := &core{}
		s, err := transport.New(transport.Options{Handler: c})
		if err != nil {
			t.Fatal(err)
		}
		c.then = func(in *transport.Inbound) {
			_ = s.Send(in.ReplyDest(), []byte("SIP/2.0 200 OK\r\n\r\n"), "", in.Msg.Method())
		}
		tcp, err := s.Listen(transport.ListenSpec{Zone: "z", Proto: transport.TCP, Addr: netip.MustParseAddrPort("127.0.0.1:0")})
		if err != nil {
			t.Fatal(err)
		}
		udp, err := s.Listen(transport.ListenSpec{Zone: "z", Proto: transport.UDP, Addr: netip.MustParseAddrPort("127.0.0.1:0")})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				u, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(udp.Addr()))
				if err != nil {
					t.Error(err)
					return
				}
				defer u.Close()
				for i := range 200 {
					_, _ = u.Write([]byte(request("OPTIONS", "UDP pc;rport;branch=z9hG4bK1", "")))
					to := transport.Dest{Listener: tcp, Addr: tcp.Addr()} // to ourselves: both ends under load
					_ = s.Send(to, []byte(request("OPTIONS", "TCP pc;branch=z9hG4bK1", "")), fmt.Sprint(w, i), msg.OPTIONS)
				}
			})
		}
		eventually(t, func() bool { return len(c.messages()) > 50 })
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
		n := len(c.messages())
		wg.Wait()
		if len(c.messages()) != n {
			t.Error("messages were handed over after Close")
		}
	}
}
