package call

import "time"

// Info is an active call as the API shows it.
type Info struct {
	ID, State, Route string
	From, To         string // peers
	Caller, Called   string
	Start            time.Time
	Answered         bool
	AnsweredAt       time.Time
	DurationMs       int64
	Legs             []LegRecord
}

// Info gives a picture of the call.
func (c *Call) Info(now time.Time) Info {
	i := Info{ID: c.ID(), State: c.phase.String(), Route: c.rec.Route, From: c.rec.FromPeer, Caller: c.rec.Caller, Called: c.rec.Called,
		Start: c.rec.Start, Answered: c.rec.answered}
	if c.b != nil {
		i.To = c.b.peer.Name
	}
	if c.rec.answered {
		i.AnsweredAt = *c.rec.Answer
		i.DurationMs = now.Sub(*c.rec.Answer).Milliseconds()
	}
	for _, l := range [...]*Leg{c.a, c.b} {
		if l != nil {
			i.Legs = append(i.Legs, l.record())
		}
	}
	return i
}

// Result sorts a finished call into one of the totals.
func (r *Record) Result() string {
	switch {
	case r.answered:
		return "answered"
	case r.Code == 487:
		return "cancelled"
	case r.Code >= 500 && r.Code < 600:
		return "failed"
	default:
		return "refused"
	}
}

// Pending counts the BYEs of the call that have no answer yet.
func (c *Call) Pending() int { return c.byes }
