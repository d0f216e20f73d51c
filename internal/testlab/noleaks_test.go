package testlab

import (
	"fmt"
	"testing"
)

// recorder is a testing.TB that keeps what a check says instead of failing.
type recorder struct {
	testing.TB
	cleanup []func()
	said    []string
}

func (r *recorder) Helper()           {}
func (r *recorder) Cleanup(f func())  { r.cleanup = append(r.cleanup, f) }
func (r *recorder) Error(args ...any) { r.said = append(r.said, fmt.Sprint(args...)) }

func TestNoLeaks_GoroutineLeft_Reported(t *testing.T) {
	r := &recorder{TB: t}
	NoLeaks(r)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() { <-stop; close(done) }()
	for _, f := range r.cleanup {
		f()
	}
	close(stop)
	<-done
	if len(r.said) == 0 {
		t.Error("a goroutine was left and nothing said")
	}
}

func TestNoLeaks_GoroutineEnded_Silent(t *testing.T) {
	r := &recorder{TB: t}
	NoLeaks(r)
	done := make(chan struct{})
	go close(done)
	<-done
	for _, f := range r.cleanup {
		f()
	}
	if len(r.said) > 0 {
		t.Errorf("said %q", r.said)
	}
}
