//go:build interop

package interop

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"gatehouse/internal/testlab/wire"
)

// names is a DNS server of the test's, over UDP and TCP: it knows what it was told, and nothing else exists.
type names struct {
	addr netip.AddrPort

	mu      sync.Mutex
	records map[string][]dns.RR // guarded by mu: by name, lower case
	asked   map[string]int      // guarded by mu: by "TYPE name"
}

// dnsPort is above those that need rights.
const dnsPort = 5353

func newNames(t *testing.T, zone ...string) *names {
	t.Helper()
	n := &names{addr: netip.AddrPortFrom(host(t), dnsPort), records: map[string][]dns.RR{}, asked: map[string]int{}}
	for _, line := range zone {
		rr, err := dns.NewRR(line)
		if err != nil || rr == nil {
			t.Fatalf("record %q: %v", line, err)
		}
		name := strings.ToLower(rr.Header().Name)
		n.records[name] = append(n.records[name], rr)
	}
	packets, err := net.ListenPacket("udp", n.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", n.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	for _, s := range []*dns.Server{{PacketConn: packets, Handler: n}, {Listener: listener, Handler: n}} {
		serving.Go(func() { _ = s.ActivateAndServe() })
	}
	t.Cleanup(func() {
		_ = packets.Close()
		_ = listener.Close()
		serving.Wait()
	})
	return n
}

// ServeDNS implements dns.Handler.
func (n *names) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
	q := r.Question[0]
	m := new(dns.Msg).SetReply(r)
	m.Authoritative = true
	n.mu.Lock()
	all, known := n.records[strings.ToLower(q.Name)]
	n.asked[dns.TypeToString[q.Qtype]+" "+strings.ToLower(q.Name)]++
	n.mu.Unlock()
	for _, rr := range all {
		if rr.Header().Rrtype == q.Qtype {
			m.Answer = append(m.Answer, rr)
		}
	}
	if !known {
		m.Rcode = dns.RcodeNameError
	}
	_ = w.WriteMsg(m)
}

// questions is how often a question was asked.
func (n *names) questions(q string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked[q]
}

// named makes the carrier of a plan a name that these servers know. Answers of loopback are believed, as everything is there.
func named(p plan, n *names, address string) plan {
	p.CarrierAddress = fmt.Sprintf("%q", address)
	p.More += fmt.Sprintf("dns: {servers: [\"%s\"], allow: [127.0.0.0/8]}\n", n.addr)
	return p
}

// withDefaultSource takes the source line of the carrier out: who it is follows from its name.
func withDefaultSource(p plan) string {
	return strings.Replace(p.yaml(), fmt.Sprintf("    source: [\"%s/32\"]\n", p.Carrier.Addr()), "", 1)
}

// Two targets, the first of which takes no connection: the second gets the call, at once, and callers do not notice (RFC 3263 §4.3).
func TestB043_FirstTargetRefusesTheConnection_SecondGetsTheCall(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	dead := host(t)
	n := newNames(t, "_sip._tcp.carrier.test. 60 IN SRV 10 0 5060 a.carrier.test.", "_sip._tcp.carrier.test. 60 IN SRV 20 0 5060 b.carrier.test.",
		"a.carrier.test. 60 IN A "+dead.String(), "b.carrier.test. 60 IN A "+p.Carrier.Addr().String())
	b := startBorder(t, named(p, n, "sip:carrier.test;transport=tcp"))
	pbx, carrier := newAgent(t, p.PBX), openAgent(t, wire.Options{Proto: wire.TCP, Addr: p.Carrier})
	began := time.Now()
	call := connect(t, b, pbx, carrier, audioSDP(p.PBX.Addr(), 7000), audioSDP(p.Carrier.Addr(), 7000))
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the call took %s to set up", took)
	}
	if got := call.callee.invite.Get("Via"); !strings.HasPrefix(got, "SIP/2.0/TCP ") {
		t.Errorf("Via %q", got)
	}
	call.hangUp(t)
	b.settled()
	if n.questions("SRV _sip._tcp.carrier.test.") == 0 {
		t.Error("nobody asked for the service")
	}
	b.oneCDR("pbx", "carrier", 200)
}

