package app

import (
	"context"
	"time"
)

// settleTime is how long the last BYEs of a drain may take to be answered
// before the sockets close.
const settleTime = 2 * time.Second

// Run serves until ctx is done (drain, then stop) or a drain asked for through
// the API has finished. Each value on reload reloads the configuration. A
// value on now stops at once.
func (a *App) Run(ctx context.Context, reload <-chan struct{}, now <-chan struct{}) error {
	c := a.cfg.Load()
	a.log.Info().Str("node", c.Node).Str("version", a.o.Version).Int("listeners", len(keysOf(c))).Msg("ready")
	for {
		select {
		case <-reload:
			// The outcome is logged and counted; a bad file changes nothing.
			_ = a.Reload()
			continue
		case <-now:
		case <-ctx.Done():
			a.drainCalls(now)
		case <-a.drain:
			a.drainCalls(now)
		}
		break
	}
	end, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	return a.Close(end)
}

// Drain asks for a graceful end: no new calls, and the end when the last one
// is over.
func (a *App) Drain() { a.once.Do(func() { close(a.drain) }) }

// drainCalls waits for the calls to end, at most the drain time; what is left
// then gets BYE. A value on now cuts it short.
func (a *App) drainCalls(now <-chan struct{}) {
	a.ready.Store(false)
	a.log.Info().Int("calls", a.engine.Active()).Dur("at_most", a.o.DrainTime).Msg("draining")
	ctx, cancel := context.WithTimeout(context.Background(), a.o.DrainTime)
	defer cancel()
	done := make(chan struct{})
	go func() { a.engine.Drain(ctx); close(done) }()
	select {
	case <-done:
	case <-now:
		cancel()
		<-done
		return
	}
	a.engine.Settle(settleTime)
}
