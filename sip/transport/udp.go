package transport

import (
	"errors"
	"net"
	"time"

	"gatehouse/sip/msg"
)

// readDatagrams reads one UDP socket until it is closed.
func (l *Listener) readDatagrams() {
	s := l.stack
	scratch := make([]byte, scratchBytes)
	for {
		n, src, err := l.pc.ReadFromUDPAddrPort(scratch)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			// ICMP errors and the like: the socket lives on, but one that only fails must not spin.
			s.count.drop(CauseReadError)
			time.Sleep(readBackoff)
			continue
		}
		data := scratch[:n]
		if onlyCRLF(data) {
			s.count.drop(CauseKeepAlive)
			continue
		}
		src = unmap(src)
		standing := s.standing(l.zone, src.Addr())
		in := s.pool.get(data)
		in.Source, in.Listener, in.Standing, in.At = src, l, standing, s.now()
		s.receive(in, msg.Datagram)
	}
}

// onlyCRLF reports a keep-alive: nothing but line ends (RFC 3261 §7.5).
func onlyCRLF(b []byte) bool {
	for _, c := range b {
		if c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}
