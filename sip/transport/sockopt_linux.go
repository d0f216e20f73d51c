package transport

import (
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// setListenOptions allows binding an address before the machine owns it. Best effort: without it a bind of a missing
// address fails with its own clear error.
func setListenOptions(network, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		if network[len(network)-1] == '6' {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_IPV6, unix.IPV6_FREEBIND, 1)
			return
		}
		_ = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_FREEBIND, 1)
	})
}

// setDialOptions defers the choice of the local port to connect, so that many connections from one address to
// different peers do not use up the ephemeral ports. Best effort.
func setDialOptions(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	})
}

// setDSCP marks what leaves a socket of one address family with a code point (RFC 2474). What is no socket of the
// system, as in tests, is left alone.
func setDSCP(socket any, a netip.Addr, dscp uint8) error {
	sc, ok := socket.(syscall.Conn)
	if !ok {
		return nil
	}
	c, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	level, option := unix.SOL_IP, unix.IP_TOS
	if a.Unmap().Is6() {
		level, option = unix.SOL_IPV6, unix.IPV6_TCLASS
	}
	const ecnBits = 2 // the code point is above them
	var set error
	if err := c.Control(func(fd uintptr) { set = unix.SetsockoptInt(int(fd), level, option, int(dscp)<<ecnBits) }); err != nil {
		return err
	}
	return set
}
