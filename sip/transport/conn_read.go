package transport

import (
	"errors"
	"os"
	"time"

	"gatehouse/sip/msg"
)

// inbox is the reader's side of a connection: framing and deadlines.
type inbox struct {
	framer
	proven    bool      // a complete message arrived, or we opened the connection
	opened    time.Time // when it was accepted or opened
	began     time.Time // when the current message began; zero between messages
	active    time.Time // when bytes last arrived
	malformed int
}

// run serves an open connection until it ends, and joins its writer. It is the last to touch the connection.
func (c *Conn) run() {
	go c.writeLoop()
	now := time.Now()
	in := inbox{proven: c.dialed, opened: now, active: now}
	linger := c.readLoop(&in)
	in.framer = framer{} // its memory is not needed while lingering
	c.finish(errConnEnded, linger)
	<-c.writerDone
	if linger {
		c.lingerRead()
	}
	_ = c.nc.Close()
	if c.cancel != nil {
		c.cancel()
	}
	c.stack.remove(c)
}

// readLoop reads messages until the connection ends, and reports whether a refusal is on its way to the peer.
func (c *Conn) readLoop(in *inbox) (linger bool) {
	for {
		by, cause := in.deadline(c.stack.limits)
		_ = c.nc.SetReadDeadline(by)
		n, err := c.nc.Read(in.space())
		in.filled(n)
		if n > 0 {
			in.active = time.Now()
			if over, linger := c.consume(in); over {
				return linger
			}
		}
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				c.drop(cause, "connection timed out")
			}
			return false
		}
	}
}

// deadline says until when the next bytes may take, and what it means when they do not come.
func (in *inbox) deadline(l Limits) (time.Time, Cause) {
	by, cause := in.active.Add(l.IdleTimeout), CauseIdle
	if in.partial() {
		if in.began.IsZero() {
			in.began = in.active
		}
		by, cause = in.began.Add(l.HeadTimeout), CauseHeadTimeout
		if in.headDone() {
			by, cause = in.began.Add(l.MessageTimeout), CauseMessageTimeout
		}
	}
	if first := in.opened.Add(l.FirstMessageTimeout); !in.proven && first.Before(by) {
		by, cause = first, CauseFirstTimeout
	}
	return by, cause
}

// consume hands over every complete message that has arrived. over: the connection must end.
func (c *Conn) consume(in *inbox) (over, linger bool) {
	for {
		raw, ferr := in.next()
		if in.takePing() {
			c.pong()
		}
		if ferr != nil {
			c.drop(ferr.cause, "stream cannot be framed")
			c.refuseStream(in.readable(), ferr)
			return true, true
		}
		if raw == nil {
			return false, false
		}
		in.began = time.Time{}
		if !in.proven {
			in.proven = true
			c.stack.mu.Lock()
			c.stack.provenLocked(c)
			c.stack.mu.Unlock()
		}
		if !c.stack.receive(c.inbound(raw), msg.Stream) {
			if in.malformed++; in.malformed >= maxMalformed {
				c.drop(CauseMalformedLimit, "stream sends malformed messages")
				return true, true
			}
		}
	}
}

// inbound makes the value the handler gets; the bytes are copied.
func (c *Conn) inbound(raw []byte) *Inbound {
	s := c.stack
	standing := s.standing(c.listener.zone, c.remote.Addr())
	in := s.pool.get(raw)
	in.Source, in.Listener, in.Conn, in.Standing, in.At = c.remote, c.listener, c, standing, s.now()
	return in
}

// refuseStream answers the request that broke the framing from the header lines that were complete.
func (c *Conn) refuseStream(head []byte, e *frameError) {
	in := c.inbound(head)
	in.buf = append(in.buf, "\r\n"...)
	c.stack.refuseUnframed(in, e)
}

// pong answers a keep-alive (RFC 5626 §3.5.1); at most one is made of what one read brought. A silent source gets
// none, unless we chose to talk to it.
func (c *Conn) pong() {
	s := c.stack
	if !c.dialed && s.standing(c.listener.zone, c.remote.Addr()) == Silent {
		return
	}
	if c.enqueue(outgoing{raw: []byte("\r\n"), kind: outPong}) == nil {
		s.count.pongs.Add(1)
	}
}

// drop counts why a connection is ended, and logs it among the noise.
func (c *Conn) drop(cause Cause, text string) {
	c.stack.count.drop(cause)
	if e := c.stack.noise.Debug(); e.Enabled() {
		e.Str("src", c.remote.String()).Str("zone", c.listener.zone).Str("cause", cause.String()).Msg(text)
	}
}

// lingerRead tells the peer that nothing more comes and reads on for a moment: closing with unread bytes would reset
// the connection, and the reset could overtake the refusal.
func (c *Conn) lingerRead() {
	if h, ok := c.nc.(interface{ CloseWrite() error }); ok {
		_ = h.CloseWrite()
	}
	_ = c.nc.SetReadDeadline(time.Now().Add(c.stack.limits.LingerTimeout))
	// Not io.Copy: its buffers are larger than all else this connection still holds.
	b := make([]byte, lingerBufferBytes)
	for left := maxLingerBytes; left > 0; {
		n, err := c.nc.Read(b)
		if err != nil {
			return
		}
		left -= n
	}
}
