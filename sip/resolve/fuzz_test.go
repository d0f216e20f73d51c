package resolve

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

// replyTo puts the head and question that are asked for before what a server says.
func replyTo(query, said []byte) []byte {
	var head [8]byte // flags and counts
	rest := said[copy(head[:], said):]
	out := append([]byte{query[0], query[1], head[0]&^0x78 | 0x80, head[1]}, 0, 1)
	out = append(out, head[2:]...)
	out = append(out, query[headerBytes:questionEnd(query)]...)
	return append(out, rest...)
}

func questionEnd(query []byte) int {
	end := headerBytes
	for query[end] != 0 {
		end += 1 + int(query[end])
	}
	return end + 5
}

// said is what seeds of replies have beyond head and question.
func said(f *testing.F, m *dns.Msg) []byte {
	m.Compress = true
	wire, err := m.Pack()
	if err != nil {
		f.Fatal(err)
	}
	out := append([]byte{wire[2], wire[3]}, wire[6:12]...)
	return append(out, wire[questionEnd(wire):]...)
}

// FuzzReply: whatever a server says, a resolution ends, asks a bounded number of questions and gives a bounded number
// of targets, none of them where no name may lead.
func FuzzReply(f *testing.F) {
	for _, records := range [][]string{office, {"example. 0 CNAME example."}, {"example. 1 A 127.0.0.1", "example. 1 AAAA ::1"}, {"example. 7 SRV 0 0 0 ."}, nil} {
		m := new(dns.Msg)
		m.SetQuestion("example.", dns.TypeNAPTR)
		for _, r := range records {
			rr, err := dns.NewRR(r)
			if err != nil {
				f.Fatal(err)
			}
			m.Answer = append(m.Answer, rr)
		}
		f.Add(said(f, m))
	}
	f.Add([]byte{0x82, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0x80, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc0, 0x0c, 0xc0})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, said []byte) {
		var asked atomic.Int64
		r := New(Options{Servers: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.53:53")}, Hosts: "/dev/null",
			exchange: func(_ context.Context, _ netip.AddrPort, _ bool, query []byte, accept func([]byte) bool) ([]byte, error) {
				asked.Add(1)
				reply := replyTo(query, said)
				if !accept(reply) {
					return nil, errMismatch
				}
				return reply, nil
			}})
		o := resolve(r, Query{Host: "example"})
		if err := r.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		// NAPTR, SRV and addresses; each may be asked over UDP, without EDNS0 and over TCP, in four passes, along nine names.
		if n := asked.Load(); n > (1+maxRules+2*maxTargets)*3*maxPasses*(maxAliases+1) {
			t.Errorf("%d questions", n)
		}
		if len(o.targets) > maxTargets || len(o.targets) == 0 != (o.err != nil) {
			t.Errorf("%d targets, %v", len(o.targets), o.err)
		}
		for _, target := range o.targets {
			if filter(nil).refuses(target.Addr.Addr()) || target.Addr.Port() == 0 || target.Transport == "" {
				t.Errorf("target %v", target)
			}
		}
	})
}

// FuzzRead: arbitrary bytes as a reply never panic, and what is taken from them is bounded and made of host names.
func FuzzRead(f *testing.F) {
	m := new(dns.Msg)
	m.SetQuestion("example.", dns.TypeSRV)
	query, err := m.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(query)
	f.Add([]byte("\x00\x00\x84\x00\x00\x01\x00\x01\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x07\x00\x04\xc0\x00\x02\x01"))
	f.Fuzz(func(t *testing.T, reply []byte) {
		answers(reply, query)
		m, err := parse(reply, true)
		if err != nil {
			return
		}
		for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeSRV, dns.TypeNAPTR} {
			name := "example"
			if len(m.Question) > 0 {
				if n, ok := canonical(m.Question[0].Name); ok {
					name = n
				}
			}
			left := maxAliases
			a, err := read(m, question{name, qtype}, nil, &left)
			if err != nil && !errors.Is(err, errAliases) {
				t.Error(err)
			}
			if len(a.set.addrs) > maxAddrs || len(a.set.services) > maxServices || len(a.set.rules) > maxRules {
				t.Errorf("%d, %d, %d records", len(a.set.addrs), len(a.set.services), len(a.set.rules))
			}
			if err == nil && (a.ttl < minTTL || a.ttl > maxTTL) {
				t.Errorf("TTL %s", a.ttl)
			}
			names := []string{a.alias}
			for _, s := range a.set.services {
				names = append(names, s.target)
			}
			for _, x := range a.set.rules {
				names = append(names, x.replacement)
			}
			for _, n := range names {
				if c, ok := canonical(n); n != "" && (!ok || c != n) {
					t.Errorf("name %q", n)
				}
			}
		}
	})
}

func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{"sip.example", "SIP.Example.", "127.0.0.1", ".1", "[::1]", "[.1]", "a_b.c-d.e", "0x7f.1", "fe80::1%eth0"} {
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
		if q := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeA); len(dns.Fqdn(name)) > 254 {
			t.Errorf("%d bytes", len(name))
		} else if _, err := q.Pack(); err != nil {
			t.Errorf("%q cannot be asked for: %v", name, err)
		}
	})
}

// FuzzFiles: the files of the machine are read by the same rules as everything else.
func FuzzFiles(f *testing.F) {
	f.Add("192.0.2.1 a b.example # c\n::1 localhost")
	f.Add("nameserver 192.0.2.1\nsearch a b\noptions ndots:3 timeout:x")
	f.Add("search \noptions ndots:\nnameserver")
	f.Fuzz(func(t *testing.T, text string) {
		for name := range parseHosts(strings.NewReader(text)) {
			if c, ok := canonical(name); !ok || c != name {
				t.Errorf("name %q", name)
			}
		}
		c := parseConf(strings.NewReader(text))
		if len(c.servers) > maxServers || len(c.search) > maxSearch || c.ndots < 0 || c.ndots > 15 {
			t.Errorf("%+v", c)
		}
	})
}
