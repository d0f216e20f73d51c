package memnet

import (
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"gatehouse/sip/transport"
)

// Conn is one end of a stream. It implements net.Conn and has CloseWrite.
type Conn struct {
	n    *Network
	key  connKey
	peer *Conn

	readable *sync.Cond // on n.mu
	writable *sync.Cond // on n.mu

	unread  []byte    // arrived and not read
	flying  int       // bytes sent by this end and not arrived
	arrival time.Time // of the last segment this end sent: the next cannot overtake it
	stalled bool      // a segment this end sent was lost: nothing after it arrives
	eof     bool      // the other end has sent its last byte
	shut    bool      // this end sends no more
	closed  bool
	broken  error // reset

	readBy  deadline
	writeBy deadline
}

// pairLocked makes both ends of a stream. The two keys differ in more than order when a NAT lies between.
func (n *Network) pairLocked(near, far connKey) (*Conn, *Conn) {
	a, b := n.newConnLocked(near), n.newConnLocked(far)
	a.peer, b.peer = b, a
	return a, b
}

func (n *Network) newConnLocked(key connKey) *Conn {
	c := &Conn{n: n, key: key, readable: sync.NewCond(&n.mu), writable: sync.NewCond(&n.mu)}
	n.conns[key] = c
	return c
}

// Read waits for bytes, the end of the stream, or the read deadline.
func (c *Conn) Read(b []byte) (int, error) {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, c.errorf("read", net.ErrClosed)
		case c.broken != nil:
			return 0, c.errorf("read", c.broken)
		case c.readBy.passed():
			return 0, c.errorf("read", os.ErrDeadlineExceeded)
		case len(c.unread) > 0:
			n := copy(b, c.unread)
			if c.unread = c.unread[n:]; len(c.unread) == 0 {
				c.unread = nil
			}
			c.peer.writable.Broadcast()
			return n, nil
		case c.eof:
			return 0, io.EOF
		case len(b) == 0:
			return 0, nil
		}
		c.readable.Wait()
	}
}

// Write sends b as segments no larger than the window, waiting while the window is full.
func (c *Conn) Write(b []byte) (int, error) {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	sent := 0
	for {
		switch {
		case c.closed:
			return sent, c.errorf("write", net.ErrClosed)
		case c.broken != nil:
			return sent, c.errorf("write", c.broken)
		case c.shut:
			return sent, c.errorf("write", syscall.EPIPE)
		case c.writeBy.passed():
			return sent, c.errorf("write", os.ErrDeadlineExceeded)
		case sent == len(b):
			return sent, nil
		}
		room := windowBytes - c.flying - len(c.peer.unread)
		if c.peer.closed {
			room = windowBytes - c.flying // a closed end reads nothing, and answers with a reset
		}
		if room <= 0 {
			c.writable.Wait()
			continue
		}
		part := append([]byte(nil), b[sent:min(len(b), sent+room)]...)
		c.sendLocked(part)
		if sent += len(part); sent == len(b) {
			return sent, nil
		}
	}
}

// sendLocked puts a segment under way.
func (c *Conn) sendLocked(data []byte) {
	v := c.n.judgeLocked(Packet{
		Proto: transport.TCP, Src: c.peer.key.remote, Dst: c.key.remote, Data: data, At: time.Now(),
	})
	c.flying += len(data)
	if v.Drop || v.Refuse {
		c.stalled = true
	}
	if c.stalled {
		return
	}
	c.laterLocked(v.Delay, func() {
		c.flying -= len(data)
		switch {
		case c.peer.broken != nil:
		case c.peer.closed:
			c.laterLocked(0, func() { c.resetLocked(syscall.ECONNRESET) })
		default:
			c.peer.unread = append(c.peer.unread, data...)
			c.peer.readable.Broadcast()
		}
		c.writable.Broadcast()
	})
}

// laterLocked runs act when something this end sends now arrives, never before what it sent earlier.
func (c *Conn) laterLocked(extra time.Duration, act func()) {
	now := time.Now()
	at := now.Add(c.n.Delay + extra)
	if at.Before(c.arrival) {
		at = c.arrival
	}
	c.arrival = at
	c.n.afterLocked(at.Sub(now), act)
}

// resetLocked ends the stream at this end with an error.
func (c *Conn) resetLocked(err error) {
	if c.broken == nil {
		c.broken = err
	}
	c.unread = nil
	c.readable.Broadcast()
	c.writable.Broadcast()
}

// CloseWrite sends the end of the stream and goes on reading.
func (c *Conn) CloseWrite() error {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	if c.closed {
		return c.errorf("close write", net.ErrClosed)
	}
	c.shutLocked()
	return nil
}

func (c *Conn) shutLocked() {
	if c.shut || c.broken != nil {
		return
	}
	c.shut = true
	c.writable.Broadcast()
	if c.stalled {
		return
	}
	c.laterLocked(0, func() {
		c.peer.eof = true
		c.peer.readable.Broadcast()
	})
}

// Close ends the stream. With bytes unread the other end is reset, as by a real socket.
func (c *Conn) Close() error {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	if c.closed {
		return c.errorf("close", net.ErrClosed)
	}
	if len(c.unread) > 0 {
		c.abortLocked()
		return nil
	}
	c.shutLocked()
	c.forgetLocked()
	return nil
}

// Reset ends the stream with a reset, whatever is under way.
func (c *Conn) Reset() {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	c.abortLocked()
}

func (c *Conn) abortLocked() {
	if c.closed {
		return
	}
	c.forgetLocked()
	if !c.stalled {
		c.laterLocked(0, func() { c.peer.resetLocked(syscall.ECONNRESET) })
	}
}

func (c *Conn) forgetLocked() {
	c.closed, c.unread = true, nil
	delete(c.n.conns, c.key)
	c.readBy.set(c.readable, time.Time{})
	c.writeBy.set(c.writable, time.Time{})
	c.peer.writable.Broadcast()
}

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline bounds reads, those that wait included; the zero time means no bound.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	if c.closed {
		return c.errorf("set deadline", net.ErrClosed)
	}
	c.readBy.set(c.readable, t)
	return nil
}

// SetWriteDeadline bounds writes, those that wait included; the zero time means no bound.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	if c.closed {
		return c.errorf("set deadline", net.ErrClosed)
	}
	c.writeBy.set(c.writable, t)
	return nil
}

// LocalAddr is this end's address.
func (c *Conn) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(c.key.local) }

// RemoteAddr is the other end's address, as a NAT shows it.
func (c *Conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.key.remote) }

func (c *Conn) errorf(op string, err error) error {
	return fmt.Errorf("%s tcp %s to %s: %w", op, c.key.local, c.key.remote, err)
}
