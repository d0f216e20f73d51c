package anchor

import (
	"net/netip"
	"testing"
	"time"

	"gatehouse/media/profile"
)

func TestPlane_TwoEnds_RelaysBothWaysAndCounts(t *testing.T) {
	for _, plain := range []bool{false, true} {
		p, clk := newPlane(t, func(c *Config) {
			c.Plain = plain
			if plain {
				c.Zones["in"][0].Ports, c.Zones["out"][0].Ports = [2]uint16{22000, 22099}, [2]uint16{22000, 22099}
			}
		})
		c := newCall(t, p, 1)
		clk.advance(time.Second)
		c.speak(0)
		c.speak(1)
		c.speak(0)
		a, b := p.Stats(c.ends[0], 0), p.Stats(c.ends[1], 0)
		if a.RxPackets != 2 || a.RxBytes != 344 || a.Path != "portable" || a.Latched != c.phones[0].addr() || !a.LastRx.Equal(clk.now()) {
			t.Errorf("%+v", a)
		}
		waitFor(t, "sent packets", func() bool {
			a, b = p.Stats(c.ends[0], 0), p.Stats(c.ends[1], 0)
			return a.TxPackets == 1 && b.TxPackets == 2 && b.TxBytes == 344
		})
		if u := p.Usage(); u.Flows["portable"] != 2 || u.Calls != 1 || u.Ends != 2 || u.Relayed != 3 || u.Zones["in"].Busy != 1 {
			t.Errorf("%+v", u)
		}
	}
}

func TestPlane_IPv4ToIPv6_Relays(t *testing.T) {
	p, _ := newPlane(t, func(c *Config) {
		c.Zones["out"] = []Address{{Addr: netip.MustParseAddr("::1"), Ports: [2]uint16{23000, 23099}}}
	})
	a, b := mustOpen(t, p, 1, "in"), mustOpen(t, p, 1, "out")
	c := &call{t: t, p: p, ends: [2]profile.EndID{a, b}}
	c.local[0], c.local[1] = mustReserve(t, p, a, 0, profile.IPv4), mustReserve(t, p, b, 0, profile.Any)
	c.phones[0], c.phones[1] = newPhone(t, phoneIn), newPhone(t, "[::1]:0")
	mapped := netip.AddrPortFrom(netip.AddrFrom16(c.phones[0].addr().Addr().As16()), c.phones[0].addr().Port())
	c.stream = profile.Stream{Kind: profile.RTP, A: profile.Side{RTP: mapped}, B: profile.Side{RTP: c.phones[1].addr()}}
	c.connect()
	c.speak(0)
	c.speak(1)
}

func TestB133_NeitherSideSends_MusicAndRTCPRelayedStill(t *testing.T) {
	p, _ := newPlane(t, nil)
	c := newCall(t, p, 1)
	rtcpA, rtcpB := newPhone(t, phoneIn), newPhone(t, phoneOut)
	c.stream.A.Sends, c.stream.B.Sends = false, false
	c.stream.A.RTCP, c.stream.B.RTCP = rtcpA.addr(), rtcpB.addr()
	c.connect()
	c.speak(0)
	c.speak(1)
	rtcpA.send(c.local[0].RTCP, []byte{0x80, 201, 0, 1, 0, 0, 0, 1})
	if got, from := rtcpB.receive(); len(got) != 8 || from != c.local[1].RTCP {
		t.Fatalf("%x from %s", got, from)
	}
}

func TestB091_MuxOnOneSide_RTCPCrossesBetweenPorts(t *testing.T) {
	p, _ := newPlane(t, nil)
	c := newCall(t, p, 1)
	rtcpB := newPhone(t, phoneOut)
	c.stream.A.Mux, c.stream.B.RTCP = true, rtcpB.addr()
	c.connect()
	rr := []byte{0x80, 201, 0, 1, 0, 0, 0, 1}
	c.phones[0].send(c.local[0].RTP, rr)
	if _, from := rtcpB.receive(); from != c.local[1].RTCP {
		t.Fatalf("from %s", from)
	}
	rtcpB.send(c.local[1].RTCP, rr)
	if _, from := c.phones[0].receive(); from != c.local[0].RTP {
		t.Fatalf("from %s", from)
	}
}

