package flow

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"gatehouse/media/profile"
)

// bench is two connected slots: packets from peer A leave slot 1 to peer B, and the reverse.
type bench struct {
	t     *testing.T
	now   int64
	slot  [2]Slot
	state [2]*State
	entry [2]Entry
}

var (
	peerRTP  = [2]netip.AddrPort{ap("192.0.2.1:4000"), ap("203.0.113.1:6000")}
	peerRTCP = [2]netip.AddrPort{ap("192.0.2.1:4001"), ap("203.0.113.1:6001")}
)

func newBench(t *testing.T) *bench {
	b := &bench{t: t, now: int64(1e9)}
	for i := range b.slot {
		b.state[i] = NewState(b.now)
		b.slot[i].Idle(new(Rest))
		b.slot[i].Hold()
	}
	for i := range b.slot {
		b.entry[i] = Entry{
			Kind: profile.RTP, Generation: 1, ClockHz: 8000, State: b.state[i], Peer: uint32(1 - i), PeerState: b.state[1-i],
			Signalled: [2]netip.AddrPort{peerRTP[i], peerRTCP[i]}, Dest: [2]netip.AddrPort{peerRTP[1-i], peerRTCP[1-i]},
		}
	}
	b.set(func(*Entry) {})
	return b
}

// set changes both entries and swaps them in.
func (b *bench) set(change func(*Entry)) {
	for i := range b.entry {
		change(&b.entry[i])
		e := b.entry[i]
		b.slot[i].Connect(&e)
	}
}

// pass sends a packet into slot i and wants it to leave to dest from component c of the other slot.
func (b *bench) pass(i int, in Component, src netip.AddrPort, pkt []byte, c Component, dest netip.AddrPort) {
	b.t.Helper()
	b.now += 20 * ms
	var out Out
	if cause := b.slot[i].Forward(b.now, in, src, pkt, len(pkt), &out); cause != None {
		b.t.Fatalf("dropped: %s", cause)
	}
	if out.Peer != uint32(1-i) || out.Component != c || out.Dest != dest {
		b.t.Fatalf("goes to slot %d component %d at %s, want component %d at %s", out.Peer, out.Component, out.Dest, c, dest)
	}
	out.Sent()
}

// drop sends a packet into slot 0 and wants it dropped and counted.
func (b *bench) drop(in Component, src netip.AddrPort, pkt []byte, want Cause) {
	b.t.Helper()
	b.now += 20 * ms
	before := b.state[0].Counters().Drops[want]
	var out Out
	if cause := b.slot[0].Forward(b.now, in, src, pkt, len(pkt), &out); cause != want {
		b.t.Fatalf("cause %s, want %s", cause, want)
	}
	if after := b.state[0].Counters().Drops[want]; after != before+1 {
		b.t.Fatalf("%s counted %d times", want, after-before)
	}
}

func rtpPkt(pt uint8, seq uint16) []byte {
	b := make([]byte, 172)
	b[0], b[1], b[11] = 0x80, pt, 1
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], uint32(seq)*160)
	return b
}

func rtcpPkt() []byte {
	return []byte{0x80, 201, 0, 1, 0, 0, 0, 1}
}

func TestForward_RTPAndRTCP_LeaveFromTheirPorts(t *testing.T) {
	b := newBench(t)
	b.pass(0, RTP, peerRTP[0], rtpPkt(0, 1), RTP, peerRTP[1])
	b.pass(0, RTCP, peerRTCP[0], rtcpPkt(), RTCP, peerRTCP[1])
	b.pass(1, RTP, peerRTP[1], rtpPkt(0, 1), RTP, peerRTP[0])
	b.pass(1, RTCP, peerRTCP[1], rtcpPkt(), RTCP, peerRTCP[0])
	a, z := b.state[0].Counters(), b.state[1].Counters()
	if a.RxPackets != 1 || a.RxBytes != 172 || a.TxPackets != 1 || a.TxBytes != 172 || z.RxPackets != 1 || z.LastRx != b.now {
		t.Fatalf("%+v %+v", a, z)
	}
}

func TestB091_MuxOnOneSide_RTCPChangesPort(t *testing.T) {
	b := newBench(t)
	b.entry[0].MuxIn, b.entry[1].MuxOut = true, true // peer A muxes, peer B does not
	b.set(func(*Entry) {})
	b.pass(0, RTP, peerRTP[0], rtcpPkt(), RTCP, peerRTCP[1])
	b.pass(1, RTCP, peerRTCP[1], rtcpPkt(), RTP, peerRTP[0])
	b.pass(0, RTP, peerRTP[0], rtpPkt(0, 1), RTP, peerRTP[1])
	b.pass(1, RTP, peerRTP[1], rtpPkt(0, 1), RTP, peerRTP[0])
	if c := b.state[0].Counters(); c.RxPackets != 1 {
		t.Fatalf("RTCP counted as media: %+v", c)
	}
}

