// Package log makes the process's logger: JSON lines through zerolog, written
// by a goroutine of its own so that a slow or full disk behind stderr never
// delays a call. Its level can change while loggers are in use. It also makes
// text from the wire safe to log, and samples what an attacker could make us log.
//
// Keys are fixed: call, leg, peer, src, method, code, cause, dur_ms. internal/app
// makes one Writer and one logger and passes the logger down; nobody else
// writes to stderr. Everything here may be used from any goroutine.
package log

import (
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

// New makes the logger, whose level is read at each event. The first call must come before other goroutines log.
func New(w io.Writer, level *Level) zerolog.Logger {
	nameMessage()
	return zerolog.New(visible{w}).Level(zerolog.DebugLevel).Sample(level).Hook(stamp{})
}

// stamp adds the time; zerolog's own has its format in a package variable.
type stamp struct{}

// Run implements zerolog.Hook.
func (stamp) Run(e *zerolog.Event, _ zerolog.Level, _ string) {
	e.Str("time", time.Now().Format(timeFormat))
}
