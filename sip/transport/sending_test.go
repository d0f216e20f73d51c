package transport_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/testlab/memnet"
	"gatehouse/sip/msg"
	"gatehouse/sip/transport"
)

var farEnd = netip.MustParseAddrPort("198.51.100.7:5060")

// sendTo sends a request with a branch over TCP to farEnd.
func (l *lab) sendTo(branch, body string) error {
	raw := []byte(request("MESSAGE", "TCP 192.0.2.9;branch="+branch, body))
	return l.stack.Send(transport.Dest{Listener: l.tcp, Addr: farEnd}, raw, branch, msg.MESSAGE)
}

func TestDial_Refused_EveryPendingRequestFailsOnce(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		l.net.Update(func(n *memnet.Network) { n.Delay = 10 * time.Millisecond })
		for _, branch := range []string{"b1", "b2", ""} {
			if err := l.sendTo(branch, ""); err != nil {
				t.Fatal(err)
			}
		}
		wait(time.Second)
		got := l.core.failures()
		if len(got) != 2 || got[0].branch != "b1" || got[1].branch != "b2" || got[0].method != msg.MESSAGE {
			t.Fatalf("failures %+v", got)
		}
		if !errors.Is(got[0].err, syscall.ECONNREFUSED) {
			t.Errorf("cause %v", got[0].err)
		}
		// The next send tries again.
		home, err := l.net.ListenTCP(farEnd)
		if err != nil {
			t.Fatal(err)
		}
		defer home.Close()
		if err := l.sendTo("b3", ""); err != nil {
			t.Fatal(err)
		}
		wait(time.Second)
		if l.stack.Stats().Dialed != 1 || len(l.core.failures()) != 2 {
			t.Errorf("dialed %d, failures %d", l.stack.Stats().Dialed, len(l.core.failures()))
		}
	})
}

func TestDial_Unanswered_FailsAfterDialTimeout(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		l.net.Update(func(n *memnet.Network) {
			n.Filter = func(p memnet.Packet) memnet.Verdict { return memnet.Verdict{Drop: p.Dst == farEnd} }
		})
		start := time.Now()
		if err := l.sendTo("b1", ""); err != nil {
			t.Fatal(err)
		}
		wait(4900 * time.Millisecond)
		if len(l.core.failures()) != 0 {
			t.Fatal("failed early")
		}
		wait(200 * time.Millisecond)
		got := l.core.failures()
		if len(got) != 1 || !errors.Is(got[0].err, context.DeadlineExceeded) || got[0].at.Sub(start) != 5*time.Second {
			t.Errorf("failures %+v", got)
		}
	})
}

func TestDial_Pending_IsBounded(t *testing.T) {
	limits := transport.Limits{QueueMessages: 10, MaxDialing: 2}
	inLab(t, transport.Options{Limits: limits}, func(t *testing.T, l *lab) {
		l.net.Update(func(n *memnet.Network) {
			n.Filter = func(p memnet.Packet) memnet.Verdict { return memnet.Verdict{Drop: true} }
		})
		for i := range 11 {
			err := l.sendTo(fmt.Sprintf("b%d", i), "")
			if (err != nil) != (i == 10) || i == 10 && !errors.Is(err, transport.ErrQueueFull) {
				t.Errorf("message %d: %v", i, err)
			}
		}
		raw := []byte(request("MESSAGE", "TCP 192.0.2.9;branch=x", ""))
		for i, to := range []string{"198.51.100.8:5060", "198.51.100.9:5060"} {
			err := l.stack.Send(transport.Dest{Listener: l.tcp, Addr: netip.MustParseAddrPort(to)}, raw, "x", msg.MESSAGE)
			if (err != nil) != (i == 1) {
				t.Errorf("destination %d: %v", i, err)
			}
		}
		wait(6 * time.Second)
		if n := len(l.core.failures()); n != 11 {
			t.Errorf("%d failures reported, want those of the 11 queued", n)
		}
	})
}

