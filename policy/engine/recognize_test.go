package engine_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/config"
	"gatehouse/policy/engine"
)

const shared = `
zones:
  inside: {listen: ["udp://10.0.0.1:5060"], trust: full, media: {address: 10.0.0.1, ports: 16384-32767}}
  outside:
    listen: ["udp://203.0.113.10:5060", "udp://203.0.113.10:5062", "udp://[2001:db8::10]:5060", "tls://203.0.113.10:5061"]
    tls: {certificate: sbc.pem, key_file: sbc.key, client_ca: ca.pem}
    media: [{address: 203.0.113.10, ports: 16384-32767}, {address: "2001:db8::10", ports: 16384-32767}]
peers:
  pbx: {zone: inside, address: sip:10.0.0.20}
  german: {zone: outside, address: sip:192.0.2.1, source: [192.0.2.0/24], match: {prefix: "+49"}}
  branch: {zone: outside, address: sip:192.0.2.2, source: [192.0.2.0/24], match: {host: Branch.Example, prefix: "+49"}}
  second: {zone: outside, address: sip:192.0.2.3, source: [192.0.2.0/24], match: {port: 5062}}
  signed: {zone: outside, address: sip:192.0.2.4, source: [192.0.2.0/24], match: {certificate: signed.example}}
  six: {zone: outside, address: sip:192.0.2.5, source: [192.0.2.0/24, "2001:db8:9::/48"], match: {host: "2001:db8:9::5"}}
  inner: {zone: outside, address: sip:192.0.2.130, source: [192.0.2.128/25], match: {host: inner.example}}
  everyone: {zone: outside, address: sip:192.0.2.6, source: [192.0.0.0/16]}
routes:
  - {name: in, from: [german, branch, second, signed, six, inner, everyone], to: [pbx]}
  - {name: out, from: pbx, to: [everyone]}
`

func TestPeerFor_SharedSource_MatchDecides(t *testing.T) {
	s := compile(t, shared)
	for _, c := range []struct {
		src  string
		f    engine.Facts
		want string
	}{
		{"192.0.2.9", engine.Facts{}, "everyone"}, // nobody's match fits: the next shorter prefix
		{"192.0.2.9", engine.Facts{Called: "+4930"}, "german"},
		{"192.0.2.9", engine.Facts{Called: "+49"}, "german"},
		{"192.0.2.9", engine.Facts{Called: "+4"}, "everyone"},
		{"192.0.2.9", engine.Facts{Called: "0+49"}, "everyone"},
		{"192.0.2.9", engine.Facts{Called: "+4930", FromHost: "bRANCH.example"}, "branch"}, // asks more than german
		{"192.0.2.9", engine.Facts{Called: "+4930", FromHost: "branch.example."}, "branch"},
		{"192.0.2.9", engine.Facts{Called: "+4930", FromHost: "branch.example.net"}, "german"},
		{"192.0.2.9", engine.Facts{Called: "+4930", FromHost: "x.branch.example"}, "german"},
		{"192.0.2.9", engine.Facts{Called: "+1", FromHost: "branch.example"}, "everyone"},
		{"192.0.2.9", engine.Facts{Port: 5062}, "second"},
		{"192.0.2.9", engine.Facts{Port: 5060}, "everyone"},
		{"192.0.2.9", engine.Facts{Port: 5062, Called: "+49"}, "german"}, // both ask for one thing: the file's order
		{"192.0.2.9", engine.Facts{Identities: []string{"other.example", "SIGNED.example"}}, "signed"},
		{"192.0.2.9", engine.Facts{Identities: []string{"*.example", "example", "x.signed.example"}}, "everyone"},
		{"192.0.2.9", engine.Facts{FromHost: "2001:DB8:9:0::5"}, "six"},
		{"192.0.2.9", engine.Facts{FromHost: "2001:db8:9::6"}, "everyone"},
		{"192.0.2.9", engine.Facts{FromHost: "not:an:address"}, "everyone"},
		{"2001:db8:9::1", engine.Facts{FromHost: "2001:db8:9::5"}, "six"},
		{"2001:db8:9::1", engine.Facts{FromHost: "branch.example", Called: "+49"}, ""},
		{"192.0.2.200", engine.Facts{FromHost: "inner.example", Called: "+49"}, "inner"}, // the longest prefix comes before what is asked
		{"192.0.2.200", engine.Facts{FromHost: "branch.example", Called: "+49"}, "branch"},
		{"192.0.2.200", engine.Facts{}, "everyone"},
		{"192.0.2.100", engine.Facts{FromHost: "inner.example"}, "everyone"},
		{"192.0.3.1", engine.Facts{Called: "+49"}, "everyone"},
		{"192.1.0.1", engine.Facts{Called: "+49"}, ""},
	} {
		got := ""
		src := netip.MustParseAddr(c.src)
		p := s.PeerFor("outside", src, c.f)
		if p != nil {
			got = p.Name
		}
		if got != c.want {
			t.Errorf("%s %+v is %q, want %q", c.src, c.f, got, c.want)
		}
		f := c.f
		f.Called = "is not read from here"
		d, refused := s.Decide(engine.Query{Zone: "outside", Source: netip.AddrPortFrom(src, 5060), Called: c.f.Called, Facts: f})
		if d.From != p || (refused == nil) != (p != nil) {
			t.Errorf("%s %+v: Decide says %+v, %+v", c.src, c.f, d, refused)
		}
	}
}

