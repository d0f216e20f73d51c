package resolve

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// Row 46: what some resolver takes for an address must not become one, and no name leads to ourselves.
func TestResolve_NoHostName_RefusedWithoutAsking(t *testing.T) {
	label := strings.Repeat("a", 63)
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
		for _, host := range []string{
			"", ".", "..", ".1", "[.1]", "1.", "[192.0.2.1]", "127.1", "127.0.0.1.", "0x7f.1", "0x7f000001", "0177.0.0.1", "2130706433", "1.2.3.4.5", "256.1.1.1",
			"a..b", ".a", "-a.b", "a-.b", "a b", "a\r\nb", "a\x00b", "a/b", "a:5060", "é.example", "a.1", "[a]", "[", "]", "[]", "[::1", "::1]", "[[::1]]",
			"fe80::1%eth0", "[fe80::1%25eth0]", "[fe80::1%]", `a\.b`, "a..", "*.example", "a,b", "::1.", "[::1].",
			label + "a.example", strings.Repeat("a", 256), strings.Repeat("a", 256) + ".example",
			fmt.Sprintf("%[1]s.%[1]s.%[1]s.%[1]s.example", label), strings.Repeat("a.", 127) + "aa", strings.Repeat("a", 1<<20),
		} {
			if o := resolve(r, Query{Host: host}); !o.ready || o.targets != nil || o.err == nil {
				t.Errorf("%.40q: %+v", host, o)
			}
		}
		if asked := z.questions(); asked != "" {
			t.Errorf("asked %s", asked)
		}
	})
}

// No literal asks a name server, whatever is in it.
func TestResolve_Literals_NeverAsk(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
		for _, host := range []string{"0.0.0.0", "255.255.255.255", "::", "::1", "[::1]", "224.0.0.1", "[ff02::1]", "::ffff:127.0.0.1", "[2001:db8::]", "2001:DB8:0:0:0:0:0:1"} {
			for _, transport := range []string{"", "udp", "tcp", "tls", "ws", "wss"} {
				for _, port := range []uint16{0, 1, 65535} {
					o := resolve(r, Query{Host: host, Transport: transport, Port: port})
					if !o.ready || len(o.targets) != 1 || o.targets[0].Addr.Addr().Is4In6() {
						t.Errorf("%s: %+v", host, o)
					}
				}
			}
		}
		if asked := z.questions(); asked != "" {
			t.Errorf("asked %s", asked)
		}
	})
}

// SECURITY.md §2 "DNS": rebinding.
func TestB047_AnswerLeadsToOurselves_Refused(t *testing.T) {
	bad := []string{
		"A 127.0.0.1", "A 127.255.255.254", "A 0.0.0.0", "A 0.1.2.3", "A 169.254.169.254", "A 224.0.0.1", "A 239.255.255.250", "A 240.0.0.1", "A 255.255.255.255",
		"AAAA ::1", "AAAA ::", "AAAA ::ffff:127.0.0.1", "AAAA ::ffff:192.0.2.7", "AAAA ::127.0.0.1", "AAAA fe80::1", "AAAA febf::1", "AAAA ff02::1", "AAAA ff0e::1",
	}
	for _, record := range bad {
		inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
			z.set(t, "example. 60 "+record)
			o := resolve(r, Query{Host: "example", Port: 5060})
			if !errors.Is(o.err, errForbidden) || !errors.Is(o.err, ErrNoAddress) || o.targets != nil {
				t.Errorf("%s: %+v", record, o)
			}
			z.set(t, "_sip._udp.srv. 60 SRV 0 0 5060 bad.", "bad. 60 "+record, "_sip._udp.srv. 60 SRV 1 0 5060 good.", "good. 60 A 192.0.2.1")
			expect(t, resolve(r, Query{Host: "srv", Transport: "udp"}), oneTarget)
		})
	}
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
		for _, record := range bad {
			z.add(t, "example. 60 "+record)
		}
		z.add(t, "example. 60 A 192.0.2.1") // the good one is found behind eighteen bad ones
		expect(t, resolve(r, Query{Host: "example", Port: 5060}), oneTarget)
	})
	allow := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("fe80::/16")}
	inBubble(t, Options{Allow: allow}, func(t *testing.T, r *Resolver, z *zone) {
		for _, record := range bad {
			z.add(t, "example. 60 "+record)
		}
		expect(t, resolve(r, Query{Host: "example", Port: 5060}), "udp [fe80::1]:5060, udp 127.0.0.1:5060, udp 127.255.255.254:5060")
	})
	for _, private := range []string{"A 10.0.0.1", "A 192.168.1.1", "A 172.16.0.1", "A 100.64.0.1", "AAAA fd00::1", "AAAA 64:ff9b::a00:1"} { // a border has such peers
		inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
			z.set(t, "example. 60 "+private)
			if o := resolve(r, Query{Host: "example", Port: 5060}); len(o.targets) != 1 {
				t.Errorf("%s: %+v", private, o)
			}
		})
	}
}

