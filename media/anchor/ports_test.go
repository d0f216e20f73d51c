package anchor

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/media/ports"
	"gatehouse/media/profile"
)

// tiny gives both zones ten pairs, and leaves upkeep to the test.
func tiny(c *Config) {
	c.manual = true
	c.Reserve = 256
	for _, zone := range c.Zones {
		zone[0].Ports = [2]uint16{24000, 24019}
	}
}

func (p *Plane) pairsOf(zone string) ports.Usage { return p.Usage().Zones[zone] }

func TestB101_TenPairs_EleventhRefusedUntilOneRested(t *testing.T) {
	p, clk := newPlane(t, tiny)
	p.upkeep()
	if u := p.pairsOf("in"); u.Warm != 10 {
		t.Fatalf("a small range is bound whole: %+v", u)
	}
	seen := map[netip.AddrPort]bool{}
	var ends []profile.EndID
	for i := range uint64(10) {
		e := mustOpen(t, p, i, "in")
		l := mustReserve(t, p, e, 0, profile.Any)
		if seen[l.RTP] || l.RTP.Port()%2 != 0 || l.RTCP.Port() != l.RTP.Port()+1 {
			t.Fatalf("%v", l)
		}
		seen[l.RTP] = true
		ends = append(ends, e)
	}
	late := mustOpen(t, p, 99, "in")
	refused := func() {
		t.Helper()
		if l, err := p.Reserve(late, 0, profile.Any); !errors.Is(err, profile.ErrNoPorts) {
			t.Fatalf("got %v, %v", l, err)
		}
	}
	refused()
	p.Close(ends[4])
	p.Close(ends[4])
	refused()
	clk.advance(ports.Quarantine - 1)
	p.upkeep()
	refused()
	clk.advance(1)
	mustReserve(t, p, late, 0, profile.Any)
	if u := p.Usage(); u.Refused.NoPorts != 3 || u.Zones["in"].Busy != 10 {
		t.Fatalf("%+v", u)
	}
}

func TestB101_PeerThatSendsOn_ItsPortsAreNotReused(t *testing.T) {
	p, clk := newPlane(t, func(c *Config) {
		tiny(c)
		c.Zones["in"][0].Ports = [2]uint16{24100, 24101} // one pair
	})
	c := newCall(t, p, 1)
	c.speak(0)
	c.close()
	next := mustOpen(t, p, 2, "in")
	for range 5 {
		clk.advance(ports.Quarantine - time.Millisecond)
		c.ignored(c.phones[0], 0, "late")
		clk.advance(time.Millisecond)
		p.upkeep()
		if _, err := p.Reserve(next, 0, profile.Any); !errors.Is(err, profile.ErrNoPorts) {
			t.Fatalf("a port that still gets the last call's packets was given away: %v", err)
		}
	}
	// One more packet between upkeep and the next taker, when the pair is back in the reserve.
	clk.advance(ports.Quarantine)
	p.upkeep()
	if u := p.pairsOf("in"); u.Warm != 1 {
		t.Fatalf("%+v", u)
	}
	c.ignored(c.phones[0], 0, "late")
	if _, err := p.Reserve(next, 0, profile.Any); !errors.Is(err, profile.ErrNoPorts) {
		t.Fatalf("a straggler's port was given away from the reserve: %v", err)
	}
	clk.advance(ports.Quarantine)
	if l := mustReserve(t, p, next, 0, profile.Any); l.RTP.Port() != 24100 {
		t.Fatalf("%v", l)
	}
	// A stranger does not keep ports from being reused.
	p.Close(next)
	stranger := newPhone(t, "127.80.66.6:0")
	clk.advance(ports.Quarantine - 1)
	c.ignored(stranger, 0, "stray")
	clk.advance(1)
	mustReserve(t, p, mustOpen(t, p, 3, "in"), 0, profile.Any)
}

func TestB101_LateMedia_NeverReachesTheNextCall(t *testing.T) {
	p, clk := newPlane(t, func(c *Config) {
		tiny(c)
		c.Zones["in"][0].Ports, c.Zones["out"][0].Ports = [2]uint16{24110, 24111}, [2]uint16{24110, 24111}
	})
	first := newCall(t, p, 1)
	first.speak(0)
	first.close()
	clk.advance(ports.Quarantine)
	second := newCall(t, p, 2)
	if second.local != first.local {
		t.Fatal("the same ports were expected")
	}
	second.stream.A.Generation++
	second.connect()
	second.speak(0)
	second.ignored(first.phones[0], 0, "source") // same IP, other port: the exact source is settled
	second.speak(1)
	if st := p.Stats(second.ends[0], 0); st.RxPackets != 1 {
		t.Fatalf("counters of the last call show: %+v", st)
	}
}

