package txn

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/sip/msg"
)

// lab drives one table with literal times and writes down what it asks for.
type lab struct {
	t      testing.TB
	table  *Table
	now    time.Time
	events []Event
	log    []string // "time event", in order
}

var (
	peerAddr  = netip.MustParseAddrPort("192.0.2.7:5060")
	otherAddr = netip.MustParseAddrPort("192.0.2.8:5060")
)

func newLab(t testing.TB) *lab { return &lab{t: t, table: NewTable(), now: t0} }

// at moves the time on to t0 + d, running every deadline on the way at its own moment.
func (l *lab) at(d time.Duration) {
	l.t.Helper()
	until := t0.Add(d)
	for {
		next, ok := l.table.Next()
		if !ok || next.After(until) {
			break
		}
		if next.After(l.now) {
			l.now = next
		}
		l.note(l.table.Advance(l.now, l.events[:0]))
	}
	l.now = until
}

func (l *lab) note(ev []Event) {
	l.events = ev
	for _, e := range ev {
		what := e.Kind.String()
		if e.Kind == Transmit {
			what = first(e.Raw)
		}
		if (e.Client == nil) == (e.Server == nil) {
			l.t.Errorf("event %s of no transaction or of two", what)
		}
		l.log = append(l.log, fmt.Sprintf("%v %s", l.now.Sub(t0), what))
	}
}

// take gives the log and begins a new one.
func (l *lab) take() []string {
	log := l.log
	l.log = nil
	return log
}

func (l *lab) expect(want ...string) {
	l.t.Helper()
	if got := l.take(); !slices.Equal(got, want) {
		l.t.Fatalf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func (l *lab) empty() {
	l.t.Helper()
	if n := l.table.Len() + len(l.table.merged) + l.table.deadlines.Len(); n != 0 {
		l.t.Fatalf("%d transactions, %d merge entries and %d deadlines are left", l.table.Len(), len(l.table.merged), l.table.deadlines.Len())
	}
}

// client starts a request of ours; the owner is the text of its first line.
func (l *lab) client(raw string, reliable bool) *Client {
	l.t.Helper()
	m := parse(l.t, raw)
	c, ev := l.table.NewClient(m.Method(), string(m.TopVia().Branch), []byte(raw), reliable, DefaultTimers(), "owner", "dest", l.now, l.events[:0])
	l.note(ev)
	return c
}

// response gives the table a response to raw and says whether it was delivered.
func (l *lab) response(raw string, code int) bool {
	l.t.Helper()
	_, deliver, ev := l.table.Response(parse(l.t, reply(l.t, raw, code, "theirs")), l.now, l.events[:0])
	l.note(ev)
	return deliver
}

func (l *lab) cancel(c *Client, extra ...string) *Client {
	x, ev := l.table.Cancel(c, "cancel owner", extra, l.now, l.events[:0])
	l.note(ev)
	return x
}

// request gives the table a request and says what became of it.
func (l *lab) request(raw string) (*Server, Disposition) {
	l.t.Helper()
	s, d, ev := l.table.Request(parse(l.t, raw), peerAddr, l.now, l.events[:0])
	l.note(ev)
	return s, d
}

// server takes in a request that must be new.
func (l *lab) server(raw string, reliable bool) *Server {
	l.t.Helper()
	if s, d := l.request(raw); s != nil || d != New {
		l.t.Fatalf("request is %v, not new", d)
	}
	return l.table.NewServer(parse(l.t, raw), peerAddr, reliable, DefaultTimers(), "owner", "dest", l.now)
}

func (l *lab) respond(s *Server, code int) {
	l.note(l.table.Respond(s, code, fmt.Appendf(nil, "SIP/2.0 %d Test\r\n\r\n", code), l.now, l.events[:0]))
}

// first is the method or the status of a message.
func first(raw []byte) string {
	line, _, _ := strings.Cut(string(raw), "\r\n")
	word, rest, _ := strings.Cut(line, " ")
	if word == "SIP/2.0" {
		word, _, _ = strings.Cut(rest, " ")
	}
	return word
}

func parse(t testing.TB, raw string) *msg.Message {
	t.Helper()
	var m msg.Message
	if err := m.Parse([]byte(raw), msg.Datagram); err != nil {
		t.Fatalf("parse: %v\n%s", err, raw)
	}
	return &m
}

// reply makes a response to a request with a To tag.
func reply(t testing.TB, request string, code int, tag string) string {
	t.Helper()
	var b msg.Builder
	h := msg.NewReplyHead(parse(t, request), netip.AddrPort{})
	h.Start(&b, code, "", tag)
	raw, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// lines joins header lines to a message without body.
func lines(l ...string) string { return strings.Join(l, "\r\n") + "\r\nContent-Length: 0\r\n\r\n" }

// request makes a plain request.
func request(method, branch string) string {
	return lines(method+" sip:bob@biloxi.example SIP/2.0",
		"Via: SIP/2.0/UDP pc33.atlanta.example:5060;branch="+branch,
		"Max-Forwards: 69",
		"From: Alice <sip:alice@atlanta.example>;tag=88sja8x",
		"To: Bob <sip:bob@biloxi.example>",
		"Call-ID: 987asjd97y7atg",
		"CSeq: 986759 "+method)
}

// with replaces text in a message, which must be there.
func with(t testing.TB, raw, old, text string) string {
	t.Helper()
	if !strings.Contains(raw, old) {
		t.Fatalf("no %q in\n%s", old, raw)
	}
	return strings.ReplaceAll(raw, old, text)
}

// ackOf makes the ACK of an INVITE with the INVITE's branch.
func ackOf(t testing.TB, invite string) string {
	t.Helper()
	ack := with(t, invite, "INVITE", "ACK")
	return with(t, ack, "To: Bob <sip:bob@biloxi.example>", "To: Bob <sip:bob@biloxi.example>;tag=ours")
}
