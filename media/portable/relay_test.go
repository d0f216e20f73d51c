package portable

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatehouse/media/flow"
	"gatehouse/media/profile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a relay with one pair on each side and a peer socket for each.
type rig struct {
	t      testing.TB
	relay  *Relay
	slots  [2]uint32
	local  [2]netip.AddrPort // RTP ports
	states [2]*flow.State
	peers  [2]*net.UDPConn
}

// both runs a test on each engine of this system.
func both(t *testing.T, run func(t *testing.T, plain bool)) {
	t.Run("default", func(t *testing.T) { run(t, false) })
	t.Run("plain", func(t *testing.T) { run(t, true) })
}

func newRelay(t testing.TB, plain bool) *Relay {
	t.Helper()
	return newLimited(t, plain, 0)
}

func newLimited(t testing.TB, plain bool, sockets int) *Relay {
	t.Helper()
	r, err := New(Options{Plain: plain, Workers: 2, Sockets: sockets})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := r.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return r
}

func newRig(t testing.TB, plain bool, hosts [2]string) *rig {
	t.Helper()
	g := &rig{t: t, relay: newRelay(t, plain)}
	for i, host := range hosts {
		g.slots[i], g.local[i] = bindPair(t, g.relay, netip.MustParseAddr(host))
		g.states[i] = flow.NewState(1)
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(host), 0)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		g.peers[i] = conn
		g.relay.Slot(g.slots[i]).Hold()
	}
	for i := range 2 {
		g.connect(i, nil)
	}
	return g
}

// bindPair finds a free even port with its odd one.
func bindPair(t testing.TB, r *Relay, host netip.Addr) (uint32, netip.AddrPort) {
	t.Helper()
	for port := uint16(21000); port < 23000; port += 2 {
		slot, err := r.Bind(netip.AddrPortFrom(host, port), netip.AddrPortFrom(host, port+1))
		if err == nil {
			return slot, netip.AddrPortFrom(host, port)
		}
		if !errors.Is(err, ErrInUse) {
			t.Fatal(err)
		}
	}
	t.Fatal("no free port")
	return 0, netip.AddrPort{}
}

func (g *rig) addr(i int) netip.AddrPort { return g.peers[i].LocalAddr().(*net.UDPAddr).AddrPort() }

// connect makes side i's packets go to the other peer.
func (g *rig) connect(i int, pt *profile.PTMap) {
	o := 1 - i
	g.relay.Slot(g.slots[i]).Connect(&flow.Entry{
		Kind: profile.RTP, Generation: 1, ClockHz: 8000, PT: pt, MuxIn: true, MuxOut: true,
		State: g.states[i], Peer: g.slots[o], PeerState: g.states[o],
		Signalled: [2]netip.AddrPort{g.addr(i), g.addr(i)},
		Dest:      [2]netip.AddrPort{g.addr(o), g.addr(o)},
	})
}

func (g *rig) send(i int, b []byte) {
	if _, err := g.peers[i].WriteToUDPAddrPort(b, g.local[i]); err != nil {
		g.t.Fatal(err)
	}
}

func (g *rig) receive(i int, buf []byte) (int, netip.AddrPort) {
	_ = g.peers[i].SetReadDeadline(time.Now().Add(5 * time.Second))
	n, from, err := g.peers[i].ReadFromUDPAddrPort(buf)
	if err != nil {
		g.t.Fatalf("peer %d received nothing: %v", i, err)
	}
	return n, from
}

func packet(pt uint8, seq uint16, size int) []byte {
	b := make([]byte, size)
	b[0], b[1], b[11] = 0x80, pt, 9
	binary.BigEndian.PutUint16(b[2:], seq)
	for i := 12; i < size; i++ {
		b[i] = byte(i)
	}
	return b
}

func TestRelay_FamiliesOfBothSides_ForwardsBothWays(t *testing.T) {
	for name, hosts := range map[string][2]string{
		"4 to 4": {"127.81.0.1", "127.81.0.2"}, "4 to 6": {"127.81.0.1", "::1"}, "6 to 6": {"::1", "::1"},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, plain bool) {
				g := newRig(t, plain, hosts)
				buf := make([]byte, 2000)
				for i := range 2 {
					for seq, size := range []int{12, 60, 172, 1200, flow.MaxPacketBytes} {
						want := packet(8, uint16(seq), size)
						g.send(i, want)
						n, from := g.receive(1-i, buf)
						if string(buf[:n]) != string(want) || from != g.local[1-i] {
							t.Fatalf("%d bytes: got %d from %s", size, n, from)
						}
					}
				}
			})
		})
	}
}

