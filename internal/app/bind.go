package app

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// holder says which listener of ours is in the way of one that could not be
// opened, "" when none is: a socket has its zone for life, and that of a zone
// or address just taken out of the file stays open for its calls.
func (l *listeners) holder(k listenerKey, err error) string {
	if !errors.Is(err, syscall.EADDRINUSE) {
		return ""
	}
	for have := range l.current.Load().open {
		if have.meets(k) {
			return fmt.Sprintf(": zone %s has it open as %s, which only a restart can change", have.zone, have)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for have := range l.retired {
		if have.meets(k) {
			return fmt.Sprintf(": it is open as %s for calls of zone %s until they end, at most %v", have, have.zone, retireTime)
		}
	}
	return ""
}

// missing tells that an address is not one of this machine's, or not yet:
// listeners open all the same, so that a standby can take an address over.
func missing(a netip.Addr) bool {
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 0)))
	if err != nil {
		return errors.Is(err, syscall.EADDRNOTAVAIL)
	}
	_ = c.Close()
	return false
}
