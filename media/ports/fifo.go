package ports

// fifo is a queue on one slice: pop moves a head index, and the slice is compacted when half of it is gone.
type fifo[T any] struct {
	items []T
	head  int
}

func (f *fifo[T]) len() int { return len(f.items) - f.head }

func (f *fifo[T]) push(v T) { f.items = append(f.items, v) }

// at gives the i-th oldest; i < len.
func (f *fifo[T]) at(i int) *T { return &f.items[f.head+i] }

// pop takes the oldest; len > 0.
func (f *fifo[T]) pop() T {
	v := f.items[f.head]
	f.head++
	if f.head*2 >= len(f.items) {
		n := copy(f.items, f.items[f.head:])
		f.items, f.head = f.items[:n], 0
	}
	return v
}
