package anchor

import (
	"errors"
	"syscall"
	"testing"

	"gatehouse/media/portable"
	"gatehouse/media/profile"
)

func TestReserve_OutOfDescriptors_IsNoPortsAndRecovers(t *testing.T) {
	p, _ := newPlane(t, func(c *Config) { c.manual = true; c.Reserve = 1 })
	e := mustOpen(t, p, 1, "in")
	mustReserve(t, p, e, 0, profile.Any) // the probe's pair
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	low := was
	low.Cur = 3
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	_, err := p.Reserve(e, 1, profile.Any)
	p.upkeep()
	if back := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was); back != nil {
		t.Fatal(back)
	}
	if !errors.Is(err, profile.ErrNoPorts) || !errors.Is(err, portable.ErrDescriptors) {
		t.Fatalf("%v", err)
	}
	u := p.Usage()
	if u.Refused.Descriptors < 2 || u.Zones["in"].Drawn != 0 {
		t.Fatalf("%+v", u)
	}
	mustReserve(t, p, e, 1, profile.Any)
}

// The reserve must not take the descriptors that connections, name look-ups and the record file need.
func TestReserve_SocketLimit_HoldsForReserveAndCalls(t *testing.T) {
	p, clk := newPlane(t, func(c *Config) { c.manual = true; c.Reserve = 256; c.Sockets = 12 })
	p.upkeep()
	if u := p.Usage(); u.Sockets != 12 || u.Zones["in"].Drawn+u.Zones["out"].Drawn != 0 {
		t.Fatalf("after stocking: %+v", u)
	}
	held := 0
	for i := range uint64(8) {
		e := mustOpen(t, p, i, "in")
		if _, err := p.Reserve(e, 0, profile.Any); err == nil {
			held++
		} else if !errors.Is(err, profile.ErrNoPorts) {
			t.Fatal(err)
		}
		clk.advance(keepEvery)
		p.upkeep()
	}
	if u := p.Usage(); held == 0 || held == 8 || u.Sockets != 12 {
		t.Errorf("%d calls, %+v", held, u)
	}
}