func TestRelay_PayloadMap_RewritesInPlaceKeepingMarker(t *testing.T) {
	both(t, func(t *testing.T, plain bool) {
		g := newRig(t, plain, [2]string{"127.81.0.1", "127.81.0.2"})
		m := profile.NewPTMap()
		m.Set(96, 101)
		g.connect(0, m)
		p := packet(0x80|96, 1, 60)
		g.send(0, p)
		buf := make([]byte, 2000)
		n, _ := g.receive(1, buf)
		p[1] = 0x80 | 101
		if string(buf[:n]) != string(p) {
			t.Fatalf("got %x", buf[:n])
		}
	})
}

func TestRelay_Oversize_CountedNotForwarded(t *testing.T) {
	both(t, func(t *testing.T, plain bool) {
		g := newRig(t, plain, [2]string{"127.81.0.1", "127.81.0.2"})
		g.send(0, packet(8, 1, flow.MaxPacketBytes+1))
		g.send(0, packet(8, 1, 9000))
		g.send(0, packet(8, 2, 60))
		buf := make([]byte, 2000)
		if n, _ := g.receive(1, buf); n != 60 {
			t.Fatalf("%d bytes came through", n)
		}
		if got := g.states[0].Counters().Drops[flow.Oversize]; got != 2 {
			t.Fatalf("%d oversize", got)
		}
		if tot := g.relay.Totals(); tot.Drops[flow.Oversize] != 2 {
			t.Fatalf("totals %+v", tot)
		}
	})
}

func TestRelay_BindTwice_ErrInUseAndNothingLeaks(t *testing.T) {
	both(t, func(t *testing.T, plain bool) {
		r := newRelay(t, plain)
		host := netip.MustParseAddr("127.81.0.3")
		_, a := bindPair(t, r, host)
		for range 3 {
			if _, err := r.Bind(a, netip.AddrPortFrom(host, a.Port()+1)); !errors.Is(err, ErrInUse) {
				t.Fatalf("got %v", err)
			}
			// The odd port alone is taken: the even one must be closed again.
			free := netip.AddrPortFrom(host, a.Port()-2)
			if _, err := r.Bind(free, netip.AddrPortFrom(host, a.Port()+1)); !errors.Is(err, ErrInUse) {
				t.Fatalf("got %v", err)
			}
		}
		if r.Bound() != 1 {
			t.Fatalf("%d bound", r.Bound())
		}
		if _, err := r.Bind(netip.MustParseAddrPort("192.0.2.1:4000"), netip.MustParseAddrPort("192.0.2.1:4001")); err == nil || errors.Is(err, ErrInUse) {
			t.Fatalf("foreign address: %v", err)
		}
	})
}

func TestRelay_Unbind_FreesPortsAndSlots(t *testing.T) {
	both(t, func(t *testing.T, plain bool) {
		r := newRelay(t, plain)
		host := netip.MustParseAddr("127.81.0.4")
		seen := map[uint32]bool{}
		for range 20 {
			var slots []uint32
			for range 5 {
				s, _ := bindPair(t, r, host)
				slots = append(slots, s)
				seen[s] = true
			}
			r.Unbind(slots)
		}
		if len(seen) != 5 || r.Bound() != 0 {
			t.Fatalf("%d slots used, %d bound", len(seen), r.Bound())
		}
	})
}

func TestRelay_SocketLimit_RefusesMoreUntilSomeClose(t *testing.T) {
	both(t, func(t *testing.T, plain bool) {
		r := newLimited(t, plain, 4)
		host := netip.MustParseAddr("127.81.0.6")
		first, a := bindPair(t, r, host)
		r.Unbind([]uint32{first})
		one, _ := bindPair(t, r, host)
		bindPair(t, r, host)
		rtp, rtcp := netip.AddrPortFrom(host, a.Port()), netip.AddrPortFrom(host, a.Port()+1)
		if _, err := r.Bind(rtp, rtcp); !errors.Is(err, ErrDescriptors) || r.Bound() != 2 {
			t.Fatalf("third pair of four sockets: %v, %d bound", err, r.Bound())
		}
		r.Unbind([]uint32{one})
		if _, err := r.Bind(rtp, rtcp); err != nil {
			t.Fatal(err)
		}
	})
}

func TestRelay_Close_RefusesBindAndIsIdempotent(t *testing.T) {
	both(t, func(t *testing.T, plain bool) {
		r := newRelay(t, plain)
		host := netip.MustParseAddr("127.81.0.5")
		slot, a := bindPair(t, r, host)
		for range 2 {
			if err := r.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := r.Bind(a, netip.AddrPortFrom(host, a.Port()+1)); !errors.Is(err, ErrClosed) {
			t.Fatalf("got %v", err)
		}
		r.Unbind([]uint32{slot})
		other := newRelay(t, plain)
		if _, err := other.Bind(a, netip.AddrPortFrom(host, a.Port()+1)); err != nil {
			t.Fatalf("port not free after Close: %v", err)
		}
	})
}