// A target that answers 503 with Retry-After is left out until then: the call goes to the next one, and the next call goes there straight
// (RFC 3263 §4.3, RFC 3261 §21.5.4).
func TestB043_TargetSays503WithRetryAfter_IsLeftOutOfTheNextCall(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	second := sipPort(host(t))
	n := newNames(t, "_sip._udp.carrier.test. 60 IN SRV 10 0 5060 a.carrier.test.", "_sip._udp.carrier.test. 60 IN SRV 20 0 5060 b.carrier.test.",
		"a.carrier.test. 60 IN A "+p.Carrier.Addr().String(), "b.carrier.test. 60 IN A "+second.Addr().String())
	b := startBorder(t, named(p, n, "sip:carrier.test"))
	pbx, busy, carrier := newAgent(t, p.PBX), newAgent(t, p.Carrier), newAgent(t, second)
	d := pbx.dial(p.sip(p.Inside), audioSDP(p.PBX.Addr(), 7000))
	m := busy.request(0, "INVITE")
	busy.send(m.From, wire.Reply(m, "503 Service Unavailable", "x", []string{"Retry-After: 120"}, ""))
	far := carrier.takeInvite(0).accept(audioSDP(second.Addr(), 7000))
	talking{b: b, caller: d.established(), callee: far}.hangUp(t)
	tried := busy.Seen()
	connect(t, b, pbx, carrier, audioSDP(p.PBX.Addr(), 7002), audioSDP(second.Addr(), 7002)).hangUp(t)
	for _, m := range busy.Received()[tried:] {
		if m.Method() == "INVITE" {
			t.Errorf("the next call was offered to the target that is out:\n%s", m.Raw)
		}
	}
	b.settled()
}

// Calls from any address a peer's name stands for are that peer's.
func TestResolve_SourceFromDNS_CallerIsTheNamedPeer(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	n := newNames(t, "carrier.test. 60 IN A "+p.Carrier.Addr().String())
	p = named(p, n, "sip:carrier.test:5060")
	b := startWith(t, p, withDefaultSource(p))
	pbx, carrier := newAgent(t, p.PBX), newAgent(t, p.Carrier)
	eventually(t, answerWithin, "the carrier is recognized", func() bool {
		from := carrier.Seen()
		d := carrier.dial(p.sip(p.Outside), audioSDP(p.Carrier.Addr(), 7000))
		_, ok := carrier.First(from, 500*time.Millisecond, func(m wire.Message) bool { return m.Code() == 100 && m.Branch() == d.branch })
		return ok
	})
	m := pbx.request(0, "INVITE")
	pbx.send(m.From, wire.Reply(m, "486 Busy Here", "x", nil, ""))
	eventually(t, answerWithin, "a call record", func() bool { return len(b.cdrs()) > 0 })
	if got := b.cdrs()[0]["from_peer"]; got != "carrier" {
		t.Errorf("the call is said to be from %v", got)
	}
}

// What a name server may not do: send us to our own machine, to ourselves, or round in circles.
func TestResolve_HostileAnswers_AreRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		zone  func(p plan) []string
		allow bool
	}{
		{"loopback", func(p plan) []string { return []string{"carrier.test. 60 IN A " + p.Carrier.Addr().String()} }, false},
		{"our own listener", func(p plan) []string { return []string{"carrier.test. 60 IN A " + p.Outside.String()} }, true},
		{"alias of itself", func(plan) []string { return []string{"carrier.test. 60 IN CNAME carrier.test."} }, true},
		{"services in a circle", func(plan) []string {
			return []string{`carrier.test. 60 IN NAPTR 10 10 "s" "SIP+D2U" "" carrier.test.`, "_sip._udp.carrier.test. 60 IN SRV 1 1 5060 carrier.test."}
		}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPlan(t)
			n := newNames(t, tt.zone(p)...)
			carrier := newAgent(t, p.Carrier)
			q := named(p, n, "sip:carrier.test:5060")
			if strings.Contains(tt.name, "circle") {
				q = named(p, n, "sip:carrier.test")
			}
			if !tt.allow {
				q.More = strings.Replace(q.More, ", allow: [127.0.0.0/8]", "", 1)
			}
			b := startBorder(t, q)
			pbx := newAgent(t, p.PBX)
			d := pbx.dial(p.sip(p.Inside), audioSDP(p.PBX.Addr(), 7000))
			m, ok := pbx.First(0, 15*time.Second, func(m wire.Message) bool { return m.Code() >= 200 && m.Branch() == d.branch })
			if !ok || m.Code() < 400 {
				t.Errorf("the call got %q, want a refusal", m.Start)
			}
			if n := carrier.Seen(); n != 0 {
				t.Errorf("%d messages went where the answer pointed", n)
			}
			b.settled()
			b.oneCDR("pbx", "carrier", float64(m.Code()))
		})
	}
}
