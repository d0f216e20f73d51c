// Package cdr appends call records to a file, one JSON line for each call.
//
// A Writer never makes a call wait: records go to a bounded queue and a
// goroutine of its own writes them. A record is in the file whole or not at
// all: what a full disk cuts off is taken back and written again. While the
// file cannot be written, for want of space or because it became read-only,
// records stay in memory and are tried again every second; only beyond the
// queue's bound are new ones lost, and counted. Reopen follows a rotation.
//
// internal/app makes one Writer and passes it to b2bua as its recorder. All
// methods may be called from any goroutine.
package cdr

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	// DefaultQueue is how many records wait in memory at most: at 100 calls a
	// second more than 15 minutes of a full disk, in about 100 MB.
	DefaultQueue = 100_000
	// retryInterval is how often a file that failed is tried again.
	retryInterval = time.Second
	// syncInterval is how old a record gets at most before it is forced to
	// the disk, with the ones written meanwhile.
	syncInterval = time.Second
	// gatherTime is how long the first record of several waits for the others:
	// waking the writer for each costs more than writing it.
	gatherTime = 50 * time.Millisecond
	// fileMode keeps call records from other users.
	fileMode = 0o640
)

// Options set up a Writer.
type Options struct {
	// Path is the file; it is created when it is not there.
	Path string
	// Queue is the most records that wait; 0 is DefaultQueue.
	Queue int
	// Log gets one line when writing begins to fail and one when it works again.
	Log zerolog.Logger

	open func(path string) (file, error) // tests replace it
}

// file is the part of *os.File used.
type file interface {
	io.Writer
	Truncate(size int64) error
	Sync() error
	Close() error
	Stat() (os.FileInfo, error)
	ReadAt(b []byte, off int64) (int, error)
}

// Stats counts records.
type Stats struct {
	Written uint64 // whole in the file
	Lost    uint64 // not queued because the queue was full, or refused
	Errors  uint64 // failed writes, opens and syncs
	Queued  int    // waiting now
	Failing bool   // the last attempt failed
}

// Writer appends records to a file.
type Writer struct {
	path  string
	most  int
	log   zerolog.Logger
	open  func(path string) (file, error)
	wake  chan struct{} // holds one: there is something to do
	done  chan struct{}
	mu    sync.Mutex // guards what follows
	queue [][]byte
	stats Stats
	// reopen and closing are orders to the goroutine.
	reopen  bool
	closing bool
	// abandoned is set once abandon was closed: Close waits no longer.
	abandoned bool
	abandon   chan struct{}

	// What follows belongs to the goroutine.
	target
	lastSync   time.Time
	stale      bool // Reopen was called and has not succeeded yet
	nextReopen time.Time
	reported   bool // the failing of the reopening is in the log
}

// target is an open file and what is known of it.
type target struct {
	f        file
	size     int64 // length of a regular file, -1 of anything else
	torn     bool  // it ends inside a line that could not be taken back
	unsynced bool
}

// Open opens the file and starts the writing goroutine.
func Open(o Options) (*Writer, error) {
	w := &Writer{path: o.Path, most: o.Queue, log: o.Log, open: o.open,
		wake: make(chan struct{}, 1), done: make(chan struct{}), abandon: make(chan struct{})}
	if w.most == 0 {
		w.most = DefaultQueue
	}
	if w.open == nil {
		w.open = openFile
	}
	if err := w.openNow(); err != nil {
		return nil, err
	}
	go w.run()
	return w, nil
}

func openFile(path string) (file, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, fileMode)
}

// Write queues one record: a JSON value without a line break, of which the
// writer keeps its own copy. It never waits.
func (w *Writer) Write(line []byte) {
	line = bytes.TrimRight(line, "\r\n")
	bad := len(line) == 0 || bytes.ContainsAny(line, "\r\n")
	record := append(append(make([]byte, 0, len(line)+1), line...), '\n')
	w.mu.Lock()
	if bad || w.closing || len(w.queue) >= w.most {
		w.stats.Lost++
		w.mu.Unlock()
		return
	}
	first := len(w.queue) == 0
	w.queue = append(w.queue, record)
	w.mu.Unlock()
	if first {
		w.signal()
	}
}

// Record encodes a value as JSON and queues it.
func (w *Writer) Record(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // <sip:...> stays readable; no HTML is made of the file
	if err := e.Encode(v); err != nil {
		w.mu.Lock()
		w.stats.Lost++
		w.mu.Unlock()
		return fmt.Errorf("encode call record: %w", err)
	}
	w.Write(b.Bytes())
	return nil
}

// Reopen closes the file and opens its path again, after a rotation. When that
// fails the records wait.
func (w *Writer) Reopen() {
	w.mu.Lock()
	w.reopen = true
	w.mu.Unlock()
	w.signal()
}

// Stats gives the counters.
func (w *Writer) Stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.stats
	s.Queued = len(w.queue)
	return s
}

var errUnwritten = errors.New("records not written")

// Close writes what is queued, trying again until the context ends, and closes
// the file. The error tells how many records could not be written.
func (w *Writer) Close(ctx context.Context) error {
	w.mu.Lock()
	w.closing = true
	w.mu.Unlock()
	w.signal()
	select {
	case <-w.done:
	case <-ctx.Done():
		w.mu.Lock()
		if !w.abandoned {
			w.abandoned = true
			close(w.abandon)
		}
		w.mu.Unlock()
	}
	if n := w.Stats().Queued; n > 0 {
		return fmt.Errorf("close call records: %w: %d", errUnwritten, n)
	}
	return nil
}

func (w *Writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default: // the goroutine has been told already
	}
}
