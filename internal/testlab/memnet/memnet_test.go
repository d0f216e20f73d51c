package memnet_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"gatehouse/internal/testlab/memnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func addr(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// bind gives a UDP socket that is closed at the end of the test.
func bind(t *testing.T, n *memnet.Network, a string) *memnet.UDPConn {
	t.Helper()
	c, err := n.ListenUDP(addr(a))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// read gives the next datagram as "source text"; "-" when none comes within a minute.
func read(t *testing.T, c *memnet.UDPConn) string {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	b := make([]byte, 100)
	n, src, err := c.ReadFromUDPAddrPort(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "-"
	}
	if err != nil {
		t.Fatal(err)
	}
	return src.String() + " " + string(b[:n])
}

func send(t *testing.T, c *memnet.UDPConn, to, text string) {
	t.Helper()
	if _, err := c.WriteToUDPAddrPort([]byte(text), addr(to)); err != nil {
		t.Fatal(err)
	}
}

func TestUDP_DelayAndOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		n.Delay = 50 * time.Millisecond
		a, b := bind(t, n, "10.0.0.1:5060"), bind(t, n, "10.0.0.2:5060")
		start := time.Now()
		for i := range 100 {
			send(t, a, "10.0.0.2:5060", fmt.Sprint(i))
		}
		for i := range 100 {
			if got, want := read(t, b), fmt.Sprintf("10.0.0.1:5060 %d", i); got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		}
		if took := time.Since(start); took != 50*time.Millisecond {
			t.Errorf("took %s", took)
		}
		send(t, a, "10.0.0.3:5060", "to nobody")
		if got := read(t, a); got != "-" {
			t.Errorf("an answer from nobody: %q", got)
		}
	})
}

func TestUDP_Filter_LossDuplicationAndReordering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		var wire []string
		n.Tap = func(p memnet.Packet) { wire = append(wire, fmt.Sprintf("%s %v", p.Data, p.Dropped)) }
		n.Filter = func(p memnet.Packet) memnet.Verdict {
			switch string(p.Data) {
			case "lost":
				return memnet.Verdict{Drop: true}
			case "twice":
				return memnet.Verdict{Copies: 1}
			case "late":
				return memnet.Verdict{Delay: time.Second}
			}
			return memnet.Verdict{}
		}
		a, b := bind(t, n, "10.0.0.1:5060"), bind(t, n, "10.0.0.2:5060")
		for _, text := range []string{"late", "lost", "twice", "last"} {
			send(t, a, "10.0.0.2:5060", text)
		}
		got := make([]string, 0, 5)
		for range 5 {
			got = append(got, strings.TrimPrefix(read(t, b), "10.0.0.1:5060 "))
		}
		if want := "[twice twice last late -]"; fmt.Sprint(got) != want {
			t.Errorf("got %v, want %s", got, want)
		}
		if want := "[late false lost true twice false last false]"; fmt.Sprint(wire) != want {
			t.Errorf("tap saw %v, want %s", wire, want)
		}
	})
}

func TestUDP_Socket_BoundsAndErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		a := bind(t, n, "10.0.0.1:0")
		if p := a.AddrPort().Port(); p < 49152 {
			t.Errorf("automatic port %d", p)
		}
		if _, err := n.ListenUDP(a.AddrPort()); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("bind twice: %v", err)
		}
		if _, err := n.ListenUDP(addr("0.0.0.0:5060")); err == nil {
			t.Error("bound a wildcard")
		}
		if _, err := a.WriteToUDPAddrPort(make([]byte, 65508), addr("10.0.0.2:1")); !errors.Is(err, syscall.EMSGSIZE) {
			t.Errorf("large datagram: %v", err)
		}
		if _, err := a.WriteToUDPAddrPort(nil, addr("[::1]:1")); err == nil {
			t.Error("sent to the other family")
		}
		for range 9000 {
			send(t, a, a.AddrPort().String(), "x")
		}
		if a.Lost() != 9000-8192 {
			t.Errorf("%d lost", a.Lost())
		}
		done := make(chan error)
		go func() {
			c := bind(t, n, "10.0.0.5:1")
			time.AfterFunc(time.Second, func() { _ = c.Close() })
			_, _, err := c.ReadFromUDPAddrPort(nil)
			done <- err
		}()
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Errorf("read of a closed socket: %v", err)
		}
		if n.Open() != 1 {
			t.Errorf("%d sockets open", n.Open())
		}
	})
}

func TestHost_IsATransportNet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := memnet.New().Host()
		u, err := h.ListenUDP(addr("10.0.0.1:5060"))
		if err != nil || u.LocalAddr().String() != "10.0.0.1:5060" {
			t.Fatal(u, err)
		}
		l, err := h.ListenTCP(addr("10.0.0.1:5060"))
		if err != nil || l.Addr().String() != "10.0.0.1:5060" {
			t.Fatal(l, err)
		}
		c, err := h.DialTCP(t.Context(), netip.MustParseAddr("10.0.0.2"), addr("10.0.0.1:5060"))
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{u.Close(), c.Close(), l.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
		for _, bad := range []string{"0.0.0.0:1", "[::]:1"} {
			if u, err := h.ListenUDP(addr(bad)); err == nil || u != nil {
				t.Errorf("UDP on %s", bad)
			}
			if l, err := h.ListenTCP(addr(bad)); err == nil || l != nil {
				t.Errorf("TCP on %s", bad)
			}
			if c, err := h.DialTCP(t.Context(), addr(bad).Addr(), addr("10.0.0.1:5060")); err == nil || c != nil {
				t.Errorf("dial from %s", bad)
			}
		}
	})
}
