package portable

import (
	"fmt"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"gatehouse/media/flow"
	"gatehouse/media/profile"
)

// driven is a rig whose worker is the test itself, so that each step is seen.
func driven(t testing.TB) (*rig, *worker) {
	g := newRig(t, false, [2]string{"127.81.0.1", "127.81.0.2"})
	own, err := newWorker(g.relay.table, func() int64 { return 1 })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(own.release)
	// The rig's own workers must not see the sockets.
	e := g.relay.engine.(*epollEngine)
	for _, slot := range g.slots {
		for _, fd := range []int32{g.relay.table.At(slot).fd[0].Load() - 1, g.relay.table.At(slot).fd[1].Load() - 1} {
			if err := unix.EpollCtl(e.worker(slot).ep, unix.EPOLL_CTL_DEL, int(fd), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	return g, own
}

func TestForwardAllocs(t *testing.T) {
	for _, size := range []int{60, 172, 1200} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			g, w := driven(t)
			m := profile.NewPTMap()
			m.Set(8, 0)
			g.connect(0, m)
			p, buf := packet(8, 1, size), make([]byte, 2000)
			g.send(0, p)
			w.packet(1, g.slots[0], flow.RTP) // learns the source
			allocs := testing.AllocsPerRun(200, func() {
				g.send(0, p)
				w.packet(1, g.slots[0], flow.RTP)
				g.receive(1, buf)
			})
			c := g.states[0].Counters()
			if c.RxPackets < 200 || g.states[1].Counters().TxPackets != c.RxPackets {
				t.Fatalf("packets not relayed: %+v", c)
			}
			if allocs != 0 {
				t.Fatalf("%v allocations a packet", allocs)
			}
		})
	}
}

func TestRelay_KernelRefusesDestination_CountedAsSend(t *testing.T) {
	g, w := driven(t)
	e := *g.relay.Slot(g.slots[0]).Entry()
	e.Dest[0] = netip.MustParseAddrPort("255.255.255.255:9") // needs SO_BROADCAST, which no media socket has
	g.relay.Slot(g.slots[0]).Connect(&e)
	g.send(0, packet(8, 1, 60))
	w.packet(1, g.slots[0], flow.RTP)
	c, peer := g.states[0].Counters(), g.states[1].Counters()
	if c.Drops[flow.Send] != 1 || c.RxPackets != 1 || peer.TxPackets != 0 || w.tally.drops[flow.Send].Load() != 1 {
		t.Fatalf("%+v, sent %d", c, peer.TxPackets)
	}
}

func BenchmarkForward(b *testing.B) {
	for _, size := range []int{60, 172, 1200} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			g, w := driven(b)
			p := packet(8, 1, size)
			name := &unix.SockaddrInet4{Port: int(g.local[0].Port()), Addr: g.local[0].Addr().As4()}
			raw, err := g.peers[0].SyscallConn()
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				b.StopTimer()
				_ = raw.Control(func(fd uintptr) { _ = unix.Sendto(int(fd), p, 0, name) })
				b.StartTimer()
				w.packet(1, g.slots[0], flow.RTP)
			}
		})
	}
}
