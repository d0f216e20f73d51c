package b2bua

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/b2bua/record"
)

// counters are the engine's totals that any goroutine may raise.
type counters struct {
	strayResponses atomic.Uint64
	laneOverflow   atomic.Uint64
	shed           atomic.Uint64
	sendErrors     atomic.Uint64
	unknownSource  atomic.Uint64
	panics         atomic.Uint64
}

// SetupBounds are the upper bounds of the setup delay histogram, in seconds.
func SetupBounds() []float64 {
	return []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5}
}

// CallLabels tell finished calls apart in the totals.
type CallLabels struct{ From, To, Result string }

// Stats is a picture of the engine: gauges now, totals since the start.
type Stats struct {
	Calls, Dialogs, Transactions int
	CallsTotal                   map[CallLabels]uint64
	// SetupCounts has one count per bound of SetupBounds and one for all above.
	SetupCounts                        []uint64
	SetupSum                           time.Duration
	StrayResponses, LaneOverflow, Shed uint64
	SendErrors, UnknownSource, Panics  uint64
	UrgentQueued, FreshQueued          int
}

// shardStats are the totals one shard keeps for itself.
type shardStats struct {
	calls  map[CallLabels]uint64
	bounds []float64
	counts []uint64
	sum    time.Duration
}

func (t *shardStats) init() {
	t.calls = make(map[CallLabels]uint64)
	t.bounds = SetupBounds()
	t.counts = make([]uint64, len(t.bounds)+1)
}

func (t *shardStats) finished(r *record.Record) {
	t.calls[CallLabels{r.FromPeer, r.ToPeer, r.Result()}]++
}

func (t *shardStats) setupDelay(d time.Duration) {
	i := 0
	for i < len(t.bounds) && d.Seconds() > t.bounds[i] {
		i++
	}
	t.counts[i]++
	t.sum += d
}

// Stats asks every shard for its figures. It gives what the shards told
// before ctx ended.
func (e *Engine) Stats(ctx context.Context) Stats {
	out := Stats{CallsTotal: map[CallLabels]uint64{}, SetupCounts: make([]uint64, len(SetupBounds())+1),
		Calls: int(e.active.Load()), StrayResponses: e.counters.strayResponses.Load(), LaneOverflow: e.counters.laneOverflow.Load(),
		Shed: e.counters.shed.Load(), SendErrors: e.counters.sendErrors.Load(), UnknownSource: e.counters.unknownSource.Load(),
		Panics: e.counters.panics.Load()}
	e.each(ctx, func(s *shard) {
		out.Transactions += s.txns.Len()
		out.UrgentQueued += len(s.urgent)
		out.FreshQueued += len(s.fresh)
		for _, c := range s.calls {
			out.Dialogs += c.Dialogs()
		}
		for k, n := range s.stats.calls {
			out.CallsTotal[k] += n
		}
		for i, n := range s.stats.counts {
			out.SetupCounts[i] += n
		}
		out.SetupSum += s.stats.sum
	})
	return out
}

// Calls lists the active calls, in no order.
func (e *Engine) Calls(ctx context.Context) []record.Info {
	out := []record.Info{}
	e.each(ctx, func(s *shard) {
		for _, c := range s.calls {
			if c.Active() {
				out = append(out, c.Info(s.now))
			}
		}
	})
	return out
}

// Call finds one active call by its ID.
func (e *Engine) Call(ctx context.Context, id string) (record.Info, bool) {
	for _, c := range e.Calls(ctx) {
		if c.ID == id {
			return c, true
		}
	}
	return record.Info{}, false
}

// each runs fn on every shard, one after the other, and waits for all of them,
// or for ctx: a shard that comes later leaves fn and what it writes alone.
func (e *Engine) each(ctx context.Context, fn func(*shard)) {
	var mu sync.Mutex // guards over, and what fn writes
	over := false
	done := make(chan struct{}, len(e.shards))
	visit := func(s *shard) {
		mu.Lock()
		defer mu.Unlock()
		if !over {
			defer func() { done <- struct{}{} }()
			fn(s)
		}
	}
	defer func() {
		mu.Lock()
		over = true
		mu.Unlock()
	}()
	asked := 0
	for _, s := range e.shards {
		select {
		case s.urgent <- event{fn: visit}:
			s.rouse()
			asked++
		case <-ctx.Done():
		case <-e.stop:
		}
	}
	for range asked {
		select {
		case <-done:
		case <-ctx.Done():
			return
		case <-e.stop:
			return
		}
	}
}

// Active is the number of calls that are up or being set up.
func (e *Engine) Active() int { return int(e.active.Load()) }

// Draining tells whether new calls are refused.
func (e *Engine) Draining() bool { return e.draining.Load() }

// Drain refuses new calls with 503 and waits until the last call has ended or
// ctx is done; then the calls that are left are ended with BYE.
func (e *Engine) Drain(ctx context.Context) {
	e.draining.Store(true)
	for e.active.Load() > 0 {
		select {
		case <-e.idle:
		case <-ctx.Done():
			e.hangupAll()
			return
		case <-e.stop:
			return
		}
	}
}

// hangupTime is how long the shards may take to send the last BYEs.
const hangupTime = 5 * time.Second

func (e *Engine) hangupAll() {
	ctx, cancel := context.WithTimeout(context.Background(), hangupTime)
	defer cancel()
	e.each(ctx, func(s *shard) {
		for _, c := range s.calls {
			s.with(c, func() { c.Hangup("shutting down") })
		}
	})
}

// settleCheck is how often Settle looks.
const settleCheck = 20 * time.Millisecond

// Settle waits until no client transaction of a call is left, so that the
// last BYEs have their answers, or until most has passed.
func (e *Engine) Settle(most time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	tick := time.NewTicker(settleCheck)
	defer tick.Stop()
	for {
		if e.Pending(ctx) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		case <-e.stop:
			return
		}
	}
}

// Pending counts the BYEs of ours that have no answer yet.
func (e *Engine) Pending(ctx context.Context) int {
	n := 0
	e.each(ctx, func(s *shard) {
		for _, c := range s.calls {
			n += c.Pending()
		}
	})
	return n
}

// Remembered counts the calls in memory, those included that are over and wait
// for their last transactions, and what is held for them by connection.
func (e *Engine) Remembered(ctx context.Context) int {
	n := 0
	e.each(ctx, func(s *shard) { n += len(s.calls) + s.paths.held() })
	return n
}
