package cdr

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"gatehouse/internal/testlab"
)

// disk is a file on a disk of limited space. It survives being closed.
type disk struct {
	mu         sync.Mutex
	data       []byte
	space      int
	noTruncate bool
	opens      int
	closes     int
	syncs      int
	openErr    error
}

func (d *disk) open(string) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opens++
	if d.openErr != nil {
		return nil, d.openErr
	}
	return &handle{disk: d}, nil
}

func (d *disk) set(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

func (d *disk) text() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return string(d.data)
}

type handle struct{ *disk }

func (h *handle) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := min(len(b), h.space-len(h.data))
	h.data = append(h.data, b[:n]...)
	if n < len(b) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (h *handle) Truncate(size int64) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.noTruncate {
		return syscall.EPERM
	}
	h.data = h.data[:size]
	return nil
}

func (h *handle) Sync() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.syncs++
	return nil
}

func (h *handle) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closes++
	return nil
}

func (h *handle) Stat() (os.FileInfo, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return info{size: int64(len(h.data))}, nil
}

func (h *handle) ReadAt(b []byte, off int64) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return copy(b, h.data[off:]), nil
}

type info struct {
	fs.FileInfo
	size int64
}

func (i info) Size() int64       { return i.size }
func (i info) Mode() os.FileMode { return 0 }
func (i info) IsDir() bool       { return false }

func start(t *testing.T, d *disk, queue int, log *bytes.Buffer) *Writer {
	t.Helper()
	l := zerolog.Nop()
	if log != nil {
		l = zerolog.New(log)
	}
	w, err := Open(Options{Path: "x", Queue: queue, Log: l, open: d.open})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func record(i int) string { return fmt.Sprintf(`{"id":%d,"called":"<sip:+1%d@x>"}`, i, i) }

// check fails unless the text is the records 0 to n-1, each once and whole;
// torn tells how many broken lines may be among them.
func check(t *testing.T, text string, n, torn int) {
	t.Helper()
	var lines []string
	broken := 0
	for l := range strings.Lines(text) {
		l = strings.TrimSuffix(l, "\n")
		if !json.Valid([]byte(l)) {
			broken++
			continue
		}
		lines = append(lines, l)
	}
	if len(lines) != n || broken > torn || text != "" && !strings.HasSuffix(text, "\n") {
		t.Fatalf("%d records and %d torn lines, want %d and at most %d, in\n%s", len(lines), broken, n, torn, text)
	}
	for i, l := range lines {
		if l != record(i) {
			t.Fatalf("line %d is %s", i, l)
		}
	}
}

func TestWriter_DiskFull_NothingLostNothingTorn(t *testing.T) {
	for _, noTruncate := range []bool{false, true} {
		t.Run(fmt.Sprintf("append only %t", noTruncate), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &disk{space: 100, noTruncate: noTruncate}
				var log bytes.Buffer
				w := start(t, d, 0, &log)
				for i := range 10 {
					w.Write([]byte(record(i)))
				}
				synctest.Wait()
				if s := w.Stats(); !s.Failing || s.Queued == 0 || s.Lost != 0 || s.Errors == 0 {
					t.Errorf("while full: %+v", s)
				}
				time.Sleep(time.Minute)
				w.Write([]byte(record(10)))
				d.set(func() { d.space = 1 << 20 })
				time.Sleep(retryInterval)
				synctest.Wait()
				if s := w.Stats(); s.Failing || s.Queued != 0 || s.Written != 11 || s.Lost != 0 {
					t.Errorf("with space again: %+v", s)
				}
				if err := w.Close(t.Context()); err != nil {
					t.Error(err)
				}
				torn := 0
				if noTruncate {
					torn = 1
				}
				check(t, d.text(), 11, torn)
				if got := log.String(); strings.Count(got, "cannot be written") != 1 || strings.Count(got, "written again") != 1 {
					t.Errorf("log\n%s", got)
				}
			})
		})
	}
}

func TestWriter_QueueFull_LosesNewestAndCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		w := start(t, d, 5, nil)
		for i := range 8 {
			w.Write([]byte(record(i)))
		}
		if s := w.Stats(); s.Queued != 5 || s.Lost != 3 {
			t.Errorf("stats %+v", s)
		}
		d.set(func() { d.space = 1 << 20 })
		if err := w.Close(t.Context()); err != nil { // tries at once
			t.Error(err)
		}
		check(t, d.text(), 5, 0)
		w.Write([]byte(record(9)))
		if s := w.Stats(); s.Lost != 4 || s.Queued != 0 {
			t.Errorf("after Close: %+v", s)
		}
	})
}

func TestWriter_CloseWhileFull_TriesUntilContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		w := start(t, d, 0, nil)
		w.Write([]byte(record(0)))
		w.Write([]byte(record(1)))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		begin := time.Now()
		err := w.Close(ctx)
		if !errors.Is(err, errUnwritten) || !strings.HasSuffix(err.Error(), ": 2") || time.Since(begin) != 10*time.Second {
			t.Errorf("after %s: %v", time.Since(begin), err)
		}
		if err := w.Close(ctx); err == nil {
			t.Error("the second Close forgot the records")
		}
		synctest.Wait()
	})
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		w := start(t, d, 0, nil)
		w.Write([]byte(record(0)))
		time.AfterFunc(3*time.Second, func() { d.set(func() { d.space = 1000 }) })
		if err := w.Close(t.Context()); err != nil {
			t.Error(err)
		}
		check(t, d.text(), 1, 0)
	})
}

