package engine_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/config"
	"gatehouse/policy/engine"
)

const border = `
zones:
  inside:
    listen: [udp://10.0.0.1:5060, tcp://10.0.0.1:5060]
    trust: full
    media: {address: 10.0.0.1, ports: 16384-32767}
  outside:
    listen: [udp://203.0.113.10:5060, tcp://203.0.113.10:5060, "udp://[2001:db8::10]:5060"]
    advertise: sbc.example.com
    media: [{address: 203.0.113.10, ports: 16384-32767}, {address: "2001:db8::10", ports: 16384-32767}]
peers:
  pbx: {zone: inside, address: sip:10.0.0.20, source: [10.0.0.20, 10.1.0.0/16], sip: {ring_timeout: 30s, max_duration: 1h}}
  phone: {zone: inside, address: "sip:10.1.2.3:5070"}
  carrier: {zone: outside, address: "sip:Trunk.example;transport=tcp", source: [192.0.2.0/24, "2001:db8:5::/48"]}
  vip: {zone: outside, address: sip:192.0.2.7}
  six: {zone: outside, address: "sip:[2001:DB8:5:0::7]:5080"}
routes:
  - {name: out, from: [pbx, phone], called: ["+*", "00*"], to: [carrier, vip]}
  - {name: local, from: [pbx, phone], to: [pbx, phone]}
  - {name: in, from: carrier, called: "*100", to: pbx}
`

