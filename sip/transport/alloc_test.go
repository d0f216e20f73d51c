//go:build !race

// The race detector makes sync.Pool drop values on purpose.

package transport

import (
	"net"
	"net/netip"
	"testing"

	"gatehouse/sip/msg"
)

// feeder is a socket from which one datagram is read a given number of times.
type feeder struct {
	data []byte
	left int
}

func (f *feeder) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	if f.left == 0 {
		return 0, netip.AddrPort{}, net.ErrClosed
	}
	f.left--
	return copy(b, f.data), netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, 7}), 5070), nil
}

func (f *feeder) WriteToUDPAddrPort(b []byte, _ netip.AddrPort) (int, error) { return len(b), nil }
func (f *feeder) LocalAddr() net.Addr                                        { return &net.UDPAddr{} }
func (f *feeder) Close() error                                               { return nil }

// releaser is a handler that looks at where a reply would go and is done.
type releaser struct{ n int }

func (r *releaser) Receive(in *Inbound) {
	if in.ReplyDest().Addr.IsValid() {
		r.n++
	}
	in.Release()
}
func (r *releaser) SendFailed(string, msg.Method, error) {}
func (r *releaser) ConnLost(*Conn, error)                {}

// feederStack gives a stack and a listener that reads the datagram n times and ends.
func feederStack(tb testing.TB, data string, n int) (*Stack, *Listener, *feeder, *releaser) {
	r := &releaser{}
	s, err := New(Options{Handler: r})
	if err != nil {
		tb.Fatal(err)
	}
	f := &feeder{data: []byte(data), left: n}
	return s, socketless(tb, s, f), f, r
}

func TestReadDatagram_Allocations_None(t *testing.T) {
	const batch = 1000
	_, l, f, r := feederStack(t, invite, batch)
	drain(l) // fills the pool
	got := testing.AllocsPerRun(10, func() {
		f.left = batch
		drain(l)
	})
	// The scratch buffer of each run, and what a collection in between takes from the pool.
	if got > 20 {
		t.Errorf("%.0f allocations for %d datagrams", got, batch)
	}
	if r.n != 12*batch {
		t.Errorf("%d datagrams were handed over", r.n)
	}
}

func TestSendDatagram_Allocations_None(t *testing.T) {
	s, l, _, _ := feederStack(t, invite, 0)
	raw := []byte(invite)
	d := Dest{Listener: l, Addr: netip.MustParseAddrPort("198.51.100.7:5060")}
	got := testing.AllocsPerRun(1000, func() {
		if s.Send(d, raw, "z9hG4bK776asdhds", msg.INVITE) != nil {
			t.Error("not sent")
		}
	})
	if got != 0 {
		t.Errorf("%.1f allocations a message", got)
	}
}

func BenchmarkReadDatagram(b *testing.B) {
	_, l, f, _ := feederStack(b, invite, 1)
	drain(l)
	b.ReportAllocs()
	b.SetBytes(int64(len(invite)))
	f.left = b.N
	b.ResetTimer()
	drain(l)
}
