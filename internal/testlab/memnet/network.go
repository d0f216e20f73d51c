package memnet

import (
	"container/heap"
	"net/netip"
	"sync"
	"time"

	"gatehouse/sip/transport"
)

// Packet is one datagram, one stream segment, or the opening of a stream (TCP with no Data). Src and Dst are what an
// observer on the wire between two NATs sees.
type Packet struct {
	Proto   transport.Proto
	Src     netip.AddrPort
	Dst     netip.AddrPort
	Data    []byte // must not be changed, and may be kept
	At      time.Time
	Dropped bool // set for Tap: the filter dropped it
}

// Verdict is what happens to a packet; the zero value lets it pass.
type Verdict struct {
	Drop   bool          // lost; the opening of a stream then never ends
	Refuse bool          // of a stream's opening: refused at once
	Delay  time.Duration // added to the network's delay; datagrams can overtake each other, segments cannot
	Copies int           // further deliveries of a datagram
}

// Network joins sockets. Delay, Filter and Tap may be set before it is used, and later through Update.
type Network struct {
	// Delay is the one-way delay of everything.
	Delay time.Duration
	// Filter decides about every packet; nil lets all pass. It is called with the network locked and must only look.
	Filter func(Packet) Verdict
	// Tap sees every packet sent, dropped or not, in order. It is called with the network locked and must only record.
	Tap func(Packet)

	mu        sync.Mutex // guards all, sockets included; cond variables of sockets use it
	seq       uint64
	due       schedule
	running   bool
	udp       map[netip.AddrPort]*UDPConn
	tcp       map[netip.AddrPort]*Listener
	conns     map[connKey]*Conn
	ephemeral map[netip.Addr]uint16
	nats      []*NAT
}

// connKey is one end of a stream.
type connKey struct{ local, remote netip.AddrPort }

// New makes an empty network.
func New() *Network {
	return &Network{
		udp:       make(map[netip.AddrPort]*UDPConn),
		tcp:       make(map[netip.AddrPort]*Listener),
		conns:     make(map[connKey]*Conn),
		ephemeral: make(map[netip.Addr]uint16),
	}
}

// Update changes the network's settings while it is in use.
func (n *Network) Update(change func(n *Network)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change(n)
}

// Open says how many sockets are open, listeners and both ends of streams included: 0 when everything was closed.
func (n *Network) Open() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.udp) + len(n.tcp) + len(n.conns)
}

// judgeLocked asks Filter and tells Tap.
func (n *Network) judgeLocked(p Packet) Verdict {
	var v Verdict
	if n.Filter != nil {
		v = n.Filter(p)
	}
	if n.Tap != nil {
		p.Dropped = v.Drop || v.Refuse
		n.Tap(p)
	}
	return v
}

// afterLocked runs act, with the network locked, after d. Acts due at the same instant run in the order of their
// scheduling; with d = 0 act runs before afterLocked returns, or, from inside another act, right after that one.
func (n *Network) afterLocked(d time.Duration, act func()) {
	n.seq++
	heap.Push(&n.due, event{at: time.Now().Add(max(d, 0)), seq: n.seq, act: act})
	if d > 0 {
		time.AfterFunc(d, func() {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.runLocked()
		})
	}
	n.runLocked()
}

// runLocked runs everything that is due. Every later event has its timer, but whichever fires first runs all.
func (n *Network) runLocked() {
	if n.running {
		return
	}
	n.running = true
	for len(n.due) > 0 && !n.due[0].at.After(time.Now()) {
		if e, ok := heap.Pop(&n.due).(event); ok {
			e.act()
		}
	}
	n.running = false
}

// portLocked picks a free port for an address.
func (n *Network) portLocked(a netip.Addr, taken func(netip.AddrPort) bool) (netip.AddrPort, bool) {
	for range 1<<16 - firstEphemeral {
		p := n.ephemeral[a]
		if p < firstEphemeral {
			p = firstEphemeral
		}
		n.ephemeral[a] = p + 1 // wraps to 0, then back to the first
		if ap := netip.AddrPortFrom(a, p); !taken(ap) {
			return ap, true
		}
	}
	return netip.AddrPort{}, false
}

// event is something that will happen on the network.
type event struct {
	at  time.Time
	seq uint64
	act func()
}

// schedule is a heap of events, earliest first, then in the order they were scheduled.
type schedule []event

func (s schedule) Len() int { return len(s) }
func (s schedule) Less(i, j int) bool {
	if s[i].at.Equal(s[j].at) {
		return s[i].seq < s[j].seq
	}
	return s[i].at.Before(s[j].at)
}
func (s schedule) Swap(i, j int) { s[i], s[j] = s[j], s[i] }

// Push is for container/heap.
func (s *schedule) Push(x any) {
	if e, ok := x.(event); ok {
		*s = append(*s, e)
	}
}

// Pop is for container/heap.
func (s *schedule) Pop() any {
	old := *s
	e := old[len(old)-1]
	old[len(old)-1] = event{}
	*s = old[:len(old)-1]
	return e
}
