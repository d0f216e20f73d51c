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

// admit keeps an accepted connection, or closes it when a cap is reached.
func (l *Listener) admit(nc net.Conn) {
	s := l.stack
	remote := addrPortOf(nc.RemoteAddr())
	c := s.newConn(l, remote, nc)
	if s.standing(l.zone, remote.Addr()) != Known {
		c.stranger, c.source = true, sourceOf(remote.Addr())
	}
	s.mu.Lock()
	if l.closed {
		s.mu.Unlock()
		_ = nc.Close()
		return
	}
	victim, cause, ok := s.makeRoomLocked(c)
	if ok {
		s.keepLocked(c)
		l.wg.Go(c.run)
	}
	s.mu.Unlock()
	if victim != nil {
		victim.drop(CauseEvicted, "connection closed to make room")
		victim.kill(errConnEnded)
	}
	if !ok {
		c.drop(cause, "connection refused")
		_ = nc.Close()
		return
	}
	s.count.accepted.Add(1)
}

// makeRoomLocked decides whether one more accepted connection fits. When the common caps are reached, the stranger
// that has been connected longest without sending a message goes; the caller kills it.
func (s *Stack) makeRoomLocked(c *Conn) (victim *Conn, cause Cause, ok bool) {
	if c.stranger && s.bySource[c.source] >= s.limits.MaxConnsPerSource {
		return nil, CauseSourceLimit, false
	}
	if s.accepted < s.limits.MaxConns && (!c.stranger || s.strangers < s.limits.MaxStrangerConns) {
		return nil, 0, true
	}
	oldest := s.unproven.Front()
	if oldest == nil {
		return nil, CauseConnLimit, false
	}
	victim, ok = oldest.Value.(*Conn)
	if !ok {
		return nil, CauseConnLimit, false
	}
	s.removeLocked(victim)
	return victim, 0, true
}

// keepLocked enters an accepted connection in the tables. An older one with the same addresses must be dead: the peer
// could not have opened this one otherwise.
func (s *Stack) keepLocked(c *Conn) {
	s.conns[c] = struct{}{}
	s.byPeer[connKey{c.listener, c.remote}] = c
	s.accepted++
	if c.stranger {
		s.strangers++
		s.bySource[c.source]++
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
