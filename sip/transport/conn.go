package transport

import (
	"container/list"
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// connState is the life of a connection; it only moves forward.
type connState uint8

const (
	connDialing connState = iota // being opened by us; messages wait in the queue
	connOpen
	connEnding // takes no more messages; what is queued is still written
	connClosed // cut; what is queued is reported as failed
)

// Conn is one stream connection, accepted or opened by us. Its reader goroutine owns its end; its writer goroutine
// alone writes.
type Conn struct {
	stack    *Stack
	listener *Listener
	remote   netip.AddrPort
	dialed   bool
	stranger bool         // accepted from a source that was not Known: counted against the strangers' caps
	source   netip.Prefix // what the per-source cap counts; set when stranger
	waiting  *list.Element

	wake       chan struct{} // one token: the queue or the state changed
	writerDone chan struct{}
	cancel     context.CancelFunc // stops the dial; nil on accepted connections

	mu     sync.Mutex // leaf: guards all below
	nc     net.Conn   // nil while dialing
	state  connState
	cause  error // why it ended, for the reports
	linger bool  // the reader will close nc, after reading on for a while
	endBy  time.Time
	queue  []outgoing
	spare  []outgoing
	bytes  int // in queue and in the batch being written
}

// Remote is the peer's address.
func (c *Conn) Remote() netip.AddrPort { return c.remote }

// Listener is the listener the connection was accepted by, or opened for.
func (c *Conn) Listener() *Listener { return c.listener }

// newConn makes a connection for the table. nc is nil when it is still to be opened.
func (s *Stack) newConn(l *Listener, remote netip.AddrPort, nc net.Conn) *Conn {
	c := &Conn{
		stack: s, listener: l, remote: remote, nc: nc,
		wake: make(chan struct{}, 1), writerDone: make(chan struct{}),
	}
	if nc != nil {
		c.state = connOpen
	}
	return c
}

// enqueue gives a message to the writer.
func (c *Conn) enqueue(o outgoing) error {
	s := c.stack
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state >= connEnding {
		return errConnEnded
	}
	n, total := len(o.raw), s.limits.QueueBytesTotal
	if c.stranger {
		total /= strangerQueueShare
	}
	full := len(c.queue) >= s.limits.QueueMessages || c.bytes > 0 && c.bytes+n > s.limits.QueueBytes
	if full || s.count.queuedBytes.Add(int64(n)) > int64(total) {
		if !full {
			s.count.queuedBytes.Add(-int64(n))
		}
		s.count.drop(CauseQueueFull)
		return ErrQueueFull
	}
	c.bytes += n
	c.queue = append(c.queue, o)
	c.signal()
	return nil
}

// signal wakes the writer; it never blocks.
func (c *Conn) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// end lets the connection finish: no more messages are taken, the queue is written for at most FlushTimeout, then the
// socket is closed. Only the reader asks for lingering.
func (c *Conn) end(cause error) { c.finish(cause, false) }

func (c *Conn) finish(cause error, linger bool) {
	c.mu.Lock()
	if c.state == connDialing {
		c.mu.Unlock()
		c.kill(cause)
		return
	}
	if c.state == connOpen {
		c.state, c.cause, c.linger = connEnding, cause, linger
		c.endBy = time.Now().Add(c.stack.limits.FlushTimeout)
		_ = c.nc.SetWriteDeadline(c.endBy)
	}
	c.mu.Unlock()
	c.signal()
	c.stack.detach(c)
}

// kill cuts the connection.
func (c *Conn) kill(cause error) {
	c.mu.Lock()
	if c.state != connClosed {
		if c.cause == nil {
			c.cause = cause
		}
		c.state = connClosed
	}
	nc := c.nc
	c.mu.Unlock()
	if c.cancel != nil {
		c.cancel()
	}
	if nc != nil {
		_ = nc.Close()
	}
	c.signal()
	c.stack.detach(c)
}

// detach takes a connection out of the table Send looks in.
func (s *Stack) detach(c *Conn) {
	key := connKey{c.listener, c.remote}
	s.mu.Lock()
	if s.byPeer[key] == c {
		delete(s.byPeer, key)
	}
	s.mu.Unlock()
}

// remove forgets a connection and gives its place in the caps back; doing it again does nothing.
func (s *Stack) remove(c *Conn) {
	s.mu.Lock()
	s.removeLocked(c)
	s.mu.Unlock()
}

func (s *Stack) removeLocked(c *Conn) {
	if _, ok := s.conns[c]; !ok {
		return
	}
	delete(s.conns, c)
	if key := (connKey{c.listener, c.remote}); s.byPeer[key] == c {
		delete(s.byPeer, key)
	}
	s.provenLocked(c)
	if c.dialed {
		s.dialed--
		return
	}
	s.accepted--
	if c.stranger {
		s.strangers--
		if s.bySource[c.source]--; s.bySource[c.source] <= 0 {
			delete(s.bySource, c.source)
		}
	}
}

// provenLocked takes a connection off the list of those that may be evicted.
func (s *Stack) provenLocked(c *Conn) {
	if c.waiting != nil {
		s.unproven.Remove(c.waiting)
		c.waiting = nil
	}
}
