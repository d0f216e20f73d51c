package resolve

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"
)

var (
	plainQuery = Query{Host: "example", Port: 5060, IPv4: true}
	oneTarget  = "udp 192.0.2.1:5060"
)

// asks tells whether a query needs the name servers.
func asks(r *Resolver, z *zone, q Query) bool {
	resolve(r, q)
	return z.questions() != ""
}

func TestB047_TTL_KeptWithinBounds(t *testing.T) {
	for _, c := range []struct {
		ttl  uint32
		kept time.Duration
	}{
		{0, second}, {1, second}, {2, 2 * second}, {300, 300 * second}, {3599, 3599 * second}, {3600, time.Hour}, {86400, time.Hour}, {1 << 31, second}, {1<<32 - 1, second},
	} {
		t.Run(fmt.Sprint(c.ttl), func(t *testing.T) {
			inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
				z.set(t, fmt.Sprintf("example. %d A 192.0.2.1", c.ttl))
				if !asks(r, z, plainQuery) {
					t.Fatal("answered without asking")
				}
				wait(c.kept - time.Millisecond)
				if asks(r, z, plainQuery) {
					t.Error("kept for too short")
				}
				wait(time.Millisecond)
				if !asks(r, z, plainQuery) {
					t.Error("kept for too long")
				}
			})
		})
	}
}

// An alias that lives shorter than what it leads to decides.
func TestB047_TTLOfAlias_TheLeastCounts(t *testing.T) {
	for _, lazy := range []bool{false, true} {
		inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
			z.set(t, "example. 5 CNAME a.", "a. 300 A 192.0.2.1")
			if lazy {
				z.mend = firstOnly
			}
			asks(r, z, plainQuery)
			wait(5*second - 1)
			if asks(r, z, plainQuery) {
				t.Error("asked within the TTL")
			}
			wait(1)
			if !asks(r, z, plainQuery) {
				t.Error("the alias was kept for too long")
			}
		})
	}
}

func TestB047_NegativeTTL_SOAMinimumWithinBounds(t *testing.T) {
	for _, c := range []struct {
		soa  string
		kept time.Duration
	}{
		{"", bareNegative},
		{"example. 300 SOA ns. root. 1 1 1 1 20", 20 * second},
		{"example. 10 SOA ns. root. 1 1 1 1 20", 10 * second}, // RFC 2308 §5: the lesser of the two
		{"example. 86400 SOA ns. root. 1 1 1 1 86400", time.Minute},
		{"example. 0 SOA ns. root. 1 1 1 1 0", second},
	} {
		for _, rcode := range []int{dns.RcodeNameError, dns.RcodeSuccess} {
			inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
				if c.soa != "" {
					z.set(t, c.soa)
				}
				z.mend = func(_, reply *dns.Msg) *dns.Msg { reply.Rcode = rcode; return reply }
				o := resolve(r, plainQuery)
				if !errors.Is(o.err, ErrNoAddress) || o.targets != nil || o.ready {
					t.Errorf("%q: %+v", c.soa, o)
				}
				z.questions()
				wait(c.kept - 1)
				if asks(r, z, plainQuery) {
					t.Errorf("%q: asked too early", c.soa)
				}
				wait(1)
				if !asks(r, z, plainQuery) {
					t.Errorf("%q: kept for too long", c.soa)
				}
			})
		}
	}
}

// F20: routes that were known stay for an hour when the servers are down, slow or fail.
func TestB047_ServerDown_OldTargetsForAnHour(t *testing.T) {
	for name, harm := range map[string]func(z *zone){
		"SERVFAIL": func(z *zone) { z.rcode["*"] = dns.RcodeServerFailure },
		"REFUSED":  func(z *zone) { z.rcode["*"] = dns.RcodeRefused },
		"silent":   func(z *zone) { z.slow["*"] = time.Hour },
		"gone":     func(z *zone) { z.mend = func(_, _ *dns.Msg) *dns.Msg { return nil } },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
				z.set(t, less(office, "NAPTR")...) // that there is no NAPTR record is known from before, too
				for i, rr := range z.rrs {
					z.rrs[i] = dns.Copy(rr)
					z.rrs[i].Header().Ttl = uint32(60 * (i%2 + 1)) // not all at once
				}
				q := Query{Host: "example", Usable: plain, IPv4: true}
				const want = "udp 192.0.2.1:5073, udp 192.0.2.2:5074"
				expect(t, resolve(r, q), want)
				wait(2 * time.Minute) // so that every TTL is over, and counting from when the first one was
				z.change(func() { harm(z) })
				for minute := range 57 {
					o := resolve(r, q)
					expect(t, o, want)
					if o.took > defaultPatience {
						t.Errorf("after %d minutes it took %s", minute, o.took)
					}
					// A failure is remembered too: the server is not asked for every call.
					wait(second)
					z.questions()
					if o := resolve(r, q); o.String() != want || !o.ready {
						t.Errorf("the second time: %v", o)
					}
					wait(59 * second)
				}
				wait(6 * time.Minute)
				expect(t, resolve(r, q), "error")
			})
		})
	}
}

func TestB047_ServerBack_NewTargets(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
		z.set(t, "example. 1 A 192.0.2.1")
		expect(t, resolve(r, plainQuery), oneTarget)
		wait(time.Minute)
		z.change(func() { z.rcode["*"] = dns.RcodeServerFailure })
		expect(t, resolve(r, plainQuery), oneTarget)
		z.change(func() { clear(z.rcode) })
		z.set(t, "example. 1 A 192.0.2.2")
		wait(failureTTL)
		expect(t, resolve(r, plainQuery), "udp 192.0.2.2:5060")
		// A denial does away with what was known before, unlike a failure.
		z.set(t)
		wait(time.Minute)
		expect(t, resolve(r, plainQuery), "error")
		z.change(func() { z.rcode["*"] = dns.RcodeServerFailure })
		wait(time.Minute)
		expect(t, resolve(r, plainQuery), "error")
	})
}

// Records that live shorter than the resolution takes do not make it begin anew.
func TestB047_TTLZeroSlowServer_OneRound(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
		z.set(t, "_sip._udp.example. 0 SRV 0 0 5060 a.", "a. 0 A 192.0.2.1",
			`example. 0 NAPTR 1 1 "s" "SIP+D2U" "" _sip._udp.example.`)
		z.slow["*"] = 499 * time.Millisecond
		o := resolve(r, Query{Host: "example", IPv4: true})
		expect(t, o, oneTarget)
		if o.took != 3*499*time.Millisecond {
			t.Errorf("took %s", o.took)
		}
		if asked := z.questions(); asked != "A a, NAPTR example, SRV _sip._udp.example" {
			t.Errorf("asked %s", asked)
		}
	})
}

func TestCache_Full_Bounded(t *testing.T) {
	inBubble(t, Options{Entries: 16}, func(t *testing.T, r *Resolver, z *zone) {
		for i := range 100 {
			z.set(t, fmt.Sprintf("h%d. %d A 192.0.2.1", i, 60+i))
			expect(t, resolve(r, Query{Host: fmt.Sprintf("h%d", i), Port: 5060, IPv4: true}), oneTarget)
			if n := len(r.cache.m); n > 16 {
				t.Fatalf("%d entries", n)
			}
		}
		z.questions()
		if asks(r, z, Query{Host: "h99", Port: 5060, IPv4: true}) {
			t.Error("the youngest was dropped")
		}
	})
}
