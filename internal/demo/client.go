package demo

import (
	"context"
	"fmt"
	"net/netip"
	"time"
)

// request is one request ready to send.
type request struct {
	method string
	branch string
	raw    []byte
	to     netip.AddrPort
}

func (r request) key() string { return r.branch + " " + r.method }

// client is a client transaction. ack is set once an INVITE has a final
// response, and repeated for every repeat of that.
type client struct {
	responses chan *inbound
	ack       []byte
	ackTo     netip.AddrPort
}

// response hands a response to its transaction, or repeats the ACK.
func (e *Endpoint) response(in *inbound) {
	key := string(in.TopVia().Branch) + " " + string(in.MethodName())
	e.mu.Lock()
	c := e.clients[key]
	var ack []byte
	var to netip.AddrPort
	if c != nil && in.Status() >= 200 {
		ack, to = c.ack, c.ackTo
	}
	e.mu.Unlock()
	switch {
	case c == nil:
	case ack != nil:
		e.send(ack, to)
	default:
		select {
		case c.responses <- in:
		default: // the transaction is behind; the response will be repeated
		}
	}
}

// setACK keeps the ACK of an INVITE transaction and sends it.
func (e *Endpoint) setACK(r request, ack []byte, to netip.AddrPort) {
	e.mu.Lock()
	if c := e.clients[r.key()]; c != nil {
		c.ack, c.ackTo = ack, to
	}
	e.mu.Unlock()
	e.send(ack, to)
}

// transact runs a client transaction: RFC 3261 §17.1.1 for INVITE,
// §17.1.2 for the rest. It returns the final response; provisional ones go to
// progress, which may be nil.
func (e *Endpoint) transact(ctx context.Context, r request, progress func(*inbound)) (*inbound, error) {
	c := &client{responses: make(chan *inbound, waitingResponses)}
	e.mu.Lock()
	e.clients[r.key()] = c
	e.rememberLocked(func() { delete(e.clients, r.key()) })
	e.mu.Unlock()

	invite := r.method == "INVITE"
	e.send(r.raw, r.to)
	interval := timerT1
	again := time.NewTimer(interval)
	defer again.Stop()
	if e.carrier.reliable() {
		again.Stop()
	}
	end := time.NewTimer(giveUp)
	defer end.Stop()
	for {
		select {
		case in := <-c.responses:
			if in.Status() >= 200 {
				return in, nil
			}
			if progress != nil {
				progress(in)
			}
			if invite {
				again.Stop()
				end.Stop() // the caller's context bounds how long it rings
			} else {
				interval = timerT2
			}
		case <-again.C:
			e.send(r.raw, r.to)
			interval *= 2
			if !invite {
				interval = min(interval, timerT2)
			}
			again.Reset(interval)
		case <-end.C:
			return nil, fmt.Errorf("%s: %w", r.method, ErrTimeout)
		case <-ctx.Done():
			return nil, fmt.Errorf("%s: %w", r.method, ctx.Err())
		case <-e.done:
			return nil, fmt.Errorf("%s: %w", r.method, ErrClosed)
		}
	}
}
