package transport_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/testlab/memnet"
	"gatehouse/sip/msg"
	"gatehouse/sip/transport"
)

func TestClose_QueuedMessagesAreWritten(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		l.net.Update(func(n *memnet.Network) { n.Delay = 20 * time.Millisecond })
		home, err := l.net.ListenTCP(farEnd)
		if err != nil {
			t.Fatal(err)
		}
		defer home.Close()
		if err := l.sendTo("b0", ""); err != nil {
			t.Fatal(err)
		}
		nc, err := home.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		wait(time.Second)
		for i := range 20 {
			if err := l.sendTo(fmt.Sprintf("c%d", i), ""); err != nil {
				t.Fatal(err)
			}
		}
		l.close()
		wait(time.Second)
		text, gone := hear(t, nc.(*memnet.Conn))
		if n := strings.Count(text, "MESSAGE sip:"); n != 21 || !gone {
			t.Errorf("%d messages written, closed %v", n, gone)
		}
		if n := len(l.core.failures()); n != 0 {
			t.Errorf("%d failures", n)
		}
	})
}

func TestClose_WhileDialingAndStuckWriting_ReportsAndEnds(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		home, err := l.net.ListenTCP(farEnd)
		if err != nil {
			t.Fatal(err)
		}
		defer home.Close()
		for i := range 3 {
			if err := l.sendTo(fmt.Sprintf("b%d", i), strings.Repeat("b", 60_000)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		l.net.Update(func(n *memnet.Network) {
			n.Filter = func(p memnet.Packet) memnet.Verdict { return memnet.Verdict{Drop: true} }
		})
		nowhere := transport.Dest{Listener: l.tcp, Addr: netip.MustParseAddrPort("198.51.100.8:5060")}
		raw := []byte(request("MESSAGE", "TCP 192.0.2.9;branch=x", ""))
		if err := l.stack.Send(nowhere, raw, "x", msg.MESSAGE); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		l.close()
		if took := time.Since(start); took > time.Second {
			t.Errorf("close took %s", took)
		}
		got := map[string]int{}
		for _, f := range l.core.failures() {
			got[f.branch]++
		}
		if got["b1"] != 1 || got["b2"] != 1 || got["x"] != 1 || len(got) != 3 {
			t.Errorf("failures %v", got)
		}
		if err := l.sendTo("late", ""); !errors.Is(err, transport.ErrClosed) {
			t.Errorf("send after close: %v", err)
		}
		if _, err := l.stack.Listen(transport.ListenSpec{Zone: "x", Proto: transport.UDP, Addr: netip.MustParseAddrPort("192.0.2.50:5060")}); !errors.Is(err, transport.ErrClosed) {
			t.Errorf("listen after close: %v", err)
		}
		if n := l.net.Open(); n > 2 { // the test's own listener, and the connection in its backlog
			t.Errorf("%d sockets open", n)
		}
	})
}

func TestClose_ContextEndsFirst_ConnectionsAreCut(t *testing.T) {
	limits := transport.Limits{FlushTimeout: 10 * time.Second}
	inLab(t, transport.Options{Limits: limits}, func(t *testing.T, l *lab) {
		home, err := l.net.ListenTCP(farEnd)
		if err != nil {
			t.Fatal(err)
		}
		defer home.Close()
		for i := range 3 {
			if err := l.sendTo(fmt.Sprintf("b%d", i), strings.Repeat("b", 60_000)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		if err := l.stack.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
		if took := time.Since(start); took != 100*time.Millisecond {
			t.Errorf("close took %s", took)
		}
	})
}

func TestClose_HalfBuiltAndTwice(t *testing.T) {
	if _, err := transport.New(transport.Options{}); err == nil {
		t.Error("a stack without handler")
	}
	s, err := transport.New(transport.Options{Handler: &core{}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		if _, err := l.stack.Listen(transport.ListenSpec{Zone: "x", Proto: transport.UDP, Addr: sbc}); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("bind twice: %v", err)
		}
		if _, err := l.stack.Listen(transport.ListenSpec{Zone: "x", Proto: transport.Proto(9), Addr: sbc}); err == nil {
			t.Error("listen on a protocol that does not exist")
		}
		l.close()
		l.close()
		if n := l.net.Open(); n != 0 {
			t.Errorf("%d sockets open", n)
		}
	})
}

func TestCloseListener_EndsItsConnectionsOnly(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		l.core.answerOK(t, l.stack)
		second := netip.MustParseAddrPort("192.0.2.10:5060")
		other, err := l.stack.Listen(transport.ListenSpec{Zone: "other", Proto: transport.TCP, Addr: second})
		if err != nil {
			t.Fatal(err)
		}
		kept := l.dial("198.51.100.7")
		gone, err := l.net.DialTCP(t.Context(), netip.MustParseAddrPort("198.51.100.7:0"), second)
		if err != nil {
			t.Fatal(err)
		}
		defer gone.Close()
		synctest.Wait()
		for range 2 {
			if err := l.stack.CloseListener(other); err != nil {
				t.Error(err)
			}
		}
		if !over(t, gone) || over(t, kept) {
			t.Error("the wrong connection was closed")
		}
		raw := []byte(request("OPTIONS", "TCP 192.0.2.10;branch=x", ""))
		if err := l.stack.Send(transport.Dest{Listener: other, Addr: farEnd}, raw, "x", msg.OPTIONS); !errors.Is(err, transport.ErrClosed) {
			t.Errorf("send by a closed listener: %v", err)
		}
		if err := l.stack.CloseListener(l.udp); err != nil {
			t.Error(err)
		}
		if err := l.stack.Send(transport.Dest{Listener: l.udp, Addr: farEnd}, raw, "x", msg.OPTIONS); err == nil {
			t.Error("sent by a closed UDP listener")
		}
		say(t, kept, request("OPTIONS", viaTCP, ""))
		if got, _ := hear(t, kept); firstLine(got) != "SIP/2.0 200 OK" {
			t.Errorf("the other listener's connection: %q", got)
		}
	})
}

func TestInbound_ReleasedTwice_Panics(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		l.core.then = func(in *transport.Inbound) { in.Release() } // Receive releases it as well
		send(t, l.socket("198.51.100.7:5070"), request("OPTIONS", viaUDP, ""))
		if l.drops(transport.CausePanic) != 1 {
			t.Error("released twice without notice")
		}
	})
}
