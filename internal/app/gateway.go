package app

import (
	"context"
	"errors"
	"time"

	"gatehouse/b2bua/record"
	"gatehouse/internal/admin"
)

// errNotReady says why the gateway takes no new calls.
var errNotReady = errors.New("not all listeners are open, or draining")

// gateway is the App as the API sees it.
type gateway struct{ a *App }

// Calls lists the calls in progress.
func (g gateway) Calls(ctx context.Context) ([]admin.Call, error) {
	ctx, cancel := context.WithTimeout(ctx, scrapeTime)
	defer cancel()
	calls := g.a.engine.Calls(ctx)
	out := make([]admin.Call, 0, len(calls))
	for _, c := range calls {
		out = append(out, adminCall(c))
	}
	return out, ctx.Err()
}

// Call finds one call.
func (g gateway) Call(ctx context.Context, id string) (admin.Call, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, scrapeTime)
	defer cancel()
	c, ok := g.a.engine.Call(ctx, id)
	if !ok {
		return admin.Call{}, false, ctx.Err()
	}
	return adminCall(c), true, nil
}

// Reload reads the configuration again.
func (g gateway) Reload(context.Context) error { return g.a.Reload() }

// Drain begins the graceful end.
func (g gateway) Drain() { g.a.Drain() }

// Ready tells whether calls are taken.
func (g gateway) Ready() error {
	if !g.a.ready.Load() {
		return errNotReady
	}
	return nil
}

func adminCall(c record.Info) admin.Call {
	out := admin.Call{ID: c.ID, State: c.State, Route: c.Route, Start: c.Start, DurationMs: c.DurationMs, FromPeer: c.From, ToPeer: c.To,
		Caller: c.Caller, Called: c.Called}
	if c.Answered {
		at := c.AnsweredAt.Round(time.Microsecond)
		out.Answer = &at
	}
	for _, l := range c.Legs {
		out.Legs = append(out.Legs, admin.Leg{Peer: l.Peer, CallID: l.CallID, Transport: l.Transport, Remote: l.Remote, Codec: l.Codec,
			SRTP: l.SRTP, MediaRemote: l.MediaRemote, RxPackets: l.RxPackets, TxPackets: l.TxPackets, RxLost: l.RxLost, JitterMs: l.JitterMs, Path: l.Path})
	}
	return out
}

// Bans lists the sources that are shut out.
func (g gateway) Bans() []admin.Ban {
	bans := g.a.gate.Bans()
	out := make([]admin.Ban, 0, len(bans))
	for _, b := range bans {
		out = append(out, admin.Ban{Source: b.Source, Reason: b.Reason, Since: b.Since, Until: b.Until, Offences: b.Offences, DryRun: b.DryRun})
	}
	return out
}

// Unban lets a source in again.
func (g gateway) Unban(source string) bool { return g.a.gate.Unban(source) }
