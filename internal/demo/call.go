package demo

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"gatehouse/sip/msg"
)

func utoa(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

// Refused is the error of a call that got a final response other than 2xx.
type Refused struct {
	Code   int
	Reason string
}

// Error gives code and phrase.
func (r *Refused) Error() string { return fmt.Sprintf("refused with %d %s", r.Code, r.Reason) }

// Call is one call an endpoint makes or received.
type Call struct {
	e        *Endpoint
	progress chan struct{} // closed at the first provisional response
	settled  chan struct{} // closed when the first INVITE has its final answer
	ended    chan struct{} // closed when the dialog is over
	endOnce  sync.Once

	mu         sync.Mutex // guards what follows
	dlg        dialog
	invite     request  // the caller's INVITE
	incoming   *inbound // the callee's
	err        error
	codes      []int
	remoteBody []byte
	reoffer    func(offer []byte) []byte
	pending    bool                     // an INVITE of ours is open
	acks       map[uint32]chan struct{} // INVITEs of the other side that await their ACK
	rangAt     time.Time
	answeredAt time.Time
}

func (e *Endpoint) newCall() *Call {
	return &Call{e: e, progress: make(chan struct{}), settled: make(chan struct{}), ended: make(chan struct{}),
		acks: map[uint32]chan struct{}{}}
}

// Invite starts a call: target is the request URI, user our name, hop where
// the INVITE is sent, body the offer (none: the ACK carries reoffer's answer).
// The context bounds the time until the final response.
func (e *Endpoint) Invite(ctx context.Context, hop netip.AddrPort, user, target string, body []byte) (*Call, error) {
	c := e.newCall()
	c.dlg = dialog{callID: randomText(12) + "@" + e.addr.Addr().String(), localTag: randomText(8),
		local: "<sip:" + user + "@" + e.addr.String() + ">", remote: "<" + target + ">", target: target, localSeq: 1, hop: hop}
	r, err := e.build(&c.dlg, "INVITE", 1, body)
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", target, err)
	}
	r.to = hop
	c.invite, c.pending = r, true
	e.mu.Lock()
	e.calls[c.dlg.key()] = c
	e.mu.Unlock()
	if !e.spawn(func() { c.dial(ctx, r) }) {
		return nil, ErrClosed
	}
	return c, nil
}

func (d *dialog) key() string { return d.callID + " " + d.localTag }

// dial runs the INVITE transaction and acknowledges its end.
func (c *Call) dial(ctx context.Context, r request) {
	in, err := c.e.transact(ctx, r, c.provisional)
	if err == nil {
		err = c.conclude(r, 1, in)
	}
	c.mu.Lock()
	c.pending = false
	c.err = err
	c.mu.Unlock()
	close(c.settled)
	if err != nil {
		c.end()
	}
}

func (c *Call) provisional(in *inbound) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.codes) == 0 {
		close(c.progress)
	}
	c.codes = append(c.codes, in.Status())
	if in.Status() > 100 && c.rangAt.IsZero() {
		c.rangAt = in.at
	}
}

// conclude acknowledges the final response of an INVITE of ours and takes
// from it what the dialog needs.
func (c *Call) conclude(r request, seq uint32, in *inbound) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	to, _ := in.Get(msg.HeaderTo)
	if in.Status() >= 300 {
		ack, err := c.e.follow(&c.dlg, r, "ACK", seq, string(to))
		if err != nil {
			return fmt.Errorf("acknowledge: %w", err)
		}
		c.e.setACK(r, ack.raw, ack.to)
		return &Refused{Code: in.Status(), Reason: string(in.Reason())}
	}
	if !c.dlg.established {
		c.answeredAt = in.at
		c.dlg.established = true
		c.dlg.remote = string(to)
		c.dlg.routes = routeSet(in, true)
	}
	c.dlg.learn(in)
	c.remoteBody = in.Body()
	var answer []byte
	if c.reoffer != nil && !hasBody(r.raw) {
		answer = c.reoffer(in.Body())
	}
	ack, err := c.e.build(&c.dlg, "ACK", seq, answer)
	if err != nil {
		return fmt.Errorf("acknowledge: %w", err)
	}
	c.e.setACK(r, ack.raw, ack.to)
	return nil
}