func TestB101_ManyCallsInAnyOrder_NoPairLeaks(t *testing.T) {
	p, clk := newPlane(t, tiny)
	for round := range 200 {
		var ends []profile.EndID
		for i := range uint64(10) {
			e := mustOpen(t, p, i, "in")
			ends = append(ends, e)
			for s := range int(i%3) + 1 {
				if _, err := p.Reserve(e, s, profile.Any); err != nil && !errors.Is(err, profile.ErrNoPorts) {
					t.Fatal(err)
				}
			}
		}
		if round%2 == 0 {
			p.Release(ends[3], 0)
			p.Release(ends[3], 0)
			p.Release(ends[3], 17)
		}
		for i := range ends {
			p.Close(ends[(i*7+round)%10])
		}
		if u := p.pairsOf("in"); u.Busy != 0 || u.Free+u.Warm+u.Resting != 10 {
			t.Fatalf("round %d: %+v", round, u)
		}
		clk.advance(time.Duration(round%5) * time.Second)
		p.upkeep()
	}
	clk.advance(time.Minute)
	p.upkeep()
	if u := p.Usage(); u.Zones["in"] != (ports.Usage{Warm: 10}) || u.Calls != 0 || u.Ends != 0 || u.Flows["portable"] != 0 {
		t.Fatalf("%+v", u)
	}
}

func TestReserve_SameStreamAndFamily_SamePorts(t *testing.T) {
	p, _ := newPlane(t, func(c *Config) {
		c.Zones["in"] = append(c.Zones["in"], Address{
			Addr: netip.MustParseAddr("::1"), Advertise: netip.MustParseAddr("2001:db8::5"), Ports: [2]uint16{24200, 24299}})
	})
	e := mustOpen(t, p, 1, "in")
	any0, four, six := mustReserve(t, p, e, 0, profile.Any), mustReserve(t, p, e, 0, profile.IPv4), mustReserve(t, p, e, 0, profile.IPv6)
	if any0 != four || !four.RTP.Addr().Is4() || six.RTP.Addr() != netip.MustParseAddr("2001:db8::5") || six != mustReserve(t, p, e, 0, profile.IPv6) {
		t.Fatalf("%v %v %v", any0, four, six)
	}
	if other := mustReserve(t, p, e, 3, profile.Any); other == any0 {
		t.Fatal("two streams on one port")
	}
	p.Release(e, 0)
	if again := mustReserve(t, p, e, 0, profile.Any); again == any0 {
		t.Fatal("released ports given again at once")
	}
	p.Close(e)
	if u := p.pairsOf("in"); u.Busy != 0 || u.Resting != 4 {
		t.Fatalf("%+v", u)
	}
}

func TestReserve_Mistakes_AreClearErrors(t *testing.T) {
	p, _ := newPlane(t, nil)
	if _, err := p.Open(1, "nowhere"); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("%v", err)
	}
	e := mustOpen(t, p, 1, "in")
	for name, c := range map[string]struct {
		end    profile.EndID
		stream int
		family profile.Family
		want   error
	}{
		"no such end": {99, 0, profile.Any, errUnknownEnd}, "zero": {0, 0, profile.Any, errUnknownEnd}, "negative": {e, -1, profile.Any, errStream},
		"too many": {e, maxStreams, profile.Any, errStream}, "family": {e, 0, profile.IPv6, errNoFamily},
	} {
		if _, err := p.Reserve(c.end, c.stream, c.family); !errors.Is(err, c.want) || errors.Is(err, profile.ErrNoPorts) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p.Close(e)
	if _, err := p.Reserve(e, 0, profile.Any); !errors.Is(err, errUnknownEnd) {
		t.Errorf("closed: %v", err)
	}
	reused := mustOpen(t, p, 2, "in")
	if reused == e {
		t.Fatal("an old id must not name a new end")
	}
	p.Close(e)
	p.Connect(e, reused, nil)
	p.Connect(reused, reused, nil)
	if st := p.Stats(e, 0); st.RxPackets != 0 || st.Path != "" {
		t.Errorf("%+v", st)
	}
	mustReserve(t, p, reused, 0, profile.Any)
}

func TestNew_BadAddresses_RefusedAtOnce(t *testing.T) {
	good := Address{Addr: netip.MustParseAddr(hostIn), Ports: [2]uint16{24300, 24399}}
	for name, list := range map[string][]Address{
		"not ours":         {{Addr: netip.MustParseAddr("192.0.2.1"), Ports: good.Ports}},
		"unspecified":      {{Addr: netip.MustParseAddr("0.0.0.0"), Ports: good.Ports}},
		"multicast":        {{Addr: netip.MustParseAddr("224.0.0.1"), Ports: good.Ports}},
		"none":             {{Ports: good.Ports}},
		"no ports":         {{Addr: good.Addr}},
		"advertise family": {{Addr: good.Addr, Advertise: netip.MustParseAddr("2001:db8::1"), Ports: good.Ports}},
		"overlap":          {good, {Addr: good.Addr, Ports: [2]uint16{24398, 24500}}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := New(Config{Zones: map[string][]Address{"in": {good}, "out": list}})
			if err == nil {
				shutdown(t, p)
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), "24") && !strings.Contains(err.Error(), "zone out") && name != "not ours" {
				t.Fatalf("error does not say where: %v", err)
			}
			if _, err := New(Config{Zones: map[string][]Address{"in": list, "out": {good}}}); err == nil {
				t.Fatal("accepted in the other order")
			}
		})
	}
}

