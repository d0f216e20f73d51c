package app

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"gatehouse/b2bua"
	"gatehouse/b2bua/record"
	"gatehouse/internal/observe/cdr"
	"gatehouse/internal/observe/log"
	"gatehouse/internal/observe/metrics"
)

// noiseBurst lines per noisePeriod are written about what hostile input triggers; the metrics stay exact.
const (
	noiseBurst  = 5
	noisePeriod = time.Second
)

// openLog makes the logger all others come from. They read the level at each event, so that a reload changes it.
func (a *App) openLog(name string) error {
	if err := a.level.Set(name); err != nil {
		return err
	}
	a.logOut = log.NewWriter(a.o.Log)
	a.log = log.New(a.logOut, &a.level)
	return nil
}

// noise is the logger for what strangers can make us log.
func (a *App) noise() zerolog.Logger {
	return log.NewBurst(&a.level, noiseBurst, noisePeriod).Logger(a.log)
}

// recorder passes call records to the file, if there is one.
type recorder struct {
	file *cdr.Writer
	log  zerolog.Logger
}

// Record implements b2bua.Recorder.
func (r recorder) Record(rec *record.Record) {
	if r.file == nil {
		return
	}
	if err := r.file.Record(rec); err != nil {
		r.log.Error().Err(err).Str("call", rec.ID).Msg("call record lost")
	}
}

// scrapeTime bounds how long a scrape or an API request waits for the shards.
const scrapeTime = 2 * time.Second

// metricSources adapts what counts to what a scrape asks.
func (a *App) metricSources() metrics.Sources {
	return metrics.Sources{
		Engine: func() metrics.EngineStats {
			ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
			defer cancel()
			return engineStats(a.engine.Stats(ctx))
		},
		Media:      a.mediaStats,
		Signalling: a.signallingStats,
		Admission:  a.admit.stats,
		Lookups:    a.names.lookups,
		Records:    a.recordStats,
		LogDropped: a.logOut.Dropped,
		ReloadOK:   a.reloadOK.Load,
	}
}

func engineStats(s b2bua.Stats) metrics.EngineStats {
	out := metrics.EngineStats{Calls: s.Calls, Dialogs: s.Dialogs, Transactions: s.Transactions,
		SetupDelay: metrics.Histogram{Bounds: b2bua.SetupBounds(), Counts: s.SetupCounts, Sum: s.SetupSum.Seconds()},
		Drops: map[string]uint64{"unknown_source": s.UnknownSource, "stray_response": s.StrayResponses, "shed": s.Shed,
			"lane_overflow": s.LaneOverflow, "send_error": s.SendErrors, "panic": s.Panics}}
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
	out.Handshakes, out.Connections = t.Handshakes, t.ConnsBy
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
