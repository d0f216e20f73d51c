package stream

import (
	"math/rand/v2"
	"time"
)

// heart keeps a connection that we opened alive, and notices when it is dead (RFC 5626 §4.4). Conn.mu guards it.
type heart struct {
	timer  *time.Timer
	heard  time.Time     // when bytes last came, or were last asked for
	rest   time.Duration // how long after that the remote is asked
	asked  bool          // a ping waits for its pong
	ponged bool          // a ping has been answered before, so that silence means something
}

func (h *heart) stop() {
	if h.timer != nil {
		h.timer.Stop()
	}
}

// startHeartLocked starts the timer of a connection that has just been opened.
func (c *Conn) startHeartLocked() {
	c.heart.heard, c.heart.rest = time.Now(), c.keepAlive()
	c.heart.timer = time.AfterFunc(c.heart.rest, c.beat)
}

// keepAlive is how long this time nothing may come before the remote is asked.
func (c *Conn) keepAlive() time.Duration {
	return time.Duration((1 - keepAliveJitter*rand.Float64()) * float64(c.o.Limits.KeepAlive))
}

// beat runs when the timer does: it asks the remote, or ends the connection of one that does not answer though it did.
func (c *Conn) beat() {
	c.mu.Lock()
	if c.state != open {
		c.mu.Unlock()
		return
	}
	c.beats.Add(1)
	defer c.beats.Done()
	h := &c.heart
	if h.asked && h.ponged {
		c.mu.Unlock()
		c.o.Owner.Dropped(NoPong)
		c.Kill(NoPong)
		return
	}
	h.asked = false
	if left := time.Until(h.heard.Add(h.rest)); left > 0 {
		h.timer.Reset(left)
		c.mu.Unlock()
		return
	}
	h.asked, h.heard, h.rest = true, time.Now(), c.keepAlive()
	h.timer.Reset(c.o.Limits.Pong)
	c.mu.Unlock()
	if c.ws != nil {
		_ = c.ws.Ping(c.o.Limits.Pong) // the reader hears the pong; this only waits for it as long
		return
	}
	_ = c.Enqueue(Outgoing{Raw: []byte("\r\n\r\n"), ours: true})
}

// heard notes that bytes came.
func (c *Conn) heard() {
	c.in.active = time.Now()
	if c.o.Dialed {
		c.mu.Lock()
		c.heart.heard = c.in.active
		c.mu.Unlock()
	}
}

// ponged notes what may be the answer to a ping, and reports whether it is.
func (c *Conn) ponged() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	asked := c.heart.asked
	c.heart.asked, c.heart.ponged = false, c.heart.ponged || asked
	return asked
}

// pinged answers a keep-alive (RFC 5626 §3.5.1); at most one is made of what one read brought.
func (c *Conn) pinged() {
	if c.o.Owner.Ping() {
		_ = c.Enqueue(Outgoing{Raw: []byte("\r\n"), ours: true})
	}
}
