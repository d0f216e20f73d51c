package call

import (
	"errors"

	"gatehouse/b2bua/offer"
	"gatehouse/b2bua/path"
	"gatehouse/media/profile"
)

// openEnd makes the media side of a leg; ports come as streams need them.
func (c *Call) openEnd(l *Leg) error {
	e, err := c.env.Media().Open(c.owner(), l.zone.Name)
	if err != nil {
		return err
	}
	l.end, l.hasEnd = e, true
	return nil
}

// owner is the call's name toward the media plane; MediaOwner takes it apart.
func (c *Call) owner() uint64 { return c.Number<<8 | uint64(c.Slot) }

// MediaOwner gives the call a media owner stands for.
func MediaOwner(owner uint64) (number uint64, slot uint8) { return owner >> 8, uint8(owner) }

// closeEnd frees the media of a leg, once.
func (c *Call) closeEnd(l *Leg) {
	if l.hasEnd {
		l.hasEnd = false
		c.env.Media().Close(l.end)
	}
}

// reserve gives a local address to every line that is relayed. A family the
// zone cannot serve falls back to what it has: the relay crosses families.
func (c *Call) reserve(l *Leg, lines []offer.Line) ([]offer.Address, error) {
	local := make([]offer.Address, len(lines))
	l.lines = max(l.lines, len(lines))
	for i, line := range lines {
		if !line.Relay {
			continue
		}
		family := line.Family
		if family == profile.Any && l.role == roleUAC {
			family = hopFamily(l.hop)
		}
		got, err := c.env.Media().Reserve(l.end, i, family)
		if err != nil && !errors.Is(err, profile.ErrNoPorts) {
			got, err = c.env.Media().Reserve(l.end, i, profile.Any)
		}
		if err != nil {
			return nil, err
		}
		local[i] = offer.Address(got)
	}
	return local, nil
}

// reserveAnswer makes sure of the ports that an answer to the offer of l's peer
// can need, before the other side is asked: later there is no good way back.
func (c *Call) reserveAnswer(l *Leg) error {
	_, err := c.reserve(l, l.sdp.OfferedLines())
	return err
}

func hopFamily(h path.Hop) profile.Family {
	return profile.FamilyOf(h.Remote().Addr())
}

// offerToward builds our offer toward one leg out of the other's SDP.
func (c *Call) offerToward(to, far *Leg) ([]byte, error) {
	local, err := c.reserve(to, to.sdp.OfferLines(far.sdp))
	if err != nil {
		return nil, err
	}
	return to.sdp.BuildOffer(far.sdp, local)
}

// answerToward builds our answer toward one leg out of the other's SDP.
func (c *Call) answerToward(to, far *Leg) ([]byte, error) {
	local, err := c.reserve(to, to.sdp.AnswerLines(far.sdp))
	if err != nil {
		return nil, err
	}
	return to.sdp.BuildAnswer(far.sdp, local)
}

// connect makes the relay follow what both legs have agreed.
func (c *Call) connect() {
	if c.b == nil || !c.a.hasEnd || !c.b.hasEnd {
		return
	}
	c.env.Media().Connect(c.a.end, c.b.end, offer.Streams(c.a.sdp, c.b.sdp))
}

// releaseUnused gives up the ports of the lines that are off once an exchange
// has ended: those that were removed (RFC 3264 §8.2), and those that were
// offered in vain.
func (c *Call) releaseUnused() {
	if c.b == nil || !c.a.hasEnd || !c.b.hasEnd {
		return
	}
	streams := offer.Streams(c.a.sdp, c.b.sdp)
	for _, l := range [...]*Leg{c.a, c.b} {
		for i := range l.lines {
			if i >= len(streams) || streams[i].Kind == profile.Off {
				c.env.Media().Release(l.end, i)
			}
		}
	}
}
