package limit

import "maps"

// Stats are the counters of a Gate.
type Stats struct {
	// Passed, Limited, Demoted and Banned count the messages of strangers by their verdict.
	Passed, Limited, Demoted, Banned uint64
	// Crowded counts those of Limited that the bucket of all strangers together did not let in.
	Crowded uint64
	// Offences counts those of strangers by reason, PeerOffences those of peers or in their name.
	Offences, PeerOffences map[string]uint64
	// Demotions and Bans count how often a source was demoted or banned, bans of a dry run included.
	Demotions, Bans uint64
	// Sources is how many strangers have a bucket now, Held how many bans are in force.
	Sources, Held int
}

// Stats copies the counters.
func (g *Gate) Stats() Stats {
	st := Stats{
		Passed: g.verdicts[Pass].Load(), Limited: g.verdicts[Limited].Load(), Demoted: g.verdicts[Demoted].Load(), Banned: g.verdicts[Banned].Load(),
		Crowded: g.crowded.Load(), Demotions: g.demotions.Load(), Bans: g.banned.Load(), Sources: g.datagrams.sources.EstimatedSize() + g.streams.sources.EstimatedSize(),
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	st.Offences, st.PeerOffences = maps.Clone(g.strange), maps.Clone(g.familiar)
	st.Held = g.bans.held(g.now())
	return st
}
