package transport

import (
	"context"
	"fmt"
	"net/netip"
)

// connTo gives the connection of d.Listener to exactly d.Addr, and starts to open one when there is none. Whoever
// opened it, only the very address and port it leads to is reached by it: a request never leaves on a connection that
// somebody else opened from another port of the same host.
func (s *Stack) connTo(d Dest) (*Conn, error) {
	key := connKey{d.Listener, d.Addr}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || d.Listener.closed {
		return nil, ErrClosed
	}
	if c := s.byPeer[key]; c != nil {
		return c, nil
	}
	if s.dialing >= s.limits.MaxDialing || s.dialed >= s.limits.MaxDialed {
		s.count.drop(CauseDialError)
		return nil, errTooManyDial
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.limits.DialTimeout)
	c := s.newConn(d.Listener, d.Addr, nil)
	c.dialed, c.cancel = true, cancel
	s.conns[c] = struct{}{}
	s.byPeer[key] = c
	s.dialed++
	s.dialing++
	d.Listener.wg.Go(func() { c.open(ctx) })
	return c, nil
}

// open opens the connection and serves it.
func (c *Conn) open(ctx context.Context) {
	s := c.stack
	var local netip.Addr
	if a := c.listener.addr.Addr(); !a.IsUnspecified() {
		local = a
	}
	nc, err := s.net.DialTCP(ctx, local, c.remote)
	s.mu.Lock()
	s.dialing--
	s.mu.Unlock()

	c.mu.Lock()
	live := err == nil && c.state == connDialing
	if live {
		c.nc, c.state = nc, connOpen
	}
	c.mu.Unlock()
	if live {
		s.count.dialed.Add(1)
		c.run()
		return
	}
	if nc != nil {
		_ = nc.Close()
	}
	if err == nil {
		err = errConnEnded
	}
	c.kill(fmt.Errorf("connect to tcp://%s: %w", c.remote, err))
	batch, _ := c.take()
	c.fail(batch, CauseDialError)
	s.remove(c)
}
