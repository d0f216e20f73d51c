package call

import (
	"time"

	"gatehouse/b2bua/crossing"
	"gatehouse/b2bua/record"
)

// beginRecord opens the record of a call.
func (c *Call) beginRecord(in Invitation) {
	r := &c.rec
	r.ID, r.Route = c.ID(), in.Decision.Route
	r.Start = in.Arrived
	r.Attempts, r.Legs = []record.Attempt{}, []record.Leg{}
	if in.Decision.From != nil {
		r.FromPeer = in.Decision.From.Name
	}
	r.Caller = crossing.PartyOf(in.Msg.From()).User
	r.Called = in.User
	if in.Service != "" {
		r.Called = in.Service
	}
	r.CallerOut, r.CalledOut = r.Caller, r.Called
}

// recordAttempt notes how one attempt ended, once.
func (c *Call) recordAttempt(l *Leg, code int) {
	if l.recorded {
		return
	}
	l.recorded = true
	r := &c.rec
	r.Attempts = append(r.Attempts, record.Attempt{Peer: l.peer.Name, Target: l.target(), Code: code, Ms: c.env.Now().Sub(l.started).Milliseconds()})
	if !r.Answered() {
		r.ToPeer = l.peer.Name
	}
}

// target is where an attempt went, or would have gone.
func (l *Leg) target() string {
	switch {
	case l.sent.Set():
		return l.sent.Name()
	case l.hop.Set():
		return l.hop.Name()
	case l.of != nil:
		return l.of.URI.String()
	default:
		return ""
	}
}

// legRecords reads both legs; media figures are there until the ports are
// freed.
func (c *Call) legRecords() []record.Leg {
	out := []record.Leg{}
	for _, l := range [...]*Leg{c.a, c.b} {
		if l != nil {
			out = append(out, l.record())
		}
	}
	return out
}

func (l *Leg) record() record.Leg {
	r := record.Leg{Peer: l.peer.Name, CallID: l.dlg.CallID, SRTP: "off"}
	if l.hop.Set() {
		r.Transport = l.hop.Proto().String()
		r.Remote = l.hop.Remote().String()
	}
	streams := 0
	if remote := l.sdp.Remote(); remote != nil {
		streams = len(remote.Media)
		for _, m := range remote.Media {
			if !m.Rejected() && len(m.Codecs) > 0 {
				r.Codec = m.Codecs[0].Name
				r.MediaRemote = m.Addr.String()
				break
			}
		}
	}
	if !l.hasEnd {
		return r
	}
	for i := range streams {
		r.Add(l.call.env.Media().Stats(l.end, i))
	}
	return r
}

// Info gives a picture of the call.
func (c *Call) Info(now time.Time) record.Info {
	i := record.Info{ID: c.ID(), State: c.phase.String(), Route: c.rec.Route, From: c.rec.FromPeer, Caller: c.rec.Caller, Called: c.rec.Called,
		Start: c.rec.Start, Answered: c.rec.Answered(), Legs: c.legRecords()}
	if c.b != nil {
		i.To = c.b.peer.Name
	}
	if c.rec.Answered() {
		i.AnsweredAt = *c.rec.Answer
		i.DurationMs = now.Sub(*c.rec.Answer).Milliseconds()
	}
	return i
}
