package resolve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// names is a name server: what it answers, how long it takes, and what it was asked.
type names struct {
	mu    sync.Mutex
	addrs map[string][]netip.Addr
	err   error
	slow  time.Duration
	asked []string
}

func (n *names) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	n.asked = append(n.asked, host)
	addrs, err, slow := n.addrs[host], n.err, n.slow
	n.mu.Unlock()
	if slow > 0 {
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if err != nil {
		return nil, err
	}
	if addrs == nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return addrs, nil
}

func (n *names) set(change func(*names)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change(n)
}

func (n *names) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.asked)
}

// outcome is one call of a done function.
type outcome struct {
	addrs []netip.Addr
	err   error
	at    time.Time
}

// caller collects outcomes.
type caller struct {
	mu  sync.Mutex
	got []outcome
}

func (c *caller) done(addrs []netip.Addr, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = append(c.got, outcome{addrs, err, time.Now()})
}

func (c *caller) outcomes() []outcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]outcome(nil), c.got...)
}

var (
	one = netip.MustParseAddr("192.0.2.1")
	two = netip.MustParseAddr("2001:db8::2")
)

func inBubble(t *testing.T, o Options, test func(t *testing.T, r *Resolver, n *names)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := &names{addrs: map[string][]netip.Addr{"sip.example": {one, two}}}
		o.Lookup = n.lookup
		r := New(o)
		defer func() {
			if err := r.Close(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		test(t, r, n)
	})
}

func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestLookup_Literal_ReadyAtOnce(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, n *names) {
		for host, want := range map[string]string{
			"192.0.2.1": "192.0.2.1", "2001:db8::2": "2001:db8::2", "[2001:db8::2]": "2001:db8::2",
			"::ffff:192.0.2.1": "192.0.2.1", "[::ffff:192.0.2.1]": "192.0.2.1",
		} {
			addrs, ready := r.Lookup(host, nil)
			if !ready || len(addrs) != 1 || addrs[0].String() != want {
				t.Errorf("%s: %v, %v", host, addrs, ready)
			}
		}
		if n.count() != 0 {
			t.Errorf("asked for %v", n.asked)
		}
	})
}

// CVE-2024-42491 and its kin: what some resolver takes for an address must not become one.
func TestLookup_NoHostName_ReadyWithoutAddress(t *testing.T) {
	long := make([]byte, 64)
	for i := range long {
		long[i] = 'a'
	}
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, n *names) {
		for _, host := range []string{
			"", ".", "..", ".1", "[.1]", "[192.0.2.1]", "127.1", "127.0.0.1.", "0x7f.1", "2130706433", "1.2.3.4.5", "a..b", ".a", "-a.b", "a-.b",
			"a b", "a\r\nb", "a/b", "a:5060", "é.example", "a.1", "[a]", "[", "[]", string(long) + ".example",
			fmt.Sprintf("%[1]s.%[1]s.%[1]s.%[1]s.example", long[:63]),
		} {
			if addrs, ready := r.Lookup(host, nil); !ready || addrs != nil {
				t.Errorf("%q: %v, %v", host, addrs, ready)
			}
		}
		if n.count() != 0 {
			t.Errorf("asked for %v", n.asked)
		}
	})
}

func TestLookup_Name_AskedOnceCachedAndAskedAgain(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, n *names) {
		n.set(func(n *names) { n.slow = 100 * time.Millisecond })
		var c caller
		for _, host := range []string{"sip.example", "SIP.Example", "sip.example."} {
			if _, ready := r.Lookup(host, c.done); ready {
				t.Fatalf("%s is ready", host)
			}
		}
		wait(time.Second)
		got := c.outcomes()
		if len(got) != 3 || n.count() != 1 {
			t.Fatalf("%d outcomes of %d questions", len(got), n.count())
		}
		for _, o := range got {
			if o.err != nil || fmt.Sprint(o.addrs) != fmt.Sprint([]netip.Addr{one, two}) {
				t.Errorf("outcome %+v", o)
			}
		}
		wait(29 * time.Second) // 30 s and a bit after the question, 29.9 after the answer
		if addrs, ready := r.Lookup("sip.example", nil); !ready || len(addrs) != 2 {
			t.Errorf("not cached: %v, %v", addrs, ready)
		}
		wait(time.Second)
		n.set(func(n *names) { n.addrs["sip.example"] = []netip.Addr{two} })
		if _, ready := r.Lookup("sip.example", c.done); ready {
			t.Error("cached for too long")
		}
		wait(time.Second)
		if got := c.outcomes(); len(got) != 4 || len(got[3].addrs) != 1 || got[3].addrs[0] != two {
			t.Errorf("outcomes %+v", got)
		}
	})
}

