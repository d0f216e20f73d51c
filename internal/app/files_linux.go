package app

import (
	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"
)

// raiseFileLimit lets the process open as many files as the system allows: a
// call with one audio stream holds four sockets on the portable path.
func raiseFileLimit(log *zerolog.Logger) {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		log.Warn().Err(err).Msg("cannot read the limit of open files")
		return
	}
	l.Cur = l.Max
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		log.Warn().Err(err).Msg("cannot raise the limit of open files")
	}
}
