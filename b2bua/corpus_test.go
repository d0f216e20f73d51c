package b2bua_test

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/testlab/memnet"
	"gatehouse/media/sdp"
	"gatehouse/sip/msg"
	"gatehouse/sip/transport"
)

// corpusConfig takes every call, of IPv4 and of IPv6, to one carrier.
const corpusConfig = `
node: gw1
zones:
  inside:
    listen: [udp://10.0.0.1:5060, tcp://10.0.0.1:5060, "udp://[2001:db8:a::1]:5060", "tcp://[2001:db8:a::1]:5060"]
    trust: full
    media: [{address: 10.0.0.1, ports: 16384-32767}, {address: "2001:db8:a::1", ports: 16384-32767}]
  outside:
    listen: [udp://203.0.113.10:5060]
    media: {address: 203.0.113.10, ports: 16384-32767}
peers:
  pbx: {zone: inside, address: "sip:10.0.0.20:5060", source: [10.0.0.20/31, "2001:db8:a::20"]}
  carrier: {zone: outside, address: "sip:203.0.113.20:5060"}
routes:
  - {name: all, from: pbx, to: [carrier]}
`

// probe is a known peer that sends raw bytes to the border and looks at the
// wire for what comes of it.
type probe struct {
	t       *testing.T
	r       *rig
	host    transport.Net
	v4, v6  transport.PacketConn
	options int
}

func newProbe(t *testing.T) *probe {
	t.Helper()
	n := memnet.New()
	w := newWire(n)
	r := newRig(t, n.Host(), corpusConfig)
	r.wire = w
	p := &probe{t: t, r: r, host: n.Host()}
	p.v4, p.v6 = p.listen("10.0.0.20:5060"), p.listen("[2001:db8:a::20]:5060")
	return p
}

func (p *probe) listen(addr string) transport.PacketConn {
	c, err := p.host.ListenUDP(netip.MustParseAddrPort(addr))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() })
	return c
}

// send sends a datagram and gives what the border sent at once.
func (p *probe) send(from transport.PacketConn, raw []byte) outcome {
	p.t.Helper()
	to := netip.MustParseAddrPort("10.0.0.1:5060")
	if from == p.v6 {
		to = netip.MustParseAddrPort("[2001:db8:a::1]:5060")
	}
	return p.watch(raw, func() {
		if _, err := from.WriteToUDPAddrPort(raw, to); err != nil {
			p.t.Fatal(err)
		}
	})
}

// watch does something and sorts what the border sent because of it.
func (p *probe) watch(raw []byte, do func()) outcome {
	before := p.r.wire.count()
	do()
	synctest.Wait()
	o := outcome{method: methodOf(raw)}
	for _, packet := range p.r.wire.since(before) {
		if !ours(packet.Src) {
			continue
		}
		o.take(packet.Data, packet.Dst == netip.MustParseAddrPort(addrB))
	}
	return o
}

func ours(a netip.AddrPort) bool {
	return a.Port() == 5060 && (a.Addr() == netip.MustParseAddr("10.0.0.1") || a.Addr() == netip.MustParseAddr("203.0.113.10") ||
		a.Addr() == netip.MustParseAddr("2001:db8:a::1"))
}

func methodOf(raw []byte) string {
	m, _, _ := strings.Cut(string(raw), " ")
	return m
}

// outcome is what the border did with one message, as the wire shows it.
type outcome struct {
	method string
	trying bool
	finals []int
	calls  [][]byte // requests to the B side
	all    int      // messages sent, of any kind
}

func (o *outcome) take(raw []byte, toB bool) {
	o.all++
	code, isResponse := bytes.CutPrefix(raw, []byte("SIP/2.0 "))
	switch {
	case toB:
		o.calls = append(o.calls, raw)
	case isResponse && len(code) > 3:
		n, _ := strconv.Atoi(string(code[:3]))
		if n < 200 {
			o.trying = true
		} else {
			o.finals = append(o.finals, n)
		}
	}
}

