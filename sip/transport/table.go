package transport

import (
	"bytes"
	"net/netip"
	"slices"

	"gatehouse/sip/grammar"
	"gatehouse/sip/msg"
	"gatehouse/sip/secure"
)

// profile is what connections to one address differ by.
type profile struct {
	secured      bool // by us: name and domain say how
	name, domain string
	host         string // of the opening handshake
}

// connKey names a connection for reuse: the listener it belongs to, the peer's address (RFC 3261 §18), and how we
// secured it. Accepted connections have no profile.
type connKey struct {
	listener *Listener
	remote   netip.AddrPort
	profile  profile
}

// key names the connection we would open to a destination.
func (d Dest) key() connKey {
	k := connKey{listener: d.Listener, remote: d.Addr}
	if p := d.Listener.proto; p.Secure() && d.TLS != nil {
		k.profile.secured, k.profile.name, k.profile.domain = true, d.TLS.Name, d.TLS.Domain
	}
	if d.Listener.proto.WebSocket() {
		k.profile.host = d.Host
	}
	return k
}

// aliasKey is an address that somebody who connected to us claims for itself (RFC 5923 §8.2).
type aliasKey struct {
	listener *Listener
	addr     netip.AddrPort
}

// reuseLocked finds an open connection that may carry a message to a destination: the one we opened, or one that was
// accepted from exactly that address or, over TLS, whose remote claimed it.
func (s *Stack) reuseLocked(d Dest) *Conn {
	if k := d.key(); k.profile.secured || !d.Listener.proto.Secure() {
		if c := s.byPeer[k]; c != nil {
			return c
		}
	}
	if c := s.byPeer[connKey{listener: d.Listener, remote: d.Addr}]; c != nil && c.mayCarry(d) {
		return c
	}
	if d.TLS == nil && (d.Conn == nil || d.Conn.identities == nil) {
		return nil // nobody says who it must be
	}
	for _, c := range slices.Backward(s.aliases[aliasKey{d.Listener, d.Addr}]) {
		if c.mayCarry(d) {
			return c
		}
	}
	return nil
}

// mayCarry reports whether who is at the other end of an accepted connection may get a message: over TLS it must have
// proven to be of the wanted domain (RFC 5923 §8.2) or, for a response, of what the connection that is gone was of.
func (c *Conn) mayCarry(d Dest) bool {
	switch {
	case !d.Listener.proto.Secure():
		return true
	case d.TLS != nil:
		leaf := c.line.Leaf()
		return leaf != nil && secure.Matches(leaf, d.TLS.Domain)
	case d.Conn != nil && d.Conn.identities != nil:
		return slices.ContainsFunc(c.identities, func(id string) bool { return slices.Contains(d.Conn.identities, id) })
	}
	return true
}

// learnAlias enters the address a request claims in its Via for the connection it came on, when the client asks for
// that and has shown a certificate. The host is the one it came from, whatever the Via says, and the port that of
// sent-by (RFC 5923 §8.2).
func (c *Conn) learnAlias(m *msg.Message) {
	if c.dialed || c.identities == nil || c.listener.proto != TLS || !m.IsRequest() {
		return
	}
	via := m.TopVia()
	if _, ok := grammar.FindParam(afterSemicolon(via.Raw), "alias"); !ok {
		return
	}
	port := via.Port
	if port == 0 {
		port = defaultSIPSPort
	}
	addr := netip.AddrPortFrom(c.remote.Addr(), port)
	s := c.stack
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.conns[c]; !ok || c.alias == addr {
		return
	}
	s.forgetAliasLocked(c)
	c.alias = addr
	k := aliasKey{c.listener, addr}
	s.aliases[k] = append(s.aliases[k], c)
}

func (s *Stack) forgetAliasLocked(c *Conn) {
	if !c.alias.IsValid() {
		return
	}
	k := aliasKey{c.listener, c.alias}
	c.alias = netip.AddrPort{}
	rows := slices.DeleteFunc(s.aliases[k], func(o *Conn) bool { return o == c })
	if len(rows) == 0 {
		delete(s.aliases, k)
		return
	}
	s.aliases[k] = rows
}

// afterSemicolon gives the parameters of a Via.
func afterSemicolon(raw []byte) []byte {
	_, params, _ := bytes.Cut(raw, []byte{';'})
	return params
}

// detach takes a connection out of the tables Send looks in.
func (s *Stack) detach(c *Conn) {
	s.mu.Lock()
	s.detachLocked(c)
	s.mu.Unlock()
}

func (s *Stack) detachLocked(c *Conn) {
	if s.byPeer[c.key] == c {
		delete(s.byPeer, c.key)
	}
	s.forgetAliasLocked(c)
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
	s.detachLocked(c)
	s.provenLocked(c)
	s.shakes.leaveLocked(c)
	if c.dialed {
		s.dialed--
		return
	}
	s.accepted--
	if c.stranger {
		s.strangers--
	}
	if s.bySource[c.source]--; s.bySource[c.source] <= 0 {
		delete(s.bySource, c.source)
	}
}

// prove notes that a complete message came.
func (s *Stack) prove(c *Conn) {
	if !c.stranger || c.proven {
		return
	}
	c.proven = true
	s.mu.Lock()
	s.provenLocked(c)
	s.mu.Unlock()
}

// provenLocked takes a connection off the list of those that may be evicted.
func (s *Stack) provenLocked(c *Conn) {
	if c.waiting != nil {
		s.unproven.Remove(c.waiting)
		c.waiting = nil
	}
}
