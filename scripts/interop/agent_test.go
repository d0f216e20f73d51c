//go:build interop

package interop

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// agent is a SIP endpoint of our own over UDP: it sends what it is told, byte for byte, and keeps everything it receives.
type agent struct {
	t    *testing.T
	addr netip.AddrPort
	conn *net.UDPConn

	mu   sync.Mutex
	got  []message // guarded by mu
	bad  []string  // guarded by mu: what we should never have been sent
	news chan struct{}
}

// serial makes branches, tags and Call-IDs differ.
var serial atomic.Uint64

func unique(prefix string) string {
	return fmt.Sprintf("%s%08x", prefix, serial.Add(1)*2654435761%(1<<32))
}

func newAgent(t *testing.T, addr netip.AddrPort) *agent {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadBuffer(1 << 22); err != nil {
		t.Fatal(err)
	}
	a := &agent{t: t, addr: conn.LocalAddr().(*net.UDPAddr).AddrPort(), conn: conn, news: make(chan struct{}, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.read()
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
		if t.Failed() {
			t.Logf("%s received:%s", a.addr, a.transcript())
		}
	})
	return a
}

func (a *agent) read() {
	buf := make([]byte, 1<<16)
	for {
		n, err := a.conn.Read(buf)
		if err != nil {
			return
		}
		m, err := parse(buf[:n])
		a.mu.Lock()
		a.got = append(a.got, m)
		if err != nil {
			a.bad = append(a.bad, fmt.Sprintf("%v in:\n%s", err, m.raw))
		}
		a.mu.Unlock()
		select {
		case a.news <- struct{}{}:
		default:
		}
	}
}

func (a *agent) transcript() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := ""
	for _, m := range a.got[:min(len(a.got), 20)] {
		out += "\n" + m.raw
	}
	return out
}

// received is everything so far.
func (a *agent) received() []message {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.got)
}

// malformed is what we received that no parser should have to read.
func (a *agent) malformed() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.bad)
}

func (a *agent) send(to netip.AddrPort, raw string) {
	a.t.Helper()
	if _, err := a.conn.WriteToUDPAddrPort([]byte(raw), to); err != nil {
		a.t.Fatal(err)
	}
}

// first waits for the first message that fits, from the one with index from.
func (a *agent) first(from int, within time.Duration, fits func(message) bool) (message, bool) {
	timer := time.NewTimer(within)
	defer timer.Stop()
	for {
		for _, m := range a.received()[from:] {
			if fits(m) {
				return m, true
			}
		}
		select {
		case <-a.news:
		case <-timer.C:
			return message{}, false
		}
	}
}

const answerWithin = 5 * time.Second

// request waits for a request of this method that was not yet taken by index from.
func (a *agent) request(from int, method string) message {
	a.t.Helper()
	m, ok := a.first(from, answerWithin, func(m message) bool { return m.code() == 0 && m.method() == method })
	if !ok {
		a.t.Fatalf("%s: no %s", a.addr, method)
	}
	return m
}

// final waits for the final response to the request with this branch.
func (a *agent) final(branch string) message {
	a.t.Helper()
	m, ok := a.first(0, answerWithin, func(m message) bool { return m.code() >= 200 && param(m.get("Via"), "branch") == branch })
	if !ok {
		a.t.Fatalf("%s: no final response to %s", a.addr, branch)
	}
	return m
}

// seen is how many messages were received, to be given as from.
func (a *agent) seen() int { return len(a.received()) }

// options sends a plain OPTIONS and wants its 200 in time.
func (a *agent) options(to netip.AddrPort, within time.Duration) {
	a.t.Helper()
	branch := unique("z9hG4bK")
	a.send(to, compose("OPTIONS sip:"+to.String()+" SIP/2.0", []string{
		"Via: SIP/2.0/UDP " + a.addr.String() + ";branch=" + branch + ";rport", "Max-Forwards: 70", "From: <sip:ping@" + a.addr.String() + ">;tag=" + unique("t"),
		"To: <sip:" + to.String() + ">", "Call-ID: " + unique("ping"), "CSeq: 1 OPTIONS"}, ""))
	m, ok := a.first(0, within, func(m message) bool { return m.code() >= 200 && param(m.get("Via"), "branch") == branch })
	if !ok || m.code() != 200 {
		a.t.Fatalf("OPTIONS after it: %q within %s", m.start, within)
	}
}
