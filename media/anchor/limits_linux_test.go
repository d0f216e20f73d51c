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