func TestWriter_Records_SyncedWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{space: 1 << 20}
		w := start(t, d, 0, nil)
		for i := range 100 {
			w.Write([]byte(record(i)))
			synctest.Wait()
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(syncInterval)
		synctest.Wait()
		if d.syncs < 2 || d.syncs > 4 {
			t.Errorf("%d syncs", d.syncs)
		}
		if w.unsynced {
			t.Error("the last record is not synced")
		}
		if err := w.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestWriter_BadRecord_Refused(t *testing.T) {
	d := &disk{space: 1 << 20}
	w := start(t, d, 0, nil)
	w.Write([]byte("{\"a\":\n1}"))
	w.Write(nil)
	if err := w.Record(make(chan int)); err == nil {
		t.Error("a channel was encoded")
	}
	w.Write([]byte(record(0) + "\r\n"))
	if err := w.Record(map[string]string{"from": "<sip:a&b>\nx"}); err != nil {
		t.Error(err)
	}
	if err := w.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if got, want := d.text(), record(0)+"\n"+`{"from":"<sip:a&b>\nx"}`+"\n"; got != want {
		t.Errorf("got %q", got)
	}
	if s := w.Stats(); s.Lost != 3 || s.Written != 2 {
		t.Errorf("stats %+v", s)
	}
}

func TestWriter_RealFile_RotatedAndTornEndMended(t *testing.T) {
	testlab.NoLeaks(t)
	path := filepath.Join(t.TempDir(), "cdr.jsonl")
	if err := os.WriteFile(path, []byte(`{"id":"torn by a cra`), 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := Open(Options{Path: path, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte(record(0)))
	settle(t, w, 1)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	w.Write([]byte(record(1))) // still into the old file
	settle(t, w, 2)
	w.Reopen()
	w.Write([]byte(record(0)))
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	check(t, read(t, path+".1"), 2, 1)
	check(t, read(t, path), 1, 0)
}

// settle waits until n records are written.
func settle(t *testing.T, w *Writer, n uint64) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(10 * time.Second)
	for {
		select {
		case <-tick.C:
			if w.Stats().Written >= n {
				return
			}
		case <-end:
			t.Fatalf("stats %+v", w.Stats())
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWriter_DevFullThenRealFile_NothingLost(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full")
	}
	testlab.NoLeaks(t)
	dir := t.TempDir()
	link, good := filepath.Join(dir, "link"), filepath.Join(dir, "good")
	if err := os.Symlink("/dev/full", link); err != nil {
		t.Fatal(err)
	}
	w, err := Open(Options{Path: link, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		w.Write([]byte(record(i)))
	}
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(good, link); err != nil {
		t.Fatal(err)
	}
	w.Reopen()
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	check(t, read(t, good), 3, 0)
	if s := w.Stats(); s.Written != 3 || s.Lost != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestWriter_ReopenFails_OldFileGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{space: 1 << 20}
		var log bytes.Buffer
		w := start(t, d, 0, &log)
		d.set(func() { d.openErr = syscall.EROFS })
		w.Reopen()
		synctest.Wait()
		for i := range 5 {
			w.Write([]byte(record(i)))
			time.Sleep(retryInterval)
		}
		synctest.Wait()
		if s := w.Stats(); s.Written != 5 || s.Errors == 0 || strings.Count(log.String(), "not reopened") != 1 {
			t.Errorf("stats %+v, log %s", s, log.String())
		}
		d.set(func() { d.openErr = nil })
		time.Sleep(2 * retryInterval)
		synctest.Wait()
		opens := 0
		d.set(func() { opens = d.opens })
		if w.stale || opens < 3 {
			t.Errorf("stale %t after %d opens", w.stale, opens)
		}
		if err := w.Close(t.Context()); err != nil {
			t.Error(err)
		}
		check(t, d.text(), 5, 0)
		if d.closes != 2 {
			t.Errorf("%d of 2 files closed", d.closes)
		}
	})
}

func TestOpen_Impossible_Refused(t *testing.T) {
	for _, path := range []string{t.TempDir(), filepath.Join(t.TempDir(), "no", "such", "dir")} {
		if _, err := Open(Options{Path: path}); err == nil || !strings.Contains(err.Error(), "open call records") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestWriter_ManyWriters_EveryRecordOnce(t *testing.T) {
	testlab.NoLeaks(t)
	path := filepath.Join(t.TempDir(), "cdr.jsonl")
	w, err := Open(Options{Path: path, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	for k := range 8 {
		work.Go(func() {
			for i := range 200 {
				w.Write(fmt.Appendf(nil, `{"id":"%d-%d"}`, k, i))
				if i%50 == 0 {
					w.Reopen()
				}
			}
		})
	}
	work.Wait()
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for l := range strings.Lines(read(t, path)) {
		if seen[l] || !json.Valid([]byte(l)) {
			t.Fatalf("line %q", l)
		}
		seen[l] = true
	}
	if len(seen) != 1600 {
		t.Errorf("%d records", len(seen))
	}
}
