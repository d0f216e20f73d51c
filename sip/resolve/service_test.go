package resolve

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
)

// first draws many times and counts who comes first.
func firsts(n int, services []service) map[string]int {
	seeded := rand.New(rand.NewPCG(1, 2))
	counts := map[string]int{}
	for range n {
		counts[draw(services, seeded.IntN)[0].target]++
	}
	return counts
}

func about(t *testing.T, counts map[string]int, target string, want float64) {
	t.Helper()
	if got := float64(counts[target]); got < want*0.9 || got > want*1.1 {
		t.Errorf("%s came first %v times, want about %v of %v", target, got, want, counts)
	}
}

func TestB047_Weights_ShareTheCalls(t *testing.T) {
	counts := firsts(40_000, []service{{"a", 1, 0, 10}, {"b", 1, 0, 30}, {"c", 1, 0, 60}, {"late", 1, 1, 65535}})
	// A draw of 0 goes to the first of the list (RFC 2782), hence slightly more than the share.
	about(t, counts, "a", 4_000)
	about(t, counts, "b", 12_000)
	about(t, counts, "c", 24_000)
	if counts["late"] > 0 {
		t.Error("a worse priority came first")
	}
}

func TestB047_WeightZero_VerySmallChance(t *testing.T) {
	counts := firsts(101_000, []service{{"idle", 1, 0, 0}, {"busy", 1, 0, 100}})
	about(t, counts, "idle", 1_000)
	about(t, counts, "busy", 100_000)
	counts = firsts(30_000, []service{{"a", 1, 0, 0}, {"b", 1, 0, 0}, {"c", 1, 0, 0}})
	for _, target := range []string{"a", "b", "c"} {
		about(t, counts, target, 10_000)
	}
}

// The second and third place are drawn by weight too, and everybody comes up once.
func TestB047_Draw_WholeOrder(t *testing.T) {
	seeded := rand.New(rand.NewPCG(1, 2))
	counts := map[string]int{}
	services := []service{{"a", 1, 0, 50}, {"b", 1, 0, 40}, {"c", 1, 0, 10}, {"x", 1, 7, 0}, {"y", 1, 7, 9}}
	for range 30_000 {
		var order []string
		for _, s := range draw(services, seeded.IntN) {
			order = append(order, s.target)
		}
		counts[strings.Join(order[:3], "")]++
		if last := strings.Join(order[3:], ""); last != "xy" && last != "yx" {
			t.Fatalf("order %v", order)
		}
	}
	about(t, counts, "abc", 30_000*0.5*0.8)
	about(t, counts, "acb", 30_000*0.5*0.2)
	about(t, counts, "bac", 30_000*0.4*50/60)
	if services[0].target != "a" || services[4].target != "y" {
		t.Error("what is cached was changed")
	}
}

// Records are cached, the order is drawn for every call, also for those who wait together.
func TestB047_Order_DrawnPerCall(t *testing.T) {
	var mu sync.Mutex
	seeded := rand.New(rand.NewPCG(3, 4))
	intN := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return seeded.IntN(n)
	}
	inBubble(t, Options{Rand: intN}, func(t *testing.T, r *Resolver, z *zone) {
		for i := range 4 {
			z.add(t, fmt.Sprintf("_sip._udp.example. 300 SRV 0 1 5060 s%d.example.", i), fmt.Sprintf("s%d.example. 300 A 192.0.2.%d", i, i+1))
		}
		q := Query{Host: "example", Transport: "udp", IPv4: true}
		orders := map[string]bool{}
		var waiting []<-chan outcome
		for range 20 {
			waiting = append(waiting, start(r, q))
		}
		for _, c := range waiting {
			orders[(<-c).String()] = true
		}
		if len(orders) < 5 {
			t.Errorf("%d orders of 20 who waited: %v", len(orders), orders)
		}
		clear(orders)
		for range 200 {
			o := resolve(r, q)
			if !o.ready || len(o.targets) != 4 {
				t.Fatal(o)
			}
			orders[o.String()] = true
		}
		if len(orders) != 24 {
			t.Errorf("%d orders of 4 equal records in 200 calls", len(orders))
		}
	})
}

func TestResolve_Bombs_Capped(t *testing.T) {
	count := func(asked, what string) int { return strings.Count(", "+asked, ", "+what+" ") }
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
		z.add(t, many(40, `example. 300 NAPTR 1 %d "s" "SIP+D2U" "" _n%[1]d.example.`)...)
		for i := range 40 {
			z.add(t, many(40, fmt.Sprintf("_n%d.example. 300 SRV %%d 0 5060 s%d-%%[1]d.example.", i, i))...)
			for j := range 40 {
				z.add(t, many(20, fmt.Sprintf("s%d-%d.example. 300 A 192.%d.%d.%%d", i, j, i, j))...)
			}
		}
		o := resolve(r, Query{Host: "example"})
		asked := z.questions()
		if len(o.targets) != maxTargets || o.err != nil {
			t.Errorf("%d targets: %v", len(o.targets), o.err)
		}
		if n := count(asked, "SRV"); n != maxRules {
			t.Errorf("%d SRV questions", n)
		}
		if n := count(asked, "A") + count(asked, "AAAA"); n > 2*maxTargets {
			t.Errorf("%d address questions", n)
		}
		expect(t, outcome{targets: o.targets[:2]}, "udp 192.0.0.0:5060, udp 192.0.0.1:5060")
	})
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
		z.add(t, many(200, "_sip._udp.example. 300 SRV %d 0 5060 s%[1]d.example.")...)
		z.add(t, many(200, "s%d.example. 300 A 192.0.2.%[1]d")...)
		z.add(t, many(100, "wide.example. 300 A 192.0.3.%d")...)
		z.add(t, many(100, "wide.example. 300 AAAA 2001:db8::%d")...)
		z.add(t, "many.example. 300 A 192.0.2.1", "many.example. 300 A 192.0.2.1", "many.example. 60 A 192.0.2.1")
		if o := resolve(r, Query{Host: "example", Transport: "udp"}); len(o.targets) != maxServices || o.targets[7].Addr.String() != "192.0.2.7:5060" {
			t.Errorf("%d targets: %v", len(o.targets), o)
		}
		o := resolve(r, Query{Host: "wide.example", Port: 1})
		if len(o.targets) != maxAddrs || !o.targets[0].Addr.Addr().Is6() || !o.targets[1].Addr.Addr().Is4() {
			t.Errorf("%d targets: %v", len(o.targets), o)
		}
		expect(t, resolve(r, Query{Host: "many.example", Port: 1, IPv4: true}), "udp 192.0.2.1:1")
	})
}
