package transport

import (
	"context"
	"fmt"
	"net/netip"
)

// connTo gives a connection to a destination, and starts to open one when there is none that may be used.
func (s *Stack) connTo(d Dest) (*Conn, error) {
	s.mu.Lock()
	c, spare, err := s.connToLocked(d)
	s.mu.Unlock()
	if spare != nil {
		spare.drop(CauseEvicted, "connection closed to make room")
		spare.end(errSpare)
	}
	return c, err
}

// connToLocked is connTo; the caller ends the connection that was spared for the new one.
func (s *Stack) connToLocked(d Dest) (c, spare *Conn, err error) {
	if s.closed || d.Listener.closed {
		return nil, nil, ErrClosed
	}
	if c := s.reuseLocked(d); c != nil {
		return c, nil, nil
	}
	if d.Listener.proto.Secure() && d.TLS == nil {
		return nil, nil, fmt.Errorf("no connection, and nothing says how to secure one: %w", ErrDestination)
	}
	full := s.dialing >= s.limits.MaxDialing
	if !full && s.dialed >= s.limits.MaxDialed {
		spare = s.spareLocked()
		full = spare == nil
	}
	if full {
		s.count.drop(CauseDialError)
		return nil, nil, errTooManyDial
	}
	return s.dialLocked(d), spare, nil
}

// spareLocked takes the connection we opened that has carried no message for longest out of the tables, if that is so
// long that no transaction can need it: keep-alives alone would keep it for ever.
func (s *Stack) spareLocked() *Conn {
	var oldest *Conn
	limit := s.now().Add(-spareAfter).UnixNano()
	for c := range s.conns {
		if at := c.last.Load(); c.dialed && at != 0 && at < limit {
			oldest, limit = c, at
		}
	}
	if oldest != nil {
		s.removeLocked(oldest)
	}
	return oldest
}

// dialLocked starts to open a connection.
func (s *Stack) dialLocked(d Dest) *Conn {
	within := d.Within
	if within <= 0 {
		within = s.limits.DialTimeout
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	c := s.newConn(d.key(), true, false)
	c.cancel = cancel
	s.conns[c] = struct{}{}
	s.byPeer[c.key] = c
	s.dialed++
	s.dialing++
	d.Listener.wg.Go(func() { c.open(ctx, d) })
	return c
}

// open opens the connection and serves it.
func (c *Conn) open(ctx context.Context, d Dest) {
	s := c.stack
	err := c.dial(ctx, d)
	c.cancel()
	s.mu.Lock()
	s.dialing--
	s.mu.Unlock()
	if err != nil {
		s.detach(c)
		c.unopened = true
		c.line.Abandon(fmt.Errorf("connect: %w", err))
		s.remove(c)
		return
	}
	s.count.dialed.Add(1)
	c.learnIdentities()
	c.run()
}

// dial opens the connection with all its layers. When that fails it is not tried with fewer.
func (c *Conn) dial(ctx context.Context, d Dest) error {
	var local netip.Addr
	if a := c.listener.addr.Addr(); !a.IsUnspecified() {
		local = a
	}
	nc, err := c.stack.net.DialTCP(ctx, local, c.remote)
	if err != nil {
		return err
	}
	if p := c.listener.dscp.Load(); p != 0 {
		_ = setDSCP(nc, c.remote.Addr(), uint8(p))
	}
	if !c.line.Attach(nc) {
		_ = nc.Close()
		return errConnEnded
	}
	l := c.listener.layers()
	if l.Secure {
		l.TLS = d.TLS.Config()
	}
	if l.Host = d.Host; l.Host == "" {
		l.Host = netip.AddrPortFrom(c.remote.Addr().WithZone(""), c.remote.Port()).String()
	}
	return c.line.Dial(ctx, l)
}
