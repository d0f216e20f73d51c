// Package portable is the data path that works everywhere: a UDP socket for each media port.
//
// It owns the sockets and the packet workers. On Linux a worker waits on one epoll set for all its sockets and uses raw system calls, so a port
// costs no goroutine and a packet no allocation; elsewhere each socket has a reader. It decides nothing about packets: media/flow
// does, and media/anchor, its only caller, says which ports exist and what flows between them. Bind and Unbind may be called from several goroutines;
// packets of one pair of ports are always handled by the same worker.
package portable

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/media/flow"
)

// Options are what a Relay needs.
type Options struct {
	Workers int          // packet workers; 0 = one a core, at most 2
	Now     func() int64 // worker time: nanoseconds of a monotonic clock, never 0; nil = time since New
	// Sockets is how many may be open, two a pair, so that other parts of the process find descriptors left; 0 = as many as the system allows.
	Sockets int
	// Plain chooses a reader per socket even where epoll exists.
	Plain bool
}

// Relay is all sockets and workers of the data path.
type Relay struct {
	engine engine
	table  *flow.Table[pair]
	most   int // pairs; 0 = no limit

	binding sync.WaitGroup // calls of Bind that Close waits for

	mu     sync.Mutex // guards table's Alloc and Free, bound and closed
	bound  int
	closed bool
}

// tally counts packets of one worker. Its fields are atomic only for the sake of readers.
type tally struct {
	relayed atomic.Uint64
	drops   [flow.CauseCount]atomic.Uint64
}

func (t *tally) addTo(sum *Totals) {
	sum.Relayed += t.relayed.Load()
	for c := range t.drops {
		sum.Drops[c] += t.drops[c].Load()
	}
}

// Totals are what all workers counted since the start.
type Totals struct {
	Relayed uint64 // packets sent on, RTCP too
	Drops   [flow.CauseCount]uint64
}

// Totals sums up the counters of all workers. They never go down.
func (r *Relay) Totals() Totals {
	var sum Totals
	r.engine.totals(&sum)
	return sum
}

// engine is how sockets are read and written on one kind of system.
type engine interface {
	// bind opens both sockets of slot i and reads them from then on.
	bind(i uint32, local [2]netip.AddrPort) error
	// unbind closes the sockets of these slots; no reader touches them when it returns.
	unbind(slots []uint32)
	// totals adds the counters of all readers to sum.
	totals(sum *Totals)
	// close ends all readers; sockets are closed already or by it.
	close(ctx context.Context) error
}

// pair is a slot of the flow table with its sockets.
type pair struct {
	flow.Slot
	fd   [2]atomic.Int32 // epoll: descriptor plus one, 0 = none
	conn [2]atomic.Pointer[plainConn]
	mu   sync.Mutex // plain: its two readers are one worker
}

// New starts a relay without sockets.
func New(o Options) (*Relay, error) {
	if o.Workers <= 0 {
		o.Workers = min(runtime.NumCPU(), maxWorkers)
	}
	if o.Now == nil {
		base := time.Now()
		o.Now = func() int64 { return int64(time.Since(base)) + 1 }
	}
	r := &Relay{table: new(flow.Table[pair]), most: o.Sockets / socketsPerPair}
	if o.Plain {
		r.engine = newPlain(r.table, o)
		return r, nil
	}
	e, err := newEngine(r.table, o)
	if err != nil {
		return nil, fmt.Errorf("start media workers: %w", err)
	}
	r.engine = e
	return r, nil
}

// Bind opens the two sockets of a pair and gives the number of its slot, which drops all packets until it gets a flow. The ports are
// read from now on.
func (r *Relay) Bind(rtp, rtcp netip.AddrPort) (uint32, error) {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return 0, ErrClosed
	}
	if r.most > 0 && r.bound >= r.most {
		r.mu.Unlock()
		return 0, fmt.Errorf("bind %s: %w", rtp, ErrDescriptors)
	}
	i, err := r.table.Alloc()
	if err != nil {
		r.mu.Unlock()
		return 0, fmt.Errorf("bind %s: %w", rtp, err)
	}
	r.bound++
	r.binding.Add(1)
	r.mu.Unlock()
	defer r.binding.Done()
	r.table.At(i).Idle(new(flow.Rest))
	if err := r.engine.bind(i, [2]netip.AddrPort{rtp, rtcp}); err != nil {
		r.forget([]uint32{i})
		return 0, fmt.Errorf("bind %s: %w", rtp, err)
	}
	return i, nil
}

// Slot gives a bound slot.
func (r *Relay) Slot(i uint32) *flow.Slot { return &r.table.At(i).Slot }

// Unbind closes the sockets of slots that no flow enters or leaves. It may wait for the workers, and returns when none uses them.
//
// A worker may still be sending one packet of a flow that ended while the descriptor is closed, so a slot must have been idle for a
// moment (the ports' quarantine) before it comes here.
func (r *Relay) Unbind(slots []uint32) {
	if len(slots) == 0 {
		return
	}
	r.engine.unbind(slots)
	r.forget(slots)
}

func (r *Relay) forget(slots []uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, i := range slots {
		r.table.Free(i)
	}
	r.bound -= len(slots)
}

// Bound is the number of pairs that have sockets.
func (r *Relay) Bound() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bound
}

// Close closes every socket and waits for the workers to end, as long as ctx allows. It may be called again.
func (r *Relay) Close(ctx context.Context) error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.binding.Wait()
	if err := r.engine.close(ctx); err != nil {
		return fmt.Errorf("stop media workers: %w", err)
	}
	return nil
}