func TestB092_Stranger_NothingRelayedEitherWay(t *testing.T) {
	p, _ := newPlane(t, nil)
	c := newCall(t, p, 1)
	attacker := newPhone(t, "127.80.66.6:0")
	for range 5 {
		c.ignored(attacker, 0, "source")
	}
	c.speak(0)
	c.ignored(attacker, 0, "source")
	c.speak(1) // goes to the phone, not to the attacker
	if st := p.Stats(c.ends[0], 0); st.Drops["source"] != 6 || st.RxPackets != 1 {
		t.Fatalf("%+v", st)
	}
}

func TestB092_NATModes_OpenWhereTheyShould(t *testing.T) {
	for _, tc := range []struct {
		name, advertise, signalled string
		nat                        profile.NAT
		learnt                     bool
	}{
		{"off", "198.51.100.1", "10.9.9.9:4000", profile.NATOff, false},
		{"on", "198.51.100.1", "192.0.2.9:4000", profile.NATOn, true},
		{"auto, private peer seen from outside", "198.51.100.1", "10.9.9.9:4000", profile.NATAuto, true},
		{"auto, public peer", "198.51.100.1", "192.0.2.9:4000", profile.NATAuto, false},
		{"auto, private peer on our own network", "", "10.9.9.9:4000", profile.NATAuto, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, _ := newPlane(t, func(c *Config) {
				if tc.advertise != "" {
					c.Zones["in"][0].Advertise = netip.MustParseAddr(tc.advertise)
				}
			})
			c := newCall(t, p, 1)
			if tc.advertise != "" && c.local[0].RTP.Addr() != netip.MustParseAddr(tc.advertise) {
				t.Fatalf("advertised %s", c.local[0].RTP)
			}
			c.local[0].RTP = netip.AddrPortFrom(netip.MustParseAddr(hostIn), c.local[0].RTP.Port())
			c.stream.A.RTP, c.stream.A.NAT = netip.MustParseAddrPort(tc.signalled), tc.nat
			c.stream.A.Generation++
			c.connect()
			if !tc.learnt {
				for range 4 {
					c.ignored(c.phones[0], 0, "source")
				}
				return
			}
			c.ignored(c.phones[0], 0, "source")
			c.ignored(c.phones[0], 0, "source")
			c.speak(0)
			c.speak(1)
		})
	}
}

func TestPlane_HoldByUnspecifiedAddress_SendsNothingAndComesBack(t *testing.T) {
	p, _ := newPlane(t, nil)
	c := newCall(t, p, 1)
	c.speak(0)
	c.speak(1)
	was := c.stream.A.RTP
	c.stream.A.RTP = netip.MustParseAddrPort("0.0.0.0:4000")
	c.stream.A.Generation++
	c.connect()
	c.ignored(c.phones[1], 1, "no_address")
	c.speak(0) // its own music still comes through
	c.stream.A.RTP = was
	c.stream.A.Generation++
	c.connect()
	c.speak(1)
	if st := p.Stats(c.ends[1], 0); st.RxPackets != 3 {
		t.Fatalf("counters must outlive re-offers: %+v", st)
	}
}

func TestPlane_ForbiddenDestinations_NothingSentAndCounted(t *testing.T) {
	p, _ := newPlane(t, nil)
	for i, dest := range []string{"224.0.0.1:4000", "255.255.255.255:4000", "240.0.0.1:9", hostIn + ":20100", hostOut + ":20999", "169.254.169.254:80"} {
		c := newCall(t, p, uint64(i))
		c.stream.B.RTP, c.stream.B.Generation = netip.MustParseAddrPort(dest), 2
		before := p.Usage().Refused.Denied
		c.connect()
		if p.Usage().Refused.Denied == before {
			t.Errorf("%s not refused", dest)
		}
		c.ignored(c.phones[0], 0, "denied")
		c.close()
	}
	// Our address is fine where no media port of ours is: a peer may run on the same machine.
	c := newCall(t, p, 99)
	neighbour := newPhone(t, hostOut+":0")
	c.stream.B.RTP, c.stream.B.Generation = neighbour.addr(), 2
	c.connect()
	c.phones[0].send(c.local[0].RTP, rtpPacket(0, 1))
	neighbour.receive()
}

