package portable

import (
	"fmt"
	"net"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// openSocket gives a non-blocking UDP socket bound to a.
func openSocket(a netip.AddrPort) (int, error) {
	family := unix.AF_INET
	if !a.Addr().Is4() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("open socket: %w", classify(err))
	}
	if err := prepare(fd, a); err != nil {
		_ = unix.Close(fd)
		return 0, err
	}
	return fd, nil
}

func prepare(fd int, a netip.AddrPort) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer); err != nil {
		return fmt.Errorf("set receive buffer: %w", err)
	}
	if a.Addr().Is4() {
		if err := unix.Bind(fd, &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}); err != nil {
			return classify(err)
		}
		return nil
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
		return fmt.Errorf("set ipv6 only: %w", err)
	}
	sa := &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
	if zone := a.Addr().Zone(); zone != "" {
		link, err := net.InterfaceByName(zone)
		if err != nil {
			return fmt.Errorf("interface %s: %w", zone, err)
		}
		sa.ZoneId = uint32(link.Index)
	}
	if err := unix.Bind(fd, sa); err != nil {
		return classify(err)
	}
	return nil
}

// addrPort reads a source address the kernel wrote; invalid for a family that is not IP. IPv6 zones are left out.
func addrPort(name *unix.RawSockaddrInet6) netip.AddrPort {
	switch name.Family {
	case unix.AF_INET:
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), swap(v4.Port))
	case unix.AF_INET6:
		return netip.AddrPortFrom(netip.AddrFrom16(name.Addr), swap(name.Port))
	}
	return netip.AddrPort{}
}

// putAddrPort writes a destination for the kernel and gives its length.
func putAddrPort(name *unix.RawSockaddrInet6, a netip.AddrPort) uintptr {
	if a.Addr().Is4() {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		*v4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: swap(a.Port()), Addr: a.Addr().As4()}
		return unsafe.Sizeof(*v4)
	}
	*name = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: swap(a.Port()), Addr: a.Addr().As16()}
	return unsafe.Sizeof(*name)
}

// swap turns a port between host order and network order.
func swap(port uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(&port))
	return uint16(b[0])<<8 | uint16(b[1])
}
