package log

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// queuedBytes bounds what waits for a slow output: seconds of a debug log.
	queuedBytes = 4 << 20
	// longestWrite is how many bytes of lines go out in one write.
	longestWrite = 64 << 10
	// gatherTime is how long the first line of several waits for the others:
	// waking the writer for each costs more than writing it.
	gatherTime = 20 * time.Millisecond
)

// Writer passes whole lines to an output that may block. It never blocks
// itself: lines beyond its queue are dropped and counted, and the next line
// that goes out says so.
type Writer struct {
	out     io.Writer
	dropped atomic.Uint64
	done    chan struct{}
	wake    chan struct{} // holds one: there is something to write, or the end is wanted

	mu     sync.Mutex // guards what follows
	queue  []byte
	missed uint64 // dropped since the output was last told
	closed bool
}

// NewWriter starts the writing goroutine; Close ends it.
func NewWriter(out io.Writer) *Writer {
	w := &Writer{out: out, done: make(chan struct{}), wake: make(chan struct{}, 1)}
	go w.run()
	return w
}

// Write queues one event: zerolog calls it with whole lines. It keeps no
// reference to p and reports no error.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || len(w.queue)+len(p) > queuedBytes {
		w.missed++
		w.dropped.Add(1)
		return len(p), nil
	}
	if len(w.queue) == 0 {
		w.signal()
	}
	w.queue = append(w.queue, p...)
	return len(p), nil
}

// Dropped counts the lines that were not written.
func (w *Writer) Dropped() uint64 { return w.dropped.Load() }

// Close writes what is queued and ends the goroutine, or gives up waiting when
// the context ends; the goroutine then ends with the write it hangs in.
func (w *Writer) Close(ctx context.Context) error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.signal()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("flush log: %w", ctx.Err())
	}
}

func (w *Writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default: // the goroutine has been told already
	}
}

func (w *Writer) run() {
	defer close(w.done)
	timer := time.NewTimer(gatherTime)
	defer timer.Stop()
	var spare []byte
	for closed := false; !closed; {
		<-w.wake
		timer.Reset(gatherTime)
		select {
		case <-timer.C:
		case <-w.wake: // the end is wanted
		}
		spare, closed = w.drain(spare)
	}
}

// drain writes what is queued. It gives the buffer to queue in next but one,
// and tells whether the writer is closed and nothing can be queued any more.
func (w *Writer) drain(spare []byte) (next []byte, closed bool) {
	w.mu.Lock()
	batch, missed, closed := w.queue, w.missed, w.closed
	w.queue, w.missed = spare[:0], 0
	w.mu.Unlock()
	w.emit(batch)
	if missed > 0 {
		w.emit(fmt.Appendf(nil, `{"level":"warn","dropped":%d,"time":%q,"msg":"log lines dropped"}`+"\n", missed, time.Now().Format(timeFormat)))
	}
	if cap(batch) > longestWrite {
		return nil, closed // a flood's buffer is not kept
	}
	return batch, closed
}

// emit writes lines in pieces. An error has nowhere to go: stderr is gone or
// full, and the process goes on without.
func (w *Writer) emit(b []byte) {
	for len(b) > 0 {
		n := min(len(b), longestWrite)
		if _, err := w.out.Write(b[:n]); err != nil {
			w.dropped.Add(uint64(bytes.Count(b[:n], []byte{'\n'})))
		}
		b = b[n:]
	}
}
