package anchor

import (
	"time"

	"github.com/rs/zerolog"

	"gatehouse/media/ports"
)

// wake tells the keeper that there is something to do.
func (p *Plane) wake() {
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

// keep is the keeper: it stocks the reserve, takes rested pairs back and closes what is too much.
func (p *Plane) keep() {
	defer p.wg.Done()
	timer := time.NewTimer(keepEvery)
	defer timer.Stop()
	for {
		busy := p.upkeep()
		pause := sweepEvery
		if busy {
			pause = keepEvery
		}
		timer.Reset(pause)
		select {
		case <-p.stop:
			return
		case <-p.kick:
		case <-timer.C:
		}
	}
}

// upkeep looks after every pool once and says whether pairs rest, so that it should look again soon.
func (p *Plane) upkeep() bool {
	p.mu.Lock()
	p.retireLocked()
	pools := p.pools
	p.mu.Unlock()
	resting := false
	p.publish()
	for _, l := range pools {
		p.thaw(l)
		p.trim(l)
		for p.stock(l) {
		}
		p.mu.Lock()
		resting = resting || l.ports.Usage().Resting > 0
		p.mu.Unlock()
	}
	return resting
}

// thaw takes back pairs that rested: into the reserve, or out of use when that is full.
func (p *Plane) thaw(l *pool) {
	for {
		var surplus []ports.Pair
		p.mu.Lock()
		now, more := p.now(), true
		for range refillBatch {
			var pair ports.Pair
			if pair, more = l.ports.Ripe(now); !more {
				break
			}
			switch {
			case p.straggling(l, pair, now):
				p.brokenLocked(l.ports.Extend(pair, now))
			case l.active && l.ports.Usage().Warm < reserveExcess*l.target:
				p.brokenLocked(l.ports.Stock(pair))
			default:
				surplus = append(surplus, pair)
			}
		}
		p.mu.Unlock()
		p.shut(l, surplus)
		if !more {
			return
		}
	}
}

// trim closes a few pairs of a reserve that is larger than it should be and was not used lately, or is used no more at all.
func (p *Plane) trim(l *pool) {
	var surplus []ports.Pair
	p.mu.Lock()
	keep := l.target
	if !l.active {
		keep = 0
	}
	if !l.taken || !l.active {
		for range refillBatch {
			if l.ports.Usage().Warm <= keep {
				break
			}
			if pair, ok := l.ports.Trim(); ok {
				surplus = append(surplus, pair)
			}
		}
	}
	l.taken = false
	if !l.active && l.ports.Usage().Warm > 0 {
		p.wake()
	}
	p.mu.Unlock()
	p.shut(l, surplus)
}

// shut closes the sockets of drawn pairs and frees them.
func (p *Plane) shut(l *pool, pairs []ports.Pair) {
	if len(pairs) == 0 {
		return
	}
	slots := make([]uint32, len(pairs))
	for i, pair := range pairs {
		slots[i] = l.slots[pair]
	}
	p.relay.Unbind(slots)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, pair := range pairs {
		p.brokenLocked(l.ports.Discard(pair))
	}
}

// stock binds a batch of pairs for the reserve and says whether more are wanted and can be had.
func (p *Plane) stock(l *pool) bool {
	pairs := make([]ports.Pair, 0, refillBatch)
	p.mu.Lock()
	warm := l.ports.Usage().Warm
	if warm < l.low() {
		l.filling = true
	}
	if l.active && l.filling && !p.closed {
		for want := l.target - warm; want > 0 && len(pairs) < refillBatch; want-- {
			pair, ok := l.ports.Draw(p.now())
			if !ok {
				break
			}
			pairs = append(pairs, pair)
		}
	}
	more := len(pairs) == refillBatch
	l.filling = l.filling && more
	p.mu.Unlock()
	for _, pair := range pairs {
		slot, err := p.relay.Bind(l.rtp(pair), l.rtcp(pair))
		p.mu.Lock()
		if err == nil {
			l.slots[pair] = slot
			err = l.ports.Stock(pair)
		} else {
			err = p.bindFailedLocked(l, pair, err)
		}
		p.mu.Unlock()
		if err != nil {
			more = false // another second, when the keeper looks again
		}
	}
	return more
}

// report is something to log once the mutex is free.
type report struct {
	err   error
	msg   string
	level zerolog.Level
}

// brokenLocked notes a mistake of ours in the pairs' bookkeeping.
func (p *Plane) brokenLocked(err error) {
	if err != nil {
		p.reports = append(p.reports, report{err, "media port pair in a wrong state", zerolog.ErrorLevel})
	}
}

// complainLocked notes what an operator should look at, now and then; the counters are exact.
func (p *Plane) complainLocked(err error, msg string) {
	if now := p.now(); now.Sub(p.moaned) >= complainEvery {
		p.moaned = now
		p.reports = append(p.reports, report{err, msg, zerolog.WarnLevel})
		p.wake()
	}
}

// publish logs what was noted.
func (p *Plane) publish() {
	p.mu.Lock()
	reports := p.reports
	p.reports = nil
	p.mu.Unlock()
	for _, r := range reports {
		p.log.WithLevel(r.level).Err(r.err).Msg(r.msg)
	}
}
