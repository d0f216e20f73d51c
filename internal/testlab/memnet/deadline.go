package memnet

import (
	"sync"
	"time"
)

// deadline is an instant after which waiting ends; its owner's lock guards it.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

// set moves the deadline and wakes the waiters of cond, now and when it passes, so that they look again.
func (d *deadline) set(cond *sync.Cond, at time.Time) {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.at = at
	if wait := time.Until(at); !at.IsZero() && wait > 0 {
		d.timer = time.AfterFunc(wait, func() {
			cond.L.Lock()
			defer cond.L.Unlock()
			cond.Broadcast()
		})
	}
	cond.Broadcast()
}

// passed reports whether waiting is over.
func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }
