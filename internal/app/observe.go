package app

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"gatehouse/b2bua"
	"gatehouse/b2bua/call"
	"gatehouse/internal/observe/cdr"
	"gatehouse/internal/observe/log"
	"gatehouse/internal/observe/metrics"
)

// level lets a reload change what is logged: the loggers handed out at the
// start all ask it.
type level struct{ v atomic.Int32 }

func (l *level) set(name string) error {
	parsed, err := log.ParseLevel(name)
	if err != nil {
		return err
	}
	l.v.Store(int32(parsed))
	return nil
}

// Run implements zerolog.Hook.
func (l *level) Run(e *zerolog.Event, at zerolog.Level, _ string) {
	if int32(at) < l.v.Load() {
		e.Discard()
	}
}

func (a *App) openLog(name string) error {
	if err := a.level.set(name); err != nil {
		return err
	}
	a.logOut = log.NewWriter(a.o.Log)
	l, err := log.New(a.logOut, "debug")
	if err != nil {
		return err
	}
	a.log = l.Hook(&a.level)
	return nil
}

// recorder passes call records to the file, if there is one.
type recorder struct {
	file *cdr.Writer
	log  zerolog.Logger
}

func (r recorder) Record(rec *call.Record) {
	if r.file == nil {
		return
	}
	if err := r.file.Record(rec); err != nil {
		r.log.Error().Err(err).Str("call", rec.ID).Msg("call record lost")
	}
}

// scrapeTime bounds how long a scrape or an API request waits for the shards.
const scrapeTime = 2 * time.Second

// sources adapts what counts to what a scrape asks.
func (a *App) sources() metrics.Sources {
	return metrics.Sources{
		Engine: func() metrics.EngineStats {
			ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
			defer cancel()
			return engineStats(a.engine.Stats(ctx))
		},
		Media:      a.mediaStats,
		Signalling: a.signallingStats,
		Records:    a.recordStats,
		LogDropped: a.logOut.Dropped,
		ReloadOK:   a.reloadOK.Load,
	}
}

func engineStats(s b2bua.Stats) metrics.EngineStats {
	out := metrics.EngineStats{Calls: s.Calls, Dialogs: s.Dialogs, Transactions: s.Transactions,
		SetupDelay: metrics.Histogram{Bounds: b2bua.SetupBounds(), Counts: s.SetupCounts, Sum: s.SetupSum.Seconds()}}
	for k, n := range s.CallsTotal {
		out.CallsTotal = append(out.CallsTotal, metrics.CallCount{From: k.From, To: k.To, Result: k.Result, N: n})
	}
	return out
}

func (a *App) mediaStats() metrics.MediaStats {
	u := a.media.Usage()
	out := metrics.MediaStats{PortsInUse: make(map[string]int, len(u.Zones)), Flows: u.Flows, Drops: u.Drops}
	for zone, pairs := range u.Zones {
		// A pair is two ports: RTP and RTCP.
		out.PortsInUse[zone] = 2 * pairs.Busy
	}
	return out
}

func (a *App) signallingStats() metrics.SignallingStats {
	t := a.stack.Stats()
	out := metrics.SignallingStats{Drops: make(map[string]uint64, len(t.Drops))}
	for _, m := range t.Messages {
		out.Messages = append(out.Messages, metrics.MessageCount{Direction: m.Direction.String(), Method: m.Method.String(), Code: m.Code, N: m.N})
	}
	for cause, n := range t.Drops {
		out.Drops[cause.String()] = n
	}
	return out
}

func (a *App) recordStats() metrics.RecordStats {
	if a.cdr == nil {
		return metrics.RecordStats{}
	}
	s := a.cdr.Stats()
	return metrics.RecordStats{Queued: s.Queued, Written: s.Written, Lost: s.Lost}
}