func TestAdmit_SourceOfAPeerWhoseMatchIsNotKnownYet_IsKnown(t *testing.T) {
	s := compile(t, shared)
	if got := s.Admit("outside", netip.MustParseAddr("2001:db8:9::1")); got != engine.Known {
		t.Errorf("got %v", got)
	}
	if got := s.Admit("outside", netip.MustParseAddr("2001:db8:8::1")); got != engine.Silent {
		t.Errorf("got %v", got)
	}
}

func TestPeerFor_Allocs_None(t *testing.T) {
	s := compile(t, shared)
	src := netip.MustParseAddr("::ffff:192.0.2.200")
	f := engine.Facts{FromHost: "2001:db8:9::6", Called: "+1", Port: 5060, Identities: []string{"a.example"}}
	if n := testing.AllocsPerRun(100, func() { s.PeerFor("outside", src, f) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAdmit_AccessList_ComesFirst(t *testing.T) {
	text := strings.Replace(border, "    advertise: sbc.example.com\n",
		"    advertise: sbc.example.com\n    acl: {allow: [192.0.2.0/24, 198.51.100.0/24], deny: [192.0.2.64/26]}\n", 1)
	s := compile(t, text)
	for _, c := range []struct {
		zone, src string
		want      engine.Standing
	}{
		{"outside", "192.0.2.7", engine.Known},
		{"outside", "192.0.2.65", engine.Denied}, // though carrier claims it
		{"outside", "::ffff:192.0.2.65", engine.Denied},
		{"outside", "2001:db8:5::7", engine.Denied}, // an allow list was given and six is not on it
		{"outside", "198.51.100.1", engine.Silent},
		{"outside", "10.0.0.20", engine.Denied},
		{"inside", "10.0.0.20", engine.Known}, // another zone, another list
		{"inside", "192.0.2.65", engine.Stranger},
		{"nowhere", "192.0.2.65", engine.Silent},
	} {
		if got := s.Admit(c.zone, netip.MustParseAddr(c.src)); got != c.want {
			t.Errorf("%s in %s is %v, want %v", c.src, c.zone, got, c.want)
		}
	}
}

// dynamic has two carriers known by name and one peer by address.
func dynamic() *config.Config {
	name := []config.Target{{Host: "c.example", Raw: "sip:c.example"}}
	return &config.Config{
		Zones: []config.Zone{{Name: "z"}, {Name: "y"}},
		Peers: []config.Peer{
			{Name: "a", Zone: "z", Addresses: name, SourceFromDNS: true, Source: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}},
			{Name: "b", Zone: "z", Addresses: name, SourceFromDNS: true, Match: config.Match{Host: "b.example"}},
			{Name: "c", Zone: "z", Addresses: name, Source: []netip.Prefix{netip.MustParsePrefix("192.0.2.3/32")}},
			{Name: "d", Zone: "y", Addresses: name, SourceFromDNS: true},
		},
	}
}

func TestCompile_SourcesFromDNS_AreWhatWasResolved(t *testing.T) {
	who := func(s *engine.Snapshot, zone, src, host string) string {
		if p := s.PeerFor(zone, netip.MustParseAddr(src), engine.Facts{FromHost: host}); p != nil {
			return p.Name
		}
		return ""
	}
	s, err := engine.Compile(dynamic(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := who(s, "z", "192.0.2.1", "") + who(s, "z", "192.0.2.2", "b.example"); got != "a" {
		t.Errorf("before anything is resolved: %q", got)
	}
	resolved := map[string][]netip.Addr{
		"a": {netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("::ffff:192.0.2.2"), netip.MustParseAddr("192.0.2.3"), {}, netip.MustParseAddr("2001:db8::1%eth0")},
		"b": {netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.2")},
		"c": {netip.MustParseAddr("192.0.2.99")}, // it did not ask
		"d": {netip.MustParseAddr("192.0.2.2")},
		"e": {netip.MustParseAddr("192.0.2.2")}, // it is gone
	}
	s, err = engine.Compile(dynamic(), resolved)
	if err != nil {
		t.Fatalf("answers of the network made it fail: %v", err)
	}
	for _, c := range []struct{ zone, src, host, want string }{
		{"z", "192.0.2.1", "", "a"},
		{"z", "192.0.2.2", "", "a"},
		{"z", "192.0.2.2", "b.example", "b"},
		{"z", "192.0.2.3", "", "a"}, // both without a match: the first of the file
		{"z", "192.0.2.99", "", ""},
		{"z", "2001:db8::1", "", "a"},
		{"z", "0.0.0.0", "", ""},
		{"y", "192.0.2.2", "b.example", "d"},
		{"y", "192.0.2.1", "", ""},
	} {
		if got := who(s, c.zone, c.src, c.host); got != c.want {
			t.Errorf("%s from %q in %s is %q, want %q", c.src, c.host, c.zone, got, c.want)
		}
	}
	if s.Admit("z", netip.MustParseAddr("192.0.2.2")) != engine.Known {
		t.Error("a resolved source is not known")
	}
	resolved["a"][1] = netip.MustParseAddr("203.0.113.1")
	if who(s, "z", "192.0.2.2", "") != "a" {
		t.Error("the snapshot kept the slice")
	}
}

func TestCompile_Targets_ByPriorityThenFile(t *testing.T) {
	c := dynamic()
	c.Peers[0].Addresses = []config.Target{
		{Host: "a.example", Raw: "sip:A.example:5070", Priority: 20, Weight: 3},
		{Host: "b.example", Raw: "sips:b.example", Priority: 10, Weight: 1},
		{Host: "c.example", Raw: "sip:c.example;transport=ws", Priority: 20, Weight: 7},
		{Host: "2001:db8::1", Raw: "sip:[2001:DB8:0::1];transport=TLS", Priority: 0},
	}
	s, err := engine.Compile(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, to := range s.Peer("a").Targets {
		got = append(got, text(to))
	}
	want := []string{"sip:[2001:db8::1];transport=TLS 0 0", "sips:b.example 10 1", "sip:a.example:5070 20 3", "sip:c.example;transport=ws 20 7"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestCompile_ZoneSettings_AreCarried(t *testing.T) {
	c := dynamic()
	c.Zones[0].UDPMax, c.Zones[0].DSCP = 1300, config.DSCP{SIP: 24, Media: 46}
	s, err := engine.Compile(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if z := s.Zone("z"); z.UDPMax != 1300 || z.DSCP != (config.DSCP{SIP: 24, Media: 46}) {
		t.Errorf("%+v", z)
	}
}

// The peer of any request is the one the plain rule names.
func TestPeerFor_AnyPeers_MatchTheRule(t *testing.T) {
	hosts, starts, ids := []string{"", "a.example", "b.example"}, []string{"", "1", "12"}, []string{"", "id.example"}
	rapid.Check(t, func(t *rapid.T) {
		c := &config.Config{Zones: []config.Zone{{Name: "z"}}}
		for i := range rapid.IntRange(1, 8).Draw(t, "peers") {
			prefix := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, rapid.Byte().Draw(t, "b") & 1, 0, 0}), rapid.SampledFrom([]int{0, 8, 15, 16, 32}).Draw(t, "bits")).Masked()
			p := config.Peer{Name: fmt.Sprint(i), Zone: "z", Source: []netip.Prefix{prefix}, Addresses: []config.Target{{Host: "h", Raw: "sip:h"}}}
			p.Match = config.Match{
				Host: rapid.SampledFrom(hosts).Draw(t, "host"), Prefix: rapid.SampledFrom(starts).Draw(t, "prefix"),
				Port: uint16(rapid.IntRange(0, 2).Draw(t, "port")), Certificate: rapid.SampledFrom(ids).Draw(t, "certificate"),
			}
			if slices.ContainsFunc(c.Peers, func(o config.Peer) bool { return o.Match == p.Match && o.Source[0] == prefix }) {
				continue // configuration does not let them
			}
			c.Peers = append(c.Peers, p)
		}
		s, err := engine.Compile(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		src := netip.AddrFrom4([4]byte{10, rapid.Byte().Draw(t, "b") & 1, 0, rapid.Byte().Draw(t, "d") & 1})
		f := engine.Facts{
			FromHost: rapid.SampledFrom(hosts).Draw(t, "from"), Called: rapid.SampledFrom(starts).Draw(t, "called"), Port: uint16(rapid.IntRange(1, 3).Draw(t, "listener")),
			Identities: []string{rapid.SampledFrom(ids).Draw(t, "identity")},
		}
		want, rank := "", -1
		for _, p := range c.Peers {
			m, asked := p.Match, 0
			for _, on := range []bool{m.Host != "", m.Prefix != "", m.Port != 0, m.Certificate != ""} {
				if on {
					asked++
				}
			}
			fits := p.Source[0].Contains(src) && (m.Host == "" || m.Host == f.FromHost) && strings.HasPrefix(f.Called, m.Prefix) &&
				(m.Port == 0 || m.Port == f.Port) && (m.Certificate == "" || slices.Contains(f.Identities, m.Certificate))
			if r := p.Source[0].Bits()*10 + asked; fits && r > rank {
				want, rank = p.Name, r
			}
		}
		got := ""
		if p := s.PeerFor("z", src, f); p != nil {
			got = p.Name
		}
		if got != want {
			t.Fatalf("%v %+v is %q, want %q of %+v", src, f, got, want, c.Peers)
		}
	})
}
