package app

import (
	"context"
	"errors"
	"fmt"

	"gatehouse/config"
	"gatehouse/media/anchor"
)

// Reload reads the configuration again and puts it in force for new calls.
// All that can fail happens first; on error everything stays as it was.
func (a *App) Reload() error {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	err := a.reload()
	a.reloadOK.Store(err == nil)
	if err != nil {
		a.log.Error().Err(err).Msg("reload refused, the old configuration stays in force")
		return err
	}
	a.log.Info().Msg("configuration reloaded")
	return nil
}

func (a *App) reload() error {
	next, advice, err := a.o.Load()
	if err != nil {
		return err
	}
	a.advise(advice)
	if err := config.CheckReload(a.cfg.Load(), next); err != nil {
		return err
	}
	resolver := a.names.prepare(next.DNS)
	defer func() {
		if resolver != a.names.current.Load() { // the reload was refused
			a.leave(resolver)
		}
	}()
	resolved := a.sources.Find(a.life, next, resolver.Resolve, true)
	snapshot, err := compile(next, resolved)
	if err != nil {
		return err
	}
	ch, err := a.listen.prepare(next)
	if err != nil {
		return err
	}
	if err := a.media.SetZones(mediaZones(next)); err != nil {
		return errors.Join(fmt.Errorf("change media zones: %w", err), a.listen.abandon(ch))
	}
	a.media.SetTimeout(next.Media.Timeout)
	// Before the policy: a call it sends to a new zone finds the listener there.
	a.listen.commit(ch)
	a.leave(a.names.commit(resolver, next.DNS))
	a.resolved = resolved
	a.engine.SetSnapshot(snapshot)
	a.gate.Set(rulesOf(next.Security))
	if err := a.level.Set(next.Log.Level); err != nil {
		a.log.Warn().Err(err).Msg("log level stays as it was") // config has checked it
	}
	if a.cdr != nil {
		a.cdr.Reopen()
	}
	a.cfg.Store(next)
	a.retire(ch.retired)
	return nil
}

// unfinished counts the calls that are up, and the BYEs of the last ones.
func (a *App) unfinished() int {
	ctx, cancel := context.WithTimeout(a.life, scrapeTime)
	defer cancel()
	return a.engine.Active() + a.engine.Pending(ctx)
}

// advise logs what a configuration does that its writer may not have meant.
func (a *App) advise(advice []config.Issue) {
	for _, i := range advice {
		a.log.Warn().Str("cause", i.String()).Msg("configuration")
	}
}

// retire closes listeners in the background, once their calls are over.
func (a *App) retire(gone []*retiree) {
	if len(gone) == 0 {
		return
	}
	a.wg.Go(func() {
		if err := a.listen.retire(a.life, gone, a.unfinished); err != nil {
			a.log.Warn().Err(err).Msg("closing retired listeners")
		}
	})
}

// addresses counts the pools of the relay.
func addresses(zones map[string][]anchor.Address) int {
	n := 0
	for _, z := range zones {
		n += len(z)
	}
	return n
}

// mediaZones turns the media part of the configuration into pools.
func mediaZones(c *config.Config) map[string][]anchor.Address {
	zones := make(map[string][]anchor.Address, len(c.Zones))
	for _, z := range c.Zones {
		for _, m := range z.Media {
			zones[z.Name] = append(zones[z.Name], anchor.Address{Addr: m.Addr, Advertise: m.Advertise, Ports: [2]uint16{m.Ports.Low, m.Ports.High}})
		}
	}
	return zones
}
