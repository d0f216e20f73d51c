//go:build interop

package interop

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// pollEvery is how often a condition of another process is looked at.
const pollEvery = 20 * time.Millisecond

// hosts hands out addresses of 127/8, all of which are local on Linux: each test gets its own, so SIP has its usual port everywhere and
// two runs at once do not meet.
var hosts = sync.OnceValue(func() *hostPool {
	p := &hostPool{a: byte(64 + rand.IntN(128)), b: byte(rand.IntN(256))}
	p.next.Store(1)
	return p
})

type hostPool struct {
	a, b byte
	next atomic.Uint32
}

// host is an address no other test of this run has.
func host(t *testing.T) netip.Addr {
	t.Helper()
	n := hosts().next.Add(1)
	if n > 254*255 {
		t.Fatal("out of loopback addresses")
	}
	p := hosts()
	return netip.AddrFrom4([4]byte{127, p.a, p.b + byte(n/254), byte(1 + n%254)})
}

func sipPort(a netip.Addr) netip.AddrPort { return netip.AddrPortFrom(a, 5060) }

// workDir is removed when all tests are over.
var workDir = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "gatehouse-interop-") })

// built is the program under test, compiled once, as it ships: without cgo.
var built = sync.OnceValues(func() (string, error) { return build("gatehouse", "CGO_ENABLED=0") })

// watched is the same with the race detector.
var watched = sync.OnceValues(func() (string, error) { return build("gatehouse-race", "CGO_ENABLED=1", "-race") })

func build(name, environment string, flags ...string) (string, error) {
	dir, err := workDir()
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, name)
	cmd := exec.Command("go", append(append([]string{"build"}, flags...), "-o", out, "gatehouse/cmd/gatehouse")...)
	cmd.Env = append(os.Environ(), environment)
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, text)
	}
	return out, nil
}

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := workDir(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// gatehouse is the path of the program under test.
func gatehouse(t *testing.T) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// eventually waits until ok says yes; what is said when it does not in time.
func eventually(t *testing.T, within time.Duration, what string, ok func() bool) {
	t.Helper()
	if !becomes(within, ok) {
		t.Fatalf("not within %s: %s", within, what)
	}
}

func becomes(within time.Duration, ok func() bool) bool {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if ok() {
			return true
		}
		select {
		case <-ctx.Done():
			return ok()
		case <-tick.C:
		}
	}
}

// idle lets time pass in which nothing is expected to happen, and watches for it: the test fails when bad says yes.
func idle(t *testing.T, during time.Duration, what string, bad func() bool) {
	t.Helper()
	if becomes(during, bad) {
		t.Fatal(what)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
