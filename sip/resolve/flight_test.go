package resolve

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

var sipQuery = Query{Host: "example", Usable: plain, IPv4: true}

func TestResolve_ManyAsk_OneFlight(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
		z.set(t, "example. 60 A 192.0.2.1")
		z.slow["*"] = 100 * time.Millisecond
		var waiting []<-chan outcome
		for _, host := range []string{"example", "EXAMPLE", "eXample"} {
			q := plainQuery
			q.Host = host
			waiting = append(waiting, start(r, q))
		}
		for _, c := range waiting {
			o := <-c
			expect(t, o, oneTarget)
			if o.ready {
				t.Error("ready before the answer")
			}
		}
		if asked := z.questions(); asked != "A example" {
			t.Errorf("asked %s", asked)
		}
	})
}

// Each gets a list of its own: changing it changes nothing for others.
func TestResolve_Targets_AreTheCallers(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
		z.set(t, "example. 60 A 192.0.2.1")
		a, b := start(r, plainQuery), start(r, plainQuery)
		(<-a).targets[0] = Target{}
		expect(t, <-b, oneTarget)
		resolve(r, plainQuery).targets[0] = Target{}
		expect(t, resolve(r, plainQuery), oneTarget)
	})
}

// F20: whatever the servers do, two seconds.
func TestResolve_ServersFail_WithinTwoSeconds(t *testing.T) {
	for name, c := range map[string]struct {
		servers int
		harm    func(z *zone)
		want    string
		took    time.Duration
	}{
		"silent":                     {1, func(z *zone) { z.slow["*"] = time.Hour }, "error", 2 * second},
		"nine silent":                {9, func(z *zone) { z.slow["*"] = time.Hour }, "error", 2 * second},
		"silent about NAPTR":         {1, func(z *zone) { z.slow["NAPTR example"] = time.Hour }, "error", 2 * second},
		"silent about one transport": {1, func(z *zone) { z.slow["SRV _sip._tcp.example"] = time.Hour }, "udp 192.0.2.1:5073, udp 192.0.2.2:5074", grace},
		"silent about one target":    {1, func(z *zone) { z.slow["A a.example"] = time.Hour }, "udp 192.0.2.2:5074", 2 * second},
		"slow":                       {1, func(z *zone) { z.slow["*"] = 450 * time.Millisecond }, "udp 192.0.2.1:5073, udp 192.0.2.2:5074", 1350 * time.Millisecond},
		"SERVFAIL":                   {3, func(z *zone) { z.rcode["*"] = dns.RcodeServerFailure }, "error", 0},
		"gone":                       {3, func(z *zone) { z.mend = func(_, _ *dns.Msg) *dns.Msg { return nil } }, "error", 0},
		// RFC 2782 treats every reply but records alike, and middleboxes refuse types they do not know.
		"NAPTR refused": {1, func(z *zone) { z.rcode["NAPTR example"] = dns.RcodeRefused }, "udp 192.0.2.1:5073, udp 192.0.2.2:5074", 0},
		"SRV answered NOTIMP": {1, func(z *zone) {
			z.rcode["SRV _sip._udp.example"], z.rcode["SRV _sip._tcp.example"] = dns.RcodeNotImplemented, dns.RcodeServerFailure
		}, "udp 192.0.2.9:5060", 0},
	} {
		t.Run(name, func(t *testing.T) {
			var servers []netip.AddrPort
			for i := range c.servers {
				servers = append(servers, netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(100 + i)}), 53))
			}
			inBubble(t, Options{Servers: servers}, func(t *testing.T, r *Resolver, z *zone) {
				z.set(t, less(office, "NAPTR")...)
				c.harm(z)
				o := resolve(r, sipQuery)
				expect(t, o, c.want)
				if o.took != c.took {
					t.Errorf("took %s, want %s", o.took, c.took)
				}
				if errors.Is(o.err, ErrNoAddress) {
					t.Errorf("a failure is told as a denial: %v", o.err)
				}
				z.questions()
				// What failed is not asked again for every call.
				o = resolve(r, sipQuery)
				expect(t, o, c.want)
				if !o.ready {
					t.Errorf("asked again: %s", z.questions())
				}
			})
		})
	}
}

// Servers that drop AAAA questions cost a moment, not the call.
func TestResolve_OneFamilySilent_OtherSoon(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
		z.set(t, "example. 60 A 192.0.2.1")
		z.slow["AAAA example"] = time.Hour
		q := Query{Host: "example", Port: 5060}
		for i := range 20 {
			o := resolve(r, q)
			expect(t, o, oneTarget)
			if o.took > grace {
				t.Errorf("call %d took %s", i, o.took)
			}
			wait(4 * second)
		}
	})
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
		z.set(t, "example. 60 A 192.0.2.1", "example. 60 AAAA 2001:db8::1")
		z.slow["AAAA example"] = grace - 1
		expect(t, resolve(r, Query{Host: "example", Port: 5060}), "udp [2001:db8::1]:5060, "+oneTarget)
	})
}