func TestB091_WithoutMux_RTCPOnRTPPortDropped(t *testing.T) {
	b := newBench(t)
	sr := append(rtcpPkt(), make([]byte, 20)...)
	sr[1] = 200
	b.drop(RTP, peerRTP[0], sr, Payload)
	b.drop(RTCP, peerRTCP[0], rtpPkt(0, 1), Malformed)
}

func TestB097_FirstByte_OnlyMediaIsRelayed(t *testing.T) {
	for first := range 256 {
		for _, mux := range []bool{false, true} {
			b := newBench(t)
			b.set(func(e *Entry) { e.MuxIn = mux })
			pkt := rtpPkt(0, 1)
			pkt[0] = byte(first)
			var out Out
			cause := b.slot[0].Forward(b.now, RTP, peerRTP[0], pkt, len(pkt), &out)
			var want Cause
			switch {
			case first <= 3:
				want = STUN
			case first >= 20 && first <= 63:
				want = DTLS
			case first < 64:
				want = Demux
			case first < 128 || first > 191:
				want = Version
			case first >= 0x90 && first&0x10 != 0, first&0x20 != 0:
				continue // extension and padding are for media/rtp
			}
			if cause != want {
				t.Errorf("first byte %d: %s, want %s", first, cause, want)
			}
		}
	}
}

func TestB093_SSRCAndSequenceJumps_Relayed(t *testing.T) {
	b := newBench(t)
	for i, seq := range []uint16{1, 2, 40000, 3, 65535, 0, 12345} {
		pkt := rtpPkt(0, seq)
		pkt[11] = byte(i / 2)
		binary.BigEndian.PutUint32(pkt[4:], uint32(i)*0x7fffffff)
		b.pass(0, RTP, peerRTP[0], pkt, RTP, peerRTP[1])
	}
}

func TestB102_BadPackets_CountedAndDropped(t *testing.T) {
	b := newBench(t)
	m := profile.NewPTMap()
	m.Set(0, 0)
	b.set(func(e *Entry) { e.PT = m })
	b.pass(0, RTP, peerRTP[0], rtpPkt(0, 1), RTP, peerRTP[1])
	b.drop(RTP, peerRTP[0], rtpPkt(8, 2), Payload)
	b.drop(RTP, peerRTP[0], rtpPkt(0, 1)[:11], Malformed)
	padded := rtpPkt(0, 3)
	padded[0], padded[171] = 0xa0, 255
	b.drop(RTP, peerRTP[0], padded, Malformed)
	v1 := rtpPkt(0, 3)
	v1[0] = 0x40
	b.drop(RTP, peerRTP[0], v1, Version)
	b.drop(RTP, peerRTP[0], make([]byte, MaxPacketBytes+1), Oversize)
	b.drop(RTP, peerRTP[0], nil, Keepalive)
	b.drop(RTP, ap("198.51.100.1:4000"), rtpPkt(0, 4), Source)
	b.drop(RTP, ap("198.51.100.1:4000"), nil, Source)
	b.drop(RTCP, peerRTCP[0], rtcpPkt()[:7], Malformed)
	if c := b.state[0].Counters(); c.RxPackets != 1 {
		t.Fatalf("%+v", c)
	}
}

func TestB102_FormerPayloadType_AcceptedForAWhile(t *testing.T) {
	b := newBench(t)
	old, next := profile.NewPTMap(), profile.NewPTMap()
	old.Set(96, 101)
	next.Set(97, 102)
	b.set(func(e *Entry) { e.PT = old })
	pkt := rtpPkt(96, 1)
	b.pass(0, RTP, peerRTP[0], pkt, RTP, peerRTP[1])
	if pkt[1] != 101 {
		t.Fatalf("payload type %d", pkt[1])
	}
	before := b.entry[0]
	b.set(func(e *Entry) { e.PT = next })
	e := b.entry[0]
	e.Supersede(&before, b.now)
	b.slot[0].Connect(&e)
	for _, in := range []uint8{96, 97} {
		pkt = rtpPkt(in, 2)
		b.pass(0, RTP, peerRTP[0], pkt, RTP, peerRTP[1])
		if pkt[1] != in+5 {
			t.Fatalf("payload type %d became %d", in, pkt[1])
		}
	}
	same := e
	same.PT, same.FormerPT = clonePT(next), nil
	same.Supersede(&e, b.now+ms)
	if same.FormerTill != e.FormerTill || same.FormerPT != old {
		t.Fatal("an unchanged map must not prolong the grace")
	}
	b.now += int64(PayloadGrace)
	b.drop(RTP, peerRTP[0], rtpPkt(96, 3), Payload)
	b.pass(0, RTP, peerRTP[0], rtpPkt(97, 3), RTP, peerRTP[1])
}

