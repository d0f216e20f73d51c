package log

import (
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// Burst lets a few events of one kind through each period and drops the rest,
// before their fields are built. The first one let through after some were
// dropped says how many in "suppressed". Counting is the metrics' business; this
// only keeps a flood from becoming a flood of lines.
type Burst struct {
	level  *Level
	most   int
	period time.Duration
	now    func() time.Time

	mu         sync.Mutex // guards what follows
	since      time.Time
	passed     int
	suppressed uint64
}

// NewBurst makes a sampler of most events each period. What is below the level uses up none of them.
func NewBurst(level *Level, most int, period time.Duration) *Burst {
	return &Burst{level: level, most: most, period: period, now: time.Now}
}

// Logger gives a logger that goes through the sampler, which also asks the level.
// Loggers of one kind of event share one Burst.
func (b *Burst) Logger(l zerolog.Logger) zerolog.Logger { return l.Sample(b).Hook(b) }

// Sample implements zerolog.Sampler.
func (b *Burst) Sample(at zerolog.Level) bool {
	if !b.level.Sample(at) {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := b.now(); now.Sub(b.since) >= b.period {
		b.since, b.passed = now, 0
	}
	if b.passed >= b.most {
		b.suppressed++
		return false
	}
	b.passed++
	return true
}

// Run implements zerolog.Hook: it adds the number suppressed before.
func (b *Burst) Run(e *zerolog.Event, _ zerolog.Level, _ string) {
	b.mu.Lock()
	n := b.suppressed
	b.suppressed = 0
	b.mu.Unlock()
	if n > 0 {
		e.Uint64("suppressed", n)
	}
}
