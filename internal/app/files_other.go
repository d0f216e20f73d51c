//go:build !linux

package app

import "github.com/rs/zerolog"

// raiseFileLimit does nothing: the limits of other systems are left alone.
func raiseFileLimit(*zerolog.Logger) int { return 0 }
