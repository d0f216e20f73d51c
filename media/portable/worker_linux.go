package portable

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"gatehouse/media/flow"
)

const (
	// eventsPerWait bounds how old the time stamp of a batch gets: 64 packets are a third of a millisecond.
	eventsPerWait = 64
	wakeID        = -1
)

// worker is one goroutine with one epoll set. The set itself waits in the runtime's poller, so an idle worker holds neither a thread nor a P.
type worker struct {
	table *flow.Table[pair]
	now   func() int64
	set   *os.File // the epoll descriptor
	ep    int
	wake  int // eventfd
	done  chan struct{}
	tally tally

	mu      sync.Mutex // guards orders and stopped
	orders  []order
	stopped bool

	// Below: the worker's goroutine only.
	events [eventsPerWait]unix.EpollEvent
	ready  int
	name   unix.RawSockaddrInet6 // large enough for both families
	length uint32
	out    flow.Out
	buf    [readBytes]byte
}

// order asks a worker to close sockets between two packets.
type order struct {
	slots []uint32
	done  *sync.WaitGroup
}

func newWorker(table *flow.Table[pair], now func() int64) (*worker, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create: %w", classify(err))
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = unix.Close(ep)
		return nil, fmt.Errorf("eventfd: %w", classify(err))
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: wakeID}
	if err = unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, wake, &event); err == nil {
		err = unix.SetNonblock(ep, true) // lets the runtime's poller wait for the set
	}
	if err != nil {
		_ = unix.Close(ep)
		_ = unix.Close(wake)
		return nil, fmt.Errorf("prepare epoll set: %w", err)
	}
	return &worker{
		table: table, now: now, ep: ep, wake: wake, done: make(chan struct{}),
		set: os.NewFile(uintptr(ep), "media epoll"),
	}, nil
}

// run is the worker: wait for sockets, relay one packet of each, again.
func (w *worker) run() {
	defer close(w.done)
	raw, err := w.set.SyscallConn()
	if err != nil {
		panic(fmt.Errorf("epoll set cannot be polled: %w", err)) // os.NewFile gave a file, so this is our own mistake
	}
	poll := func(uintptr) bool { return w.poll() }
	for !w.idle() {
		if err := raw.Read(poll); err != nil {
			return
		}
		now := w.now()
		for i := range w.ready {
			if id := w.events[i].Fd; id == wakeID {
				w.drainWake()
			} else {
				w.packet(now, uint32(id)>>1, flow.Component(id&1))
			}
		}
	}
}

// poll collects ready sockets without waiting.
func (w *worker) poll() bool {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(w.ep), uintptr(unsafe.Pointer(&w.events[0])), eventsPerWait, 0, 0, 0)
	if errno != 0 {
		n = 0
	}
	w.ready = int(n)
	return n > 0
}

// packet reads one datagram and sends it on. What is left in the socket is reported again by the next wait.
func (w *worker) packet(now int64, i uint32, c flow.Component) {
	p := w.table.At(i)
	fd := p.fd[c].Load() - 1
	if fd < 0 {
		return
	}
	w.length = uint32(unsafe.Sizeof(w.name))
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&w.buf[0])), readBytes,
		unix.MSG_DONTWAIT|unix.MSG_TRUNC, uintptr(unsafe.Pointer(&w.name)), uintptr(unsafe.Pointer(&w.length)))
	if errno != 0 {
		return
	}
	size := int(n)
	b := w.buf[:min(size, readBytes)]
	if cause := p.Forward(now, c, addrPort(&w.name), b, size, &w.out); cause != flow.None {
		w.tally.drops[cause].Add(1)
		return
	}
	if w.send(b) {
		w.out.Sent()
		w.tally.relayed.Add(1)
	} else {
		w.out.Failed()
		w.tally.drops[flow.Send].Add(1)
	}
}

// send sends b as w.out says.
func (w *worker) send(b []byte) bool {
	fd := w.table.At(w.out.Peer).fd[w.out.Component].Load() - 1
	if fd < 0 {
		return false
	}
	length := putAddrPort(&w.name, w.out.Dest)
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&w.name)), length)
	return errno == 0
}

// idle carries out orders between packets and says whether the worker was stopped.
func (w *worker) idle() bool {
	w.mu.Lock()
	orders, stopped := w.orders, w.stopped
	w.orders = nil
	w.mu.Unlock()
	for _, o := range orders {
		for _, i := range o.slots {
			closePair(w.table.At(i))
		}
		o.done.Done()
	}
	return stopped
}

func (w *worker) drainWake() {
	var count [8]byte
	_, _ = unix.Read(w.wake, count[:])
}

// order queues o, or reports that the worker has stopped and the caller may touch the sockets itself.
func (w *worker) order(o order) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return false
	}
	w.orders = append(w.orders, o)
	w.kick()
	return true
}

func (w *worker) kick() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(w.wake, one[:])
}

// release closes the worker's own descriptors after it ended, once.
func (w *worker) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wake < 0 {
		return
	}
	_ = w.set.Close()
	_ = unix.Close(w.wake)
	w.wake = -1
}
