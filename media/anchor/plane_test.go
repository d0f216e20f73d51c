package anchor

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"gatehouse/media/profile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a time that only tests move.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time {
	return time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(c.offset.Load()))
}

func (c *clock) advance(d time.Duration) { c.offset.Add(int64(d)) }

const (
	hostIn, hostOut   = "127.80.0.1", "127.80.0.2"
	phoneIn, phoneOut = "127.80.1.1:0", "127.80.1.2:0"
)

// newPlane starts a plane of two zones on loopback addresses of its own, with a clock that stands still.
func newPlane(t testing.TB, change func(*Config)) (*Plane, *clock) {
	t.Helper()
	clk := new(clock)
	c := Config{
		Zones: map[string][]Address{
			"in":  {{Addr: netip.MustParseAddr(hostIn), Ports: [2]uint16{20000, 20999}}},
			"out": {{Addr: netip.MustParseAddr(hostOut), Ports: [2]uint16{20000, 20999}}},
		},
		Log:     zerolog.Nop(),
		Reserve: 4,
		Now:     clk.now,
	}
	if change != nil {
		change(&c)
	}
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shutdown(t, p) })
	return p, clk
}

func shutdown(t testing.TB, p *Plane) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := p.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

// phone is a peer's socket.
type phone struct {
	t testing.TB
	*net.UDPConn
}

func newPhone(t testing.TB, addr string) phone {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return phone{t, c}
}

func (f phone) addr() netip.AddrPort { return f.LocalAddr().(*net.UDPAddr).AddrPort() }

func (f phone) send(to netip.AddrPort, b []byte) {
	f.t.Helper()
	if _, err := f.WriteToUDPAddrPort(b, to); err != nil {
		f.t.Fatal(err)
	}
}

// receive waits for one packet.
func (f phone) receive() ([]byte, netip.AddrPort) {
	f.t.Helper()
	_ = f.SetReadDeadline(time.Now().Add(5 * time.Second))
	b := make([]byte, 3000)
	n, from, err := f.ReadFromUDPAddrPort(b)
	if err != nil {
		f.t.Fatalf("nothing received: %v", err)
	}
	return b[:n], from
}

func rtpPacket(pt uint8, seq uint16) []byte {
	b := make([]byte, 172)
	b[0], b[1], b[2], b[3], b[11] = 0x80, pt, byte(seq>>8), byte(seq), 1
	return b
}

func mustOpen(t testing.TB, p *Plane, owner uint64, zone string) profile.EndID {
	t.Helper()
	e, err := p.Open(owner, zone)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func mustReserve(t testing.TB, p *Plane, e profile.EndID, n int, f profile.Family) profile.Local {
	t.Helper()
	l, err := p.Reserve(e, n, f)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// call is two connected ends with a phone on each side.
type call struct {
	t      testing.TB
	p      *Plane
	ends   [2]profile.EndID
	local  [2]profile.Local
	phones [2]phone
	stream profile.Stream
	seq    uint16
}

func newCall(t testing.TB, p *Plane, owner uint64) *call {
	t.Helper()
	c := &call{t: t, p: p}
	for i, zone := range []string{"in", "out"} {
		c.ends[i] = mustOpen(t, p, owner, zone)
		c.local[i] = mustReserve(t, p, c.ends[i], 0, profile.Any)
		c.phones[i] = newPhone(t, []string{phoneIn, phoneOut}[i])
	}
	side := func(i int) profile.Side {
		return profile.Side{RTP: c.phones[i].addr(), Sends: true, Generation: 1, ClockHz: 8000}
	}
	c.stream = profile.Stream{Kind: profile.RTP, A: side(0), B: side(1)}
	c.connect()
	return c
}

func (c *call) connect() { c.p.Connect(c.ends[0], c.ends[1], []profile.Stream{c.stream}) }

// speak sends a packet from phone i and wants the other to get it from our port.
func (c *call) speak(i int) {
	c.t.Helper()
	c.seq++
	pkt := rtpPacket(0, c.seq)
	c.phones[i].send(c.local[i].RTP, pkt)
	got, from := c.phones[1-i].receive()
	if string(got) != string(pkt) || from != c.local[1-i].RTP {
		c.t.Fatalf("phone %d got %x from %s, want it from %s", 1-i, got, from, c.local[1-i].RTP)
	}
}

// ignored sends a packet from f to side i and wants it counted as dropped for this cause.
func (c *call) ignored(f phone, i int, cause string) {
	c.t.Helper()
	before := c.p.Usage().Drops[cause]
	c.seq++
	f.send(c.local[i].RTP, rtpPacket(0, c.seq))
	waitFor(c.t, cause+" counted", func() bool { return c.p.Usage().Drops[cause] == before+1 })
}

// waitFor polls what no channel tells: a counter of a packet worker.
func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for tick := time.NewTicker(time.Millisecond); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

func (c *call) close() {
	c.p.Close(c.ends[0])
	c.p.Close(c.ends[1])
}
