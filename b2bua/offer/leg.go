package offer

import (
	"bytes"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"gatehouse/media/profile"
	"gatehouse/media/sdp"
)

// sessionIDBits keeps the session id positive in 64-bit signed arithmetic, as RFC 3264 §5 wants.
const sessionIDBits = 63

// Leg is the SDP side of one leg. Use NewLeg.
type Leg struct {
	sessID     uint64
	version    uint64     // highest used
	origin     netip.Addr // address in o=, fixed by the first body
	tables     []paytable // by m-line, for life
	generation uint32     // last given out
	cur        state
	x          exchange
}

// state is one agreement between the peer and us. It is replaced whole, never changed.
type state struct {
	remote     *sdp.Session // what the peer said; nil when nothing was agreed yet
	lines      []line       // one for each m-line of remote
	body       []byte       // what we said
	version    uint64       // of body
	generation uint32       // changes when remote does
}

// role says whose offer an exchange began with.
type role uint8

const (
	none role = iota
	ours
	theirs
)

// exchange is an offer and its answer until Commit or Rollback.
type exchange struct {
	role     role
	answered bool         // cur holds the new agreement
	base     state        // what stood before
	offer    *sdp.Session // theirs
	body     []byte       // ours
	version  uint64       // of body
	lines    []line       // as we offered them
}

// NewLeg gives a leg with nothing negotiated. sessID becomes the session id of every o= line on it (63 bits used).
func NewLeg(sessID uint64) *Leg {
	return &Leg{sessID: sessID & (1<<sessionIDBits - 1)}
}

// Clone gives an independent copy, for another early dialog of the same INVITE (RFC 3261 §12.1): take it after
// BuildOffer and before any answer.
func (l *Leg) Clone() *Leg {
	c := *l
	c.tables = slices.Clone(l.tables)
	for i := range c.tables {
		c.tables[i] = slices.Clone(c.tables[i])
	}
	return &c
}

// Offered takes the peer's offer and opens an exchange; one that was answered is committed by it, an unanswered offer
// of the peer is replaced. ErrOrder while an offer of ours is unanswered, a *Refusal when an m-line of the standing
// agreement is missing: lines are never taken away (RFC 3264 §8).
func (l *Leg) Offered(s *sdp.Session) error {
	if l.x.role == ours && !l.x.answered {
		return fmt.Errorf("offer of the peer while ours is unanswered: %w", ErrOrder)
	}
	if len(s.Media) < len(l.cur.lines) {
		return &Refusal{Code: notAcceptable, Warning: warnOther, Text: "Media line missing"}
	}
	l.begin(theirs)
	l.x.offer = s
	for i := range s.Media {
		table := l.table(i)
		for _, c := range identify(&s.Media[i]) {
			table.bind(c.PT, c.key)
		}
	}
	return nil
}

// Answered takes the peer's answer to the offer BuildOffer made. Called again in the same exchange, the later answer
// counts. ErrBadAnswer when it does not fit; the exchange is as it was then.
func (l *Leg) Answered(s *sdp.Session) error {
	if l.x.role != ours {
		return fmt.Errorf("answer to nothing: %w", ErrOrder)
	}
	if len(s.Media) != len(l.x.lines) {
		return fmt.Errorf("%d m-lines, %d offered: %w", len(s.Media), len(l.x.lines), ErrBadAnswer)
	}
	for i := range s.Media {
		m, o := &s.Media[i], &l.x.lines[i]
		if !strings.EqualFold(m.Kind, o.name) {
			return fmt.Errorf("m-line %d is another medium: %w", i+1, ErrBadAnswer)
		}
		if o.kind != profile.Off && !m.Rejected() && relayKind(m) != o.kind {
			return fmt.Errorf("m-line %d has another transport: %w", i+1, ErrBadAnswer)
		}
	}
	lines := make([]line, len(s.Media))
	for i := range s.Media {
		lines[i] = l.agreed(i, &s.Media[i])
		table := l.table(i)
		for k := range lines[i].codecs {
			table.bindFree(lines[i].codecs[k].PT, lines[i].codecs[k].key)
		}
	}
	l.cur = state{
		remote: s, lines: lines, body: l.x.body, version: l.x.version, generation: l.nextGeneration(s),
	}
	l.x.answered = true
	return nil
}