func TestWrite_PeerDoesNotRead_FailsByDeadlineAndQueueIsBounded(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		home, err := l.net.ListenTCP(farEnd)
		if err != nil {
			t.Fatal(err)
		}
		defer home.Close()
		body := strings.Repeat("b", 60_000)
		accepted, refused := 0, 0
		start := time.Now()
		for i := range 40 {
			err := l.sendTo(fmt.Sprintf("b%d", i), body)
			switch {
			case err == nil:
				accepted++
			case errors.Is(err, transport.ErrQueueFull):
				refused++
			default:
				t.Fatal(err)
			}
			synctest.Wait()
		}
		// 64 KB in the window, 512 KB in the queue.
		if accepted < 9 || accepted > 11 || refused != 40-accepted {
			t.Errorf("accepted %d, refused %d", accepted, refused)
		}
		wait(6 * time.Second)
		got := l.core.failures()
		if len(got) != accepted-1 {
			t.Errorf("%d failures of %d accepted, one of which fits the window", len(got), accepted)
		}
		for i, f := range got {
			if !errors.Is(f.err, os.ErrDeadlineExceeded) || f.branch != fmt.Sprintf("b%d", i+1) || f.at.Sub(start) > 5*time.Second {
				t.Errorf("failure %d: %s after %s: %v", i, f.branch, f.at.Sub(start), f.err)
			}
		}
		if st := l.stack.Stats(); st.Conns != 0 || st.QueuedBytes != 0 {
			t.Errorf("%d connections, %d bytes left", st.Conns, st.QueuedBytes)
		}
	})
}

func TestQueue_BytesOfAllConnections_AreBounded(t *testing.T) {
	limits := transport.Limits{QueueBytesTotal: 200_000}
	inLab(t, transport.Options{Limits: limits}, func(t *testing.T, l *lab) {
		l.net.Update(func(n *memnet.Network) {
			n.Filter = func(memnet.Packet) memnet.Verdict { return memnet.Verdict{Drop: true} }
		})
		raw := []byte(request("MESSAGE", "TCP 192.0.2.9;branch=x", strings.Repeat("b", 50_000)))
		full := 0
		for i := range 10 {
			to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), 5060)
			if err := l.stack.Send(transport.Dest{Listener: l.tcp, Addr: to}, raw, "x", msg.MESSAGE); errors.Is(err, transport.ErrQueueFull) {
				full++
			}
		}
		if full != 7 {
			t.Errorf("%d of 10 refused, want 7", full)
		}
		if n := l.stack.Stats().QueuedBytes; n > 200_000 {
			t.Errorf("%d bytes queued", n)
		}
		wait(6 * time.Second)
	})
}

// Strangers that do not read their answers must not fill the memory that is there for what waits to be written to peers.
func TestQueue_StrangersThatDoNotRead_LeaveRoomForPeers(t *testing.T) {
	stranger := netip.MustParseAddr("203.0.113.1")
	o := transport.Options{
		Limits:    transport.Limits{QueueBytesTotal: 200_000, QueueBytes: 1 << 20, FirstMessageTimeout: time.Hour, WriteTimeout: time.Hour},
		Admission: admit{of: map[netip.Addr]transport.Standing{stranger: transport.Stranger}},
	}
	inLab(t, o, func(t *testing.T, l *lab) {
		home, err := l.net.ListenTCP(farEnd)
		if err != nil {
			t.Fatal(err)
		}
		defer home.Close()
		l.core.then = func(in *transport.Inbound) {
			_ = l.stack.Send(in.ReplyDest(), []byte("SIP/2.0 403 Forbidden\r\nX: "+strings.Repeat("b", 9_000)+"\r\n\r\n"), "", in.Msg.Method())
		}
		c := l.dial(stranger.String())
		for range 100 {
			say(t, c, request("OPTIONS", viaTCP, ""))
		}
		if n := l.drops(transport.CauseQueueFull); n == 0 {
			t.Fatal("the stranger filled nothing")
		}
		if err := l.sendTo("b1", strings.Repeat("b", 50_000)); err != nil {
			t.Errorf("to a peer: %v", err)
		}
	})
}

func TestWrite_PeerResets_FailureReportedAndNextSendReconnects(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		home, err := l.net.ListenTCP(farEnd)
		if err != nil {
			t.Fatal(err)
		}
		defer home.Close()
		if err := l.sendTo("b1", ""); err != nil {
			t.Fatal(err)
		}
		nc, err := home.Accept()
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		nc.(*memnet.Conn).Reset()
		synctest.Wait()
		if n := l.stack.Stats().Conns; n != 0 {
			t.Fatalf("%d connections after the reset", n)
		}
		if err := l.sendTo("b2", ""); err != nil {
			t.Fatal(err)
		}
		again, err := home.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		synctest.Wait()
		if text, _ := hear(t, again.(*memnet.Conn)); !strings.Contains(text, "branch=b2") {
			t.Errorf("on the new connection: %q", text)
		}
		if n := len(l.core.failures()); n != 0 {
			t.Errorf("%d failures", n)
		}
	})
}

