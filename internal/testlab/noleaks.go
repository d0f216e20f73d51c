// Package testlab holds what several packages' tests share. Its folders are the
// in-memory network (memnet), scripted SIP peers (ladder), the leak scanner
// (leak) and stamped media streams (rtpgen). Only tests import them.
package testlab

import (
	"testing"

	"go.uber.org/goleak"
)

// NoLeaks fails the test when goroutines it started are still there after it
// and everything registered with t.Cleanup later than this call have ended.
// Call it first. Not for tests that run in parallel with others, nor inside a
// testing/synctest bubble, which checks this by itself.
func NoLeaks(t testing.TB) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		t.Helper()
		goleak.VerifyNone(t, before)
	})
}
