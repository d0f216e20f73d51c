package limit

import (
	"cmp"
	"container/heap"
	"slices"
	"time"
)

// Ban is one source that is shut out.
type Ban struct {
	// Source is an IPv4 address or an IPv6 prefix.
	Source string
	// Reason is what its last offence was.
	Reason string
	// Since and Until are when it began and when it ends.
	Since, Until time.Time
	// Offences counts those that led to it and those since.
	Offences int
	// DryRun tells that the source is not stopped.
	DryRun bool
}

// ban is one ban, in force or remembered for its repetition.
type ban struct {
	source       source
	reason       string
	since, until time.Time
	offences     int
	repeats      int // bans of this source before this one
	dryRun       bool
	place        int // in the heap
}

// shown is the ban as others see it.
func (e *ban) shown(dryRun bool) Ban {
	return Ban{Source: e.source.String(), Reason: e.reason, Since: e.since, Until: e.until, Offences: e.offences, DryRun: e.dryRun || dryRun}
}

// bans holds at most maxBans of them. Ended ones stay until longestBan later,
// so that a repetition is known as such. Gate guards it.
type bans struct {
	by    map[source]*ban
	queue queue
}

// inForce returns the ban of a source that has not ended, nil when there is
// none.
func (b *bans) inForce(s source, now time.Time) *ban {
	if e := b.by[s]; e != nil && now.Before(e.until) {
		return e
	}
	return nil
}

// add bans a source, or bans it again.
func (b *bans) add(s source, reason string, offences int, r *rules, now time.Time) *ban {
	b.forget(now)
	e := b.by[s]
	if e == nil {
		if len(b.queue) >= maxBans {
			b.remove(b.queue[0])
		}
		e = &ban{source: s}
		b.by[s] = e
		heap.Push(&b.queue, e)
	} else if !now.Before(e.until) {
		e.repeats++
	}
	e.reason, e.offences, e.dryRun = reason, offences, r.DryRun
	e.since, e.until = now, now.Add(r.banFor(e.repeats))
	heap.Fix(&b.queue, e.place)
	return e
}

// forget drops the bans that ended too long ago to matter.
func (b *bans) forget(now time.Time) {
	for len(b.queue) > 0 && !now.Before(b.queue[0].until.Add(longestBan)) {
		b.remove(b.queue[0])
	}
}

func (b *bans) remove(e *ban) {
	heap.Remove(&b.queue, e.place)
	delete(b.by, e.source)
}

// held counts the bans in force.
func (b *bans) held(now time.Time) int {
	n := 0
	for _, e := range b.queue {
		if now.Before(e.until) {
			n++
		}
	}
	return n
}

// list copies the bans in force, the newest first.
func (b *bans) list(now time.Time, dryRun bool) []Ban {
	var out []Ban
	for _, e := range b.queue {
		if now.Before(e.until) {
			out = append(out, e.shown(dryRun))
		}
	}
	slices.SortFunc(out, func(x, y Ban) int { return cmp.Or(y.Since.Compare(x.Since), cmp.Compare(x.Source, y.Source)) })
	return out
}

// queue is a heap of bans, the one that ends first in front.
type queue []*ban

// Len implements heap.Interface.
func (q queue) Len() int { return len(q) }

// Less implements heap.Interface.
func (q queue) Less(i, j int) bool { return q[i].until.Before(q[j].until) }

// Swap implements heap.Interface.
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

// Push implements heap.Interface.
func (q *queue) Push(x any) {
	e, ok := x.(*ban)
	if !ok {
		return
	}
	e.place = len(*q)
	*q = append(*q, e)
}

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	n := len(*q) - 1
	e := (*q)[n]
	(*q)[n] = nil
	*q = (*q)[:n]
	return e
}
