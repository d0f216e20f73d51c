//go:build interop

package interop

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"testing"
	"time"

	"gatehouse/internal/testlab/wire"
)

// ear is a media socket of an agent.
type ear struct {
	t    *testing.T
	conn *net.UDPConn
	addr netip.AddrPort
}

func newEar(t *testing.T, a netip.AddrPort) *ear {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(a))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &ear{t: t, conn: conn, addr: conn.LocalAddr().(*net.UDPAddr).AddrPort()}
}

func (e *ear) send(to netip.AddrPort, payload []byte) {
	e.t.Helper()
	if _, err := e.conn.WriteToUDPAddrPort(payload, to); err != nil {
		e.t.Fatal(err)
	}
}

// hear waits for one datagram; nothing is nil.
func (e *ear) hear(within time.Duration) []byte {
	e.t.Helper()
	if err := e.conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		e.t.Fatal(err)
	}
	buf := make([]byte, 2048)
	n, err := e.conn.Read(buf)
	if err != nil {
		return nil
	}
	return buf[:n]
}

// rtpPacket is one packet of 20 ms.
func rtpPacket(pt byte, seq uint16, ssrc uint32, payload string) []byte {
	out := []byte{0x80, pt}
	out = binary.BigEndian.AppendUint16(out, seq)
	out = binary.BigEndian.AppendUint32(out, uint32(seq)*160)
	out = binary.BigEndian.AppendUint32(out, ssrc)
	return append(out, payload...)
}

// senderReport is an RTCP sender report without blocks.
func senderReport(ssrc uint32) []byte {
	out := []byte{0x80, 200, 0, 6}
	out = binary.BigEndian.AppendUint32(out, ssrc)
	return append(out, make([]byte, 20)...)
}

var mLine = regexp.MustCompile(`(?m)^m=(\w+) (\d+) (\S+)`)

var cLine = regexp.MustCompile(`(?m)^c=IN IP[46] (\S+)`)

// mediaAddrs reads where each m-line of a description wants to be sent to.
func mediaAddrs(t *testing.T, sdp string) []netip.AddrPort {
	t.Helper()
	c := cLine.FindStringSubmatch(sdp)
	if c == nil {
		t.Fatalf("no c= line in\n%s", sdp)
	}
	addr, err := netip.ParseAddr(c[1])
	if err != nil {
		t.Fatal(err)
	}
	var out []netip.AddrPort
	for _, m := range mLine.FindAllStringSubmatch(sdp, -1) {
		port, err := strconv.ParseUint(m[2], 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, netip.AddrPortFrom(addr, uint16(port)))
	}
	return out
}

// streamsSDP describes audio, video and T.38 at three ports in a row of two.
func streamsSDP(a netip.Addr, port uint16) string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio %[2]d RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"+
		"m=video %[3]d RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\nm=image %[4]d udptl t38\r\na=T38FaxVersion:0\r\n", a, port, port+2, port+4)
}