func clonePT(m *profile.PTMap) *profile.PTMap { c := *m; return &c }

func TestB102_OtherCall_NeverFed(t *testing.T) {
	b := newBench(t)
	b.pass(0, RTP, peerRTP[0], rtpPkt(0, 1), RTP, peerRTP[1])
	rest := &Rest{Heard: [2]netip.Addr{b.state[0].Learnt(RTP).Addr()}}
	b.slot[0].Idle(rest)
	var out Out
	if cause := b.slot[0].Forward(b.now, RTP, peerRTP[0], rtpPkt(0, 2), 172, &out); cause != Late || rest.LastLate() != b.now {
		t.Fatalf("%s, late at %d", cause, rest.LastLate())
	}
	if cause := b.slot[0].Forward(b.now+1, RTP, ap("198.51.100.1:1"), rtpPkt(0, 2), 172, &out); cause != Stray || rest.LastLate() != b.now {
		t.Fatalf("%s, late at %d", cause, rest.LastLate())
	}
	b.slot[0].Hold()
	if cause := b.slot[0].Forward(b.now, RTP, peerRTP[0], rtpPkt(0, 2), 172, &out); cause != Stray || b.slot[0].Strays() != 3 {
		t.Fatalf("%s, %d strays", cause, b.slot[0].Strays())
	}
}

func TestB133_HeldSide_StillGetsRTCPAndMusic(t *testing.T) {
	// Direction is not looked at; only an address that cannot be sent to stops packets, and RTCP has its own.
	b := newBench(t)
	b.entry[0].Dest[RTP] = netip.AddrPort{}
	b.set(func(*Entry) {})
	b.drop(RTP, peerRTP[0], rtpPkt(0, 1), NoAddress)
	b.pass(0, RTCP, peerRTCP[0], rtcpPkt(), RTCP, peerRTCP[1])
	if c := b.state[0].Counters(); c.RxPackets != 1 {
		t.Fatal("what came must be counted although it goes nowhere")
	}
	b.entry[0].Refused = true
	b.set(func(*Entry) {})
	b.drop(RTP, peerRTP[0], rtpPkt(0, 2), Denied)
}

func TestB092_BehindNAT_PacketsGoToTheLearntSource(t *testing.T) {
	b := newBench(t)
	nat, natRTCP := ap("198.51.100.7:61000"), ap("198.51.100.7:61001")
	b.entry[0].Open, b.entry[1].Follow = true, true
	b.set(func(*Entry) {})
	b.pass(1, RTP, peerRTP[1], rtpPkt(0, 1), RTP, peerRTP[0])
	b.drop(RTP, nat, rtpPkt(0, 1), Source)
	b.drop(RTP, nat, rtpPkt(0, 2), Source)
	b.pass(0, RTP, nat, rtpPkt(0, 3), RTP, peerRTP[1])
	b.pass(0, RTCP, natRTCP, rtcpPkt(), RTCP, peerRTCP[1])
	b.pass(1, RTP, peerRTP[1], rtpPkt(0, 2), RTP, nat)
	b.pass(1, RTCP, peerRTCP[1], rtcpPkt(), RTCP, natRTCP)

	// A newly signalled address counts at once; hearing the phone from where it was teaches that again.
	b.state[0].Forget()
	b.pass(1, RTP, peerRTP[1], rtpPkt(0, 3), RTP, peerRTP[0])
	b.pass(0, RTP, nat, rtpPkt(0, 4), RTP, peerRTP[1])
	b.pass(1, RTP, peerRTP[1], rtpPkt(0, 4), RTP, nat)
}

func TestB092_SprayerBeforeTheCall_IsNeverLearnt(t *testing.T) {
	b := newBench(t)
	attacker, phone := ap("198.51.100.66:4000"), ap("198.51.100.7:61000")
	b.slot[0].Idle(new(Rest))
	var out Out
	for i := range 50 {
		b.now += 20 * ms
		b.slot[0].Forward(b.now, RTP, attacker, rtpPkt(0, uint16(i)), 172, &out)
	}
	b.slot[0].Hold()
	b.state[0] = NewState(b.now)
	b.entry[0].State, b.entry[1].PeerState = b.state[0], b.state[0]
	b.entry[0].Open, b.entry[1].Follow = true, true
	b.set(func(*Entry) {})
	for i := range 50 {
		b.drop(RTP, attacker, rtpPkt(0, uint16(50+i)), Tainted)
	}
	for i := range LatchPackets - 1 {
		b.drop(RTP, phone, rtpPkt(0, uint16(i)), Source)
		b.drop(RTP, attacker, rtpPkt(0, uint16(100+i)), Tainted)
	}
	b.pass(0, RTP, phone, rtpPkt(0, LatchPackets-1), RTP, peerRTP[1])
	b.pass(1, RTP, peerRTP[1], rtpPkt(0, 1), RTP, phone)

	// Where nothing is learnt anyway it is a wrong source like any other.
	b.set(func(e *Entry) { e.Open = false })
	b.drop(RTP, attacker, rtpPkt(0, 1), Source)
}

