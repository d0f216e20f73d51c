//go:build linux

package flood_test

import (
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/testlab"
	"gatehouse/internal/testlab/certs"
	"gatehouse/internal/testlab/flood"
	"gatehouse/internal/testlab/wire"
)

const within = 10 * time.Second

func listenUDP(t *testing.T) (*net.UDPConn, netip.AddrPort) {
	t.Helper()
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	return conn, conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// What is poured comes from as many sources as asked for, holds what was asked for, no message twice, and answers are counted.
func TestPour_Sources_KindsAndAnswersAreAsAsked(t *testing.T) {
	testlab.NoLeaks(t)
	const sources, looked = 1500, 30000
	conn, to := listenUDP(t)
	f, err := flood.Pour{To: to, From: netip.MustParsePrefix("127.1.0.0/16"), Sources: sources, Rate: 40000}.Start()
	if err != nil {
		t.Fatal(err)
	}
	from, calls, methods, odd := map[netip.AddrPort]int{}, map[string]bool{}, map[string]int{}, 0
	buf := make([]byte, 1<<16)
	for range looked {
		n, src, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			t.Fatal(err)
		}
		from[src]++
		m, err := wire.Parse(buf[:n])
		if err != nil {
			odd++
			continue
		}
		if calls[m.Get("Call-ID")] {
			t.Errorf("twice: %s", m.Get("Call-ID"))
		}
		calls[m.Get("Call-ID")] = true
		methods[m.Method()]++
		if len(calls) == 1 {
			if _, err := conn.WriteToUDPAddrPort([]byte("answer"), src); err != nil {
				t.Fatal(err)
			}
		}
	}
	deadline := time.Now().Add(within)
	for f.Tally().Answered == 0 && time.Now().Before(deadline) {
		if _, _, err := conn.ReadFromUDPAddrPort(buf); err != nil {
			t.Fatal(err)
		}
	}
	tally, err := f.Stop()
	if err != nil {
		t.Fatal(err)
	}
	// Two sockets of a thousand addresses: as many of them as twenty datagrams each, at random, do not miss.
	if len(from) < sources || len(from) > 2000 {
		t.Errorf("%d sources, want at least %d", len(from), sources)
	}
	for _, method := range []string{"OPTIONS", "REGISTER", "INVITE"} {
		if n := methods[method]; n < looked/8 {
			t.Errorf("%d %s of %d", n, method, looked)
		}
	}
	if odd < looked/4 {
		t.Errorf("only %d of %d were no messages", odd, looked)
	}
	if tally.Sent < looked || tally.SentBytes < tally.Sent*100 || tally.Answered != 1 || tally.AnsweredBytes != 6 || f.Sample()[0] != "answer" {
		t.Errorf("tally %+v, sample %q", tally, f.Sample())
	}
}

func TestPour_Rate_IsKept(t *testing.T) {
	testlab.NoLeaks(t)
	_, to := listenUDP(t)
	const rate = 10000
	f, err := flood.Pour{To: to, From: netip.MustParsePrefix("127.1.0.0/16"), Sources: 100, Rate: rate, Kinds: []flood.Kind{flood.Options}}.Start()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	<-time.After(500 * time.Millisecond)
	tally, err := f.Stop()
	if most := time.Since(began).Seconds() * rate; err != nil || float64(tally.Sent) > most || tally.Sent == 0 {
		t.Errorf("%d sent in a time for %.0f, %v", tally.Sent, most, err)
	}
}

func TestPour_Most_IsSentAndNoMore(t *testing.T) {
	testlab.NoLeaks(t)
	conn, to := listenUDP(t)
	const most = 700
	f, err := flood.Pour{To: to, From: netip.MustParsePrefix("127.1.0.0/16"), Sources: 100, Rate: 20000, Kinds: []flood.Kind{flood.Options}, Most: most}.Start()
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<16)
	for range most {
		if _, err := conn.Read(buf); err != nil {
			t.Fatal(err)
		}
	}
	<-time.After(50 * time.Millisecond)
	if tally, err := f.Stop(); err != nil || tally.Sent != most {
		t.Errorf("%d sent, want %d, %v", tally.Sent, most, err)
	}
}

func TestPour_Nonsense_IsRefused(t *testing.T) {
	for _, p := range []flood.Pour{{}, {To: netip.MustParseAddrPort("[::1]:5060"), From: netip.MustParsePrefix("127.1.0.0/16"), Sources: 1, Rate: 1},
		{To: netip.MustParseAddrPort("127.0.0.1:5060"), From: netip.MustParsePrefix("127.1.0.0/16"), Rate: 1}} {
		if f, err := p.Start(); err == nil {
			_, _ = f.Stop()
			t.Errorf("started: %+v", p)
		}
	}
}

// Every connection drips the start of a request, from the sources asked for, and one that is cut comes back.
func TestDrip_Connections_SendByteByByteAndComeBack(t *testing.T) {
	testlab.NoLeaks(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	const conns = 40
	began := make(chan string, 4*conns)
	var stop atomic.Bool
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				buf := make([]byte, 1)
				if _, err := io.ReadFull(conn, buf); err != nil || stop.Load() {
					return
				}
				host, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
				began <- host + string(buf)
			}()
		}
	}()
	d, err := flood.Drip{To: netip.MustParseAddrPort(l.Addr().String()), From: netip.MustParsePrefix("127.2.0.0/16"), Addresses: 10, Conns: conns}.Start()
	if err != nil {
		t.Fatal(err)
	}
	hosts := map[string]int{}
	timeout := time.After(within)
	for range 2 * conns { // every one is cut after its first byte
		select {
		case s := <-began:
			if !strings.HasSuffix(s, "I") || !strings.HasPrefix(s, "127.2.0.") {
				t.Errorf("began with %q", s)
			}
			hosts[s]++
		case <-timeout:
			t.Fatalf("%d connections came, %d were cut", len(hosts), d.Cut())
		}
	}
	if len(hosts) != 10 || d.Cut() == 0 {
		t.Errorf("%d sources, want 10; %d cut", len(hosts), d.Cut())
	}
	stop.Store(true)
	if err := d.Stop(); err != nil {
		t.Error(err)
	}
	_ = l.Close()
}

// The server does its part for every connection, and none of them comes to an end.
func TestShake_Connections_LetTheServerWorkAndLeave(t *testing.T) {
	testlab.NoLeaks(t)
	pair, err := tls.X509KeyPair(certs.NewCA(t).Leaf(t, certs.IP("127.0.0.1")))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var finished atomic.Int64
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer func() { _ = conn.Close() }()
				if tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{pair}}).Handshake() == nil {
					finished.Add(1)
				}
			})
		}
	})
	s, err := flood.Shake{To: netip.MustParseAddrPort(l.Addr().String()), From: netip.MustParsePrefix("127.2.0.0/16"), Addresses: 10, Rate: 200}.Start()
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(within)
	for s.Served() < 20 && time.Now().Before(deadline) {
		<-time.After(10 * time.Millisecond)
	}
	s.Stop()
	_ = l.Close()
	serving.Wait()
	if s.Served() < 20 || s.Begun() < s.Served() || finished.Load() != 0 {
		t.Errorf("%d begun, %d served, %d finished", s.Begun(), s.Served(), finished.Load())
	}
}
