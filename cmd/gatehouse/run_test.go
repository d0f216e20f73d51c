//go:build unix

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asMain makes the test binary be the program.
const asMain = "GATEHOUSE_TEST_AS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

const file = `
zones:
  a: {listen: [udp://127.83.0.1:0], media: {address: 127.83.0.1, ports: 21000-21019}}
peers:
  x: {zone: a, address: sip:127.83.0.2}
routes:
  - {from: x, to: x}
admin: {listen: %s}
`

// program starts gatehouse and ends it with the test.
func program(t *testing.T, stderr *os.File, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, os.Args[0], args...)
	c.Env = append(os.Environ(), asMain+"=1")
	c.Stderr = stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	return c
}

// logOf is a pipe for the program's log; the test closes our copy of its writing end by using out once.
func logOf(t *testing.T) (lines *bufio.Scanner, in, out *os.File) {
	t.Helper()
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = in.Close(), out.Close() })
	return bufio.NewScanner(in), in, out
}

// until reads the log to a line that holds text.
func until(t *testing.T, lines *bufio.Scanner, text string) {
	t.Helper()
	var seen strings.Builder
	for lines.Scan() {
		seen.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), text) {
			return
		}
	}
	t.Fatalf("no %s in the log:\n%s", text, seen.String())
}

func write(t *testing.T, admin string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "g.yaml")
	if err := os.WriteFile(path, fmt.Appendf(nil, file, admin), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRun_ReaderOfTheLogGone_StaysAndStopsCleanly(t *testing.T) {
	lines, in, out := logOf(t)
	c := program(t, out, "run", "-c", write(t, "127.83.0.1:21050"))
	_ = out.Close()
	until(t, lines, `"ready"`)
	_ = in.Close()
	for range 3 { // each writes a line
		reload(t, "127.83.0.1:21050")
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

func reload(t *testing.T, admin string) {
	t.Helper()
	r, err := http.Post("http://"+admin+"/api/v1/reload", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	if r.StatusCode != http.StatusOK {
		t.Fatalf("reload: %s", r.Status)
	}
}

// A pipe that nobody empties holds neither the calls nor the end up.
func TestRun_ReaderOfTheLogStuck_StillStops(t *testing.T) {
	lines, _, out := logOf(t)
	c := program(t, out, "run", "-c", write(t, "127.83.0.1:21052"))
	until(t, lines, `"ready"`)
	for range 700 { // 64 KB of lines fill the pipe
		reload(t, "127.83.0.1:21052")
	}
	start := time.Now()
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("the end took %v", d)
	}
}

// With few files the relay's reserve must leave some: a reload opens its file.
func TestRun_FewFiles_ReloadStillWorks(t *testing.T) {
	const admin = "127.83.0.1:21058"
	path := write(t, admin)
	wide, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(wide), "21000-21019", "22000-23999", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	lines, _, out := logOf(t)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, "/bin/sh", "-c", `ulimit -n 256 && exec "$0" run -c "$1"`, os.Args[0], path)
	c.Env, c.Stderr = append(os.Environ(), asMain+"=1"), out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	_ = out.Close()
	until(t, lines, `"files":256`)
	until(t, lines, `"ready"`)
	go func() {
		for lines.Scan() { // keeps the log flowing
		}
	}()
	for range 300 {
		reload(t, admin)
	}
}

func TestRun_HangupDuringStart_ReloadsOnceStarted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	lines, _, out := logOf(t)
	c := program(t, out, "run", "-c", path)
	_ = out.Close()
	f, err := os.OpenFile(path, os.O_WRONLY, 0) // returns when the program reads its file
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	give := func(f *os.File) {
		if _, err := fmt.Fprintf(f, file, "127.83.0.1:21054"); err != nil {
			t.Error(err)
		}
		_ = f.Close()
	}
	give(f)
	until(t, lines, `"ready"`)
	if f, err = os.OpenFile(path, os.O_WRONLY, 0); err != nil {
		t.Fatal(err)
	}
	give(f)
	until(t, lines, "configuration reloaded")
}

func TestRun_Mistakes_OneLineAndExitOne(t *testing.T) {
	good := write(t, "127.83.0.1:21056")
	for want, args := range map[string][]string{
		"no such file":           {"run", "-c", filepath.Join(t.TempDir(), "none")},
		"is a directory":         {"run", "-c", t.TempDir()},
		`"config" not set`:       {"run"},
		"--drain -1s":            {"run", "-c", good, "--drain", "-1s"},
		"unknown command":        {"dance"},
		"accepts 1 arg":          {"check"},
		"unknown flag: --loud":   {"run", "-c", good, "--loud"},
		"want no less than 0":    {"run", "-c", good, "--drain=-1h"},
		"invalid argument \"x\"": {"run", "-c", good, "--drain", "x"},
	} {
		_, in, out := logOf(t)
		c := program(t, out, args...)
		_ = out.Close()
		text, _ := io.ReadAll(in)
		if err := c.Wait(); err == nil || c.ProcessState.ExitCode() != 1 {
			t.Errorf("%v: %v", args, err)
		}
		if s := string(text); !strings.HasPrefix(s, "gatehouse: ") || !strings.Contains(s, want) || strings.Count(s, "\n") != 1 {
			t.Errorf("%v says %q, want %q", args, s, want)
		}
	}
}
