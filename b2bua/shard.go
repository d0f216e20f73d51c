package b2bua

import (
	"fmt"
	"runtime"
	"runtime/debug"
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
)

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

// shard is one event loop with everything it owns.
type shard struct {
	e      *Engine
	urgent chan event
	fresh  chan event

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
	stats  shardStats
}

type failedSend struct {
	branch string
	method msg.Method
	err    error
}

func defaultShards() int { return runtime.GOMAXPROCS(0) }

func newShard(e *Engine) *shard {
	s := &shard{e: e, urgent: make(chan event, urgentLane), fresh: make(chan event, freshLane),
		txns: txn.NewTable(), calls: make(map[callKey]*call.Call)}
	s.number = uint64(e.o.Boot) * numbersPerSecond
	s.stats.init()
	return s
}

// run is the loop: the reserved lane goes before the lane of new calls, and
// one timer stands at the nearest deadline of all.
func (s *shard) run() {
	wake := time.NewTimer(time.Hour)
	defer wake.Stop()
	for {
		select {
		case ev := <-s.urgent:
			s.handle(ev)
			// A lane that never runs empty must not stop the clock.
			if at, ok := s.nextDeadline(); ok && !at.After(s.now) {
				s.tick()
			}
			continue
		case <-s.e.stop:
			return
		default:
		}
		s.setTimer(wake)
		select {
		case ev := <-s.urgent:
			s.handle(ev)
		case ev := <-s.fresh:
			s.handle(ev)
		case <-wake.C:
			s.tick()
		case <-s.e.stop:
			return
		}
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

// setTimer moves the shard's timer to the nearest deadline.
func (s *shard) setTimer(wake *time.Timer) {
	at, ok := s.nextDeadline()
	if !ok {
		wake.Reset(time.Hour)
		return
	}
	wake.Reset(max(0, at.Sub(s.e.o.Now())))
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
	c, events := s.txns.TransportError(branch, method, s.now, nil)
	if c != nil {
		s.e.o.Log.Debug().Err(err).Stringer("method", method).Msg("request could not be sent")
	}
	s.perform(events)
}