// agreed joins line i of our offer with its answer.
func (l *Leg) agreed(i int, m *sdp.Media) line {
	ln := l.x.lines[i]
	before := sdp.SendRecv
	if old := l.x.base.lines; i < len(old) && old[i].name == ln.name {
		before = old[i].wish
	}
	ln.wish = learnt(before, ln.ours, m)
	if ln.kind == profile.Off || m.Rejected() {
		return line{name: ln.name, wish: ln.wish}
	}
	ln.mux = ln.mux && m.Mux
	if ln.kind == profile.RTP {
		ln.codecs = accept(ln.codecs, m)
		if len(ln.codecs) == 0 {
			return line{name: ln.name, wish: ln.wish}
		}
	}
	return ln
}

// Commit ends the open exchange; what was answered in it stands.
func (l *Leg) Commit() { l.x = exchange{} }

// Rollback ends the open exchange; what stood before it stands again. Version and payload type numbers that were used
// in it stay used.
func (l *Leg) Rollback() {
	if l.x.role != none {
		l.cur = l.x.base
	}
	l.x = exchange{}
}

// Open says that an exchange is open: an offer was made or taken and neither Commit nor Rollback followed.
func (l *Leg) Open() bool { return l.x.role != none }

// OfferPending says that an offer on this leg, ours or the peer's, is not answered yet.
func (l *Leg) OfferPending() (byUs, byPeer bool) {
	return l.x.role == ours && !l.x.answered, l.x.role == theirs && !l.x.answered
}

// Remote is what the peer last said: its open offer, else its part of the standing agreement; nil when nothing.
func (l *Leg) Remote() *sdp.Session {
	if l.x.role == theirs {
		return l.x.offer
	}
	return l.cur.remote
}

// Unchanged says that s repeats what the peer last said, o= line and content (RFC 3264 §8): no stream changes, but an
// offer is answered all the same.
func (l *Leg) Unchanged(s *sdp.Session) bool {
	return same(l.Remote(), s)
}

func same(a, b *sdp.Session) bool {
	return a != nil && b != nil && (a == b || a.Origin == b.Origin && reflect.DeepEqual(a, b))
}

// Sent is our body of the standing agreement as it was sent, nil when there is none. The caller must not change it.
func (l *Leg) Sent() []byte { return l.cur.body }

// Version is the highest o= version used on this leg, zero when nothing was built.
func (l *Leg) Version() uint64 { return l.version }

// begin opens an exchange on what stands now.
func (l *Leg) begin(r role) {
	l.x = exchange{role: r, base: l.cur}
}

// table gives the payload type numbers of line i.
func (l *Leg) table(i int) *paytable {
	for len(l.tables) <= i {
		l.tables = append(l.tables, nil)
	}
	return &l.tables[i]
}

// nextGeneration keeps the generation as long as the peer repeats itself, so that a refresh opens no latching.
func (l *Leg) nextGeneration(s *sdp.Session) uint32 {
	if same(l.cur.remote, s) {
		return l.cur.generation
	}
	l.generation++
	return l.generation
}

// seal puts our identity on a body and writes it. The version rises by one only when the body is not one that the peer
// has from us already: the standing one, or the open offer (RFC 3264 §8).
func (l *Leg) seal(s *sdp.Session) []byte {
	conn := netip.Addr{}
	for i := range s.Media {
		if !s.Media[i].Rejected() {
			conn = s.Media[i].Addr
			break
		}
	}
	if !l.origin.IsValid() {
		if l.origin = conn; !conn.IsValid() {
			l.origin = netip.IPv4Unspecified()
		}
	}
	if !conn.IsValid() {
		conn = l.origin
	}
	s.Name, s.Conn = "-", sdp.Addr{IP: conn}
	for i := range s.Media {
		if s.Media[i].Rejected() {
			s.Media[i].Addr = conn
		}
	}
	s.Origin = sdp.Origin{User: "-", SessID: l.sessID, Addr: l.origin.String()}
	type sent struct {
		body    []byte
		version uint64
	}
	for _, old := range []sent{{l.cur.body, l.cur.version}, {l.x.body, l.x.version}} {
		if old.body == nil {
			continue
		}
		s.Origin.Version = old.version
		if body := s.AppendTo(nil); bytes.Equal(body, old.body) {
			return old.body
		}
	}
	l.version++
	s.Origin.Version = l.version
	return s.AppendTo(nil)
}
