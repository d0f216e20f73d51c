package transport

import (
	"container/list"
	"context"
	"errors"
	"net/netip"
	"sync/atomic"

	"gatehouse/sip/secure"
	"gatehouse/sip/transport/stream"
)

// Conn is one stream connection, accepted or opened by us: the place it has among the others, and what is known of who
// is at the other end. What crosses it is line's.
type Conn struct {
	line     *stream.Conn
	stack    *Stack
	listener *Listener
	remote   netip.AddrPort
	key      connKey
	dialed   bool
	stranger bool         // accepted from a source that was not Known: counted against the strangers' caps
	source   netip.Prefix // what the per-source caps count; set when accepted
	cancel   context.CancelFunc
	last     atomic.Int64 // when a message last crossed, in ns of the wall clock; 0: none has
	unopened bool         // it could not be opened

	// Of the goroutine that reads.
	standing  Standing // as last asked
	proven    bool     // a stranger's complete message came
	malformed int

	// Set before the connection is open, never changed.
	identities []string

	// Guarded by Stack.mu.
	waiting *list.Element  // in Stack.unproven
	shaking *list.Element  // in Stack.shakes.strangers
	inShake bool           // counted by Stack.shakes
	alias   netip.AddrPort // where Stack.aliases has it
}

// Remote is the peer's address.
func (c *Conn) Remote() netip.AddrPort { return c.remote }

// Listener is the listener the connection was accepted by, or opened for.
func (c *Conn) Listener() *Listener { return c.listener }

// Proto is the protocol of the connection.
func (c *Conn) Proto() Proto { return c.listener.proto }

// Dialed reports whether we opened the connection.
func (c *Conn) Dialed() bool { return c.dialed }

// Carries reports whether a message for a destination at its address may have gone by this connection: one that we
// opened serves only who wants it secured the same way.
func (c *Conn) Carries(d Dest) bool { return !c.dialed || d.Conn == c || c.key == d.key() }

// Open reports whether the connection takes messages.
func (c *Conn) Open() bool { return c.line.Open() }

// Identities are the SIP domain identities of the remote's verified certificate (RFC 5922 §7.1); nil when it showed
// none. The caller must not change them.
func (c *Conn) Identities() []string { return c.identities }

// newConn makes a connection for the table; it is opening.
func (s *Stack) newConn(key connKey, dialed, stranger bool) *Conn {
	c := &Conn{stack: s, listener: key.listener, remote: key.remote, key: key, dialed: dialed, stranger: stranger}
	o := stream.Options{Owner: (*owner)(c), Limits: &s.lines, Dialed: dialed, Budget: &s.budget, Share: s.limits.QueueBytesTotal}
	if stranger {
		o.Share /= strangerQueueShare
	}
	c.line = stream.New(o)
	return c
}

// enqueue gives a message to the writer.
func (c *Conn) enqueue(o stream.Outgoing) error {
	err := c.line.Enqueue(o)
	if errors.Is(err, ErrQueueFull) {
		c.stack.count.drop(CauseQueueFull)
	}
	return err
}

// end lets the connection finish what is queued; one that is being opened is cut.
func (c *Conn) end(cause error) {
	c.line.End(cause)
	c.gone()
}

// kill cuts the connection.
func (c *Conn) kill(cause error) {
	c.line.Kill(cause)
	c.gone()
}

// gone sees to it that nobody waits for the connection or looks for it.
func (c *Conn) gone() {
	if c.cancel != nil {
		c.cancel()
	}
	c.stack.detach(c)
}

// learnIdentities reads the certificate of a connection whose handshake is made.
func (c *Conn) learnIdentities() {
	if leaf := c.line.Leaf(); leaf != nil {
		c.identities = secure.Identities(leaf)
	}
}

// run serves an open connection until it ends. It is the last to touch the connection.
func (c *Conn) run() {
	s := c.stack
	c.line.Run()
	s.remove(c)
	s.mu.Lock()
	closing := c.listener.closed
	s.mu.Unlock()
	if c.last.Load() != 0 && !closing {
		defer s.contain()
		s.handler.ConnLost(c, c.line.Cause())
	}
}

// drop counts why a connection is ended, and logs it among the noise.
func (c *Conn) drop(cause Cause, text string) {
	c.stack.count.drop(cause)
	if e := c.stack.noise.Debug(); e.Enabled() {
		e.Str("src", c.remote.String()).Str("zone", c.listener.zone).Str("cause", cause.String()).Msg(text)
	}
}

// offend reports the remote.
func (c *Conn) offend(reason string) {
	c.stack.offend(c.listener, c.remote.Addr(), c.standing, true, reason)
}