func compile(t testing.TB, text string) *engine.Snapshot {
	t.Helper()
	c, _, err := config.Load("t.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s, err := engine.Compile(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPeerFor_LongestPrefixInTheZone_Wins(t *testing.T) {
	s := compile(t, border)
	for _, c := range []struct{ zone, src, want string }{
		{"inside", "10.0.0.20", "pbx"},
		{"inside", "10.1.9.9", "pbx"},
		{"inside", "10.1.2.3", "phone"},
		{"inside", "::ffff:10.1.2.3", "phone"},
		{"inside", "10.0.0.21", ""},
		{"inside", "192.0.2.7", ""},
		{"outside", "192.0.2.7", "vip"},
		{"outside", "192.0.2.8", "carrier"},
		{"outside", "2001:db8:5::7", "six"},
		{"outside", "2001:db8:5::8", "carrier"},
		{"outside", "2001:db8:5::7%eth0", "six"},
		{"outside", "2001:db8:6::8", ""},
		{"outside", "10.0.0.20", ""},
		{"nowhere", "10.0.0.20", ""},
	} {
		got := ""
		if p := s.PeerFor(c.zone, netip.MustParseAddr(c.src), engine.Facts{}); p != nil {
			got = p.Name
		}
		if got != c.want {
			t.Errorf("%s in %s is %q, want %q", c.src, c.zone, got, c.want)
		}
	}
	if p := s.PeerFor("inside", netip.Addr{}, engine.Facts{}); p != nil {
		t.Errorf("no address is %v", p.Name)
	}
}

func TestAdmit_UnknownSource_IsTreatedAsTheZoneSays(t *testing.T) {
	s := compile(t, border)
	for _, c := range []struct {
		zone, src string
		want      engine.Standing
	}{
		{"inside", "10.0.0.20", engine.Known},
		{"inside", "192.0.2.7", engine.Stranger}, // reject is the default with trust: full
		{"outside", "192.0.2.7", engine.Known},
		{"outside", "::ffff:192.0.2.7", engine.Known},
		{"outside", "10.0.0.20", engine.Silent},
		{"nowhere", "10.0.0.20", engine.Silent},
	} {
		if got := s.Admit(c.zone, netip.MustParseAddr(c.src)); got != c.want {
			t.Errorf("%s in %s is %v, want %v", c.src, c.zone, got, c.want)
		}
	}
}

func TestAdmitAndPeerFor_Allocs_None(t *testing.T) {
	s := compile(t, border)
	for _, src := range []string{"10.1.2.3", "::ffff:10.1.2.3", "2001:db8:5::7", "8.8.8.8"} {
		a := netip.MustParseAddr(src)
		if n := testing.AllocsPerRun(100, func() {
			s.Admit("inside", a)
			s.Admit("outside", a)
			s.PeerFor("outside", a, engine.Facts{Called: "1"})
		}); n != 0 {
			t.Errorf("%s: %v allocations", src, n)
		}
	}
}

func TestDecide_Allocs_NoneWhenRouted(t *testing.T) {
	s := compile(t, border)
	q := engine.Query{Zone: "inside", Source: netip.MustParseAddrPort("10.0.0.20:5060"), Called: "+4930"}
	if n := testing.AllocsPerRun(100, func() {
		if _, refused := s.Decide(q); refused != nil {
			t.Fatal(refused)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCompile_PeersAndZones_CarryWhatCallsNeed(t *testing.T) {
	s := compile(t, border)
	inside, outside := s.Zone("inside"), s.Zone("outside")
	if inside.Trust != config.TrustFull || inside.Unknown != config.UnknownReject || inside.Families != (engine.Families{IPv4: true}) || len(inside.Listeners) != 2 || inside.Advertise != "" {
		t.Errorf("inside %+v", inside)
	}
	if outside.Trust != config.TrustNone || outside.Unknown != config.UnknownDrop || outside.Families != (engine.Families{IPv4: true, IPv6: true}) || outside.Advertise != "sbc.example.com" {
		t.Errorf("outside %+v", outside)
	}
	if s.Zone("x") != nil || s.Peer("x") != nil || len(s.Zones()) != 2 || len(s.Peers()) != 5 || s.Peers()[1] != s.Peer("phone") || s.Zones()[1] != outside {
		t.Error("zones or peers are not found")
	}
	pbx, carrier, six := s.Peer("pbx"), s.Peer("carrier"), s.Peer("six")
	if pbx.Zone != inside || pbx.RingTimeout != 30*time.Second || pbx.MaxDuration != time.Hour || pbx.Line != 12 {
		t.Errorf("pbx %+v", pbx)
	}
	for _, c := range []struct {
		peer *engine.Peer
		want string
	}{
		{pbx, "sip:10.0.0.20 0 1"},
		{carrier, "sip:trunk.example;transport=tcp 0 1"},
		{six, "sip:[2001:db8:5::7]:5080 0 1"},
	} {
		if len(c.peer.Targets) != 1 || text(c.peer.Targets[0]) != c.want {
			t.Errorf("%s has %+v, want %s", c.peer.Name, c.peer.Targets, c.want)
		}
	}
}

// text writes a target: URI, priority, weight.
func text(t engine.Target) string { return fmt.Sprint(t.URI, " ", t.Priority, " ", t.Weight) }

func names(peers []*engine.Peer) string {
	var list []string
	for _, p := range peers {
		list = append(list, p.Name)
	}
	return strings.Join(list, ",")
}

func TestDecide_Call_GoesWhereTheRoutesSay(t *testing.T) {
	s := compile(t, border)
	for _, c := range []struct {
		zone, src, called, route, targets string
		code                              int
		cause                             string
	}{
		{"inside", "10.0.0.20:5060", "+13125550100", "out", "carrier,vip", 0, ""},
		{"inside", "10.1.2.3:40000", "0049", "out", "carrier,vip", 0, ""},
		{"inside", "10.1.2.3:5070", "200", "local", "pbx", 0, ""},
		{"inside", "10.0.0.20:5060", "200", "local", "phone", 0, ""},
		{"inside", "10.0.0.99:5060", "+1", "", "", 403, engine.CauseUnknownSource},
		{"outside", "192.0.2.8:5060", "100", "in", "pbx", 0, ""},
		{"outside", "192.0.2.8:5060", "101", "", "", 404, engine.CauseNoRoute},
		{"outside", "192.0.2.7:5060", "100", "", "", 404, engine.CauseNoRoute},
		{"outside", "10.0.0.20:5060", "100", "", "", 403, engine.CauseUnknownSource},
		{"nowhere", "10.0.0.20:5060", "100", "", "", 403, engine.CauseUnknownSource},
	} {
		src := netip.MustParseAddrPort(c.src)
		d, refused := s.Decide(engine.Query{Zone: c.zone, Source: src, Called: c.called, Method: "INVITE"})
		with, refusedToo := s.Decide(engine.Query{Zone: c.zone, Source: src, From: s.PeerFor(c.zone, src.Addr(), engine.Facts{}), Called: c.called})
		if d.Route != with.Route || (refused == nil) != (refusedToo == nil) {
			t.Errorf("%+v: %+v without From, %+v with it", c, d, with)
		}
		if d.Route != c.route || names(d.Targets) != c.targets {
			t.Errorf("%+v: got %s to %s", c, d.Route, names(d.Targets))
		}
		if c.code == 0 {
			if refused != nil || d.Line == 0 || d.From != s.PeerFor(c.zone, src.Addr(), engine.Facts{}) {
				t.Errorf("%+v: refused %+v, from %+v, line %d", c, refused, d.From, d.Line)
			}
			continue
		}
		if refused == nil || refused.Code != c.code || refused.Cause != c.cause || refused.Reason == "" {
			t.Errorf("%+v: refused %+v", c, refused)
		}
	}
}

func TestDecide_PeerOfAnEarlierSnapshot_CountsByName(t *testing.T) {
	before := compile(t, border)
	after := compile(t, strings.ReplaceAll(border, "vip", "gold"))
	d, refused := after.Decide(engine.Query{From: before.Peer("pbx"), Called: "+1"})
	if refused != nil || d.From != after.Peer("pbx") || names(d.Targets) != "carrier,gold" {
		t.Errorf("got %+v, %+v", d, refused)
	}
	if _, refused := after.Decide(engine.Query{From: before.Peer("vip"), Called: "+1"}); refused == nil || refused.Code != 403 {
		t.Errorf("a peer that is gone gives %+v", refused)
	}
	moved := strings.Replace(border, "phone: {zone: inside, address: \"sip:10.1.2.3:5070\"}", "phone: {zone: outside, address: \"sip:10.1.2.3:5070\"}", 1)
	if _, refused := compile(t, moved).Decide(engine.Query{From: before.Peer("phone"), Called: "+1"}); refused == nil || refused.Code != 403 {
		t.Errorf("a peer that moved to another zone gives %+v", refused)
	}
}

func TestDecide_Refusals_AreNotShared(t *testing.T) {
	s := compile(t, border)
	_, first := s.Decide(engine.Query{Zone: "inside"})
	first.Code = 999
	if _, second := s.Decide(engine.Query{Zone: "inside"}); second.Code != 403 {
		t.Errorf("got %+v", second)
	}
}

func TestCompile_KeepsNothingOfTheConfiguration(t *testing.T) {
	c, _, err := config.Load("t.yaml", []byte(border))
	if err != nil {
		t.Fatal(err)
	}
	s, err := engine.Compile(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Zones[0].Listen[0] = config.Listener{}
	c.Routes[0].To[0] = "nobody"
	clear(c.Peers)
	if s.Zone("inside").Listeners[0].Addr.Port() != 5060 {
		t.Error("the listeners are shared with the configuration")
	}
	if d, refused := s.Decide(engine.Query{From: s.Peer("pbx"), Called: "+1"}); refused != nil || names(d.Targets) != "carrier,vip" {
		t.Errorf("got %+v, %+v", d, refused)
	}
}

func TestCompile_UncheckedConfiguration_IsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*config.Config){
		"no zone outer":    func(c *config.Config) { c.Peers[0].Zone = "outer" },
		"name given twice": func(c *config.Config) { c.Peers[1].Name = c.Peers[0].Name },
		"zone inside":      func(c *config.Config) { c.Zones[1].Name = "inside" },
		"no peer nobody":   func(c *config.Config) { c.Routes[0].To = []string{"nobody"} },
		"address":          func(c *config.Config) { c.Peers[0].Addresses[0].Raw = "sip:a b" },
		"no address":       func(c *config.Config) { c.Peers[0].Addresses = nil },
		"belongs to peer":  func(c *config.Config) { c.Peers[1].Source = c.Peers[0].Source },
	} {
		c, _, err := config.Load("t.yaml", []byte(border))
		if err != nil {
			t.Fatal(err)
		}
		spoil(c)
		if s, err := engine.Compile(c, nil); err == nil || s != nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// The table of prefixes answers as the plain rule does: the longest that holds
// the address.
func TestPeerFor_AnyPrefixes_MatchTheRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.SliceOfNDistinct(rapid.IntRange(0, 32), 1, 6, rapid.ID[int]).Draw(t, "bits")
		base := netip.AddrFrom4([4]byte{10, rapid.Byte().Draw(t, "b"), rapid.Byte().Draw(t, "c"), rapid.Byte().Draw(t, "d")})
		c := &config.Config{Zones: []config.Zone{{Name: "z"}}}
		var prefixes []netip.Prefix
		for i, n := range bits {
			p := netip.PrefixFrom(base, n).Masked()
			prefixes = append(prefixes, p)
			c.Peers = append(c.Peers, config.Peer{Name: fmt.Sprint(i), Zone: "z", Source: []netip.Prefix{p}, Addresses: []config.Target{{Host: "10.0.0.1", Raw: "sip:10.0.0.1"}}})
		}
		s, err := engine.Compile(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		raw := base.As4()
		raw[rapid.IntRange(0, 3).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		src := netip.AddrFrom4(raw)
		best := -1
		for i, p := range prefixes {
			if p.Contains(src) && (best < 0 || p.Bits() > prefixes[best].Bits()) {
				best = i
			}
		}
		got := s.PeerFor("z", src, engine.Facts{})
		if (got == nil) != (best < 0) || got != nil && got.Name != fmt.Sprint(best) {
			t.Fatalf("%v in %v is %+v, want %d", src, prefixes, got, best)
		}
	})
}

// FuzzCompile holds that whatever config.Load accepts can be compiled, and that
// every route leads somewhere or nowhere without a panic.
func FuzzCompile(f *testing.F) {
	f.Add([]byte(border), "+1")
	for _, pattern := range []string{"../../config/testdata/*.yaml", "../../config/testdata/bad/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, name := range files {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data, "911")
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, called string) {
		c, _, err := config.Load("f.yaml", data)
		if err != nil {
			return
		}
		s, err := engine.Compile(c, nil)
		if err != nil {
			t.Fatalf("accepted but not compiled: %v", err)
		}
		for _, p := range s.Peers() {
			d, refused := s.Decide(engine.Query{From: p, Called: called})
			if (refused == nil) != (len(d.Targets) > 0) || slices.Contains(d.Targets, nil) {
				t.Errorf("%s calls %q: %+v, %+v", p.Name, called, d, refused)
			}
			for _, src := range c.Peers[0].Source {
				s.PeerFor(p.Zone.Name, src.Addr(), engine.Facts{Called: called})
			}
			for i, to := range p.Targets {
				if to.URI.Host == "" || !to.URI.IsSIP() || i > 0 && to.Priority < p.Targets[i-1].Priority {
					t.Errorf("%s: targets %+v", p.Name, p.Targets)
				}
			}
			if len(p.Targets) == 0 {
				t.Errorf("%s has no target", p.Name)
			}
		}
	})
}
