package demo

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"gatehouse/sip/msg"
)

// Received is the INVITE of an incoming call, for a look at its headers. It is
// nil for a call this side made, and must not be changed.
func (c *Call) Received() *msg.Message {
	if c.incoming == nil {
		return nil
	}
	return &c.incoming.Message
}

// ReceivedAt is when that INVITE came; zero for a call this side made.
func (c *Call) ReceivedAt() time.Time {
	if c.incoming == nil {
		return time.Time{}
	}
	return c.incoming.at
}

// Source is where that INVITE came from; the zero value for a call this side made.
func (c *Call) Source() netip.AddrPort {
	if c.incoming == nil {
		return netip.AddrPort{}
	}
	return c.incoming.from
}

// Offer is the newest session description of the other side.
func (c *Call) Offer() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.remoteBody
}

func (c *Call) tag() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dlg.localTag
}

// Ring sends a provisional response; a body makes early media.
func (c *Call) Ring(code int, body []byte) {
	c.e.reply(c.incoming, code, c.tag(), body)
}

// Answer accepts the call and waits for the ACK.
func (c *Call) Answer(ctx context.Context, body []byte) error {
	if !c.settle() {
		return fmt.Errorf("answer: the call has its final response")
	}
	raw := c.e.reply(c.incoming, 200, c.tag(), body)
	if raw == nil {
		return fmt.Errorf("answer: no response can be made")
	}
	done := make(chan error, 1)
	if !c.e.spawn(func() { done <- c.insist(c.incoming.CSeq(), raw, c.e.replyAddr(c.incoming), true) }) {
		return ErrClosed
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("wait for ACK: %w", ctx.Err())
	}
}

// Reject refuses the call with a final response.
func (c *Call) Reject(code int) { c.refuse(code) }

func (c *Call) refuse(code int) {
	if !c.settle() {
		return
	}
	if raw := c.e.reply(c.incoming, code, c.tag(), nil); raw != nil {
		c.e.spawn(func() {
			_ = c.insist(c.incoming.CSeq(), raw, c.e.replyAddr(c.incoming), !c.e.carrier.reliable()) // without an ACK the call is over all the same
			c.end()
		})
	}
}

// settle claims the right to give the first INVITE its final response.
func (c *Call) settle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.settled:
		return false
	default:
		close(c.settled)
		return true
	}
}

// inDialog handles a request inside the call.
func (c *Call) inDialog(in *inbound) {
	c.mu.Lock()
	old := in.CSeq() < c.dlg.remoteSeq
	if !old {
		c.dlg.remoteSeq = in.CSeq()
	}
	c.mu.Unlock()
	if old { // RFC 3261 §12.2.2
		c.e.reply(in, 500, "", nil)
		return
	}
	switch in.Method() { //nolint:exhaustive // every other method is refused alike
	case msg.BYE:
		c.e.reply(in, 200, "", nil)
		c.end()
	case msg.INVITE:
		c.reinvited(in)
	case msg.UPDATE:
		code, answer := c.answerOffer(in)
		c.e.reply(in, code, "", answer)
	case msg.OPTIONS:
		c.e.reply(in, 200, "", nil)
	default:
		c.e.reply(in, 405, "", nil)
	}
}

// reinvited answers a re-INVITE and waits for its ACK beside the reader.
func (c *Call) reinvited(in *inbound) {
	code, answer := c.answerOffer(in)
	raw := c.e.reply(in, code, "", answer)
	if raw == nil {
		return
	}
	c.e.spawn(func() {
		_ = c.insist(in.CSeq(), raw, c.e.replyAddr(in), code < 300 || !c.e.carrier.reliable()) // a lost ACK shows in the ladder
	})
}

// answerOffer decides about a new offer: 491 while one of ours is open
// (RFC 3261 §14.2), 488 when nobody answers offers.
func (c *Call) answerOffer(in *inbound) (code int, answer []byte) {
	c.mu.Lock()
	pending, reoffer := c.pending, c.reoffer
	if pending {
		c.mu.Unlock()
		return 491, nil
	}
	c.dlg.learn(in)
	if len(in.Body()) > 0 {
		c.remoteBody = in.Body()
	}
	c.mu.Unlock()
	switch {
	case in.Method() == msg.UPDATE && len(in.Body()) == 0:
		return 200, nil // refreshes the session, offers nothing
	case reoffer == nil:
		return 488, nil
	}
	return 200, reoffer(in.Body())
}