func TestResolve_FirstServerDead_NextOneThenFirst(t *testing.T) {
	var asked []netip.AddrPort
	z := &zone{}
	dead := netip.MustParseAddrPort("192.0.2.100:53")
	live := netip.MustParseAddrPort("192.0.2.101:53")
	o := Options{Servers: []netip.AddrPort{dead, live}, exchange: func(ctx context.Context, s netip.AddrPort, stream bool, query []byte, accept func([]byte) bool) ([]byte, error) {
		asked = append(asked, s)
		if s == dead {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return z.exchange(ctx, s, stream, query, accept)
	}}
	inBubble(t, o, func(t *testing.T, r *Resolver, _ *zone) {
		z.set(t, less(office, "NAPTR", "SRV")...)
		got := resolve(r, Query{Host: "example", Usable: []string{"udp"}, IPv4: true})
		expect(t, got, "udp 192.0.2.9:5060")
		if got.took != attemptTimeout || len(asked) != 4 {
			t.Errorf("took %s, asked %v", got.took, asked)
		}
		wait(avoidFor)
		dead, asked = live, nil
		resolve(r, Query{Host: "a.example", Port: 1, IPv4: true})
		if len(asked) != 1 || asked[0] == live {
			t.Errorf("the first server stays out: %v", asked)
		}
	})
}

func TestResolve_ServerSlow_OldTargetsAfterASecond(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
		z.set(t, "example. 30 A 192.0.2.1")
		resolve(r, plainQuery)
		wait(time.Minute)
		z.slow["*"] = time.Hour
		o := resolve(r, plainQuery)
		expect(t, o, oneTarget)
		if o.took != second || o.ready {
			t.Errorf("took %s", o.took)
		}
		// Nobody else waits while the question is still open, nor after it.
		for range 20 {
			if o := resolve(r, plainQuery); !o.ready {
				t.Error("waited again")
			}
			wait(second)
		}
		// The servers come back: that is found out without keeping anybody waiting.
		z.change(func() { z.slow["*"] = 0 })
		z.set(t, "example. 1 A 192.0.2.2")
		wait(failureTTL)
		expect(t, resolve(r, plainQuery), oneTarget)
		synctest.Wait()
		expect(t, resolve(r, plainQuery), "udp 192.0.2.2:5060")
		// From then on old targets are no answer any more.
		wait(second)
		z.set(t, "example. 1 A 192.0.2.3")
		expect(t, resolve(r, plainQuery), "udp 192.0.2.3:5060")
	})
}

func TestResolve_TooMuch_Refused(t *testing.T) {
	inBubble(t, Options{Flights: 5, Waiters: 4}, func(t *testing.T, r *Resolver, z *zone) {
		z.slow["*"] = 100 * time.Millisecond
		z.set(t, "example. 1 A 192.0.2.1")
		resolve(r, plainQuery) // known, though old by the time
		wait(2 * second)
		var waiting []<-chan outcome
		for i := range 20 {
			c := start(r, Query{Host: fmt.Sprintf("h%d", i), Port: 1})
			if i < 5 {
				waiting = append(waiting, c)
			} else if o := <-c; !o.ready || !errors.Is(o.err, errBusy) {
				t.Errorf("flight %d: %+v", i, o)
			}
		}
		if o := resolve(r, plainQuery); !o.ready || o.String() != oneTarget {
			t.Errorf("a known name: %+v", o)
		}
		for i := range 5 {
			c := start(r, Query{Host: "h0", Port: 1})
			if i < 3 {
				waiting = append(waiting, c)
			} else if o := <-c; !o.ready || !errors.Is(o.err, errBusy) {
				t.Errorf("waiter %d: %+v", i+2, o)
			}
		}
		for _, c := range waiting {
			if o := <-c; o.ready || !errors.Is(o.err, ErrNoAddress) {
				t.Errorf("%+v", o)
			}
		}
		if len(r.flights) != 0 {
			t.Errorf("%d flights left", len(r.flights))
		}
	})
}

func TestClose_WithFlights_TellsOnceAndJoins(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
		z.set(t, "example. 30 A 192.0.2.1")
		resolve(r, plainQuery)
		wait(time.Minute)
		z.slow["*"] = time.Hour
		var waiting []<-chan outcome
		for _, host := range []string{"example", "b", "b", "c"} { // the first has old targets and a timer
			waiting = append(waiting, start(r, Query{Host: host, Port: 5060, IPv4: true}))
		}
		synctest.Wait()
		for range 2 {
			if err := r.Close(context.Background()); err != nil {
				t.Error(err)
			}
		}
		for _, c := range waiting {
			if o := <-c; !errors.Is(o.err, ErrClosed) || o.targets != nil || o.took != 0 {
				t.Errorf("%+v", o)
			}
		}
		wait(time.Hour)
		if o := resolve(r, Query{Host: "d", Port: 1}); !o.ready || !errors.Is(o.err, ErrClosed) {
			t.Errorf("after Close: %+v", o)
		}
	})
}

func TestClose_ExchangeIgnoresItsContext_Bounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := New(Options{Hosts: "/dev/null", exchange: func(context.Context, netip.AddrPort, bool, []byte, func([]byte) bool) ([]byte, error) {
			<-release
			return nil, errMismatch
		}})
		c := start(r, plainQuery)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), second)
		defer cancel()
		if err := r.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close: %v", err)
		}
		if o := <-c; !errors.Is(o.err, ErrClosed) {
			t.Errorf("%+v", o)
		}
		close(release)
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}
