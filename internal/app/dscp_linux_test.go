package app

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gatehouse/sip/transport"
)

// marked asks for an answer over UDP and gives the code point it came with.
func marked(t *testing.T, to netip.AddrPort) uint8 {
	t.Helper()
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var set error
	if err := raw.Control(func(fd uintptr) { set = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVTOS, 1) }); err != nil || set != nil {
		t.Fatal(err, set)
	}
	request := fmt.Sprintf("OPTIONS sip:a@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=z9hG4bK%d\r\nMax-Forwards: 70\r\nFrom: <sip:b@x>;tag=1\r\n"+
		"To: <sip:a@x>\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n", to, c.LocalAddr(), time.Now().UnixNano(), c.LocalAddr())
	if _, err := c.WriteToUDPAddrPort([]byte(request), to); err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(soon)); err != nil {
		t.Fatal(err)
	}
	control := make([]byte, 128)
	_, n, _, _, err := c.ReadMsgUDP(make([]byte, 4096), control)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) != 1 || messages[0].Header.Type != unix.IP_TOS {
		t.Fatalf("%v, %v", messages, err)
	}
	return messages[0].Data[0] >> 2 // RFC 2474 §3: the upper six bits
}

func TestReload_DSCP_MarksWhatLeavesFromThenOn(t *testing.T) {
	s := openText(t, func(text string) string {
		return strings.Replace(text, "  outside:\n", "    dscp: {sip: cs3}\n  outside:\n", 1)
	})
	const cs3, ef = 24, 46
	if got := marked(t, s.plan.Inside); got != cs3 {
		t.Errorf("code point %d", got)
	}
	before := s.listen.current.Load().Find("inside", transport.UDP, false)
	s.set(strings.Replace(s.text, "sip: cs3", "sip: ef", 1))
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	if got := marked(t, s.plan.Inside); got != ef {
		t.Errorf("code point %d after the reload", got)
	}
	if s.listen.current.Load().Find("inside", transport.UDP, false) != before {
		t.Error("another listener took its place")
	}
}
