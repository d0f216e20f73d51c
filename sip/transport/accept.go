package transport

import (
	"errors"
	"net"
	"net/netip"
	"time"
)

// acceptLoop accepts connections until the listener is closed. Out of file descriptors, it waits for some to be freed
// instead of spinning.
func (l *Listener) acceptLoop() {
	s := l.stack
	backoff := acceptBackoffMin
	for {
		nc, err := l.tcp.Accept()
		if err == nil {
			backoff = acceptBackoffMin
			l.admit(nc)
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		s.count.drop(CauseAcceptError)
		s.noise.Warn().Err(err).Str("zone", l.zone).Dur("backoff", backoff).Msg("accept failed")
		t := time.NewTimer(backoff)
		select {
		case <-l.stop:
			t.Stop()
			return
		case <-t.C:
		}
		backoff = min(2*backoff, acceptBackoffMax)
	}
}

// admit keeps an accepted connection, or closes it when its source is denied or a cap is reached.
func (l *Listener) admit(nc net.Conn) {
	s := l.stack
	remote := addrPortOf(nc.RemoteAddr())
	standing := s.standing(l, remote, true)
	if standing == Denied {
		s.count.drop(CauseDenied)
		_ = nc.Close()
		return
	}
	c := s.newConn(connKey{listener: l, remote: remote}, false, standing != Known)
	c.standing, c.source = standing, sourceOf(remote.Addr())
	c.line.Attach(nc)
	if d := l.dscp.Load(); d != 0 {
		_ = setDSCP(nc, l.addr.Addr(), uint8(d))
	}
	if cause, ok := s.keep(c); !ok {
		c.drop(cause, "connection refused")
		_ = nc.Close()
	}
}

// keep enters an accepted connection in the tables and starts to serve it, if there is room. One of a listener that has
// just been closed is closed too.
func (s *Stack) keep(c *Conn) (Cause, bool) {
	s.mu.Lock()
	if c.listener.closed {
		s.mu.Unlock()
		c.kill(errListenerClosed())
		return 0, true
	}
	victims, cause, ok := s.makeRoomLocked(c)
	if ok {
		s.keepLocked(c)
		c.listener.wg.Go(c.serve)
		s.count.accepted.Add(1)
	}
	s.mu.Unlock()
	for _, v := range victims {
		v.drop(CauseEvicted, "connection closed to make room")
		v.kill(errConnEnded)
	}
	return cause, ok
}

// makeRoomLocked decides whether one more accepted connection fits. No source may have too many, Known ones neither, so
// that one peer cannot shut out the others. When the common caps are reached, the stranger whose handshake has run, or
// who has been connected, longest without sending a message goes; the caller kills the victims.
func (s *Stack) makeRoomLocked(c *Conn) (victims []*Conn, cause Cause, ok bool) {
	most := s.limits.MaxConnsPerPeer
	if c.stranger {
		most = s.limits.MaxConnsPerSource
	}
	if s.bySource[c.source] >= most {
		return nil, CauseSourceLimit, false
	}
	if c.listener.proto != TCP {
		slow, ok := s.shakes.enterLocked(c, &s.limits)
		if !ok {
			return nil, CauseHandshakeLimit, false
		}
		if slow != nil {
			victims = append(victims, slow)
			s.removeLocked(slow)
		}
	}
	if s.accepted < s.limits.MaxConns && (!c.stranger || s.strangers < s.limits.MaxStrangerConns) {
		return victims, 0, true
	}
	oldest := s.unproven.Front()
	if oldest == nil {
		s.shakes.leaveLocked(c)
		return victims, CauseConnLimit, false
	}
	victim, _ := oldest.Value.(*Conn)
	s.removeLocked(victim)
	return append(victims, victim), 0, true
}

// keepLocked enters an accepted connection in the tables. An older one with the same addresses must be dead: the peer
// could not have opened this one otherwise. Nothing is sent on one whose handshake has not been made.
func (s *Stack) keepLocked(c *Conn) {
	s.conns[c] = struct{}{}
	if c.listener.proto == TCP {
		s.byPeer[c.key] = c
	}
	s.accepted++
	s.bySource[c.source]++
	if c.stranger {
		s.strangers++
		c.waiting = s.unproven.PushBack(c)
	}
}

// sourceOf is what counts as one source: an IPv4 address, or an IPv6 /64.
func sourceOf(a netip.Addr) netip.Prefix {
	a = a.WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = sourcePrefix6
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // an invalid address: all of them are one source
	}
	return p
}
