package flow

import "net/netip"

// rank orders sources by how well they fit what was signalled; the best one wins (RFC 7362 §5).
type rank uint8

const (
	rankNone     rank = iota // not acceptable
	rankOther                // an address that was never signalled: behind NAT only
	rankAddress              // the signalled IP address, another port
	rankAnchored             // RTCP from the address RTP was learnt from: behind NAT only
	rankExact                // the signalled address and port
)

// Rule is what signalling says about the source of one port in one generation.
type Rule struct {
	Signalled  netip.AddrPort // where the peer said it receives, and so sends from (RFC 4961 §4); invalid or unspecified: nothing was said
	Generation uint32         // a new value opens latching again, once
	Open       bool           // the peer is behind NAT: an address that was never signalled may be learnt
	Anchor     netip.Addr     // for RTCP behind NAT: the address RTP is taken from, once that is known
}

// Mark is what tells consecutive packets of one sender. Unnumbered packets (RTCP, opaque datagrams) only have their order.
type Mark struct {
	Numbered bool
	Seq      uint16
	SSRC     uint32
	Need     uint8 // packets in a row before an unsignalled address is a source; 0 = this kind of packet never makes it one
}

// Latch decides which source a port listens to (RFC 7362 §4, §5): the signalled address wins always; with Rule.Open another address is learnt
// from LatchPackets packets in sequence, and within LatchWindow it can be replaced once by another when it fell silent; then the
// source is strict. The zero value is ready; it is a plain value with one user at a time, and now is nanoseconds of any monotonic
// clock. Nothing it refuses changes what it accepts.
type Latch struct {
	source     netip.AddrPort
	lastSeen   int64
	closes     int64 // end of the window; 0 = no packet yet in this generation
	formerTill int64
	generation uint32
	rank       rank
	opened     bool // a rule was seen
	former     bool // source belongs to the previous generation and fits the present one no more
	moved      bool // the one move of this generation is used
	candidates *candidates
}

type candidates [candidateSlots]candidate

type candidate struct {
	source netip.AddrPort
	ssrc   uint32
	next   uint16
	count  uint8
	at     int64
}

// Source is the address that is accepted now; invalid while there is none.
func (l *Latch) Source() netip.AddrPort {
	if l.former {
		return netip.AddrPort{}
	}
	return l.source
}

// Accept decides about one well-formed packet from src.
func (l *Latch) Accept(now int64, r *Rule, src netip.AddrPort, m Mark) bool {
	if !l.opened || l.generation != r.Generation {
		l.open(now, r)
	}
	if src == l.source && l.source.IsValid() {
		return l.present(now)
	}
	got := r.rank(src)
	if got == rankNone || l.source.IsValid() && !l.former && !l.overtakes(now, got) {
		return false
	}
	if got == rankOther && !l.inSequence(now, src, m) {
		return false
	}
	l.take(now, src, got)
	return true
}

// present accepts the source that is latched, or the former one as long as it may speak.
func (l *Latch) present(now int64) bool {
	if l.former {
		return now < l.formerTill
	}
	l.lastSeen = now
	if l.closes == 0 {
		l.closes = now + int64(LatchWindow)
	}
	return true
}

// open begins a generation. A source that fits it stays; one that does not is heard for a little while.
func (l *Latch) open(now int64, r *Rule) {
	l.opened, l.generation, l.moved, l.closes, l.candidates = true, r.Generation, false, 0, nil
	if !l.source.IsValid() {
		return
	}
	if l.former {
		l.source, l.former = netip.AddrPort{}, false
		return
	}
	fits := r.rank(l.source)
	switch {
	case !specified(r.Signalled):
		// Nothing signalled (hold by 0.0.0.0): whoever was heard is heard on, nobody else.
	case fits == rankNone:
		l.former, l.formerTill = true, now+int64(FormerGrace)
	default:
		l.rank = fits
	}
}

// rank says how well src fits the rule.
func (r *Rule) rank(src netip.AddrPort) rank {
	if !specified(r.Signalled) {
		return rankNone
	}
	switch {
	case src == r.Signalled:
		return rankExact
	case r.Open && r.Anchor.IsValid() && src.Addr() == r.Anchor:
		return rankAnchored
	case src.Addr() == r.Signalled.Addr():
		return rankAddress
	case r.Open && !r.Anchor.IsValid():
		return rankOther
	}
	return rankNone
}

func (l *Latch) closed(now int64) bool { return l.closes != 0 && now >= l.closes }

// yields says that the present source may be replaced by one of its own rank.
func (l *Latch) yields(now int64) bool {
	return !l.moved && now-l.lastSeen >= int64(SilentAfter)
}

// overtakes says that a source of this rank may replace the present one: the signalled address (or the one RTP is taken from) at any
// time, another better rank inside the window, the same rank inside the window once.
func (l *Latch) overtakes(now int64, got rank) bool {
	switch {
	case got < l.rank:
		return false
	case got > l.rank && got >= rankAnchored:
		return true
	case l.closed(now):
		return false
	}
	return got > l.rank || l.yields(now)
}

func (l *Latch) take(now int64, src netip.AddrPort, got rank) {
	if l.source.IsValid() && !l.former && got == l.rank {
		l.moved = true
	}
	l.source, l.rank, l.former, l.lastSeen, l.candidates = src, got, false, now, nil
	if l.closes == 0 {
		l.closes = now + int64(LatchWindow)
	}
}

// inSequence says that this packet completes a row of m.Need from one unsignalled address. A few addresses are watched at a time, so that
// a flood from elsewhere does not hide the real one; the one that is least far goes first.
func (l *Latch) inSequence(now int64, src netip.AddrPort, m Mark) bool {
	switch m.Need {
	case 0:
		return false
	case 1:
		return true
	}
	if l.candidates == nil {
		l.candidates = new(candidates)
	}
	worst := &l.candidates[0]
	for i := range l.candidates {
		c := &l.candidates[i]
		if c.source == src {
			return c.note(now, m)
		}
		if c.count < worst.count || c.count == worst.count && c.at < worst.at {
			worst = c
		}
	}
	*worst = candidate{source: src, ssrc: m.SSRC, next: m.Seq + 1, count: 1, at: now}
	return false
}

func (c *candidate) note(now int64, m Mark) bool {
	if m.Numbered {
		if m.SSRC != c.ssrc || m.Seq != c.next {
			c.count = 0
		}
		c.ssrc, c.next = m.SSRC, m.Seq+1
	}
	c.at = now
	c.count++
	return c.count >= m.Need
}

// specified says that an address can be a destination at all.
func specified(a netip.AddrPort) bool {
	return a.Port() != 0 && a.Addr().IsValid() && !a.Addr().IsUnspecified()
}