func TestB102_Keepalive_KeepsAliveAndTeachesNoStranger(t *testing.T) {
	b := newBench(t)
	b.set(func(e *Entry) { e.Open = true })
	for range 10 {
		b.drop(RTP, ap("198.51.100.7:61000"), nil, Source)
	}
	if b.state[0].LastRx() != 0 {
		t.Fatal("a stranger kept the call alive")
	}
	b.drop(RTP, peerRTP[0], nil, Keepalive)
	if b.state[0].LastRx() != b.now {
		t.Fatal("a keep-alive is a sign of life")
	}
}

func TestForward_Datagram_OpaqueButSourceSizeAndRateChecked(t *testing.T) {
	b := newBench(t)
	b.set(func(e *Entry) { e.Kind = profile.Datagram })
	for _, first := range []byte{0, 20, 64, 200} { // UDPTL begins with a sequence number: any byte
		b.pass(0, RTP, peerRTP[0], []byte{first, 1, 2}, RTP, peerRTP[1])
	}
	b.drop(RTP, ap("198.51.100.1:4000"), []byte{0, 1}, Source)
	b.drop(RTP, peerRTP[0], make([]byte, MaxPacketBytes+1), Oversize)
	b.drop(RTP, peerRTP[0], nil, Keepalive)
	b.drop(RTCP, peerRTCP[0], []byte{0, 1}, Stray)

	passed := 0
	var out Out
	for range 10 * DatagramBurst {
		if b.slot[0].Forward(b.now, RTP, peerRTP[0], []byte{0, 1}, 2, &out) == None {
			passed++
		}
	}
	if passed < DatagramBurst-10 || passed > DatagramBurst {
		t.Fatalf("%d of a burst passed", passed)
	}
	b.now += int64(1e9)
	if cause := b.slot[0].Forward(b.now, RTP, peerRTP[0], []byte{0, 1}, 2, &out); cause != None {
		t.Fatalf("after a second: %s", cause)
	}
}

func TestForward_TruncatedRead_IsOversize(t *testing.T) {
	b := newBench(t)
	var out Out
	if cause := b.slot[0].Forward(b.now, RTP, peerRTP[0], rtpPkt(0, 1), 173, &out); cause != Oversize {
		t.Fatal(cause)
	}
}

func TestForward_Allocs_None(t *testing.T) {
	b := newBench(t)
	m := profile.NewPTMap()
	m.Set(8, 0)
	b.set(func(e *Entry) { e.PT = m })
	pkt, bad, rtcp := rtpPkt(8, 1), rtpPkt(3, 1), rtcpPkt()
	var out Out
	run := func() {
		pkt[1] = 8
		b.now++
		b.slot[0].Forward(b.now, RTP, peerRTP[0], pkt, len(pkt), &out)
		b.slot[0].Forward(b.now, RTP, peerRTP[0], bad, len(bad), &out)
		b.slot[0].Forward(b.now, RTP, peerRTP[1], pkt, len(pkt), &out)
		b.slot[0].Forward(b.now, RTCP, peerRTCP[0], rtcp, len(rtcp), &out)
	}
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkDecide(bm *testing.B) {
	b := newBench(&testing.T{})
	pkt := rtpPkt(0, 1)
	var out Out
	for bm.Loop() {
		b.now++
		b.slot[0].Forward(b.now, RTP, peerRTP[0], pkt, len(pkt), &out)
		out.Sent()
	}
}

func FuzzForward(f *testing.F) {
	f.Add(rtpPkt(0, 1), false, true)
	f.Add(rtcpPkt(), true, true)
	f.Add([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, false, true)
	f.Add([]byte{}, false, false)
	f.Fuzz(func(t *testing.T, pkt []byte, rtcpPort, mux bool) {
		b := newBench(t)
		b.set(func(e *Entry) { e.MuxIn = mux })
		in, src := RTP, peerRTP[0]
		if rtcpPort {
			in, src = RTCP, peerRTCP[0]
		}
		var out Out
		if b.slot[0].Forward(b.now, in, src, pkt, len(pkt), &out) != None {
			return
		}
		if len(pkt) < 8 || pkt[0]>>6 != 2 || len(pkt) > MaxPacketBytes {
			t.Fatalf("relayed % x", pkt)
		}
		if in == RTCP && out.Component != RTCP || out.Dest != peerRTP[1] && out.Dest != peerRTCP[1] {
			t.Fatalf("to component %d at %s", out.Component, out.Dest)
		}
	})
}
