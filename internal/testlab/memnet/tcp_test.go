package memnet_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/testlab/memnet"
)

// connect gives both ends of a stream to server, which listens meanwhile.
func connect(t *testing.T, n *memnet.Network, client, server string) (*memnet.Conn, *memnet.Conn) {
	t.Helper()
	l, err := n.ListenTCP(addr(server))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := n.DialTCP(t.Context(), addr(client), addr(server))
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = a.Close(), b.Close() })
	return a, b.(*memnet.Conn)
}

func TestTCP_BytesBothWaysAndHalfClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		n.Delay = 10 * time.Millisecond
		start := time.Now()
		a, b := connect(t, n, "10.0.0.1:0", "10.0.0.2:5060")
		if took := time.Since(start); took != 20*time.Millisecond {
			t.Errorf("connected after %s, want a round trip", took)
		}
		if a.LocalAddr().String() != b.RemoteAddr().String() || b.LocalAddr().String() != "10.0.0.2:5060" {
			t.Errorf("addresses %s %s %s", a.LocalAddr(), b.RemoteAddr(), b.LocalAddr())
		}
		large := strings.Repeat("0123456789", 50_000) // many windows
		go func() {
			_, _ = io.WriteString(a, large)
			_ = a.CloseWrite()
		}()
		got, err := io.ReadAll(b)
		if string(got) != large || err != nil {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
		if _, err := a.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("write after half close: %v", err)
		}
		_, _ = io.WriteString(b, "still")
		_ = b.Close()
		if got, err := io.ReadAll(a); string(got) != "still" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
	})
}

func TestTCP_Window_BlocksTheWriterUntilItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		a, b := connect(t, n, "10.0.0.1:0", "10.0.0.2:5060")
		_ = a.SetWriteDeadline(time.Now().Add(5 * time.Second))
		start := time.Now()
		sent, err := a.Write(make([]byte, 100_000))
		if sent != 65536 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 5*time.Second {
			t.Errorf("%d bytes, %v, after %s", sent, err, time.Since(start))
		}
		_ = b.SetReadDeadline(time.Now().Add(time.Second))
		if got, err := io.ReadAll(b); len(got) != 65536 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
	})
}

func TestTCP_CloseWithUnreadBytes_ResetsTheOtherEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		a, b := connect(t, n, "10.0.0.1:0", "10.0.0.2:5060")
		_, _ = io.WriteString(b, "an answer")
		_, _ = io.WriteString(a, "never read")
		_ = b.Close()
		if got, err := io.ReadAll(a); !errors.Is(err, syscall.ECONNRESET) || len(got) != 0 {
			t.Errorf("read %q, %v", got, err)
		}

		a, b = connect(t, n, "10.0.0.1:0", "10.0.0.2:5060")
		_ = b.Close()
		if _, err := a.Write([]byte("into the void")); err != nil {
			t.Errorf("the first write cannot know: %v", err)
		}
		if _, err := a.Write([]byte("again")); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("second write: %v", err)
		}
	})
}

func TestTCP_LostSegment_StallsItsDirectionOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		a, b := connect(t, n, "10.0.0.1:0", "10.0.0.2:5060")
		n.Update(func(n *memnet.Network) {
			n.Filter = func(p memnet.Packet) memnet.Verdict { return memnet.Verdict{Drop: string(p.Data) == "lost"} }
		})
		for _, text := range []string{"arrives", "lost", "waits for it"} {
			_, _ = io.WriteString(a, text)
		}
		_, _ = io.WriteString(b, "back")
		for c, want := range map[*memnet.Conn]string{a: "back", b: "arrives"} {
			_ = c.SetReadDeadline(time.Now().Add(time.Hour))
			if got, _ := io.ReadAll(c); string(got) != want {
				t.Errorf("read %q, want %q", got, want)
			}
		}
	})
}

func TestTCP_Dial_RefusedDroppedAndCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		n.Delay = 10 * time.Millisecond
		start := time.Now()
		if _, err := n.DialTCP(t.Context(), addr("10.0.0.1:0"), addr("10.0.0.2:5060")); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("nobody listens: %v", err)
		}
		if took := time.Since(start); took != 20*time.Millisecond {
			t.Errorf("refused after %s", took)
		}
		l, err := n.ListenTCP(addr("10.0.0.2:5060"))
		if err != nil {
			t.Fatal(err)
		}
		n.Update(func(n *memnet.Network) {
			n.Filter = func(p memnet.Packet) memnet.Verdict {
				return memnet.Verdict{Drop: p.Src.Addr() == netip.MustParseAddr("10.0.0.7"), Refuse: p.Src.Addr() == netip.MustParseAddr("10.0.0.8")}
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start = time.Now()
		_, err = n.DialTCP(ctx, addr("10.0.0.7:0"), addr("10.0.0.2:5060"))
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 3*time.Second {
			t.Errorf("dropped: %v after %s", err, time.Since(start))
		}
		if _, err = n.DialTCP(t.Context(), addr("10.0.0.8:0"), addr("10.0.0.2:5060")); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("refused by the filter: %v", err)
		}
		// Cancelled after the other side has it in its backlog: that end is reset.
		quick, cancel := context.WithTimeout(t.Context(), 15*time.Millisecond)
		defer cancel()
		if _, err = n.DialTCP(quick, addr("10.0.0.1:0"), addr("10.0.0.2:5060")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("cancelled: %v", err)
		}
		far, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := far.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the other side reads %v", err)
		}
		_, _ = far.Close(), l.Close()
		if n.Open() != 0 {
			t.Errorf("%d sockets open", n.Open())
		}
	})
}

func TestTCP_ListenerClose_WakesAcceptAndResetsBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		l, err := n.ListenTCP(addr("10.0.0.2:5060"))
		if err != nil {
			t.Fatal(err)
		}
		if n.ListenerAt(addr("10.0.0.2:5060")) != l {
			t.Error("not found by its address")
		}
		a, err := n.DialTCP(t.Context(), addr("10.0.0.1:0"), addr("10.0.0.2:5060"))
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("not accepted: %v", err)
		}
		_ = a.Close()
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("accept: %v", err)
		}
		if n.Open() != 0 {
			t.Errorf("%d sockets open", n.Open())
		}
	})
}

func TestTCP_DelayedSegment_IsNotOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		a, b := connect(t, n, "10.0.0.1:0", "10.0.0.2:5060")
		n.Update(func(n *memnet.Network) {
			n.Filter = func(p memnet.Packet) memnet.Verdict {
				if string(p.Data) == "late " {
					return memnet.Verdict{Delay: time.Second}
				}
				return memnet.Verdict{}
			}
		})
		for _, text := range []string{"first ", "late ", "last"} {
			_, _ = io.WriteString(a, text)
		}
		_ = a.Close()
		if got, err := io.ReadAll(b); string(got) != "first late last" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
	})
}
