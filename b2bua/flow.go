package b2bua

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"time"

	"gatehouse/b2bua/call"
	"gatehouse/sip/transport"
)

// errConnLost is the transport error of a request whose connection ended
// before anybody answered.
var errConnLost = errors.New("the connection ended before a response")

// streamKey names the connection requests of ours go by.
type streamKey struct {
	listener *transport.Listener
	remote   netip.AddrPort
}

// paths is what a shard knows of connections and targets.
type paths struct {
	// waiting are the requests nobody has answered, by the connection they went
	// on.
	waiting map[streamKey]map[*call.Request]struct{}
	// flows are the legs that came by a connection of their peer's.
	flows map[*transport.Conn]map[*call.Leg]struct{}
	// datagramOnly says until when large requests to a target go by UDP.
	datagramOnly map[netip.AddrPort]time.Time
}

func keyOf(d transport.Dest) streamKey {
	if d.Conn != nil {
		return streamKey{d.Conn.Listener(), d.Conn.Remote()}
	}
	return streamKey{d.Listener, d.Addr}
}

// await notes that a request waits for a response on a connection.
func (s *shard) await(r *call.Request) {
	d := r.Hop.Dest
	if !d.Listener.Proto().Reliable() {
		return
	}
	if s.paths.waiting == nil {
		s.paths.waiting = map[streamKey]map[*call.Request]struct{}{}
	}
	k := keyOf(d)
	if s.paths.waiting[k] == nil {
		s.paths.waiting[k] = map[*call.Request]struct{}{}
	}
	s.paths.waiting[k][r] = struct{}{}
}

// settled ends the wait: somebody has answered, or nobody will.
func (s *shard) settled(r *call.Request) {
	if !r.Hop.Dest.Listener.Proto().Reliable() {
		return
	}
	k := keyOf(r.Hop.Dest)
	delete(s.paths.waiting[k], r)
	if len(s.paths.waiting[k]) == 0 {
		delete(s.paths.waiting, k)
	}
}

// follow notes that a leg lives on a connection its peer opened.
func (s *shard) follow(l *call.Leg, conn *transport.Conn) {
	if s.paths.flows == nil {
		s.paths.flows = map[*transport.Conn]map[*call.Leg]struct{}{}
	}
	if s.paths.flows[conn] == nil {
		s.paths.flows[conn] = map[*call.Leg]struct{}{}
	}
	s.paths.flows[conn][l] = struct{}{}
	if !conn.Open() {
		// The news of its end may have overtaken the request.
		s.flowLost(conn)
	}
}

// unfollow forgets the connection of a call's caller.
func (s *shard) unfollow(c *call.Call) {
	for _, l := range c.Legs() {
		if l == nil {
			continue
		}
		if conn := l.Flow(); conn != nil {
			delete(s.paths.flows[conn], l)
			if len(s.paths.flows[conn]) == 0 {
				delete(s.paths.flows, conn)
			}
		}
	}
}

// held counts the legs and requests that are kept by connection.
func (p *paths) held() int {
	n := 0
	for _, legs := range p.flows {
		n += len(legs)
	}
	for _, requests := range p.waiting {
		n += len(requests)
	}
	return n
}

// connLost takes the end of a connection (RFC 3261 §18.4, RFC 5626 §4.4): what
// waits on it for a first response has failed, the calls that came by it learn
// that their peer is away.
func (s *shard) connLost(c *transport.Conn) {
	// What takes their place may be on a new connection to the same target.
	for _, r := range slices.Collect(maps.Keys(s.paths.waiting[streamKey{c.Listener(), c.Remote()}])) {
		if c.Carries(r.Hop.Dest) {
			s.sendFailed(r.Branch, r.Method, errConnLost)
		}
	}
	s.flowLost(c)
}

func (s *shard) flowLost(c *transport.Conn) {
	legs := s.paths.flows[c]
	delete(s.paths.flows, c)
	for l := range legs {
		s.with(l.Call(), func() { l.Call().FlowLost(l, c) })
	}
}

// ackFailed takes the news that the ACK of a 2xx could not be sent.
func (s *shard) ackFailed(branch string) {
	t, ok := s.e.branchToken([]byte(branch))
	if !ok {
		return
	}
	if c := s.calls[callKey{t.Number, t.Slot}]; c != nil {
		s.with(c, func() { c.ACKFailed(branch) })
	}
}

// refreshFlow takes a leg to the connection a request of its dialog came by,
// when the one before is gone or a WebSocket, and the peer the same
// (RFC 5626 §4.5, RFC 7118 §5).
func (s *shard) refreshFlow(in *transport.Inbound, c *call.Call, l *call.Leg) {
	was := l.Flow()
	if was == nil || in.Conn == nil || in.Conn == was || in.Conn.Dialed() || in.Conn.Proto() != was.Proto() {
		return
	}
	if was.Open() && !was.Proto().WebSocket() || !s.samePeer(in, l, was) {
		return
	}
	s.unfollow(c)
	s.with(c, func() { c.Moved(l, in.Conn, in.ReplyDest()) })
	s.follow(l, in.Conn)
}

// samePeer tells whether a message on a new connection comes from who had the
// old one: the same host, or one that policy takes for the same peer.
func (s *shard) samePeer(in *transport.Inbound, l *call.Leg, was *transport.Conn) bool {
	if in.Source.Addr() == was.Remote().Addr() {
		return true
	}
	p := s.peerOf(in)
	return p != nil && p.Name == l.PeerName()
}
