package app

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/rs/zerolog"

	"gatehouse/config"
	"gatehouse/policy/engine"
	"gatehouse/sip/resolve"
)

// directory is a resolver whose answers a test sets. A name it has not is
// never answered.
type directory struct {
	mu      sync.Mutex
	addrs   map[string][]string
	fail    map[string]bool
	asked   []resolve.Query
	waiting []func([]resolve.Target, error)
}

func (d *directory) resolve(q resolve.Query, done func([]resolve.Target, error)) ([]resolve.Target, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, q)
	if d.fail[q.Host] {
		go done(nil, errors.New("no such host"))
		return nil, false, nil
	}
	addrs, ok := d.addrs[q.Host]
	if !ok {
		d.waiting = append(d.waiting, done)
		return nil, false, nil
	}
	targets := make([]resolve.Target, 0, len(addrs))
	for _, a := range addrs {
		targets = append(targets, resolve.Target{Addr: netip.AddrPortFrom(netip.MustParseAddr(a), 5060), Transport: "udp"})
	}
	if len(targets)%2 == 0 { // some are known at once, some are not
		return targets, true, nil
	}
	go done(targets, nil)
	return nil, false, nil
}

const named = `
zones:
  a: {listen: ["udp://127.0.0.1:0", "tcp://127.0.0.1:0", "udp://[::1]:0"], media: [{address: 127.0.0.1, ports: 21100-21119}, {address: "::1", ports: 21100-21119}]}
peers:
  x: {zone: a, address: ["sip:x1.example", "sip:x2.example:5070;transport=tcp", "sip:192.0.2.1"]}
  y: {zone: a, address: "sip:y.example"}
  z: {zone: a, address: "sip:z.example", source: [192.0.2.9]}
routes:
  - {from: x, to: y}
`

func namedConfig(t *testing.T) *config.Config {
	t.Helper()
	c, _, err := config.Load("named.yaml", []byte(named))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func texts(addrs []netip.Addr) string {
	var out []string
	for _, a := range addrs {
		out = append(out, a.String())
	}
	return strings.Join(out, " ")
}

func TestSources_Names_EveryAddressOfEveryName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{addrs: map[string][]string{"x1.example": {"192.0.2.12", "192.0.2.11"}, "x2.example": {"::ffff:192.0.2.13", "192.0.2.11", "2001:db8::1"}, "y.example": {"192.0.2.20"}}}
		s := newSources(zerolog.Nop(), time.Now)
		start := time.Now()
		got := s.Find(t.Context(), namedConfig(t), d.resolve, true)
		if time.Since(start) != 0 {
			t.Errorf("it took %v", time.Since(start))
		}
		if x := texts(got["x"]); x != "192.0.2.11 192.0.2.12 192.0.2.13 2001:db8::1" || texts(got["y"]) != "192.0.2.20" || len(got) != 2 {
			t.Errorf("got %v", got)
		}
		if len(d.asked) != 3 {
			t.Errorf("asked %+v", d.asked)
		}
		for _, q := range d.asked {
			if !q.IPv4 || !q.IPv6 || !slices.Equal(q.Usable, []string{"udp", "tcp"}) || (q.Host == "x2.example") != (q.Port == 5070 && q.Transport == "tcp") {
				t.Errorf("asked %+v", q)
			}
		}
	})
}

func TestSources_NameThatNeverAnswers_WaitsThreeSecondsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{addrs: map[string][]string{"x1.example": {"192.0.2.11"}}, fail: map[string]bool{"x2.example": true}}
		var log bytes.Buffer
		s := newSources(zerolog.New(&log), time.Now)
		start := time.Now()
		got := s.Find(t.Context(), namedConfig(t), d.resolve, true)
		if d := time.Since(start); d != sourceWait {
			t.Errorf("waited %v", d)
		}
		if texts(got["x"]) != "192.0.2.11" || got["y"] != nil {
			t.Errorf("got %v", got)
		}
		start = time.Now()
		if got := s.Find(t.Context(), namedConfig(t), d.resolve, true); got["y"] != nil || time.Since(start) != sourceWait {
			t.Errorf("again: %v after %v", got, time.Since(start))
		}
		// An answer that comes late counts the next time, and blocks nobody.
		for _, done := range d.waiting {
			done([]resolve.Target{{Addr: netip.MustParseAddrPort("192.0.2.20:5060")}}, nil)
		}
		start = time.Now()
		if got := s.Find(t.Context(), namedConfig(t), d.resolve, true); texts(got["y"]) != "192.0.2.20" || time.Since(start) != 0 {
			t.Errorf("later: %v after %v", got, time.Since(start))
		}
		if n := strings.Count(log.String(), "does not resolve"); n != 2 || !strings.Contains(log.String(), "x2.example") || !strings.Contains(log.String(), "y.example") {
			t.Errorf("log:\n%s", log.String())
		}
	})
}

