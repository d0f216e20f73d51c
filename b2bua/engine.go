// Package b2bua is the back-to-back user agent: it takes the messages the
// transport reads, brings each to the shard its call lives on, and runs the
// calls there. Every shard is one goroutine that owns its calls, transactions
// and timers, so nothing in a call is locked.
//
// The engine never blocks: what can (DNS, dialling, the record file) is behind
// interfaces declared here and posts its result back to the shard.
package b2bua

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"gatehouse/b2bua/call"
	"gatehouse/b2bua/record"
	"gatehouse/policy/engine"
	"gatehouse/sip/msg"
	"gatehouse/sip/token"
	"gatehouse/sip/transport"
	"gatehouse/sip/txn"
)

// Sender is what the engine needs of the transport.
type Sender interface {
	// Send never blocks. An error of a datagram comes back at once; one of a
	// stream comes later by SendFailed when a branch was given.
	Send(d transport.Dest, raw []byte, branch string, method msg.Method) error
}

// Recorder takes finished call records. Record must not block.
type Recorder interface {
	Record(r *record.Record)
}

// Options is what an Engine is made of; all fields are needed but Shards.
type Options struct {
	Node     string
	NodeID   uint16 // 12 bits, inside every token
	Sealer   *token.Sealer
	Secret   [32]byte // keys the tags of stateless refusals
	Sender   Sender
	Resolver Resolver
	Listen   func() Listeners
	Media    call.MediaPlane
	Recorder Recorder
	Log      zerolog.Logger
	Timers   txn.Timers
	Now      func() time.Time
	UUID     func() string
	// Boot is where call numbers start: unix seconds, so that no restart
	// repeats one.
	Boot int64
	// Shards is the number of event loops; 0 means one per processor.
	Shards int
}

// Engine is the B2BUA. It implements transport.Handler.
type Engine struct {
	o        Options
	snapshot atomic.Pointer[engine.Snapshot]
	shards   []*shard
	seed     maphash.Seed
	draining atomic.Bool
	active   atomic.Int64
	idle     chan struct{} // gets a value whenever active falls to zero
	counters counters

	wg        sync.WaitGroup
	closeOnce sync.Once
	stop      chan struct{}
}

// numbersPerSecond is how many call numbers a second of uptime provides
// before a restart could repeat one.
const numbersPerSecond = 65536

// New starts the shards. The snapshot is the policy in force.
func New(o Options, s *engine.Snapshot) (*Engine, error) {
	if o.Sealer == nil || o.Sender == nil || o.Media == nil || o.Recorder == nil || o.Resolver == nil || o.Listen == nil || o.Now == nil || o.UUID == nil {
		return nil, errors.New("b2bua: incomplete options")
	}
	if o.Shards <= 0 {
		o.Shards = defaultShards()
	}
	e := &Engine{o: o, seed: maphash.MakeSeed(), stop: make(chan struct{}), idle: make(chan struct{}, 1)}
	e.snapshot.Store(s)
	for range o.Shards {
		e.shards = append(e.shards, newShard(e))
	}
	for _, s := range e.shards {
		e.wg.Go(s.run)
	}
	return e, nil
}

// SetSnapshot puts a new policy in force for requests from now on; calls keep
// the peers they started with.
func (e *Engine) SetSnapshot(s *engine.Snapshot) { e.snapshot.Store(s) }

// Snapshot is the policy in force.
func (e *Engine) Snapshot() *engine.Snapshot { return e.snapshot.Load() }

// shardOf maps one of the 256 slots to its loop.
func (e *Engine) shardOf(slot uint8) *shard { return e.shards[int(slot)%len(e.shards)] }

// slotOf is where out-of-dialog requests with this Call-ID belong.
func (e *Engine) slotOf(callID []byte) uint8 { return uint8(maphash.Bytes(e.seed, callID)) }

// Receive brings a message to its shard: by the token in it, or by the hash of
// its Call-ID. That goes for an ACK too: the one of a refusal need not have our
// tag. Called by the transport's readers; it never blocks.
func (e *Engine) Receive(in *transport.Inbound) {
	m := &in.Msg
	if !m.IsRequest() {
		t, ok := e.branchToken(m.TopVia().Branch)
		if !ok {
			e.counters.strayResponses.Add(1)
			in.Release()
			return
		}
		e.urgent(t.Slot, in)
		return
	}
	if tag := m.ToTag(); len(tag) > 0 {
		t, ok := e.o.Sealer.Open(tag, token.Tag)
		if ok {
			e.urgent(t.Slot, in)
		} else {
			e.fresh(in)
		}
		return
	}
	if m.Method() == msg.CANCEL && in.Standing == transport.Known {
		e.urgent(e.slotOf(m.CallID()), in)
		return
	}
	e.fresh(in)
}