func TestDial_Failed_GivesItsPlaceBack(t *testing.T) {
	inLab(t, transport.Options{Limits: transport.Limits{MaxDialing: 1, MaxDialed: 1}}, func(t *testing.T, l *lab) {
		for i := range 5 {
			if err := l.sendTo(fmt.Sprintf("b%d", i), ""); err != nil {
				t.Errorf("attempt %d: %v", i, err)
			}
			wait(time.Second)
		}
		if n := len(l.core.failures()); n != 5 {
			t.Errorf("%d failures", n)
		}
	})
}

func TestRefusal_ConnectionGone_OpensNone(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		home, err := l.net.ListenTCP(farEnd)
		if err != nil {
			t.Fatal(err)
		}
		defer home.Close()
		c := l.dial("198.51.100.7")
		l.core.then = func(in *transport.Inbound) {
			// Between two messages of one segment the connection dies.
			c.Reset()
			if err := l.stack.Send(in.ReplyDest(), okFor(t, in), "", in.Msg.Method()); err != nil {
				t.Error(err)
			}
			<-time.After(time.Second)
		}
		good, bad := request("OPTIONS", viaTCP, ""), without(request("OPTIONS", viaTCP, ""), "From")
		if _, err := c.Write([]byte(good + bad)); err != nil {
			t.Fatal(err)
		}
		wait(2 * time.Second)
		if st := l.stack.Stats(); st.ParseErrors == nil || st.Dialed != 0 || st.Conns != 0 {
			t.Errorf("%d connections opened for a refusal, parse errors %v", st.Dialed, st.ParseErrors)
		}
	})
}

// Connections that only keep-alives cross must not use up for ever what may be opened.
func TestDial_AllPlacesTaken_LongestUnusedMakesRoom(t *testing.T) {
	inLab(t, transport.Options{Limits: transport.Limits{MaxDialed: 3}}, func(t *testing.T, l *lab) {
		to := func(i int) error {
			addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), 5060)
			raw := []byte(request("MESSAGE", "TCP 192.0.2.9;branch=z9hG4bK1", ""))
			err := l.stack.Send(transport.Dest{Listener: l.tcp, Addr: addr}, raw, "", msg.MESSAGE)
			synctest.Wait()
			return err
		}
		far := make([]*memnet.Conn, 6)
		for i := range 6 {
			home, err := l.net.ListenTCP(netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), 5060))
			if err != nil {
				t.Fatal(err)
			}
			defer home.Close()
			accepted := make(chan struct{})
			defer func() { <-accepted }()
			defer home.Close()
			go func() {
				defer close(accepted)
				if nc, err := home.Accept(); err == nil {
					far[i] = nc.(*memnet.Conn)
				}
			}()
		}
		for i := range 3 {
			if err := to(i); err != nil {
				t.Fatal(err)
			}
			wait(time.Second)
		}
		if err := to(3); err == nil {
			t.Error("a connection in use made room")
		}
		wait(62 * time.Second)
		if err := to(0); err != nil { // so the second is the longest unused
			t.Fatal(err)
		}
		wait(2 * time.Second)
		if err := to(4); err != nil {
			t.Errorf("no room was made: %v", err)
		}
		if err := to(5); err != nil {
			t.Errorf("no room was made: %v", err)
		}
		for i, gone := range []bool{false, true, true} {
			if _, over := hear(t, far[i]); over != gone {
				t.Errorf("connection %d: closed %v", i, over)
			}
		}
		if lost := l.core.losses(); len(lost) != 2 || l.drops(transport.CauseEvicted) != 2 || l.stack.Stats().Conns != 3 {
			t.Errorf("lost %v, drops %v", lost, l.stack.Stats().Drops)
		}
		for _, c := range far {
			if c != nil {
				_ = c.Close()
			}
		}
	})
}
