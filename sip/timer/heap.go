// Package timer is the deadline heap an event loop owns: the loop asks for the nearest deadline, sleeps until then on
// one timer of its own, and takes out what is due.
//
// Entries are embedded in the things they wake, so arming, moving and stopping one allocates nothing, and a stopped
// entry is gone at once: nothing fires late. There is no goroutine, no lock and no clock inside; one goroutine owns a
// heap and all its entries. Its users are the transaction table and the call engine.
package timer

import "time"

// arity of the heap: four children share a cache line, and a deadline set later than most is moved few times.
const arity = 4

// Heap holds entries by deadline. The zero value is empty and ready.
type Heap[T any] struct {
	epoch time.Time // of the first deadline ever set; deadlines are kept as distances from it, by the monotonic clock
	items []item[T]
}

type item[T any] struct {
	at int64 // nanoseconds since epoch
	e  *Entry[T]
}

// Entry is one deadline. The zero value is ready and not armed. It must not be copied while armed, nor be in two heaps.
type Entry[T any] struct {
	Value T // what the deadline is for; the heap does not look at it

	place int // position in items plus one; 0 while not armed
}

// Armed says whether the entry is in a heap.
func (e *Entry[T]) Armed() bool { return e.place != 0 }

// Set arms e for the given time, or moves it when it is armed already.
func (h *Heap[T]) Set(e *Entry[T], at time.Time) {
	if h.epoch.IsZero() {
		h.epoch = at
	}
	it := item[T]{at: int64(at.Sub(h.epoch)), e: e}
	if e.place == 0 {
		h.items = append(h.items, it)
		h.up(len(h.items)-1, it)
		return
	}
	h.settle(e.place-1, it)
}

// Stop disarms e. An entry that is not armed is left alone.
func (h *Heap[T]) Stop(e *Entry[T]) {
	if e.place != 0 {
		h.remove(e.place - 1)
	}
}

// Next gives the earliest deadline; false when nothing is armed.
func (h *Heap[T]) Next() (time.Time, bool) {
	if len(h.items) == 0 {
		return time.Time{}, false
	}
	return h.epoch.Add(time.Duration(h.items[0].at)), true
}

// Pop disarms and gives the earliest entry whose deadline is not after now; false when none is due.
func (h *Heap[T]) Pop(now time.Time) (*Entry[T], bool) {
	if len(h.items) == 0 || h.items[0].at > int64(now.Sub(h.epoch)) {
		return nil, false
	}
	e := h.items[0].e
	h.remove(0)
	return e, true
}

// Len is the number of armed entries.
func (h *Heap[T]) Len() int { return len(h.items) }

func (h *Heap[T]) remove(i int) {
	h.items[i].e.place = 0
	last := len(h.items) - 1
	it := h.items[last]
	h.items[last] = item[T]{} // no reference stays behind
	h.items = h.items[:last]
	if i < last {
		h.settle(i, it)
	}
}

// settle puts it where it belongs, starting from the free position i.
func (h *Heap[T]) settle(i int, it item[T]) {
	if i > 0 && it.at < h.items[(i-1)/arity].at {
		h.up(i, it)
		return
	}
	h.down(i, it)
}

func (h *Heap[T]) up(i int, it item[T]) {
	for i > 0 {
		parent := (i - 1) / arity
		if h.items[parent].at <= it.at {
			break
		}
		h.put(i, h.items[parent])
		i = parent
	}
	h.put(i, it)
}

func (h *Heap[T]) down(i int, it item[T]) {
	for {
		least, at := i, it.at
		for c := i*arity + 1; c <= i*arity+arity && c < len(h.items); c++ {
			if h.items[c].at < at {
				least, at = c, h.items[c].at
			}
		}
		if least == i {
			h.put(i, it)
			return
		}
		h.put(i, h.items[least])
		i = least
	}
}

func (h *Heap[T]) put(i int, it item[T]) {
	h.items[i] = it
	it.e.place = i + 1
}
