package app

import (
	"math"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"
)

// raiseFileLimit lets the process open as many files as the system allows: a
// call with one audio stream holds four sockets on the portable path. It gives
// the limit, 0 when it is not known.
func raiseFileLimit(log *zerolog.Logger) int {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		log.Warn().Err(err).Msg("cannot read the limit of open files")
		return 0
	}
	if raised := (unix.Rlimit{Cur: l.Max, Max: l.Max}); l.Cur < l.Max {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &raised); err != nil {
			log.Warn().Err(err).Msg("cannot raise the limit of open files")
		} else {
			l = raised
		}
	}
	return int(min(l.Cur, math.MaxInt32))
}
