package b2bua

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"gatehouse/b2bua/call"
	"gatehouse/sip/msg"
	"gatehouse/sip/timer"
	"gatehouse/sip/transport"
	"gatehouse/sip/txn"
)

// Lane sizes: how far a shard may fall behind before messages are shed. At a
// thousand calls a second the reserved lane holds about a second of work.
const (
	urgentLane = 8192
	freshLane  = 2048
	// ordinaryShare is the part of it that calls without priority may fill.
	ordinaryShare = freshLane - freshLane/8
)

// restBetweenTicks is the least time between two rounds of deadlines nobody else's event brings along: thousands of
// transactions end each second, and none of them is in such a hurry.
const restBetweenTicks = 50 * time.Millisecond

// event is one thing a shard has to handle.
type event struct {
	in      *transport.Inbound
	fn      func(*shard)
	retried bool // a CANCEL that overtook its INVITE, given a second chance
}

// callKey names a call on its shard.
type callKey struct {
	number uint64
	slot   uint8
}

// shard owns a part of the calls with everything they need. Its state is touched by one goroutine at a time, the one
// that has the turn: a reader that brings a message and finds nobody else at work handles it on the spot, which spares
// two goroutines a handover; everything else waits in a lane for the shard's own loop.
type shard struct {
	e      *Engine
	urgent chan event
	fresh  chan event
	wake   chan struct{} // one token: something waits in a lane

	turn sync.Mutex // guards everything below; held for one event, or for what waits
	// alarm wakes the loop for the nearest deadline; armed is when it will.
	alarm *time.Timer
	armed time.Time

	now       time.Time
	txns      *txn.Table
	calls     map[callKey]*call.Call
	deadlines timer.Heap[call.TimerRef]
	builder   msg.Builder
	number    uint64
	branches  uint32
	events    []txn.Event
	// failed are datagrams that could not be sent while a call was running:
	// the news waits until the call has returned.
	failed []failedSend
	paths  paths
	stats  shardStats
}

type failedSend struct {
	branch string
	method msg.Method
	err    error
}

func defaultShards() int { return runtime.GOMAXPROCS(0) }

func newShard(e *Engine) *shard {
	s := &shard{e: e, urgent: make(chan event, urgentLane), fresh: make(chan event, freshLane), wake: make(chan struct{}, 1), alarm: time.NewTimer(time.Hour),
		txns: txn.NewTable(), calls: make(map[callKey]*call.Call)}
	s.number = uint64(e.o.Boot) * numbersPerSecond
	s.stats.init()
	return s
}

// offer handles an event at once when the shard is idle and nothing waits before it, so that events of one peer keep
// their order; otherwise it reports false.
func (s *shard) offer(ev event) bool {
	if len(s.urgent)+len(s.fresh) > 0 || !s.turn.TryLock() {
		return false
	}
	defer s.turn.Unlock()
	// Whoever had the turn has left by now, but something may have come into the lanes meanwhile.
	if len(s.urgent)+len(s.fresh) > 0 {
		return false
	}
	s.handle(ev)
	s.catchUp()
	return true
}

// put queues an event in a lane; false when that is full.
func (s *shard) put(lane chan event, ev event) bool {
	select {
	case lane <- ev:
		s.rouse()
		return true
	default:
		return false
	}
}

// rouse wakes the loop.
func (s *shard) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run is the loop: it handles what waits in the lanes, the reserved one first, and the deadlines.
func (s *shard) run() {
	defer s.alarm.Stop()
	for {
		select {
		case <-s.wake:
		case <-s.alarm.C:
			s.turn.Lock()
			s.armed = time.Time{}
			s.turn.Unlock()
		case <-s.e.stop:
			return
		}
		for s.serve() {
			// Between two events a reader may take the turn, and a stop is seen.
			select {
			case <-s.e.stop:
				return
			default:
			}
		}
	}
}

// serve takes the turn for one event of the lanes, or for the deadlines when there is none; it reports whether it
// found an event.
func (s *shard) serve() bool {
	s.turn.Lock()
	defer s.turn.Unlock()
	found := true
	select {
	case ev := <-s.urgent:
		s.handle(ev)
	default:
		select {
		case ev := <-s.urgent:
			s.handle(ev)
		case ev := <-s.fresh:
			s.handle(ev)
		default:
			found = false
			s.now = s.e.o.Now()
		}
	}
	s.catchUp()
	return found
}

// catchUp handles the deadlines that have passed, so that lanes which never run empty do not stop the clock, and sees
// that the alarm rings for the next one. An alarm that rings too early costs less than moving it for every event.
func (s *shard) catchUp() {
	at, ok := s.nextDeadline()
	if ok && !at.After(s.now) {
		s.tick()
		at, ok = s.nextDeadline()
	}
	if !ok {
		return
	}
	if least := s.now.Add(restBetweenTicks); at.Before(least) {
		at = least
	}
	if s.armed.IsZero() || at.Before(s.armed) {
		s.armed = at
		s.alarm.Reset(max(0, at.Sub(s.e.o.Now())))
	}
}

