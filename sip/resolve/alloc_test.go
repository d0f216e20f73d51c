package resolve

import (
	"context"
	"net/netip"
	"testing"
)

// A literal costs the list it is returned in.
func TestResolve_Literal_OneAllocation(t *testing.T) {
	r := New(Options{Hosts: "/dev/null"})
	defer func() { _ = r.Close(context.Background()) }()
	r.Penalize(Target{netip.MustParseAddrPort("192.0.2.7:5060"), "udp"}, second, true)
	for _, q := range []Query{
		{Host: "192.0.2.1", Port: 5080, Transport: "tcp", Usable: all, IPv4: true},
		{Host: "[2001:db8::1]", Usable: plain, IPv6: true},
	} {
		if n := testing.AllocsPerRun(100, func() {
			if targets, ready, err := r.Resolve(q, nil); !ready || err != nil || len(targets) != 1 {
				t.Error(targets, ready, err)
			}
		}); n > 1 {
			t.Errorf("%s: %v allocations", q.Host, n)
		}
	}
}

func BenchmarkResolve(b *testing.B) {
	z := &zone{}
	z.set(b, office...)
	r := New(Options{Hosts: "/dev/null", exchange: z.exchange})
	defer func() { _ = r.Close(context.Background()) }()
	for name, q := range map[string]Query{
		"literal": {Host: "192.0.2.1", Usable: plain},
		"address": {Host: "example", Port: 5060, IPv4: true},
		"domain":  {Host: "example", Usable: []string{"udp"}, IPv4: true},
	} {
		b.Run(name, func(b *testing.B) {
			resolve(r, q)
			b.ReportAllocs()
			for b.Loop() {
				if _, ready, err := r.Resolve(q, nil); !ready || err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
