//go:build interop

package interop

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sippWithin is how long a scenario may take when nothing else is said.
const sippWithin = 40 * time.Second

// sipp is one running SIPp.
type sipp struct {
	t    *testing.T
	name string
	dir  string
	cmd  *exec.Cmd
	out  *tail
	done chan error
}

// startSIPp runs a scenario on an address. arguments may hold the target, rates and the transport (-t t1).
func startSIPp(t *testing.T, name, scenario string, local netip.AddrPort, arguments ...string) *sipp {
	t.Helper()
	s := &sipp{t: t, name: name, dir: t.TempDir(), out: newTail(), done: make(chan error, 1)}
	writeFile(t, filepath.Join(s.dir, "scenario.xml"), scenario)
	args := append([]string{"-sf", "scenario.xml", "-i", local.Addr().String(), "-p", fmt.Sprint(local.Port()), "-nostdin",
		"-trace_err", "-error_file", "errors.log", "-trace_msg", "-message_file", "messages.log", "-timeout_error"}, arguments...)
	s.cmd = exec.Command("sipp", args...)
	s.cmd.Dir = s.dir
	s.cmd.Stderr = s.out
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("sipp (scripts/setup test installs it): %v", err)
	}
	go func() { s.done <- s.cmd.Wait() }()
	t.Cleanup(func() {
		if s.cmd.ProcessState == nil {
			_ = s.cmd.Process.Kill()
		}
	})
	return s
}

// callee starts a scenario that waits for calls, and returns when it listens.
func callee(t *testing.T, scenario string, local netip.AddrPort, calls int, arguments ...string) *sipp {
	t.Helper()
	s := startSIPp(t, "callee", scenario, local, append([]string{"-m", fmt.Sprint(calls)}, arguments...)...)
	table := "udp"
	if strings.Contains(strings.Join(arguments, " "), "-t t") {
		table = "tcp"
	}
	if !becomes(5*time.Second, func() bool { return bound(t, table, local) }) {
		t.Fatalf("SIPp does not listen on %s: %s", local, s.out)
	}
	return s
}

// caller starts a scenario that calls a target.
func caller(t *testing.T, scenario string, local, target netip.AddrPort, calls int, arguments ...string) *sipp {
	t.Helper()
	return startSIPp(t, "caller", scenario, local, append([]string{target.String(), "-m", fmt.Sprint(calls)}, arguments...)...)
}

// wait fails the test unless every call went as the scenario says.
func (s *sipp) wait() {
	s.t.Helper()
	s.waitFor(sippWithin)
}

func (s *sipp) waitFor(within time.Duration) {
	s.t.Helper()
	select {
	case err := <-s.done:
		if err != nil {
			s.t.Fatalf("SIPp %s: %v\n%s\n%s\nmessages:\n%s", s.name, err, s.out, s.file("errors.log"), s.file("messages.log"))
		}
	case <-time.After(within):
		s.t.Fatalf("SIPp %s not done after %s\n%s\nmessages:\n%s", s.name, within, s.file("errors.log"), s.file("messages.log"))
	}
}

// maxShown keeps a failing load test readable.
const maxShown = 12000

func (s *sipp) file(name string) string {
	raw, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		return "(no " + name + ")"
	}
	return string(raw[:min(len(raw), maxShown)])
}

// bound tells whether a socket of this machine has an address: a look into the kernel's table, since trying to bind it would be in the way.
func bound(t *testing.T, table string, a netip.AddrPort) bool {
	t.Helper()
	want := fmt.Sprintf(": %s:%04X ", hexAddr(a.Addr()), a.Port())
	if a.Addr().Is6() {
		table += "6"
	}
	return strings.Contains(readFile(t, "/proc/net/"+table), want)
}

// hexAddr writes an address as the kernel does: words in the machine's order, which is little-endian wherever these peers run.
func hexAddr(a netip.Addr) string {
	raw := a.AsSlice()
	var b strings.Builder
	for i := 0; i < len(raw); i += 4 {
		fmt.Fprintf(&b, "%02X%02X%02X%02X", raw[i+3], raw[i+2], raw[i+1], raw[i])
	}
	return b.String()
}
