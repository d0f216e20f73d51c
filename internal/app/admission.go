package app

import (
	"net/netip"
	"sync/atomic"

	"github.com/rs/zerolog"

	"gatehouse/config"
	"gatehouse/internal/observe/metrics"
	"gatehouse/policy/engine"
	"gatehouse/policy/limit"
	"gatehouse/sip/msg"
	"gatehouse/sip/transport"
)

// admission decides about sources before anything of theirs is read: by the
// policy in force, which knows the peers and whom a zone denies, and by the
// gate, which watches everybody else and outlives reloads.
type admission struct {
	front *handler
	gate  *limit.Gate
	noise zerolog.Logger
	known atomic.Uint64 // arrivals of peers, which the gate does not see
	acl   atomic.Uint64 // arrivals that a zone denies
}

// Admit implements transport.Admission.
func (a *admission) Admit(in transport.Arrival) transport.Standing {
	src := in.Source.Addr()
	standing := a.front.engine.Load().Snapshot().Admit(in.Zone, src)
	switch standing {
	case engine.Known:
		a.known.Add(1)
		return transport.Known
	case engine.Denied:
		a.acl.Add(1)
		return transport.Denied
	case engine.Stranger, engine.Silent:
	}
	switch a.gate.Message(src, false, in.Proto.Reliable()) {
	case limit.Limited, limit.Banned:
		return transport.Denied
	case limit.Demoted:
		return transport.Silent
	case limit.Pass:
	}
	if standing == engine.Stranger {
		return transport.Stranger
	}
	return transport.Silent
}

// Offend implements transport.Admission.
func (a *admission) Offend(o transport.Offence) {
	known := a.front.engine.Load().Snapshot().Admit(o.Zone, o.Source) == engine.Known
	a.offend(o.Source, known, o.Proven, o.Reason)
}

// offend counts an offence, and says so when it was the last straw.
func (a *admission) offend(src netip.Addr, known, proven bool, reason string) {
	if b, banned := a.gate.Offend(src, known, proven, reason); banned {
		a.noise.Warn().Str("src", b.Source).Str("cause", b.Reason).Int("offences", b.Offences).Time("until", b.Until).Bool("dry_run", b.DryRun).Msg("source banned")
	}
}

// reasonScanner is the offence of a stranger that says it is an attack tool.
const reasonScanner = "scanner"

// scanner tells whether a message is from a stranger's attack tool, which gets
// no answer: any would tell it that somebody is here.
func (a *admission) scanner(in *transport.Inbound) bool {
	if in.Standing == transport.Known {
		return false
	}
	agent, ok := in.Msg.Get(msg.HeaderUserAgent)
	if !ok || !limit.Scanner(agent) {
		return false
	}
	a.offend(in.Source.Addr(), false, in.Conn != nil, reasonScanner)
	return true
}

// stats is what was decided so far. Under limit the gate counts everybody
// else, by its own verdicts.
func (a *admission) stats() metrics.AdmissionStats {
	s := a.gate.Stats()
	return metrics.AdmissionStats{Bans: s.Held, Offences: s.Offences, Verdicts: map[string]uint64{"known": a.known.Load(), "acl": a.acl.Load(),
		"passed": s.Passed, "limited": s.Limited, "demoted": s.Demoted, "banned": s.Banned}}
}

// rulesOf takes the limits of a configuration for the gate.
func rulesOf(s config.Security) limit.Rules {
	return limit.Rules{Rate: s.Strangers.Rate, Burst: s.Strangers.Burst, Total: s.Strangers.Total,
		After: s.Ban.After, For: s.Ban.For, Allow: s.Ban.Allow, DryRun: s.Ban.DryRun}
}