// Answered waits for the final response and gives the other side's session
// description; *Refused when the call was not answered.
func (c *Call) Answered(ctx context.Context) ([]byte, error) {
	select {
	case <-c.settled:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the answer: %w", ctx.Err())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.remoteBody, c.err
}

// Codes lists the provisional responses received, in order.
func (c *Call) Codes() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]int(nil), c.codes...)
}

// AnsweredAt is when the 2xx of a call this side made came in.
func (c *Call) AnsweredAt() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answeredAt
}

// Cancel gives up a call that was not answered yet: it waits for the first
// provisional response (RFC 3261 §9.1), cancels, and waits for the end.
func (c *Call) Cancel(ctx context.Context) error {
	select {
	case <-c.progress:
	case <-c.settled:
		return fmt.Errorf("cancel: the call has its final response")
	case <-ctx.Done():
		return fmt.Errorf("cancel: %w", ctx.Err())
	}
	c.mu.Lock()
	r, err := c.e.follow(&c.dlg, c.invite, "CANCEL", c.dlg.localSeq, c.dlg.remote)
	c.mu.Unlock()
	if err != nil {
		return fmt.Errorf("cancel: %w", err)
	}
	in, err := c.e.transact(ctx, r, nil)
	if err != nil {
		return err
	}
	if in.Status() >= 300 {
		return &Refused{Code: in.Status(), Reason: string(in.Reason())}
	}
	select {
	case <-c.settled:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("cancel: %w", ctx.Err())
	}
}

// Reinvite makes a new offer in the call and gives the answer.
func (c *Call) Reinvite(ctx context.Context, offer []byte) ([]byte, error) {
	c.mu.Lock()
	if c.pending {
		c.mu.Unlock()
		return nil, fmt.Errorf("re-INVITE: another one is open")
	}
	c.pending = true
	c.dlg.localSeq++
	seq := c.dlg.localSeq
	r, err := c.e.build(&c.dlg, "INVITE", seq, offer)
	c.mu.Unlock()
	var in *inbound
	if err == nil {
		in, err = c.e.transact(ctx, r, nil)
	}
	if err == nil {
		err = c.conclude(r, seq, in)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = false
	if err != nil {
		return nil, fmt.Errorf("re-INVITE: %w", err)
	}
	return c.remoteBody, nil
}

// Bye hangs up and waits for the response; any final one ends the call.
func (c *Call) Bye(ctx context.Context) error {
	c.mu.Lock()
	c.dlg.localSeq++
	r, err := c.e.build(&c.dlg, "BYE", c.dlg.localSeq, nil)
	c.mu.Unlock()
	if err != nil {
		return fmt.Errorf("hang up: %w", err)
	}
	in, err := c.e.transact(ctx, r, nil)
	c.end()
	if err != nil {
		return err
	}
	if in.Status() >= 300 {
		return &Refused{Code: in.Status(), Reason: string(in.Reason())}
	}
	return nil
}

// Ended is closed when the call is over, whoever ended it.
func (c *Call) Ended() <-chan struct{} { return c.ended }

// OnOffer sets what answers a new offer of the other side; the function runs
// on the endpoint's reading goroutine. Without one a re-INVITE gets 488.
func (c *Call) OnOffer(f func(offer []byte) (answer []byte)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reoffer = f
}

func (c *Call) end() {
	c.endOnce.Do(func() { close(c.ended) })
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	delete(c.e.calls, c.dlg.key())
}

// hasBody tells whether a message built here carries a session description.
func hasBody(raw []byte) bool {
	var m msg.Message
	return m.Parse(raw, msg.Datagram) == nil && len(m.Body()) > 0
}
