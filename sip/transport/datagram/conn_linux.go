package datagram

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Conn is a datagram socket of the system which the runtime's poller does not know: that would wake a thread for each
// datagram that comes, and for each that leaves, whoever reads it.
type Conn struct {
	local *net.UDPAddr

	mu sync.RWMutex // held for reading while the descriptor is used
	fd int          // -1 once closed
}

// Listen binds a socket, as net.ListenConfig would.
func Listen(ctx context.Context, lc *net.ListenConfig, network, address string) (PacketConn, error) {
	pc, err := lc.ListenPacket(ctx, network, address)
	if err != nil {
		return nil, err
	}
	defer pc.Close()
	local, ok := pc.LocalAddr().(*net.UDPAddr)
	sc, isSystem := pc.(syscall.Conn)
	if !ok || !isSystem {
		return nil, fmt.Errorf("listen on %s: unexpected socket type %T", address, pc)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, err
	}
	// The copy outlives the original, which leaves the runtime's poller when it is closed.
	c := &Conn{local: local, fd: -1}
	var dupErr error
	if err := raw.Control(func(fd uintptr) { c.fd, dupErr = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return nil, err
	}
	if dupErr != nil {
		return nil, os.NewSyscallError("dup", dupErr)
	}
	return c, nil
}

// LocalAddr is the address bound, a *net.UDPAddr.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// use runs fn with the descriptor.
func (c *Conn) use(fn func(fd int) error) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.fd < 0 {
		return net.ErrClosed
	}
	return fn(c.fd)
}

// Close closes the socket once nobody uses it.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd < 0 {
		return net.ErrClosed
	}
	fd := c.fd
	c.fd = -1
	return os.NewSyscallError("close", unix.Close(fd))
}

// SetReadBuffer asks the kernel for room for what has come.
func (c *Conn) SetReadBuffer(bytes int) error { return c.option(unix.SO_RCVBUF, bytes) }

// SetWriteBuffer asks the kernel for room for what leaves.
func (c *Conn) SetWriteBuffer(bytes int) error { return c.option(unix.SO_SNDBUF, bytes) }

func (c *Conn) option(name, value int) error {
	return c.use(func(fd int) error {
		return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, name, value))
	})
}

// SyscallConn gives the descriptor for socket options; the result cannot wait.
func (c *Conn) SyscallConn() (syscall.RawConn, error) { return control{c}, nil }

// control is the part of a RawConn that sets options.
type control struct{ c *Conn }

// Control implements syscall.RawConn.
func (r control) Control(fn func(fd uintptr)) error {
	return r.c.use(func(fd int) error { fn(uintptr(fd)); return nil })
}

// Read implements syscall.RawConn.
func (control) Read(func(fd uintptr) bool) error { return syscall.EINVAL }

// Write implements syscall.RawConn.
func (control) Write(func(fd uintptr) bool) error { return syscall.EINVAL }

// waitMs is how long one wait for a socket takes at most.
const waitMs = 100

// ReadFromUDPAddrPort waits for one datagram. It is for those who read a socket that no Poll reads.
func (c *Conn) ReadFromUDPAddrPort(b []byte) (n int, from netip.AddrPort, err error) {
	for {
		err = c.use(func(fd int) error {
			if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, waitMs); err != nil {
				return err
			}
			var name unix.RawSockaddrInet6
			size := uint32(unsafe.Sizeof(name))
			got, _, errno := unix.Syscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_DONTWAIT,
				uintptr(unsafe.Pointer(&name)), uintptr(unsafe.Pointer(&size)))
			if errno != 0 {
				return errno
			}
			n, from = int(got), addrPort(&name)
			return nil
		})
		if err != unix.EAGAIN && err != unix.EINTR { //nolint:errorlint // the bare number of a system call
			return n, from, err
		}
	}
}

// WriteToUDPAddrPort sends one datagram. It waits only while the socket has no room for it, and not for long. The
// system calls here do not block, so the scheduler need not know of them.
func (c *Conn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.fd < 0 {
		return 0, net.ErrClosed
	}
	var name unix.RawSockaddrInet6
	size := aim(&name, to)
	for full := false; ; full = true {
		_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(c.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_DONTWAIT,
			uintptr(unsafe.Pointer(&name)), uintptr(size))
		switch {
		case errno == 0:
			return len(b), nil
		case errno == unix.EINTR:
		case errno != unix.EAGAIN || full:
			return 0, os.NewSyscallError("sendto", errno)
		default:
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLOUT}}, waitMs)
		}
	}
}

// aim writes a socket address and gives its length.
func aim(name *unix.RawSockaddrInet6, to netip.AddrPort) uint32 {
	if a := to.Addr().Unmap(); a.Is4() {
		*(*unix.RawSockaddrInet4)(unsafe.Pointer(name)) = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: swap(to.Port()), Addr: a.As4()}
		return unix.SizeofSockaddrInet4
	}
	*name = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: swap(to.Port()), Addr: to.Addr().As16(), Scope_id: scopeOf(to.Addr().Zone())}
	return unix.SizeofSockaddrInet6
}

// scopeOf is the number of the interface a link-local address names; 0 for none.
func scopeOf(zone string) uint32 {
	if zone == "" {
		return 0
	}
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n)
	}
	if i, err := net.InterfaceByName(zone); err == nil {
		return uint32(i.Index)
	}
	return 0
}

// swap turns a port from the order of the machine to that of the network, or back.
func swap(port uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(&port))
	return uint16(b[0])<<8 | uint16(b[1])
}

// addrPort reads a socket address; IPv4 is never in mapped form.
func addrPort(name *unix.RawSockaddrInet6) netip.AddrPort {
	if name.Family == unix.AF_INET {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), swap(v4.Port))
	}
	a := netip.AddrFrom16(name.Addr).Unmap()
	if name.Scope_id != 0 && a.Is6() {
		a = a.WithZone(strconv.FormatUint(uint64(name.Scope_id), 10))
	}
	return netip.AddrPortFrom(a, swap(name.Port))
}
