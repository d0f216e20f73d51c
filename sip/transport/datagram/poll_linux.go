package datagram

import (
	"errors"
	"fmt"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// batchDatagrams is how many datagrams one system call takes. A full batch means that more may wait.
	batchDatagrams = 16
	// readySockets is how many sockets one wait reports.
	readySockets = 64
)

// Poll reads the datagram sockets of the system on one goroutine, which starts with the first of them. The zero value
// is ready.
type Poll struct {
	mu      sync.Mutex // guards what follows
	set     *set       // nil before the first socket
	sockets map[int32]*Socket
}

// set is the epoll set with the goroutine that works on it. It waits in the kernel, on a thread of its own: in the
// runtime's poller each datagram would wake another thread, to see that nobody waits for it.
type set struct {
	poll *Poll
	ep   int
	wake int // eventfd: the end is wanted
	done chan struct{}

	// Below: the goroutine's own.
	events [readySockets]unix.EpollEvent
	batch  batch
	pace   pacer
}

// systemSocket is a socket's place in the set.
type systemSocket struct {
	poll *Poll // nil: it has a reader of its own
	fd   int32
}

func (p *Poll) openSet() (*set, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("eventfd: %w", err), unix.Close(ep))
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(wake)}
	if err = unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, wake, &event); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare epoll set: %w", err), unix.Close(ep), unix.Close(wake))
	}
	s := &set{poll: p, ep: ep, wake: wake, done: make(chan struct{})}
	s.batch.init()
	go s.run()
	return s, nil
}

// Add makes a socket, which can be sent on at once and is read from Start on.
func (p *Poll) Add(c PacketConn, t Taker) (*Socket, error) {
	s := &Socket{conn: c, taker: t, closed: make(chan struct{})}
	own, ok := c.(*Conn)
	if !ok {
		return s, nil
	}
	if err := own.use(func(fd int) error { s.sys = systemSocket{poll: p, fd: int32(fd)}; return nil }); err != nil {
		return nil, fmt.Errorf("poll datagram socket: %w", err)
	}
	return s, nil
}

// join puts the socket into the set.
func (s *Socket) join() error {
	p, fd := s.sys.poll, s.sys.fd
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.set == nil {
		set, err := p.openSet()
		if err != nil {
			return err
		}
		p.set, p.sockets = set, make(map[int32]*Socket)
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: fd}
	if err := unix.EpollCtl(p.set.ep, unix.EPOLL_CTL_ADD, int(fd), &event); err != nil {
		return fmt.Errorf("poll datagram socket: %w", err)
	}
	p.sockets[fd] = s
	return nil
}

func (s *systemSocket) polled() bool { return s.poll != nil }

// leave takes the socket out of the set, while its descriptor is still its own.
func (s *systemSocket) leave() {
	p := s.poll
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.set != nil {
		_ = unix.EpollCtl(p.set.ep, unix.EPOLL_CTL_DEL, int(s.fd), nil)
		delete(p.sockets, s.fd)
	}
}

// socket gives the socket of a descriptor that was ready, nil when it has left.
func (p *Poll) socket(fd int32) *Socket {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sockets[fd]
}

// Close ends the goroutine and joins it; the sockets are closed before. Closing again does nothing.
func (p *Poll) Close() {
	p.mu.Lock()
	s := p.set
	p.set = nil
	p.mu.Unlock()
	if s == nil {
		return
	}
	_, _ = unix.Write(s.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	<-s.done
	_ = unix.Close(s.ep)
	_ = unix.Close(s.wake)
}

// run waits for sockets and handles a batch of each, again and again.
func (s *set) run() {
	defer close(s.done)
	for {
		ready, err := unix.EpollWait(s.ep, s.events[:], -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			panic(fmt.Errorf("wait for datagrams: %w", err)) // the descriptor is ours, so this is our own mistake
		}
		n, full := 0, false
		for i := range max(0, ready) {
			fd := s.events[i].Fd
			if fd == int32(s.wake) {
				return
			}
			if socket := s.poll.socket(fd); socket != nil && socket.begin() {
				got := s.batch.handle(socket)
				n, full = n+got, full || got == batchDatagrams
				socket.end()
			}
		}
		// No rest while more waits than a batch holds: a flood would fill the socket, and the kernel drops what peers send.
		if rest := s.pace.read(n, time.Now()); rest > 0 && !full {
			s.rest(rest)
		}
	}
}

// rest sleeps without telling the scheduler, which would look for other work for the processor and wake the threads to
// do so: for this long it can do without. A rest that a signal cuts short does no harm.
func (s *set) rest(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0)
}

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	head unix.Msghdr
	n    uint32
	_    [4]byte
}

// batch is room for the datagrams of one system call.
type batch struct {
	heads [batchDatagrams]mmsghdr
	parts [batchDatagrams]unix.Iovec
	names [batchDatagrams]unix.RawSockaddrInet6 // large enough for both families
	bufs  [batchDatagrams][maxDatagram]byte
}

func (b *batch) init() {
	for i := range b.heads {
		b.parts[i].Base = &b.bufs[i][0]
		b.parts[i].SetLen(maxDatagram)
		h := &b.heads[i].head
		h.Iov, h.Name = &b.parts[i], (*byte)(unsafe.Pointer(&b.names[i]))
		h.SetIovlen(1)
	}
}

// handle reads one batch of a socket and hands it over. What is left is reported ready again. The system call does not
// block, so the scheduler need not know of it.
func (b *batch) handle(s *Socket) int {
	for i := range b.heads {
		b.heads[i].head.Namelen = uint32(unsafe.Sizeof(b.names[i]))
	}
	r, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(s.sys.fd), uintptr(unsafe.Pointer(&b.heads[0])), batchDatagrams, unix.MSG_DONTWAIT, 0, 0)
	if errno == unix.EAGAIN || errno == unix.EINTR {
		return 0
	}
	if errno != 0 {
		s.taker.ReadFailed(errno)
		time.Sleep(failurePause)
		return 0
	}
	n := int(r)
	for i := range n {
		s.taker.Datagram(b.bufs[i][:b.heads[i].n], addrPort(&b.names[i]), n == batchDatagrams)
	}
	return n
}
