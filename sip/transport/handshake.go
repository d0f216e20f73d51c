package transport

import (
	"container/list"
	"net/netip"

	"gatehouse/sip/transport/stream"
)

// shakes bounds the handshakes that run at once on accepted connections. Stack.mu guards it.
type shakes struct {
	all       int
	bySource  map[netip.Prefix]int
	strangers list.List // *Conn of sources that are not Known, oldest first
}

// enterLocked decides whether one more handshake fits. Each source has a cap, peers too. When the places are taken, the
// stranger whose handshake has run longest goes, since an honest one takes a few round trips; the caller kills it.
func (g *shakes) enterLocked(c *Conn, l *Limits) (victim *Conn, ok bool) {
	if g.bySource[c.source] >= l.MaxShakesPerSource {
		return nil, false
	}
	if g.all >= l.MaxShakes || c.stranger && g.strangers.Len() >= l.MaxStrangerShakes {
		oldest := g.strangers.Front()
		if oldest == nil {
			return nil, false
		}
		victim, _ = oldest.Value.(*Conn)
		g.leaveLocked(victim)
	}
	c.inShake = true
	g.all++
	g.bySource[c.source]++
	if c.stranger {
		c.shaking = g.strangers.PushBack(c)
	}
	return victim, true
}

// leaveLocked gives a place back; doing it again does nothing.
func (g *shakes) leaveLocked(c *Conn) {
	if !c.inShake {
		return
	}
	c.inShake = false
	g.all--
	if g.bySource[c.source]--; g.bySource[c.source] <= 0 {
		delete(g.bySource, c.source)
	}
	if c.shaking != nil {
		g.strangers.Remove(c.shaking)
		c.shaking = nil
	}
}

// layers says what connections of the listener are made of.
func (l *Listener) layers() stream.Layers {
	return stream.Layers{Secure: l.proto.Secure(), WebSocket: l.proto.WebSocket()}
}

// serve is the life of an accepted connection.
func (c *Conn) serve() {
	if c.listener.proto == TCP {
		c.line.Serve()
		c.run()
		return
	}
	s, l := c.stack, c.listener.layers()
	if l.Secure {
		l.TLS = c.listener.tls()
	}
	if l.WebSocket && c.listener.origins != nil {
		l.Origins = c.listener.origins()
	}
	if !c.line.Accept(l, c.shaken) {
		s.remove(c)
		return
	}
	c.learnIdentities()
	s.mu.Lock()
	if _, ok := s.conns[c]; ok {
		s.byPeer[c.key] = c
	}
	s.mu.Unlock()
	c.run()
}

// shaken gives the place of a handshake back; one that failed is counted, and the remote reported if it is to blame.
func (c *Conn) shaken(e *stream.HandshakeError) {
	s := c.stack
	s.mu.Lock()
	s.shakes.leaveLocked(c)
	s.mu.Unlock()
	if e == nil || e.Cut || e.Quiet { // a quiet one is a health check
		return
	}
	cause := CauseHandshake
	if e.Late {
		cause = CauseHandshakeTimeout
	}
	s.count.drop(cause)
	s.noise.Info().Err(e.Err).Str("src", c.remote.String()).Str("zone", c.listener.zone).Msg("handshake failed")
	switch {
	case e.Late:
		c.offend(reasonSlow)
	case !e.AboutUs:
		c.offend(reasonHandshake)
	}
}
