package transport

import (
	"fmt"

	"gatehouse/sip/msg"
	"gatehouse/sip/transport/stream"
)

// owner is a Conn as its line sees it.
type owner Conn

var _ stream.Owner = (*owner)(nil)

// Message implements stream.Owner.
func (o *owner) Message(raw []byte, f msg.Framing) error {
	c := (*Conn)(o)
	s := c.stack
	s.prove(c)
	c.standing = s.standing(c.listener, c.remote, false)
	if c.standing == Denied && c.dialed {
		c.standing = Silent // we chose to talk to it: too many answers are no reason to hang up
	}
	if c.standing == Denied {
		c.drop(CauseDenied, "connection of a denied source")
		c.kill(errDenied)
		return errDenied
	}
	if s.receive(c.inbound(raw), f) {
		return nil
	}
	if c.malformed++; c.malformed >= maxMalformed {
		c.drop(CauseMalformedLimit, "stream sends malformed messages")
		return errMalformed
	}
	return nil
}

// inbound makes the value the handler gets; the bytes are copied.
func (c *Conn) inbound(raw []byte) *Inbound {
	in := c.stack.pool.get(raw)
	in.Source, in.Listener, in.Conn, in.Standing, in.At = c.remote, c.listener, c, c.standing, c.stack.now()
	return in
}

// Unframed implements stream.Owner: the request that broke the framing is answered from its lines that were complete.
func (o *owner) Unframed(head []byte, code int, reason string) {
	c := (*Conn)(o)
	in := c.inbound(head)
	in.buf = append(in.buf, "\r\n"...)
	c.stack.refuseUnframed(in, code, reason)
}

// Ping implements stream.Owner: a silent source gets no answer, unless we chose to talk to it.
func (o *owner) Ping() bool {
	if !o.dialed && o.standing == Silent {
		return false
	}
	o.stack.count.pongs.Add(1)
	return true
}

// Dropped implements stream.Owner.
func (o *owner) Dropped(r stream.Reason) {
	c := (*Conn)(o)
	switch r {
	case stream.LateFirst:
		c.late(CauseFirstTimeout)
	case stream.LateHead:
		c.late(CauseHeadTimeout)
	case stream.LateMessage:
		c.late(CauseMessageTimeout)
	case stream.Idle:
		c.drop(CauseIdle, "connection timed out")
	case stream.TooLarge:
		c.drop(CauseOversize, "stream cannot be framed")
		c.offend(reasonFraming)
	case stream.Unframed:
		c.drop(CauseFraming, "stream cannot be framed")
		c.offend(reasonFraming)
	case stream.NoPong:
		c.drop(CauseNoPong, "keep-alive not answered")
	}
}

func (c *Conn) late(cause Cause) {
	c.drop(cause, "connection timed out")
	c.offend(reasonSlow)
}

// Sent implements stream.Owner.
func (o *owner) Sent(out stream.Outgoing) {
	o.last.Store(o.stack.now().UnixNano())
	o.stack.count.message(Out, out.Method, statusOf(out.Raw))
}

// Failed implements stream.Owner.
func (o *owner) Failed(out stream.Outgoing, err error) {
	cause := CauseWriteError
	if o.unopened {
		cause = CauseDialError
	}
	o.stack.count.drop(cause)
	if out.Branch != "" {
		err = fmt.Errorf("send to %s://%s: %w", o.listener.proto, o.remote, err)
		o.stack.handler.SendFailed(out.Branch, out.Method, err)
	}
}
