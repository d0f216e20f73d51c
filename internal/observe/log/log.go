// Package log makes the process's logger: JSON lines through zerolog, written
// by a goroutine of its own so that a slow or full disk behind stderr never
// delays a call. It also makes text from the wire safe to log, and samples
// what an attacker could make us log.
//
// Keys are fixed: call, leg, peer, src, method, code, cause, dur_ms. internal/app
// makes one Writer and one logger and passes the logger down; nobody else
// writes to stderr. Everything here may be used from any goroutine.
package log

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// timeFormat has milliseconds and always three of them, so that lines align.
const timeFormat = "2006-01-02T15:04:05.000Z07:00"

// nameMessage sets the key of the message text once. zerolog keeps it in a
// package variable and has no setting per logger.
var nameMessage = sync.OnceFunc(func() { zerolog.MessageFieldName = "msg" })

// New makes the logger. level is debug, info, warn or error, as in the
// configuration. The first call must come before other goroutines log.
func New(w io.Writer, level string) (zerolog.Logger, error) {
	l, err := ParseLevel(level)
	if err != nil {
		return zerolog.Nop(), err
	}
	nameMessage()
	return zerolog.New(w).Level(l).Hook(stamp{}), nil
}

// ParseLevel reads a level of the configuration; "" is info.
func ParseLevel(s string) (zerolog.Level, error) {
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

// stamp adds the time; zerolog's own has its format in a package variable.
type stamp struct{}

// Run implements zerolog.Hook.
func (stamp) Run(e *zerolog.Event, _ zerolog.Level, _ string) {
	e.Str("time", time.Now().Format(timeFormat))
}