func TestSources_AddressGone_KeptForFiveMinutesAndWhileTheNameFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{addrs: map[string][]string{"x1.example": {"192.0.2.11", "192.0.2.12"}, "x2.example": {"192.0.2.13"}, "y.example": {"192.0.2.20"}}, fail: map[string]bool{}}
		s, c := newSources(zerolog.Nop(), time.Now), namedConfig(t)
		s.Find(t.Context(), c, d.resolve, false)
		d.addrs["x1.example"] = []string{"192.0.2.11"}
		for range sourceKeep / sourceCheck {
			<-time.After(sourceCheck)
			if got := s.Find(t.Context(), c, d.resolve, false); len(got["x"]) != 3 {
				t.Fatalf("too early: %v", got)
			}
		}
		<-time.After(sourceCheck)
		if got := s.Find(t.Context(), c, d.resolve, false); texts(got["x"]) != "192.0.2.11 192.0.2.13" {
			t.Errorf("too late: %v", got)
		}
		d.fail["x1.example"], d.fail["x2.example"] = true, true
		<-time.After(time.Hour)
		if got := s.Find(t.Context(), c, d.resolve, false); texts(got["x"]) != "192.0.2.11 192.0.2.13" {
			t.Errorf("while the names fail: %v", got)
		}
	})
}

// TestSources_RoundOfTheOldFile_TakesNothingFromAReload: the rounds go on while a reload waits for its names.
func TestSources_RoundOfTheOldFile_TakesNothingFromAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{addrs: map[string][]string{"y.example": {"192.0.2.20"}}} // x keeps both waiting
		s := newSources(zerolog.Nop(), time.Now)
		before := namedConfig(t)
		before.Peers = slices.DeleteFunc(slices.Clone(before.Peers), func(p config.Peer) bool { return p.Name == "y" })
		go s.Find(t.Context(), before, d.resolve, false)
		pause(t.Context(), time.Second)
		if got := s.Find(t.Context(), namedConfig(t), d.resolve, true); texts(got["y"]) != "192.0.2.20" {
			t.Errorf("got %v", got)
		}
	})
}

func TestSources_PeerGone_IsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{addrs: map[string][]string{"x1.example": {"192.0.2.11"}, "x2.example": {"192.0.2.11"}, "y.example": {"192.0.2.20"}}}
		s, c := newSources(zerolog.Nop(), time.Now), namedConfig(t)
		s.Find(t.Context(), c, d.resolve, true)
		without := *c
		without.Peers = without.Peers[1:]
		got := s.Find(t.Context(), &without, d.resolve, true)
		s.forget(&without)
		if got["x"] != nil || len(s.found) != 1 {
			t.Errorf("got %v, known %v", got, s.found)
		}
	})
}

// nameServer answers for one name with the addresses a test sets.
type nameServer struct {
	mu    sync.Mutex
	addrs []string
	addr  netip.AddrPort
}

func (n *nameServer) set(addrs ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.addrs = addrs
}

// ServeDNS implements dns.Handler.
func (n *nameServer) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := new(dns.Msg).SetReply(r)
	if q := r.Question[0]; q.Qtype == dns.TypeA && strings.EqualFold(q.Name, "trunk.example.") {
		for _, a := range n.addrs {
			m.Answer = append(m.Answer, &dns.A{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: net.ParseIP(a)})
		}
	}
	_ = w.WriteMsg(m)
}