func TestReserve_PortsOfAnotherProgram_AreSkipped(t *testing.T) {
	var others []net.PacketConn
	for port := 24400; port < 24420; port += 4 { // every other pair: here the RTCP port
		c, err := net.ListenPacket("udp", fmt.Sprintf("%s:%d", hostIn, port+1))
		if err != nil {
			t.Fatal(err)
		}
		others = append(others, c)
	}
	p, clk := newPlane(t, func(c *Config) { tiny(c); c.Zones["in"][0].Ports = [2]uint16{24400, 24419} })
	e := mustOpen(t, p, 1, "in")
	for s := range 5 {
		mustReserve(t, p, e, s, profile.Any)
	}
	if _, err := p.Reserve(e, 5, profile.Any); !errors.Is(err, profile.ErrNoPorts) {
		t.Fatalf("%v", err)
	}
	if u := p.Usage(); u.Zones["in"].Blocked != 5 || u.Refused.InUse != 5 {
		t.Fatalf("%+v", u)
	}
	for _, c := range others {
		_ = c.Close()
	}
	clk.advance(ports.BlockedFor)
	for s := range 10 {
		mustReserve(t, p, e, s, profile.Any)
	}
}

func TestKeeper_Reserve_FilledAndTrimmedToSize(t *testing.T) {
	p, clk := newPlane(t, func(c *Config) { c.manual = true; c.Reserve = 20 })
	p.upkeep()
	if u := p.pairsOf("in"); u.Warm != 20 {
		t.Fatalf("%+v", u)
	}
	e := mustOpen(t, p, 1, "in")
	for s := range 60 {
		mustReserve(t, p, e, s, profile.Any)
	}
	p.upkeep()
	if u := p.pairsOf("in"); u.Busy != 60 || u.Warm != 20 {
		t.Fatalf("%+v", u)
	}
	p.Close(e)
	clk.advance(ports.Quarantine)
	for range 10 {
		p.upkeep()
	}
	if u := p.Usage(); u.Zones["in"] != (ports.Usage{Free: 480, Warm: 20}) || u.Sockets != 2*(20+20) {
		t.Fatalf("%+v", u)
	}
}

func TestKeeper_SteadyCalls_BindNothing(t *testing.T) {
	// Once the reserve turns over, a call costs no socket: the same ones rest and come back.
	p, clk := newPlane(t, func(c *Config) { c.manual = true; c.Reserve = 40 })
	p.upkeep()
	bound := p.Usage().Sockets
	for i := range uint64(500) {
		e := mustOpen(t, p, i, "in")
		mustReserve(t, p, e, 0, profile.Any)
		p.Close(e)
		clk.advance(200 * time.Millisecond)
		p.upkeep()
		if got := p.Usage().Sockets; got != bound {
			t.Fatalf("call %d: %d sockets, were %d", i, got, bound)
		}
	}
}

func TestQuota_SourceOverLimit_RefusedOthersNot(t *testing.T) {
	p, _ := newPlane(t, func(c *Config) {
		c.SourcePairs = 2
		c.Source = func(owner uint64) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(owner / 10)}) }
	})
	a, b := mustOpen(t, p, 10, "in"), mustOpen(t, p, 11, "out") // two calls of one source
	mustReserve(t, p, a, 0, profile.Any)
	mustReserve(t, p, b, 0, profile.Any)
	if _, err := p.Reserve(a, 1, profile.Any); !errors.Is(err, profile.ErrNoPorts) {
		t.Fatalf("%v", err)
	}
	mustReserve(t, p, a, 0, profile.Any) // held already
	mustReserve(t, p, mustOpen(t, p, 20, "in"), 0, profile.Any)
	p.Close(b)
	mustReserve(t, p, a, 1, profile.Any)
	if u := p.Usage(); u.Refused.Quota != 1 {
		t.Fatalf("%+v", u)
	}
}