func TestB047_AnswerIsOurListener_Refused(t *testing.T) {
	own := netip.MustParseAddrPort("192.0.2.1:5060")
	for _, allow := range [][]netip.Prefix{nil, {netip.MustParsePrefix("0.0.0.0/0")}} {
		o := Options{Own: func(a netip.AddrPort) bool { return a == own }, Allow: allow}
		inBubble(t, o, func(t *testing.T, r *Resolver, z *zone) {
			z.set(t, "example. 60 A 192.0.2.1", "example. 60 A 192.0.2.2", "us. 60 A 192.0.2.1")
			expect(t, resolve(r, plainQuery), "udp 192.0.2.2:5060")
			if o := resolve(r, Query{Host: "us", Port: 5060, IPv4: true}); !errors.Is(o.err, errOwn) {
				t.Errorf("%+v", o)
			}
			expect(t, resolve(r, Query{Host: "us", Port: 5062, IPv4: true}), "udp 192.0.2.1:5062")
		})
	}
}

func TestB043_Penalties_OrderAndExpire(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
		z.set(t, "_sip._udp.example. 9999 SRV 1 0 5060 a.", "_sip._udp.example. 9999 SRV 2 0 5060 b.", "_sip._udp.example. 9999 SRV 3 0 5060 c.",
			"a. 9999 A 192.0.2.1", "b. 9999 A 192.0.2.2", "c. 9999 A 192.0.2.3")
		q := Query{Host: "example", Transport: "udp", IPv4: true}
		list := resolve(r, q).targets
		a, b, c := list[0], list[1], list[2]
		order := func(want ...Target) {
			t.Helper()
			o := resolve(r, q)
			if fmt.Sprint(o.targets) != fmt.Sprint(want) {
				t.Errorf("got %v, want %v", o.targets, want)
			}
		}
		order(a, b, c)
		r.Penalize(a, 10*second, false)
		order(b, c, a)
		r.Penalize(b, 5*second, true)
		order(c, a)
		if !r.Penalized(a) || !r.Penalized(b) || r.Penalized(c) {
			t.Error("Penalized")
		}
		r.Penalize(c, 5*second, false)
		order(a, c) // all that is left is soft: in the order of DNS
		wait(5*second - 1)
		order(a, c)
		wait(1)
		order(b, c, a)
		wait(5 * second)
		order(a, b, c)

		// A soft penalty shortens or weakens no hard one, a hard one replaces a soft one, the longer of two holds.
		r.Penalize(a, 10*second, true)
		r.Penalize(a, time.Minute, false)
		r.Penalize(a, second, true)
		r.Forgive(a)
		order(b, c)
		wait(10*second - 1)
		order(b, c)
		wait(1)
		order(a, b, c)
		r.Penalize(a, time.Minute, false)
		r.Penalize(a, second, true)
		order(b, c)
		wait(second)
		order(a, b, c)

		r.Penalize(a, time.Minute, false)
		r.Forgive(a)
		r.Forgive(b)
		order(a, b, c)
		r.Penalize(a, 0, true)
		r.Penalize(a, -second, true)
		order(a, b, c)

		// Another transport is another target.
		r.Penalize(Target{a.Addr, "tcp"}, time.Minute, true)
		order(a, b, c)
	})
}

func TestB043_EveryTargetOut_ErrAllOut(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
		z.set(t, "example. 9999 A 192.0.2.1", "example. 9999 A 192.0.2.2")
		for _, c := range []struct {
			q Query
			n int
		}{{plainQuery, 2}, {Query{Host: "192.0.2.9"}, 1}} {
			list := resolve(r, c.q).targets
			for _, target := range list {
				r.Penalize(target, 1000*time.Hour, true)
			}
			if o := resolve(r, c.q); !o.ready || !errors.Is(o.err, ErrAllOut) || o.targets != nil {
				t.Errorf("%+v", o)
			}
			wait(time.Hour) // a Retry-After of forty days is cut
			if o := resolve(r, c.q); len(o.targets) != c.n {
				t.Errorf("still out: %+v", o)
			}
		}
		// One who waited is told alike.
		r.Penalize(Target{netip.MustParseAddrPort("192.0.2.3:5060"), "udp"}, time.Minute, true)
		z.set(t, "late. 9 A 192.0.2.3")
		if o := resolve(r, Query{Host: "late", Port: 5060, IPv4: true}); o.ready || !errors.Is(o.err, ErrAllOut) {
			t.Errorf("%+v", o)
		}
		// Soft: it is still all there is.
		soft := resolve(r, Query{Host: "192.0.2.77"}).targets[0]
		r.Penalize(soft, time.Minute, false)
		expect(t, resolve(r, Query{Host: "192.0.2.77"}), "udp 192.0.2.77:5060")
	})
}

func TestPenalize_Flood_Bounded(t *testing.T) {
	r := New(Options{Hosts: "/dev/null"})
	defer func() { _ = r.Close(context.Background()) }()
	for i := range 3 * maxPenalties {
		r.Penalize(Target{netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), uint16(1+i>>16)), "udp"}, time.Minute, i%2 == 0)
	}
	if n := len(r.penalties.m); n > maxPenalties {
		t.Errorf("%d penalties", n)
	}
}
