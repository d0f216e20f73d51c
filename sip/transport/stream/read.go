package stream

import (
	"bytes"
	"errors"
	"time"

	"gatehouse/sip/msg"
	"gatehouse/sip/transport/ws"
)

// inbox is the reader's side of a connection: framing and deadlines.
type inbox struct {
	framer
	proven bool      // a complete message arrived, or we opened the connection
	began  time.Time // when the current message began; zero between messages
	active time.Time // when bytes last arrived
}

// over is why the reader stops; linger: a refusal is on its way to the remote.
type over struct {
	err    error
	linger bool
}

// Serve puts an accepted connection without handshakes in service.
func (c *Conn) Serve() {
	c.nc = c.sock
	_ = c.setOpen() // cut already: Run notices
}

// Run serves a connection that is in service until it ends, and joins its writer. It is the last to touch the
// connection; afterwards Cause tells why it ended.
func (c *Conn) Run() {
	c.in.proven, c.in.active = c.o.Dialed, time.Now()
	read := c.readBytes
	if c.ws != nil {
		read = c.readMessages
	}
	o := read()
	c.in.framer = framer{} // its memory is not needed while lingering
	c.finish(o.err)
	c.hangUp(o.err, o.linger)
	c.Kill(o.err)
	c.beats.Wait()
}

// readBytes reads messages of a byte stream until the connection ends.
func (c *Conn) readBytes() over {
	for {
		by, late := c.deadline()
		if !c.readBy(by) {
			return over{err: ErrEnded}
		}
		n, err := c.nc.Read(c.in.space())
		c.in.filled(n)
		if n > 0 {
			c.heard()
			if o, end := c.consume(); end {
				return o
			}
		}
		if err != nil {
			return c.failed(err, late)
		}
	}
}

// readMessages reads WebSocket messages until the connection ends.
func (c *Conn) readMessages() over {
	var buf []byte
	for {
		by, late := c.deadline()
		if !c.readBy(by) {
			return over{err: ErrEnded}
		}
		err := c.ws.Await()
		if err == nil {
			c.heard()
			c.in.began = c.in.active
			by, late = c.deadline()
			c.readBy(by)
			buf, err = c.ws.Read(buf)
		}
		switch {
		case errors.Is(err, ws.ErrTooLarge):
			return c.dropped(TooLarge)
		case err != nil && !ws.Ended(err):
			return c.dropped(Unframed)
		case err != nil:
			return c.failed(err, late)
		}
		if o, end := c.takeMessage(buf); end {
			return o
		}
		if cap(buf) > keepBufferBytes {
			buf = nil
		}
	}
}

// takeMessage deals with one WebSocket message, which may be a keep-alive (RFC 7118 §6).
func (c *Conn) takeMessage(raw []byte) (o over, end bool) {
	if len(bytes.Trim(raw, "\r\n")) > 0 {
		return c.hand(raw, msg.Datagram)
	}
	c.in.began = time.Time{}
	switch bytes.Count(raw, []byte{'\n'}) {
	case 0:
	case 1:
		c.ponged()
	default:
		c.pinged()
	}
	return over{}, false
}

// consume hands over every complete message of a byte stream that has arrived. end: the connection must.
func (c *Conn) consume() (o over, end bool) {
	for {
		raw, ferr := c.in.next()
		if c.in.takePing() {
			c.pinged()
		}
		if c.in.takePong() && c.ponged() {
			c.in.crlf = 0 // it is no half of a ping
		}
		if ferr != nil {
			o := c.dropped(ferr.kind)
			c.o.Owner.Unframed(c.in.readable(), ferr.code, ferr.reason)
			return o, true
		}
		if raw == nil {
			return over{}, false
		}
		if o, end := c.hand(raw, msg.Stream); end {
			return o, true
		}
	}
}

// hand gives one message to the owner. end: the connection must.
func (c *Conn) hand(raw []byte, f msg.Framing) (o over, end bool) {
	c.in.proven, c.in.began = true, time.Time{}
	if err := c.o.Owner.Message(raw, f); err != nil {
		return over{err: err, linger: true}, true
	}
	return over{}, false
}

// dropped ends a connection whose messages cannot be told apart.
func (c *Conn) dropped(r Reason) over {
	c.o.Owner.Dropped(r)
	return over{err: r, linger: true}
}

// failed says what it means that nothing more can be read.
func (c *Conn) failed(err error, late Reason) over {
	switch {
	case !c.Open():
		return over{err: ErrEnded}
	case !isTimeout(err):
		return over{err: err}
	}
	c.o.Owner.Dropped(late)
	return over{err: late}
}

// wsAlive notes a WebSocket control frame, which moves the deadline between messages but not that of a message.
func (c *Conn) wsAlive() {
	c.heard()
	if c.in.began.IsZero() {
		by, _ := c.deadline()
		c.readBy(by)
	}
}

// deadline says until when the next bytes may take, and what it means when they do not come.
func (c *Conn) deadline() (time.Time, Reason) {
	in, l := &c.in, c.o.Limits
	by, late := in.active.Add(l.Idle), Idle
	if in.began.IsZero() && in.partial() {
		in.began = in.active
	}
	if !in.began.IsZero() {
		by, late = in.began.Add(l.Head), LateHead
		if in.headDone() || c.ws != nil {
			by, late = in.began.Add(l.Message), LateMessage
		}
	}
	if first := c.opened.Add(l.FirstMessage); !in.proven && first.Before(by) {
		by, late = first, LateFirst
	}
	return by, late
}