// Audio, video with its RTCP, and UDPTL cross both ways, unchanged, from our own addresses; strangers are not let in.
func TestMedia_AudioVideoFax_CrossBothWaysOnly(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	b := startBorder(t, p)
	pbx, carrier := newAgent(t, p.PBX), newAgent(t, p.Carrier)
	const port = 7000
	call := connect(t, b, pbx, carrier, streamsSDP(p.PBX.Addr(), port), streamsSDP(p.Carrier.Addr(), port))
	toPBX, toCarrier := mediaAddrs(t, call.caller.answer.Body), mediaAddrs(t, call.callee.invite.Body)
	if len(toPBX) != 3 || len(toCarrier) != 3 {
		t.Fatalf("m-lines of the answer %v, of the offer %v, want 3 each", toPBX, toCarrier)
	}
	stranger := newEar(t, netip.AddrPortFrom(host(t), 0))
	near, far := ears(t, p.PBX.Addr(), port), ears(t, p.Carrier.Addr(), port)
	packets := map[string]func(i int) []byte{
		"audio": func(i int) []byte { return rtpPacket(0, uint16(i), 1, "speech") },
		"video": func(i int) []byte { return rtpPacket(96, uint16(i), 2, "picture") },
		"image": func(i int) []byte { return []byte{0, byte(i), 1, 2, 3} },
	}
	for i, kind := range []string{"audio", "video", "image"} {
		packet := packets[kind]
		crosses(t, kind+" to the carrier", near[2*i], toPBX[i], far[2*i], packet)
		crosses(t, kind+" to the PBX", far[2*i], toCarrier[i], near[2*i], packet)
		if kind != "image" {
			rtcp := func(int) []byte { return senderReport(9) }
			crosses(t, kind+" RTCP to the carrier", near[2*i+1], next(toPBX[i]), far[2*i+1], rtcp)
			crosses(t, kind+" RTCP to the PBX", far[2*i+1], next(toCarrier[i]), near[2*i+1], rtcp)
		}
		stranger.send(toPBX[i], packet(100))
		stranger.send(toCarrier[i], packet(100))
		if got := far[2*i].hear(quiet); got != nil {
			t.Errorf("%s: a stranger's packet arrived: %x", kind, got)
		}
		if got := near[2*i].hear(quiet); got != nil {
			t.Errorf("%s: a stranger's packet arrived: %x", kind, got)
		}
	}
	call.hangUp(t)
	b.settled()
	near[0].send(toPBX[0], rtpPacket(0, 500, 1, "late"))
	if got := far[0].hear(quiet); got != nil {
		t.Errorf("media after the call: %x", got)
	}
}

func next(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr(), a.Port()+1) }

// ears opens three pairs of ports.
func ears(t *testing.T, a netip.Addr, port uint16) []*ear {
	t.Helper()
	var out []*ear
	for i := range uint16(6) {
		out = append(out, newEar(t, netip.AddrPortFrom(a, port+i)))
	}
	return out
}

// crosses sends packets until one arrives unchanged: the first of a stream may be the one that opens the way.
func crosses(t *testing.T, what string, from *ear, via netip.AddrPort, to *ear, packet func(int) []byte) {
	t.Helper()
	const tries = 10
	for i := range tries {
		sent := packet(i + 1)
		from.send(via, sent)
		if got := to.hear(quiet); got != nil {
			if string(got) != string(sent) {
				t.Errorf("%s: sent %x, got %x", what, sent, got)
			}
			return
		}
	}
	t.Errorf("%s: nothing of %d packets arrived", what, tries)
}

// The ports of either side run out: 503, and everything is there again afterwards.
func TestMedia_PortsRunOut_503AndNothingLeaks(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	p.Ports = "30000-30007" // four pairs a side
	b := startBorder(t, p)
	pbx, carrier := newAgent(t, p.PBX), newAgent(t, p.Carrier)
	var calls []talking
	for range 4 {
		calls = append(calls, connect(t, b, pbx, carrier, audioSDP(p.PBX.Addr(), 7000), audioSDP(p.Carrier.Addr(), 7000)))
	}
	d := pbx.dial(p.sip(p.Inside), audioSDP(p.PBX.Addr(), 7000))
	if m := pbx.final(d.branch); m.Code() != 503 {
		t.Errorf("the fifth call got %q, want 503", m.Start)
	}
	for _, c := range calls {
		c.hangUp(t)
	}
	b.settled()
	// Ports rest for two seconds at least before they serve again.
	eventually(t, 10*time.Second, "a call gets ports again", func() bool {
		from := carrier.Seen()
		d := pbx.dial(p.sip(p.Inside), audioSDP(p.PBX.Addr(), 7000))
		m, ok := carrier.First(from, quiet, func(m wire.Message) bool { return m.Code() == 0 && m.Method() == "INVITE" })
		if ok {
			carrier.send(p.sip(p.Outside), wire.Reply(m, "486 Busy Here", "x", nil, ""))
		}
		return pbx.final(d.branch).Code() == 486
	})
	b.settled()
}
