package flow

import (
	"errors"
	"sync/atomic"
)

// ErrFull says that a table has no slot left.
var ErrFull = errors.New("flow table is full")

// Table is a dense array whose elements never move: packet workers reach one by its number without a lock while the array grows.
// At is safe at any time; Alloc and Free are for one writer at a time. The zero value is an empty table.
type Table[T any] struct {
	chunks [maxChunks]atomic.Pointer[[chunkSlots]T]
	next   uint32
	free   []uint32
}

// At gives element i, which was allocated at some time.
func (t *Table[T]) At(i uint32) *T {
	return &t.chunks[i/chunkSlots].Load()[i%chunkSlots]
}

// Alloc gives the number of an element that nobody holds. It is as its last holder left it, or zero.
func (t *Table[T]) Alloc() (uint32, error) {
	if n := len(t.free); n > 0 {
		i := t.free[n-1]
		t.free = t.free[:n-1]
		return i, nil
	}
	if t.next == maxChunks*chunkSlots {
		return 0, ErrFull
	}
	i := t.next
	t.next++
	if i%chunkSlots == 0 {
		t.chunks[i/chunkSlots].Store(new([chunkSlots]T))
	}
	return i, nil
}

// Len is the number of elements that were ever allocated; At is good for all below it. It is for the writer.
func (t *Table[T]) Len() uint32 { return t.next }

// Free gives element i back.
func (t *Table[T]) Free(i uint32) { t.free = append(t.free, i) }
