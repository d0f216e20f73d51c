package demo

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"gatehouse/sip/msg"
)

// server is a server transaction: the last reply, repeated for every repeat of
// the request.
type server struct {
	call  *Call // of an INVITE
	reply []byte
	to    netip.AddrPort
}

// serverKey identifies a server transaction (RFC 3261 §17.2.3).
func serverKey(in *inbound, method string) string {
	v := in.TopVia()
	return string(v.Branch) + " " + string(v.Host) + ":" + utoa(uint32(v.Port)) + " " + method
}

// request handles one request: repeats are answered alike, the rest goes to
// its call or is answered here.
func (e *Endpoint) request(in *inbound) {
	if in.Method() == msg.ACK {
		e.acknowledge(in)
		return
	}
	key := serverKey(in, string(in.MethodName()))
	e.mu.Lock()
	if s := e.servers[key]; s != nil {
		reply, to := s.reply, s.to
		e.mu.Unlock()
		if reply != nil {
			e.send(reply, to)
		}
		return
	}
	e.servers[key] = &server{to: e.replyAddr(in)}
	e.rememberLocked(func() { delete(e.servers, key) })
	call := e.calls[string(in.CallID())+" "+string(in.ToTag())]
	e.mu.Unlock()
	switch {
	case in.Method() == msg.CANCEL:
		e.cancel(in)
	case call != nil:
		call.inDialog(in)
	case len(in.ToTag()) > 0:
		e.reply(in, 481, "", nil)
	case in.Method() == msg.INVITE:
		e.invited(in)
	case in.Method() == msg.OPTIONS:
		e.reply(in, 200, randomText(8), nil)
	default:
		e.reply(in, 405, randomText(8), nil)
	}
}

// replyAddr is where responses go: RFC 3261 §18.2.2, RFC 3581 §4.
func (e *Endpoint) replyAddr(in *inbound) netip.AddrPort {
	v := in.TopVia()
	if v.HasRPort || e.carrier.reliable() {
		return in.from
	}
	if v.Port == 0 {
		return netip.AddrPortFrom(in.from.Addr(), defaultSIPPort)
	}
	return netip.AddrPortFrom(in.from.Addr(), v.Port)
}

// reply answers a request and keeps the answer for repeats of it.
func (e *Endpoint) reply(in *inbound, code int, tag string, body []byte) []byte {
	head := msg.NewReplyHead(&in.Message, in.from)
	var b msg.Builder
	head.Start(&b, code, "", tag)
	dialogForming := in.Method() == msg.INVITE && code > 100 && code < 300 // RFC 3261 §12.1.1
	if dialogForming {
		for v := range in.Values(msg.HeaderRecordRoute) {
			b.HeaderBytes("Record-Route", v)
		}
	}
	if dialogForming || in.Method() == msg.UPDATE {
		b.Header("Contact", e.contact())
	}
	if code != 100 {
		b.Header("Allow", allowed)
	}
	if len(body) > 0 {
		b.Body(sdpType, body)
	}
	raw, err := b.Bytes()
	if err != nil {
		return nil // the request held something no reply can repeat
	}
	to := e.replyAddr(in)
	e.mu.Lock()
	if s := e.servers[serverKey(in, string(in.MethodName()))]; s != nil {
		s.reply = raw
	}
	e.mu.Unlock()
	e.send(raw, to)
	return raw
}

// invited makes a call of an INVITE outside any dialog.
func (e *Endpoint) invited(in *inbound) {
	c := e.newCall()
	c.incoming = in
	to, _ := in.Get(msg.HeaderTo)
	from, _ := in.Get(msg.HeaderFrom)
	c.dlg = dialog{callID: string(in.CallID()), localTag: randomText(8), local: string(to), remote: string(from),
		routes: routeSet(in, false), remoteSeq: in.CSeq(), hop: in.from, established: true}
	c.dlg.learn(in)
	c.remoteBody = in.Body()
	e.mu.Lock()
	e.calls[c.dlg.key()] = c
	if s := e.servers[serverKey(in, "INVITE")]; s != nil {
		s.call = c
	}
	e.mu.Unlock()
	e.reply(in, 100, "", nil)
	select {
	case e.incoming <- c:
	default:
		c.refuse(486)
	}
}

// Accept waits for the next incoming call. It is not answered by this.
func (e *Endpoint) Accept(ctx context.Context) (*Call, error) {
	select {
	case c := <-e.incoming:
		return c, nil
	case <-e.done:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for a call: %w", ctx.Err())
	}
}

// cancel answers a CANCEL and the INVITE it is for (RFC 3261 §9.2).
func (e *Endpoint) cancel(in *inbound) {
	e.mu.Lock()
	s := e.servers[serverKey(in, "INVITE")]
	e.mu.Unlock()
	if s == nil || s.call == nil {
		e.reply(in, 481, randomText(8), nil)
		return
	}
	e.reply(in, 200, s.call.tag(), nil)
	s.call.refuse(487)
}

// acknowledge takes an ACK to the call it belongs to, if there is one.
func (e *Endpoint) acknowledge(in *inbound) {
	e.mu.Lock()
	c := e.calls[string(in.CallID())+" "+string(in.ToTag())]
	e.mu.Unlock()
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if wait := c.acks[in.CSeq()]; wait != nil {
		delete(c.acks, in.CSeq())
		close(wait)
	}
}

// insist repeats a final response to an INVITE until its ACK comes: a 2xx by
// the core on any transport (RFC 3261 §13.3.1.4), any other by the transaction
// on UDP (§17.2.1).
func (c *Call) insist(seq uint32, raw []byte, to netip.AddrPort, repeat bool) error {
	c.mu.Lock()
	acked := make(chan struct{})
	c.acks[seq] = acked
	c.mu.Unlock()
	interval := timerT1
	again := time.NewTimer(interval)
	defer again.Stop()
	if !repeat {
		again.Stop()
	}
	end := time.NewTimer(giveUp)
	defer end.Stop()
	for {
		select {
		case <-acked:
			return nil
		case <-again.C:
			c.e.send(raw, to)
			interval = min(2*interval, timerT2)
			again.Reset(interval)
		case <-end.C:
			return fmt.Errorf("wait for ACK: %w", ErrTimeout)
		case <-c.e.done:
			return ErrClosed
		}
	}
}
