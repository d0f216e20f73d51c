// Package anchor is the media plane as calls see it: ends with ports, flows between two ends, counters, and a report when a call's media
// falls silent.
//
// It owns the port pools, the flow table's contents and the reserve of bound ports; media/flow decides about packets and media/portable carries
// them. Ends are opened, connected and closed by call shards from several goroutines; one mutex serializes them, and no method makes a system call while
// it is held. Reserve takes a pair that is bound already and Close only lets it rest, so neither normally enters the kernel: a keeper
// goroutine binds and closes in the background. A second goroutine sweeps for silent calls and calls OnTimeout. Nothing here knows SIP, b2bua or policy;
// internal/app wires it.
package anchor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"gatehouse/media/portable"
	"gatehouse/media/ports"
)

// Address is one media address of a zone.
type Address struct {
	Addr      netip.Addr // bound
	Advertise netip.Addr // told to peers; invalid: Addr
	Ports     [2]uint16  // first and last port
}

// Config is what a Plane needs.
type Config struct {
	Zones     map[string][]Address
	Timeout   time.Duration      // silence that ends a call; 0 = never
	OnTimeout func(owner uint64) // see Plane; nil = nobody cares
	Log       zerolog.Logger
	Workers   int // packet workers; 0 = one a core, at most 2

	// Sockets is how many may be open at a time, two a pair; 0 = as many as the system allows.
	Sockets int
	// Reserve is how many pairs of each address are bound in advance; 0 = 256. A smaller range is bound whole.
	Reserve int
	// Source names the address a call came from, for SourcePairs; nil = no quota.
	Source func(owner uint64) netip.Addr
	// SourcePairs is how many pairs calls from one source address may hold; 0 = any number.
	SourcePairs int
	// Now is the clock, called from several goroutines; nil = time.Now.
	Now func() time.Time
	// Plain uses the data path of systems without epoll.
	Plain bool

	manual bool // no goroutines: tests call upkeep and sweep
}

// Plane is the media plane. All methods are safe for concurrent use, though one end belongs to one caller at a time.
//
// OnTimeout is called from a goroutine of the plane, at most once a Timeout for each owner, again and again while its media stays silent; it
// must not block, and it may call the plane.
type Plane struct {
	relay     *portable.Relay
	log       zerolog.Logger
	now       func() time.Time
	base      time.Time // worker time 1
	onTimeout func(owner uint64)
	source    func(owner uint64) netip.Addr
	reserve   int

	kick chan struct{} // wakes the keeper
	stop chan struct{}
	wg   sync.WaitGroup

	mu      sync.Mutex // guards everything below
	closed  bool
	timeout time.Duration
	zones   map[string]*zone
	old     []*zone // replaced by a reload, still used by ends
	pools   []*pool
	ends    []endSlot
	unused  []uint32 // free positions in ends
	owners  map[uint64]*owner
	quota   *ports.Quota
	flows   int
	refused Refused
	moaned  time.Time // of the last complaint
	reports []report
}

// New binds the first port pair of every address, so that a wrong address is an error now, and starts the plane.
func New(c Config) (*Plane, error) {
	p := &Plane{
		log: c.Log, now: c.Now, onTimeout: c.OnTimeout, source: c.Source, reserve: c.Reserve, timeout: c.Timeout,
		kick: make(chan struct{}, 1), stop: make(chan struct{}),
		owners: make(map[uint64]*owner), quota: ports.NewQuota(c.SourcePairs),
	}
	if p.now == nil {
		p.now = time.Now
	}
	if p.reserve <= 0 {
		p.reserve = defaultReserve
	}
	p.base = p.now()
	relay, err := portable.New(portable.Options{
		Workers: c.Workers, Sockets: c.Sockets, Plain: c.Plain, Now: func() int64 { return p.workerTime(p.now()) },
	})
	if err != nil {
		return nil, err
	}
	p.relay = relay
	if err := p.SetZones(c.Zones); err != nil {
		return nil, errors.Join(err, relay.Close(context.Background()))
	}
	if !c.manual {
		p.wg.Add(2)
		go p.keep()
		go p.sweepLoop()
	}
	return p, nil
}

// workerTime is what packet workers count in: nanoseconds, never 0.
func (p *Plane) workerTime(t time.Time) int64 { return int64(t.Sub(p.base)) + 1 }

// wallTime is the inverse of workerTime; zero for 0.
func (p *Plane) wallTime(w int64) time.Time {
	if w == 0 {
		return time.Time{}
	}
	return p.base.Add(time.Duration(w - 1))
}

// SetTimeout changes the silence that ends a call, for present calls too; 0 = never.
func (p *Plane) SetTimeout(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timeout = d
}

// Shutdown stops relaying, closes all ports and waits for every goroutine, as long as ctx allows. It may be called again.
func (p *Plane) Shutdown(ctx context.Context) error {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.stop)
	}
	p.mu.Unlock()
	err := p.relay.Close(ctx)
	done := make(chan struct{})
	go func() {
		p.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		return errors.Join(err, fmt.Errorf("stop media plane: %w", ctx.Err()))
	}
	return err
}

// random gives a number outsiders cannot predict: math/rand/v2 uses ChaCha8 seeded by the system.
func random(n int) int { return rand.IntN(n) }
