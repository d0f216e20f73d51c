package datagram

import "time"

const (
	// restTime is how long a busy reader lets datagrams gather before it reads again. No peer notices a millisecond.
	restTime = time.Millisecond
	// paceWindow and busyDatagrams say when a reader is busy: from a thousand datagrams in a second on.
	paceWindow    = 20 * time.Millisecond
	busyDatagrams = 20
)

// pacer tells how busy a reader is.
type pacer struct {
	began time.Time // of the window
	count int       // datagrams in it
	busy  bool      // the window before was
}

// read notes that n datagrams were read, and tells how long to wait before the next read.
func (p *pacer) read(n int, now time.Time) time.Duration {
	if passed := now.Sub(p.began); passed >= paceWindow {
		p.busy = p.count >= busyDatagrams && passed < 2*paceWindow
		p.began, p.count = now, 0
	}
	p.count += n
	if p.busy {
		return restTime
	}
	return 0
}
