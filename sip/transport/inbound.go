package transport

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/sip/msg"
)

// Inbound is one received message and where it came from. It belongs to whoever holds it until Release; nothing that
// Msg answered with (slices of the received bytes) may be used after that. Its fields are read-only for the handler.
type Inbound struct {
	Msg      msg.Message
	Source   netip.AddrPort // IPv4 never in mapped form
	Listener *Listener      // the listener it arrived on, or whose connection it arrived on
	Conn     *Conn          // the stream connection; nil on UDP
	Standing Standing       // of Source in the listener's zone when the message arrived
	At       time.Time      // when it arrived
	More     bool           // datagrams come faster than they are handled: whoever takes this one should only queue it

	buf  []byte
	pool *inboundPool
	held atomic.Bool
}

// Release gives the message back to the pool. It must be called exactly once; a second call panics, because by then
// the value holds somebody else's message.
func (in *Inbound) Release() {
	if !in.held.CompareAndSwap(true, false) {
		panic("transport: Inbound released twice")
	}
	in.Msg.Reset()
	in.Listener, in.Conn, in.More = nil, nil, false
	if cap(in.buf) > keepBufferBytes {
		in.buf = nil
	}
	in.pool.p.Put(in)
}

// inboundPool recycles Inbound values of one stack with their buffers.
type inboundPool struct{ p sync.Pool }

// get gives an Inbound whose buffer holds a copy of data.
func (p *inboundPool) get(data []byte) *Inbound {
	in, ok := p.p.Get().(*Inbound)
	if !ok {
		in = &Inbound{pool: p}
	}
	if cap(in.buf) < len(data) {
		in.buf = make([]byte, 0, (len(data)+bufferStepBytes-1)/bufferStepBytes*bufferStepBytes)
	}
	in.buf = append(in.buf[:0], data...)
	in.held.Store(true)
	return in
}