// is tells whether the outcome is the one a corpus table names:
//
//	400 and such         that final response, once, and nothing for the B side
//	405+400 and such     two messages, that final response to the one and the other, and nothing for the B side
//	2xx                  any 2xx
//	ACCEPT, ACCEPT-...   processed as a normal request: an INVITE is on its way to the B side after a 100, or refused
//	                     for something else than its form; an OPTIONS has its 200. That what leaves for the B side is
//	                     clean is checked of every message
//	ACCEPT-FIRST-ONLY    as ACCEPT, with one answer only
//	RELAY                an INVITE is on its way to the B side
//	DISCARD              not one message is sent
func (o *outcome) is(want string) bool {
	final := 0
	if len(o.finals) == 1 {
		final = o.finals[0]
	}
	want, _, _ = strings.Cut(want, "(")
	switch first, second, two := strings.Cut(want, "+"); {
	case two:
		return len(o.finals) == 2 && strconv.Itoa(o.finals[0]) == first && strconv.Itoa(o.finals[1]) == second && len(o.calls) == 0
	case len(o.finals) > 1:
		return false
	case want == "DISCARD":
		return o.all == 0
	case want == "2xx":
		return final/100 == 2
	case want == "RELAY":
		return len(o.calls) == 1
	case !strings.HasPrefix(want, "ACCEPT"):
		return strconv.Itoa(final) == want && len(o.calls) == 0
	case o.method == "INVITE":
		return o.trying && len(o.calls) == 1 && final == 0 || final >= 300 && final != 400
	case o.method == "OPTIONS":
		return final == 200
	default:
		return false
	}
}

func (o *outcome) isOneOf(accepted string) bool {
	for want := range strings.SplitSeq(accepted, "|") {
		if o.is(want) {
			return true
		}
	}
	return false
}

// alive sends an OPTIONS and wants its 200 at once.
func (p *probe) alive(from transport.PacketConn) {
	p.t.Helper()
	if o := p.send(from, p.ping("UDP")); !o.is("200") {
		p.t.Fatalf("OPTIONS afterwards: %+v", o)
	}
}

// ping is an OPTIONS that nothing is wrong with.
func (p *probe) ping(via string) []byte {
	p.options++
	n := strconv.Itoa(p.options)
	return []byte("OPTIONS sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/" + via + " 10.0.0.20;branch=z9hG4bKping" + n + ";rport\r\nMax-Forwards: 70\r\n" +
		"From: <sip:ping@10.0.0.20>;tag=p" + n + "\r\nTo: <sip:10.0.0.1>\r\nCall-ID: ping" + n + "\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")
}

// clean fails the test unless a message of ours is well-formed to the strictest
// reader, body and all. What a refusal repeats of a malformed request is the
// asker's own, and need only be free of control bytes.
func clean(t *testing.T, raw []byte) {
	t.Helper()
	head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		for _, c := range line {
			if c < ' ' && c != '\t' || c == 0x7f {
				t.Errorf("control byte %#x in a line of ours: %q", c, line)
			}
		}
	}
	if refusesTheForm(head) {
		return
	}
	var m msg.Message
	if err := m.Parse(raw, msg.Stream); err != nil {
		t.Fatalf("the border sent a message that does not parse: %v\n%q", err, raw)
	}
	if len(m.Body()) == 0 {
		return
	}
	if _, err := sdp.Parse(m.Body()); err != nil || !sdpLines.Match(m.Body()) {
		t.Fatalf("the border sent malformed SDP: %v\n%q", err, m.Body())
	}
}

var sdpLines = regexp.MustCompile(`\A([a-z]=[^\x00-\x1f\x7f]+\r\n)+\z`)

func refusesTheForm(head []byte) bool {
	for _, code := range []string{"400", "413", "505", "513"} {
		if bytes.HasPrefix(head, []byte("SIP/2.0 "+code)) {
			return true
		}
	}
	return false
}

// finish lets every transaction end and checks that nothing is left and that
// all that was sent was clean.
func (p *probe) finish() {
	p.t.Helper()
	p.r.checkEmpty(p.t)
	for _, packet := range p.r.wire.since(0) {
		if ours(packet.Src) && len(packet.Data) > 2 {
			clean(p.t, packet.Data)
		}
	}
	if s := p.r.engine.Stats(context.Background()); s.Panics != 0 {
		p.t.Errorf("%d panics", s.Panics)
	}
}

// row is one message of a corpus and what may come of it.
type row struct {
	name, accepted string
	raw            []byte
}

func corpus(t *testing.T, table string) []row {
	t.Helper()
	dir := filepath.Join("..", "sip", "msg", "testdata")
	text, err := os.ReadFile(filepath.Join(dir, table+".tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		cells := strings.Split(line, "\t")
		if i == 0 {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, table, cells[0]))
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row{cells[0], strings.TrimSpace(cells[len(cells)-1]), raw})
	}
	if len(rows) < 12 {
		t.Fatalf("%d rows in %s", len(rows), table)
	}
	return rows
}

func TestB020_Corpora_EveryMessageHasItsOutcomeOverUDP(t *testing.T) {
	for _, table := range []string{"rfc4475", "rfc5118"} {
		for _, row := range corpus(t, table) {
			t.Run(row.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := newProbe(t)
					from := p.v4
					if table == "rfc5118" {
						from = p.v6
					}
					if o := p.send(from, row.raw); !o.isOneOf(row.accepted) {
						t.Errorf("outcome %+v, accepted %s", o, row.accepted)
					}
					p.alive(from)
					p.finish()
				})
			})
		}
	}
}

