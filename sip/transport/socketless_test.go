package transport

import (
	"net/netip"
	"testing"

	"gatehouse/sip/transport/datagram"
)

// socketless is a listener whose socket is of the test and read by drain.
func socketless(tb testing.TB, s *Stack, pc PacketConn) *Listener {
	var poll datagram.Poll
	tb.Cleanup(poll.Close)
	l := &Listener{zone: "z", proto: UDP, stack: s, pc: pc, addr: netip.MustParseAddrPort("192.0.2.9:5060")}
	var err error
	if l.sock, err = poll.Add(pc, arrivals{l}); err != nil {
		tb.Fatal(err)
	}
	return l
}

// drain hands over what a listener's socket has.
func drain(l *Listener) {
	buf := make([]byte, 1<<16)
	for {
		n, src, err := l.pc.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		arrivals{l}.Datagram(buf[:n], src, false)
	}
}