func serveNames(t *testing.T) *nameServer {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &nameServer{addr: pc.LocalAddr().(*net.UDPAddr).AddrPort()}
	started := make(chan struct{})
	s := &dns.Server{PacketConn: pc, Handler: n, NotifyStartedFunc: func() { close(started) }}
	done := make(chan error, 1)
	go func() { done <- s.ActivateAndServe() }()
	<-started
	t.Cleanup(func() {
		if err := s.Shutdown(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return n
}

// byName makes the trunk a peer that is known by name only.
func byName(server netip.AddrPort) func(string) string {
	return func(text string) string {
		i := strings.Index(text, `  trunk: {zone: outside, address: "sip:`)
		end := i + strings.Index(text[i:], "\n")
		return text[:i] + "  trunk: {zone: outside, address: \"sip:trunk.example\"}" + text[end:] +
			fmt.Sprintf("dns: {servers: [\"%s\"], allow: [127.0.0.0/8]}\n", server)
	}
}

func TestSources_PeerByName_KnownFromTheStartAndAfterAChange(t *testing.T) {
	n := serveNames(t)
	n.set("127.0.0.41", "127.0.0.42")
	s := openText(t, byName(n.addr))
	admits := func(a string) engine.Standing { return s.engine.Snapshot().Admit("outside", netip.MustParseAddr(a)) }
	for _, a := range []string{"127.0.0.41", "127.0.0.42"} {
		if admits(a) != engine.Known {
			t.Errorf("%s is %v at the start", a, admits(a))
		}
	}
	if admits("127.0.0.43") == engine.Known {
		t.Error("an address the name has not is known")
	}
	n.set("127.0.0.43")
	for end := time.Now().Add(soon); admits("127.0.0.43") != engine.Known; {
		if time.Now().After(end) {
			t.Fatal("the new address stays unknown")
		}
		<-time.After(retireCheck / 10)
		s.refreshSources()
	}
	// A reload keeps what was found.
	before := s.engine.Snapshot()
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	if s.engine.Snapshot() == before || admits("127.0.0.43") != engine.Known {
		t.Error("the reload lost where the peer sends from")
	}
	same := s.engine.Snapshot()
	s.refreshSources()
	if s.engine.Snapshot() != same {
		t.Error("nothing has changed, and the policy was made anew")
	}
	if l := s.names.lookups(); l["found"] < 2 || l["failed"] != 0 {
		t.Errorf("look-ups %v", l)
	}
	if log := s.logged(t); !strings.Contains(log, `"sources":["127.0.0.41","127.0.0.42","127.0.0.43"]`) {
		t.Errorf("log:\n%s", log)
	}
}

func TestOpen_NameServerSilent_StartsWithAWarning(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0") // takes questions and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	start := time.Now()
	s := openText(t, byName(pc.LocalAddr().(*net.UDPAddr).AddrPort()))
	if d := time.Since(start); d > sourceWait+soon/4 {
		t.Errorf("the start took %v", d)
	}
	if err := (gateway{s.App}).Ready(); err != nil {
		t.Error(err)
	}
	if log := s.logged(t); strings.Count(log, "the name of a peer does not resolve") != 1 {
		t.Errorf("log:\n%s", log)
	}
}

func TestReload_OtherNameServers_AreAskedAtOnce(t *testing.T) {
	first, second := serveNames(t), serveNames(t)
	first.set("127.0.0.41")
	second.set("127.0.0.51")
	s := openText(t, byName(first.addr))
	was := s.names.current.Load()
	bad := strings.NewReplacer(first.addr.String(), second.addr.String(), "node: demo", "node: other").Replace(s.text)
	good := s.text
	s.set(bad)
	if err := s.Reload(); err == nil || s.names.current.Load() != was {
		t.Errorf("a refused reload changed whom we ask: %v", err)
	}
	s.set(strings.Replace(good, first.addr.String(), second.addr.String(), 1))
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	if s.names.current.Load() == was {
		t.Error("the old name server is still asked")
	}
	s.refreshSources()
	if got := s.engine.Snapshot().Admit("outside", netip.MustParseAddr("127.0.0.51")); got != engine.Known {
		t.Errorf("the new server's address is %v", got)
	}
}