func TestLookup_UnknownName_NegativeCache(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, n *names) {
		var c caller
		if _, ready := r.Lookup("nobody.example", c.done); ready {
			t.Fatal("ready")
		}
		synctest.Wait()
		var d *net.DNSError
		if got := c.outcomes(); len(got) != 1 || !errors.As(got[0].err, &d) || got[0].addrs != nil {
			t.Fatalf("outcomes %+v", got)
		}
		wait(4900 * time.Millisecond)
		if addrs, ready := r.Lookup("nobody.example", nil); !ready || addrs != nil || n.count() != 1 {
			t.Errorf("not cached: %v, %v", addrs, ready)
		}
		wait(200 * time.Millisecond)
		n.set(func(n *names) { n.addrs["nobody.example"] = []netip.Addr{one} })
		if _, ready := r.Lookup("nobody.example", c.done); ready {
			t.Error("cached for too long")
		}
		synctest.Wait()
		if got := c.outcomes(); len(got) != 2 || got[1].err != nil {
			t.Errorf("outcomes %+v", got)
		}
	})
}

func TestLookup_Timeout_FiveSeconds(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, n *names) {
		n.set(func(n *names) { n.slow = time.Hour })
		var c caller
		start := time.Now()
		r.Lookup("sip.example", c.done)
		wait(6 * time.Second)
		got := c.outcomes()
		if len(got) != 1 || !errors.Is(got[0].err, context.DeadlineExceeded) || got[0].at.Sub(start) != 5*time.Second {
			t.Errorf("outcomes %+v", got)
		}
	})
}

func TestLookup_NameServerDown_OldAddressesForAnHour(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, n *names) {
		var c caller
		r.Lookup("sip.example", c.done)
		synctest.Wait()
		n.set(func(n *names) { n.err = &net.DNSError{Err: "server misbehaving", IsTemporary: true} })
		for i := range 3 {
			wait(19 * time.Minute)
			if _, ready := r.Lookup("sip.example", c.done); ready {
				t.Fatal("answered without asking")
			}
			synctest.Wait()
			if got := c.outcomes(); len(got) != i+2 || got[i+1].err != nil || len(got[i+1].addrs) != 2 {
				t.Fatalf("after %d minutes: %+v", 19*(i+1), got)
			}
			// The failure is remembered too: the server is not asked for every call.
			if addrs, ready := r.Lookup("sip.example", nil); !ready || len(addrs) != 2 || n.count() != i+2 {
				t.Errorf("%v, %v after %d questions", addrs, ready, n.count())
			}
		}
		wait(4 * time.Minute)
		r.Lookup("sip.example", c.done)
		synctest.Wait()
		if got := c.outcomes(); got[len(got)-1].err == nil {
			t.Error("used for longer than an hour")
		}
	})
}

func TestLookup_NameServerSlow_OldAddressesAfterASecond(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, n *names) {
		var c caller
		r.Lookup("sip.example", c.done)
		wait(time.Minute)
		n.set(func(n *names) { n.slow = time.Hour })
		start := time.Now()
		r.Lookup("sip.example", c.done)
		wait(2 * time.Second)
		got := c.outcomes()
		if len(got) != 2 || got[1].err != nil || len(got[1].addrs) != 2 || got[1].at.Sub(start) != time.Second {
			t.Fatalf("outcomes %+v", got)
		}
		if addrs, ready := r.Lookup("sip.example", nil); !ready || len(addrs) != 2 {
			t.Errorf("while the question is still open: %v, %v", addrs, ready)
		}
		wait(time.Minute)
		if got := c.outcomes(); len(got) != 2 {
			t.Errorf("told twice: %+v", got)
		}
	})
}

func TestLookup_NameGone_OldAddressesAreForgotten(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, n *names) {
		var c caller
		r.Lookup("sip.example", c.done)
		wait(time.Minute)
		n.set(func(n *names) { delete(n.addrs, "sip.example") })
		r.Lookup("sip.example", c.done)
		synctest.Wait()
		if got := c.outcomes(); len(got) != 2 || got[1].err == nil {
			t.Errorf("outcomes %+v", got)
		}
	})
}