// branchPrefix is the magic cookie our branches start with.
const branchPrefix = "z9hG4bK"

func (e *Engine) branchToken(branch []byte) (token.Token, bool) {
	if len(branch) < len(branchPrefix)+token.Len || string(branch[:len(branchPrefix)]) != branchPrefix {
		return token.Token{}, false
	}
	return e.o.Sealer.Open(branch[len(branchPrefix):len(branchPrefix)+token.Len], token.Branch)
}

// urgent hands a message to a slot's shard, by the reserved lane if it must wait.
func (e *Engine) urgent(slot uint8, in *transport.Inbound) {
	s, ev := e.shardOf(slot), event{in: in}
	if !in.More && s.offer(ev) || s.put(s.urgent, ev) {
		return
	}
	e.counters.laneOverflow.Add(1)
	in.Release()
}

// fresh hands a request that may create something to its shard, or refuses it
// here, without state, when the shard is behind (RFC 3261 §21.5.4).
func (e *Engine) fresh(in *transport.Inbound) {
	if in.Standing != transport.Known {
		e.unknown(in)
		in.Release()
		return
	}
	s, ev := e.shardOf(e.slotOf(in.Msg.CallID())), event{in: in}
	if !in.More && s.offer(ev) || len(s.fresh) < share(in) && s.put(s.fresh, ev) {
		return
	}
	e.counters.shed.Add(1)
	e.refuseStateless(in, 503)
	in.Release()
}

// share is how much of the lane of new calls may be full for a request to be
// taken: emergency calls are shed last (RFC 7339 §5.10.1).
func share(in *transport.Inbound) int {
	if Emergency(&in.Msg) {
		return freshLane
	}
	return ordinaryShare
}

// SendFailed takes the news that a request could not be sent on a stream.
func (e *Engine) SendFailed(branch string, method msg.Method, err error) {
	t, ok := e.branchToken([]byte(branch))
	if !ok {
		return
	}
	e.post(t.Slot, func(s *shard) { s.sendFailed(branch, method, err) })
}

// ConnLost takes the news that a connection has ended. Called by the
// transport's connections.
func (e *Engine) ConnLost(c *transport.Conn, _ error) {
	for slot := range e.shards {
		e.post(uint8(slot), func(s *shard) { s.connLost(c) })
	}
}

// MediaTimeout takes the news that a call's media fell silent.
func (e *Engine) MediaTimeout(owner uint64) {
	number, slot := call.MediaOwner(owner)
	e.post(slot, func(s *shard) {
		if c := s.calls[callKey{number, slot}]; c != nil {
			s.with(c, c.MediaTimeout)
		}
	})
}

// post runs fn on a slot's shard. Results must not be lost, so unlike
// messages they wait for room; no shard ever posts.
func (e *Engine) post(slot uint8, fn func(*shard)) {
	s := e.shardOf(slot)
	select {
	case s.urgent <- event{fn: fn}:
		s.rouse()
	case <-e.stop:
	}
}

// refuseStateless answers a request without keeping anything. The To-tag is a
// MAC of the request, so that repeats get the same one (RFC 3261 §8.2.7).
func (e *Engine) refuseStateless(in *transport.Inbound, code int) {
	m := &in.Msg
	if in.Standing == transport.Silent || m.Method() == msg.ACK {
		return
	}
	mac := hmac.New(sha256.New, e.o.Secret[:])
	for _, part := range [...][]byte{m.CallID(), m.FromTag(), m.TopVia().Branch} {
		mac.Write(part)
		mac.Write([]byte{0})
	}
	tag := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(mac.Sum(nil)[:10])
	head := msg.NewReplyHead(m, in.Source)
	var b msg.Builder
	b.Reset()
	head.Start(&b, code, "", tag)
	raw, err := b.Bytes()
	if err != nil {
		return
	}
	if in.Conn == nil && in.Standing != transport.Known && len(raw) > len(m.Raw()) {
		// Nobody is to make us send a third party more than he sent himself.
		return
	}
	if err := e.o.Sender.Send(in.ReplyDest(), raw, "", m.Method()); err != nil {
		e.counters.sendErrors.Add(1)
	}
}

// Close stops the shards and joins them. Calls are not ended; Drain first.
func (e *Engine) Close(ctx context.Context) error {
	e.closeOnce.Do(func() { close(e.stop) })
	done := make(chan struct{})
	go func() { e.wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
