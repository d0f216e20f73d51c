package log

import (
	"fmt"
	"sync/atomic"

	"github.com/rs/zerolog"
)

// Level is the least severe level that is logged. The loggers handed out at the start all ask it before an event is
// built, so that a reload changes what is logged, and a line that is not wanted costs no allocation. The zero value is
// debug.
//
// It is the sampler of these loggers, and zerolog's Logger.Sample would take its place: Burst.Logger asks both.
type Level struct{ least atomic.Int32 }

// Set changes the level: debug, info, warn or error, as in the configuration; "" is info. On error it stays as it was.
func (l *Level) Set(name string) error {
	least, err := parseLevel(name)
	if err != nil {
		return err
	}
	l.least.Store(int32(least))
	return nil
}

// Sample implements zerolog.Sampler.
func (l *Level) Sample(at zerolog.Level) bool { return int32(at) >= l.least.Load() }

func parseLevel(s string) (zerolog.Level, error) {
	switch s {
	case "debug":
		return zerolog.DebugLevel, nil
	case "", "info":
		return zerolog.InfoLevel, nil
	case "warn":
		return zerolog.WarnLevel, nil
	case "error":
		return zerolog.ErrorLevel, nil
	}
	return zerolog.NoLevel, fmt.Errorf("log level %q: want debug, info, warn or error", s)
}