func TestB020_Corpora_EveryMessageOnOneBorder(t *testing.T) {
	// All of them after each other, twice: no message spoils what comes after.
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t)
		for range 2 {
			for _, table := range []string{"rfc4475", "rfc5118"} {
				for _, row := range corpus(t, table) {
					if o := p.send(p.v4, row.raw); !o.isOneOf(row.accepted) {
						t.Errorf("%s: outcome %+v, accepted %s", row.name, o, row.accepted)
					}
					p.alive(p.v4)
				}
			}
			time.Sleep(10 * time.Minute)
			synctest.Wait()
		}
		p.finish()
	})
}

func TestB020_BareMagicCookie_TwoSourcesDoNotShareATransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t)
		other := p.listen("10.0.0.21:5060")
		raw, err := os.ReadFile(filepath.Join("..", "sip", "msg", "testdata", "rfc4475", "badbranch.dat"))
		if err != nil {
			t.Fatal(err)
		}
		for _, from := range []transport.PacketConn{p.v4, other} {
			if o := p.send(from, raw); !o.isOneOf("400|ACCEPT") {
				t.Errorf("outcome %+v", o)
			}
			sent := p.r.wire.since(0)
			if to, want := sent[len(sent)-1].Dst.String(), from.LocalAddr().String(); to != want {
				t.Errorf("answered to %s, want %s", to, want)
			}
		}
		p.finish()
	})
}

// streamOutcomes is what may come of a message on a stream, where other than on
// a datagram.
var streamOutcomes = map[string]string{
	// The body never comes: the connection is closed in silence.
	"clerr.dat": "DISCARD",
	// The file ends before the empty line after the head.
	"baddn.dat": "DISCARD",
	// Two messages here, and behind the second one bytes that are none: the
	// stream is cut, perhaps before the first answer is on it, or the second.
	"dblreq.dat": "405+400|405|DISCARD",
	// Without a length nothing can be told from what follows.
	"inv2543.dat": "400",
}

func TestB020_Corpora_EveryMessageHasItsOutcomeOverTCP(t *testing.T) {
	for _, table := range []string{"rfc4475", "rfc5118"} {
		from, to := "10.0.0.20", "10.0.0.1:5060"
		if table == "rfc5118" {
			from, to = "2001:db8:a::20", "[2001:db8:a::1]:5060"
		}
		for _, row := range corpus(t, table) {
			t.Run(row.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := newProbe(t)
					accepted := row.accepted
					if other, ok := streamOutcomes[row.name]; ok {
						accepted = other
					}
					if o := p.stream(p.dial(from, to), row.raw); !o.isOneOf(accepted) {
						t.Errorf("outcome %+v, accepted %s", o, accepted)
					}
					if o := p.stream(p.dial(from, to), p.ping("TCP")); !o.is("200") {
						t.Fatalf("OPTIONS on a new connection: %+v", o)
					}
					p.alive(p.v4)
					time.Sleep(20 * time.Second)
					p.finish()
				})
			})
		}
	}
}

// stream is a connection of the probe and what came on it.
type stream struct {
	write func([]byte) (int, error)
	got   chan []byte
}

func (p *probe) dial(from, to string) *stream {
	c, err := p.host.DialTCP(context.Background(), netip.MustParseAddr(from), netip.MustParseAddrPort(to))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() })
	s := &stream{c.Write, make(chan []byte, 1024)}
	go func() {
		buf := make([]byte, 1<<16)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			s.got <- bytes.Clone(buf[:n])
		}
	}()
	return s
}

// stream writes to a connection and sorts what came back on it and what went
// to the B side.
func (p *probe) stream(s *stream, raw []byte) outcome {
	o := p.watch(raw, func() {
		if _, err := s.write(raw); err != nil {
			p.t.Fatal(err)
		}
	})
	o = outcome{method: o.method, calls: o.calls, all: len(o.calls)}
	var text []byte
	for len(s.got) > 0 {
		text = append(text, <-s.got...)
	}
	for {
		// A single line end between messages answers a keep-alive (RFC 5626 §3.5.1).
		text = bytes.TrimLeft(text, "\r\n")
		if len(text) == 0 {
			return o
		}
		end := bytes.Index(text, []byte("\r\n\r\n"))
		if end < 0 {
			p.t.Fatalf("half a message: %q", text)
		}
		o.take(text[:end+4], false)
		text = text[end+4:]
	}
}