func TestSetZones_Reload_OldCallsKeepNewCallsMove(t *testing.T) {
	p, clk := newPlane(t, func(c *Config) { c.manual = true })
	c := newCall(t, p, 1)
	c.speak(0)
	moved := map[string][]Address{
		"in":  {{Addr: netip.MustParseAddr("127.80.0.3"), Ports: [2]uint16{20000, 20999}}},
		"out": {{Addr: netip.MustParseAddr(hostOut), Ports: [2]uint16{20000, 20999}}},
	}
	bad := map[string][]Address{"in": moved["in"], "out": {{Addr: netip.MustParseAddr("192.0.2.1"), Ports: [2]uint16{1000, 1999}}}}
	if err := p.SetZones(bad); err == nil {
		t.Fatal("bad zones accepted")
	}
	if l := mustReserve(t, p, mustOpen(t, p, 2, "in"), 0, profile.Any); l.RTP.Addr() != netip.MustParseAddr(hostIn) {
		t.Fatalf("a refused reload changed something: %v", l)
	}
	if err := p.SetZones(moved); err != nil {
		t.Fatal(err)
	}
	if l := mustReserve(t, p, mustOpen(t, p, 3, "in"), 0, profile.Any); l.RTP.Addr() != netip.MustParseAddr("127.80.0.3") {
		t.Fatalf("new call on the old address: %v", l)
	}
	p.upkeep()
	c.speak(0)
	c.speak(1)
	if l := mustReserve(t, p, c.ends[0], 1, profile.Any); l.RTP.Addr() != netip.MustParseAddr(hostIn) {
		t.Fatalf("old call moved: %v", l)
	}
	c.stream.B.RTP, c.stream.B.Generation = netip.AddrPortFrom(netip.MustParseAddr(hostIn), 20500), 2
	c.connect()
	c.ignored(c.phones[0], 0, "denied") // old ports are still ours
	c.close()
	p.Close(profile.EndID(1)<<32 | 2) // call 2
	for range 100 {
		clk.advance(ports.Quarantine)
		p.upkeep()
	}
	p.mu.Lock()
	left, old := len(p.pools), len(p.old)
	p.mu.Unlock()
	if left != 2 || old != 0 {
		t.Fatalf("%d pools, %d old zones left", left, old)
	}
	conn, err := net.ListenPacket("udp", c.local[0].RTP.String())
	if err != nil {
		t.Fatalf("old ports not closed: %v", err)
	}
	_ = conn.Close()
}

func TestSetZones_ZoneRemoved_OpenFailsOldCallGoesOn(t *testing.T) {
	p, _ := newPlane(t, nil)
	c := newCall(t, p, 1)
	if err := p.SetZones(map[string][]Address{"in": {{Addr: netip.MustParseAddr(hostIn), Ports: [2]uint16{20000, 20999}}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Open(2, "out"); err == nil {
		t.Fatal("removed zone opened")
	}
	c.speak(0)
	c.speak(1)
}

func TestShutdown_Twice_ThenEverythingRefuses(t *testing.T) {
	p, _ := newPlane(t, nil)
	c := newCall(t, p, 1)
	shutdown(t, p)
	shutdown(t, p)
	if _, err := p.Open(2, "in"); !errors.Is(err, errClosed) {
		t.Fatalf("%v", err)
	}
	if _, err := p.Reserve(c.ends[0], 1, profile.Any); !errors.Is(err, errClosed) {
		t.Fatalf("%v", err)
	}
	if err := p.SetZones(nil); !errors.Is(err, errClosed) {
		t.Fatalf("%v", err)
	}
	c.close()
	p.Usage()
}

func TestPlane_ManyShards_NoRace(t *testing.T) {
	p, clk := newPlane(t, func(c *Config) { c.Timeout = time.Second; c.OnTimeout = func(uint64) {} })
	noise := newPhone(t, phoneIn)
	var wg sync.WaitGroup
	for shard := range uint64(4) {
		wg.Go(func() {
			for i := range uint64(100) {
				owner := shard<<32 | i
				a, errA := p.Open(owner, "in")
				b, errB := p.Open(owner, "out")
				la, errC := p.Reserve(a, 0, profile.Any)
				_, errD := p.Reserve(b, 0, profile.Any)
				if err := errors.Join(errA, errB, errC, errD); err != nil {
					t.Error(err)
					return
				}
				side := profile.Side{RTP: noise.addr(), Sends: true, Generation: 1, NAT: profile.NATOn}
				for range 3 {
					side.Generation++
					p.Connect(a, b, []profile.Stream{{Kind: profile.RTP, A: side, B: side}})
					_, _ = noise.WriteToUDPAddrPort(rtpPacket(0, uint16(i)), la.RTP)
					p.Stats(a, 0)
				}
				p.Close(a)
				p.Close(b)
				clk.advance(50 * time.Millisecond)
				p.upkeep()
			}
		})
	}
	for range 50 {
		p.sweep()
		p.Usage()
	}
	wg.Wait()
	if u := p.Usage(); u.Calls != 0 || u.Zones["in"].Busy != 0 {
		t.Fatalf("%+v", u)
	}
}