func TestPlane_ConnectThirdEnd_OldPeerIsCutOff(t *testing.T) {
	p, _ := newPlane(t, nil)
	c := newCall(t, p, 1)
	c.speak(0)
	third := mustOpen(t, p, 1, "out")
	local := mustReserve(t, p, third, 0, profile.Any)
	ringing := newPhone(t, phoneOut)
	next := c.stream
	next.B.RTP = ringing.addr()
	p.Connect(c.ends[0], third, []profile.Stream{next})
	c.ignored(c.phones[1], 1, "stray")
	c.phones[0].send(c.local[0].RTP, rtpPacket(0, 5))
	if _, from := ringing.receive(); from != local.RTP {
		t.Fatalf("from %s", from)
	}
	p.Close(c.ends[1])
	ringing.send(local.RTP, rtpPacket(0, 6))
	if _, from := c.phones[0].receive(); from != c.local[0].RTP {
		t.Fatalf("from %s", from)
	}
	if u := p.Usage(); u.Flows["portable"] != 2 {
		t.Fatalf("%+v", u)
	}
}

func TestPlane_StreamOffOrReleased_StopsBothWays(t *testing.T) {
	p, _ := newPlane(t, nil)
	for name, stop := range map[string]func(*call){
		"off":     func(c *call) { c.stream.Kind = profile.Off; c.connect() },
		"missing": func(c *call) { p.Connect(c.ends[0], c.ends[1], nil) },
		"release": func(c *call) { p.Release(c.ends[0], 0) },
		"close":   func(c *call) { p.Close(c.ends[0]) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCall(t, p, 1)
			c.speak(0)
			stop(c)
			c.ignored(c.phones[1], 1, "stray")
			if u := p.Usage(); u.Flows["portable"] != 0 {
				t.Errorf("%+v", u)
			}
			c.close()
		})
	}
}

func TestPlane_Datagram_AnyBytesRelayed(t *testing.T) {
	p, _ := newPlane(t, nil)
	c := newCall(t, p, 1)
	c.stream.Kind = profile.Datagram
	c.connect()
	c.phones[0].send(c.local[0].RTP, []byte{0, 7, 1})
	if got, _ := c.phones[1].receive(); string(got) != "\x00\x07\x01" {
		t.Fatalf("%x", got)
	}
}

func TestPlane_FamilyChange_MovesToTheOtherPair(t *testing.T) {
	p, _ := newPlane(t, func(c *Config) {
		c.Zones["out"] = append(c.Zones["out"], Address{Addr: netip.MustParseAddr("::1"), Ports: [2]uint16{23100, 23199}})
	})
	c := newCall(t, p, 1)
	c.speak(0)
	old := c.local[1].RTP
	c.local[1] = mustReserve(t, p, c.ends[1], 0, profile.IPv6)
	c.phones[1] = newPhone(t, "[::1]:0")
	c.stream.B.RTP, c.stream.B.Generation = c.phones[1].addr(), 2
	c.connect()
	c.speak(0)
	c.speak(1)
	before := p.Usage().Drops["stray"]
	newPhone(t, phoneOut).send(old, rtpPacket(0, 1))
	waitFor(t, "old pair is closed to packets", func() bool { return p.Usage().Drops["stray"] == before+1 })
	if st := p.Stats(c.ends[1], 0); st.TxPackets < 1 || st.RxPackets != 1 {
		t.Fatalf("%+v", st)
	}
}