func TestLookup_Answer_IsCleaned(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, n *names) {
		many := make([]netip.Addr, 0, 20)
		for i := range 20 {
			many = append(many, netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}))
		}
		bad := []netip.Addr{
			{}, netip.IPv4Unspecified(), netip.IPv6Unspecified(), netip.MustParseAddr("224.0.0.1"),
			netip.MustParseAddr("ff02::1"), netip.MustParseAddr("255.255.255.255"),
		}
		n.set(func(n *names) {
			n.addrs["many.example"] = many
			n.addrs["bad.example"] = bad
			n.addrs["mixed.example"] = append(bad, netip.MustParseAddr("::ffff:192.0.2.1"), one, one)
		})
		var c caller
		for _, host := range []string{"many.example", "bad.example", "mixed.example"} {
			r.Lookup(host, c.done)
			synctest.Wait()
		}
		got := c.outcomes()
		if len(got[0].addrs) != 8 || got[0].addrs[0] != many[0] {
			t.Errorf("many: %v", got[0].addrs)
		}
		if !errors.Is(got[1].err, ErrNoAddress) {
			t.Errorf("bad: %+v", got[1])
		}
		if fmt.Sprint(got[2].addrs) != fmt.Sprint([]netip.Addr{one}) {
			t.Errorf("mixed: %v", got[2].addrs)
		}
	})
}

func TestLookup_Bounds_QueueWaitersAndCache(t *testing.T) {
	o := Options{Workers: 2, Queue: 3, Waiters: 4, Entries: 5}
	inBubble(t, o, func(t *testing.T, r *Resolver, n *names) {
		n.set(func(n *names) { n.slow = time.Second })
		var c caller
		taken := 0
		for i := range 20 {
			if _, ready := r.Lookup(fmt.Sprintf("h%d.example", i), c.done); !ready {
				taken++
			}
			synctest.Wait()
		}
		if taken != 5 {
			t.Errorf("%d names taken on, want 2 being looked up and 3 queued", taken)
		}
		for i := range 5 {
			if _, ready := r.Lookup("h0.example", c.done); ready != (i >= 3) {
				t.Errorf("waiter %d: ready %v", i+2, ready)
			}
		}
		wait(10 * time.Second)
		if got := len(c.outcomes()); got != 5+3 {
			t.Errorf("%d outcomes", got)
		}
		n.set(func(n *names) { n.slow = 0 })
		for i := range 50 {
			r.Lookup(fmt.Sprintf("x%d.example", i), c.done)
			synctest.Wait()
		}
		if len(r.cache) > 5 {
			t.Errorf("%d names cached", len(r.cache))
		}
	})
}

func TestClose_TellsThoseWhoWaitOnce(t *testing.T) {
	inBubble(t, Options{Workers: 1}, func(t *testing.T, r *Resolver, n *names) {
		var c caller
		r.Lookup("sip.example", c.done)
		wait(time.Minute)
		n.set(func(n *names) { n.slow = time.Hour })
		for _, host := range []string{"sip.example", "b.example", "c.example"} {
			r.Lookup(host, c.done)
		}
		synctest.Wait()
		for range 2 {
			if err := r.Close(context.Background()); err != nil {
				t.Error(err)
			}
		}
		wait(time.Hour)
		got := c.outcomes()
		if len(got) != 4 {
			t.Fatalf("%d outcomes", len(got))
		}
		for _, o := range got[1:] {
			if !errors.Is(o.err, ErrClosed) {
				t.Errorf("outcome %+v", o)
			}
		}
		if addrs, ready := r.Lookup("sip.example", nil); !ready || addrs != nil {
			t.Error("answers after Close")
		}
	})
}

func TestClose_LookupIgnoresItsContext_Bounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := New(Options{Lookup: func(context.Context, string) ([]netip.Addr, error) {
			<-release
			return nil, nil
		}})
		r.Lookup("sip.example", func([]netip.Addr, error) {})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := r.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close: %v", err)
		}
		close(release)
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func TestLookup_SystemResolver_Localhost(t *testing.T) {
	r := New(Options{})
	defer func() { _ = r.Close(context.Background()) }()
	got := make(chan outcome, 1)
	if _, ready := r.Lookup("localhost", func(addrs []netip.Addr, err error) { got <- outcome{addrs: addrs, err: err} }); ready {
		t.Fatal("ready")
	}
	if o := <-got; o.err != nil || !o.addrs[0].IsLoopback() {
		t.Errorf("outcome %+v", o)
	}
}

func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{"sip.example", "SIP.Example.", "127.0.0.1", ".1", "[::1]", "a_b.c-d.e", "0x7f.1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, host string) {
		name, ok := canonical(host)
		if !ok {
			return
		}
		if again, ok := canonical(name); !ok || again != name {
			t.Errorf("%q becomes %q becomes %q", host, name, again)
		}
		if _, isAddr := literal(name); isAddr {
			t.Errorf("%q is taken for a name and an address", host)
		}
	})
}