// nextDeadline is the nearest deadline of all.
func (s *shard) nextDeadline() (time.Time, bool) {
	at, ok := s.txns.Next()
	if t, some := s.deadlines.Next(); some && (!ok || t.Before(at)) {
		at, ok = t, true
	}
	return at, ok
}

// handle runs one event inside the panic fence.
func (s *shard) handle(ev event) {
	s.now = s.e.o.Now()
	defer s.fence(nil)
	switch {
	case ev.fn != nil:
		ev.fn(s)
	case ev.in.Msg.IsRequest():
		if !s.request(ev) {
			ev.in.Release()
		}
	default:
		s.response(ev.in)
		ev.in.Release()
	}
	s.settle()
}

// tick handles the deadlines that have passed.
func (s *shard) tick() {
	s.now = s.e.o.Now()
	defer s.fence(nil)
	s.perform(s.txns.Advance(s.now, s.scratch()))
	for {
		e, ok := s.deadlines.Pop(s.now)
		if !ok {
			break
		}
		s.with(e.Value.Call, func() { e.Value.Call.Fire(e.Value) })
	}
	s.settle()
}

// settle reports sends that failed during the event to their calls.
func (s *shard) settle() {
	for len(s.failed) > 0 {
		f := s.failed[0]
		s.failed = s.failed[1:]
		s.sendFailed(f.branch, f.method, f.err)
	}
}

// with runs fn as part of a call, so that a panic ends that call alone and
// what else the event has for others still happens.
func (s *shard) with(c *call.Call, fn func()) {
	defer s.fence(c)
	fn()
}

// fence catches a panic: our own broken invariant ends one call, not the
// process. c is nil where no call is concerned.
func (s *shard) fence(c *call.Call) {
	r := recover()
	if r == nil {
		return
	}
	s.e.counters.panics.Add(1)
	s.e.o.Log.Error().Str("panic", fmt.Sprint(r)).Bytes("stack", debug.Stack()).Msg("panic in a call")
	if c != nil {
		s.abort(c)
	}
}

// abort tears down the call that broke, whatever else of it is broken.
func (s *shard) abort(c *call.Call) {
	defer func() {
		if r := recover(); r != nil {
			s.e.o.Log.Error().Str("panic", fmt.Sprint(r)).Msg("panic while tearing down a call")
			s.Forget(c)
		}
	}()
	c.Abort("internal error")
}

// scratch lends the slice for transaction events. Performing events can cause
// more of them, so a nested user gets none and allocates.
func (s *shard) scratch() []txn.Event {
	out := s.events[:0]
	s.events = nil
	return out
}

// perform carries out what the transactions ask for.
func (s *shard) perform(events []txn.Event) {
	for _, ev := range events {
		switch ev.Kind {
		case txn.Transmit:
			s.transmit(ev)
		case txn.Timeout:
			s.clientFailed(ev.Client, 408)
		case txn.TransportFailed:
			s.clientFailed(ev.Client, 503)
		case txn.Terminated:
			if ev.Client == nil {
				continue
			}
			if r, ok := ev.Client.Owner.(*call.Request); ok {
				s.with(r.Call, func() { r.Call.TransactionOver(r) })
			}
		}
	}
	s.events = events[:0]
}

func (s *shard) clientFailed(c *txn.Client, code int) {
	if c == nil {
		return
	}
	if r, ok := c.Owner.(*call.Request); ok {
		s.with(r.Call, func() { r.Call.Failed(r, code) })
	}
}

// transmit sends one message of a transaction.
func (s *shard) transmit(ev txn.Event) {
	if ev.Server != nil {
		s.send(ev.Server.Dest.(transport.Dest), ev.Raw, "", ev.Server.Method())
		return
	}
	s.send(ev.Client.Dest.(transport.Dest), ev.Raw, ev.Client.Branch(), ev.Client.Method())
}

func (s *shard) send(d transport.Dest, raw []byte, branch string, method msg.Method) {
	err := s.e.o.Sender.Send(d, raw, branch, method)
	if err == nil {
		return
	}
	s.e.counters.sendErrors.Add(1)
	if branch != "" {
		s.failed = append(s.failed, failedSend{branch, method, err})
	}
}

// sendFailed ends a client transaction that could not be sent.
func (s *shard) sendFailed(branch string, method msg.Method, err error) {
	if method == msg.ACK {
		s.ackFailed(branch)
		return
	}
	c, events := s.txns.TransportError(branch, method, s.now, nil)
	if c != nil {
		s.e.o.Log.Debug().Err(err).Stringer("method", method).Msg("request could not be sent")
	}
	s.perform(events)
}
