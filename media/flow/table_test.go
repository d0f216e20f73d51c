package flow

import (
	"errors"
	"net/netip"
	"sync"
	"testing"
)

func TestTable_Growing_ElementsStayAndNumbersReturn(t *testing.T) {
	var tab Table[int]
	first, err := tab.Alloc()
	if err != nil {
		t.Fatal(err)
	}
	at := tab.At(first)
	*at = 42
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 10000 {
			if *tab.At(first) != 42 {
				t.Error("element moved")
				return
			}
		}
	})
	for range 5 * chunkSlots {
		if _, err := tab.Alloc(); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	if tab.At(first) != at || tab.Len() != 5*chunkSlots+1 {
		t.Fatal("element moved")
	}
	tab.Free(7)
	if i, _ := tab.Alloc(); i != 7 {
		t.Fatalf("got %d", i)
	}
}

func TestTable_Full_ErrFull(t *testing.T) {
	var tab Table[struct{}]
	for range maxChunks * chunkSlots {
		if _, err := tab.Alloc(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tab.Alloc(); !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
}

func TestCauses_Names_AreUniqueLabels(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Causes() {
		if name := c.String(); name == "invalid" || name == "none" || seen[name] {
			t.Errorf("cause %d is %q", c, name)
		} else {
			seen[name] = true
		}
	}
	if len(seen) != CauseCount-1 || None.String() != "none" || causes.String() != "invalid" {
		t.Error("a cause has no name")
	}
}

func TestDeniable_Destinations_ThatAreNeverSentTo(t *testing.T) {
	public, public6, loop := "192.0.2.1", "2001:db8::1", "127.0.0.1"
	for _, c := range []struct {
		local, dest string
		want        bool
	}{
		{public, "203.0.113.1", false}, {public, "10.0.0.1", false}, {public6, "2001:db8::2", false},
		{public, "224.0.0.1", true}, {public, "239.1.1.1", true}, {public6, "ff02::1", true}, {public, "255.255.255.255", true},
		{public, "240.0.0.1", true}, {public, "0.1.2.3", true}, {public, "127.0.0.1", true}, {public6, "::1", true},
		{public, "169.254.169.254", true}, {public6, "fe80::1", true}, {public, "::ffff:127.0.0.1", true},
		{loop, "127.0.0.2", false}, {"::1", "::1", false}, {"169.254.1.1", "169.254.1.2", false}, {loop, "224.0.0.1", true},
	} {
		if got := Deniable(netip.MustParseAddr(c.local), netip.MustParseAddr(c.dest)); got != c.want {
			t.Errorf("%s to %s: %v", c.local, c.dest, got)
		}
	}
}

func TestHidden_PrivateAndShared_AreBehindNAT(t *testing.T) {
	for addr, want := range map[string]bool{
		"10.1.2.3": true, "172.31.0.1": true, "172.32.0.1": false, "192.168.1.1": true, "100.64.0.1": true, "100.127.9.9": true,
		"100.128.0.1": false, "100.63.0.1": false, "127.0.0.1": true, "169.254.1.1": true, "fc00::1": true, "fe80::1": true,
		"2001:db8::1": false, "8.8.8.8": false, "::ffff:10.0.0.1": true,
	} {
		if got := Hidden(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
}
