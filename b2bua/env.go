package b2bua

import (
	"time"

	"github.com/rs/zerolog"

	"gatehouse/b2bua/call"
	"gatehouse/b2bua/path"
	"gatehouse/b2bua/record"
	"gatehouse/sip/msg"
	"gatehouse/sip/token"
	"gatehouse/sip/transport"
	"gatehouse/sip/txn"
)

// The shard is the call.Env of the calls on it.
var _ call.Env = (*shard)(nil)

// Now is the time of the event being handled.
func (s *shard) Now() time.Time { return s.now }

// Log is the engine's logger.
func (s *shard) Log() *zerolog.Logger { return &s.e.o.Log }

// Media is the relay.
func (s *shard) Media() call.MediaPlane { return s.e.o.Media }

// Timers are the transaction timers in force.
func (s *shard) Timers() txn.Timers { return s.e.o.Timers }

// UUID makes a Session-ID UUID.
func (s *shard) UUID() string { return s.e.o.UUID() }

// Mint makes an identifier of a call.
func (s *shard) Mint(kind token.Kind, number uint64, slot uint8, part uint16) string {
	return s.e.o.Sealer.String(token.Token{Kind: kind, Node: s.e.o.NodeID, Slot: slot, Number: number, Part: part})
}

// branchDigits are those of the counter behind a branch's token.
const branchDigits = "0123456789abcdefghijklmnopqrstuvwxyz"

// Branch makes a fresh Via branch: cookie, token, counter.
func (s *shard) Branch(number uint64, slot uint8, part uint16) string {
	s.branches++
	var buf [len(branchPrefix) + token.Len + 8]byte
	b := append(buf[:0], branchPrefix...)
	b = s.e.o.Sealer.AppendTo(b, token.Token{Kind: token.Branch, Node: s.e.o.NodeID, Slot: slot, Number: number, Part: part})
	for n := s.branches; ; n /= uint32(len(branchDigits)) {
		b = append(b, branchDigits[n%uint32(len(branchDigits))])
		if n < uint32(len(branchDigits)) {
			return string(b)
		}
	}
}

// Builder is the shard's message writer, reset.
func (s *shard) Builder() *msg.Builder {
	s.builder.Reset()
	return &s.builder
}

// Transact starts a client transaction.
func (s *shard) Transact(r *call.Request) {
	s.fit(r)
	c, events := s.txns.NewClient(r.Method, r.Branch, r.Raw, r.Hop.Dest.Listener.Proto().Reliable(), s.e.o.Timers, r, r.Hop.Dest, s.now, s.scratch())
	r.Client = c
	if len(r.More) == 0 {
		r.Raw = nil
	}
	s.await(r)
	s.perform(events)
}

// Cancel sends CANCEL for the INVITE of r. Nobody waits for its answer: what
// owns it is only the path it took.
func (s *shard) Cancel(r *call.Request, extra []string) {
	_, events := s.txns.Cancel(r.Client, r.Hop, extra, s.now, s.scratch())
	s.perform(events)
}

// SendACK sends the ACK of a 2xx. No transaction waits for it: the repeats of
// the 2xx bring it again.
func (s *shard) SendACK(r *call.Request) {
	s.fit(r)
	s.send(r.Hop.Dest, r.Raw, r.Branch, msg.ACK)
}

// Reroute makes a request ready for another hop, with a branch of its own.
func (s *shard) Reroute(r *call.Request, h path.Hop) error {
	branch := s.Branch(r.Call.Number, r.Call.Slot, r.Leg.Part())
	raw, err := path.Reroute(r.Raw, h, branch)
	if err != nil {
		return err
	}
	r.Raw, r.Branch, r.Hop, r.Moved = raw, branch, h, false
	return nil
}

// Respond answers in a server transaction.
func (s *shard) Respond(srv *txn.Server, code int, raw []byte) {
	s.perform(s.txns.Respond(srv, code, raw, s.now, s.scratch()))
}

// Arm sets or moves a timer of a call.
func (s *shard) Arm(t *call.Timer, at time.Time) { s.deadlines.Set(t, at) }

// Disarm stops a timer of a call.
func (s *shard) Disarm(t *call.Timer) { s.deadlines.Stop(t) }

// Record counts a finished call and passes its record on.
func (s *shard) Record(r *record.Record) {
	r.Node = s.e.o.Node
	s.stats.finished(r)
	s.e.o.Recorder.Record(r)
}

// Ended takes a call out of the active ones.
func (s *shard) Ended(*call.Call) {
	if s.e.active.Add(-1) == 0 {
		select {
		case s.e.idle <- struct{}{}:
		default:
		}
	}
}

// Forget drops a call nothing can come for any more.
func (s *shard) Forget(c *call.Call) {
	s.unfollow(c)
	delete(s.calls, callKey{c.Number, c.Slot})
}

// SetupDelay counts the time from INVITE in to INVITE out.
func (s *shard) SetupDelay(d time.Duration) { s.stats.setupDelay(d) }

// destOf is where replies to a message go and what we show there.
func (s *shard) arrival(in *transport.Inbound) path.Hop {
	return s.hop(in.ReplyDest(), in.Listener)
}
