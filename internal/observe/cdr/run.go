package cdr

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// run is the writing goroutine: it works until it is closed and has written
// everything, or nobody waits for that any more.
func (w *Writer) run() {
	defer close(w.done)
	defer w.shut()
	timer := time.NewTimer(syncInterval)
	defer timer.Stop()
	for {
		pause := w.work()
		if w.finished() {
			return
		}
		timer.Reset(pause)
		if !w.wait(timer) {
			return
		}
	}
}

// wait returns when there is something to do, false when it is abandoned. New
// records do not make a full disk emptier: they wait for the timer too.
func (w *Writer) wait(timer *time.Timer) bool {
	for {
		select {
		case <-w.wake:
			if !w.ready() {
				continue
			}
			return w.gather(timer)
		case <-timer.C:
			return true
		case <-w.abandon:
			return false
		}
	}
}

// gather lets further records come, so that many are written in one waking;
// an order, such as that to close, is not kept waiting.
func (w *Writer) gather(timer *time.Timer) bool {
	if w.ordered() {
		return true
	}
	timer.Reset(gatherTime)
	select {
	case <-w.wake:
		return true
	case <-timer.C:
		return true
	case <-w.abandon:
		return false
	}
}

func (w *Writer) ordered() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reopen || w.closing
}

// ready tells whether a signal is worth an attempt at once.
func (w *Writer) ready() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.stats.Failing || w.reopen || w.closing
}

func (w *Writer) finished() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closing && len(w.queue) == 0
}

// work does what can be done now and says how long to wait before the next try.
func (w *Writer) work() time.Duration {
	w.mu.Lock()
	reopen := w.reopen
	w.reopen = false
	w.mu.Unlock()
	if reopen {
		w.stale, w.nextReopen = true, time.Now()
	}
	if w.stale && !time.Now().Before(w.nextReopen) {
		w.rotate()
	}
	for {
		w.mu.Lock()
		if len(w.queue) == 0 {
			w.mu.Unlock()
			break
		}
		record := w.queue[0]
		w.mu.Unlock()
		if err := w.put(record); err != nil {
			w.failed(err)
			return retryInterval
		}
		w.wrote()
	}
	return w.sync()
}

// rotate opens the path again and closes the old file. While the path cannot
// be opened the records go on into the old file.
func (w *Writer) rotate() {
	old := w.target
	if err := w.openNow(); err != nil {
		w.nextReopen = time.Now().Add(retryInterval)
		w.mu.Lock()
		w.stats.Errors++
		w.mu.Unlock()
		if !w.reported {
			w.reported = true
			w.log.Error().Err(err).Msg("call records not reopened; the old file is used on")
		}
		return
	}
	w.stale, w.reported = false, false
	w.closeTarget(old)
}

// wrote takes the first record off the queue.
func (w *Writer) wrote() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue[0] = nil
	w.queue = w.queue[1:]
	if len(w.queue) == 0 {
		w.queue = nil // lets go of a long queue's memory
	}
	w.stats.Written++
	if w.stats.Failing {
		w.stats.Failing = false
		w.log.Info().Int("queued", len(w.queue)).Uint64("lost", w.stats.Lost).Msg("call records are written again")
	}
}

func (w *Writer) failed(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stats.Errors++
	if !w.stats.Failing {
		w.stats.Failing = true
		w.log.Error().Err(err).Int("queued", len(w.queue)).Msg("call records cannot be written; they wait in memory")
	}
}

// put writes one record whole. What a failed write left is taken back; when
// even that fails, the next record starts on a line of its own, so that only
// the torn line is no record, and this one is written again.
func (w *Writer) put(record []byte) error {
	if w.torn {
		if _, err := w.f.Write([]byte{'\n'}); err != nil {
			return fmt.Errorf("end torn record: %w", err)
		}
		w.torn = false
		w.grow(1)
	}
	n, err := w.f.Write(record)
	if err == nil {
		w.grow(n)
		w.unsynced = true
		return nil
	}
	err = fmt.Errorf("write call record: %w", err)
	if n == 0 {
		return err
	}
	if w.size >= 0 {
		truncated := w.f.Truncate(w.size)
		if truncated == nil {
			return err
		}
		err = errors.Join(err, fmt.Errorf("take back torn record: %w", truncated))
	}
	w.torn = true
	w.grow(n)
	return err
}

func (w *Writer) grow(n int) {
	if w.size >= 0 {
		w.size += int64(n)
	}
}

// sync forces written records to the disk, at most once a syncInterval. A file
// that cannot be synced, such as a pipe, is not an error.
func (w *Writer) sync() time.Duration {
	if !w.unsynced || w.size < 0 {
		return syncInterval
	}
	now := time.Now()
	if wait := syncInterval - now.Sub(w.lastSync); wait > 0 {
		return wait
	}
	w.lastSync = now
	w.unsynced = false
	if err := w.f.Sync(); err != nil {
		w.mu.Lock()
		w.stats.Errors++
		w.mu.Unlock()
		w.log.Warn().Err(err).Msg("call records not synced")
	}
	return syncInterval
}

// openNow opens the path. A file whose last line has no end, torn by a crash,
// gets one before the first record.
func (w *Writer) openNow() error {
	f, err := w.open(w.path)
	if err != nil {
		return fmt.Errorf("open call records: %w", err)
	}
	size, torn := int64(-1), false
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		size = info.Size()
		if size > 0 {
			var last [1]byte
			_, err := f.ReadAt(last[:], size-1)
			torn = err == nil && last[0] != '\n'
		}
	} else if err != nil {
		return errors.Join(fmt.Errorf("look at call records: %w", err), f.Close())
	} else if info.IsDir() {
		return errors.Join(fmt.Errorf("open call records: %w", &os.PathError{Op: "open", Path: w.path, Err: errIsDir}), f.Close())
	}
	w.target = target{f: f, size: size, torn: torn}
	return nil
}

var errIsDir = errors.New("is a directory")

func (w *Writer) shut() { w.closeTarget(w.target) }

// closeTarget closes a file; what was written is forced out first.
func (w *Writer) closeTarget(t target) {
	var err error
	if t.unsynced && t.size >= 0 {
		err = t.f.Sync()
	}
	if err := errors.Join(err, t.f.Close()); err != nil {
		w.mu.Lock()
		w.stats.Errors++
		w.mu.Unlock()
		w.log.Warn().Err(err).Msg("call records not closed cleanly")
	}
}
