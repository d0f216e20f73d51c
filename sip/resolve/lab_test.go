package resolve

import (
	"context"
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
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const second = time.Second

// zone is a recursive name server: its records, what it does wrong, and what it was asked.
type zone struct {
	mu    sync.Mutex
	rrs   []dns.RR
	rcode map[string]int                         // by "TYPE name", or by "*": what it says instead
	slow  map[string]time.Duration               // by the same: how long it takes; hours are as good as never
	mend  func(query, reply *dns.Msg) *dns.Msg   // changes replies
	raw   func(query, reply []byte) (bad []byte) // spoils replies of a server
	asked []string
}

// set gives the zone other records.
func (z *zone) set(t testing.TB, records ...string) {
	t.Helper()
	z.change(func() { z.rrs = nil })
	z.add(t, records...)
}

func (z *zone) add(t testing.TB, records ...string) {
	t.Helper()
	for _, r := range records {
		rr, err := dns.NewRR(r)
		if err != nil {
			t.Fatal(err)
		}
		z.change(func() { z.rrs = append(z.rrs, rr) })
	}
}

func (z *zone) change(f func()) {
	z.mu.Lock()
	defer z.mu.Unlock()
	f()
}

// questions gives what was asked since the last time, sorted.
func (z *zone) questions() string {
	z.mu.Lock()
	defer z.mu.Unlock()
	qs := z.asked
	z.asked = nil
	slices.Sort(qs)
	return strings.Join(qs, ", ")
}

// answer is the reply to a query, and how long it takes.
func (z *zone) answer(query *dns.Msg) (*dns.Msg, time.Duration) {
	z.mu.Lock()
	defer z.mu.Unlock()
	q := query.Question[0]
	name := strings.ToLower(strings.TrimSuffix(q.Name, "."))
	key := dns.TypeToString[q.Qtype] + " " + name
	z.asked = append(z.asked, key)
	reply := new(dns.Msg)
	reply.SetReply(query)
	code, bad := z.rcode[key]
	if !bad {
		code, bad = z.rcode["*"]
	}
	slow := z.slow[key]
	if slow == 0 {
		slow = z.slow["*"]
	}
	if bad {
		reply.Rcode = code
	} else {
		z.fillLocked(reply, dns.Fqdn(name), q.Qtype)
	}
	if z.mend != nil {
		reply = z.mend(query, reply)
	}
	return reply, slow
}

func (z *zone) fillLocked(reply *dns.Msg, name string, qtype uint16) {
	for range 50 {
		exists, alias := false, ""
		for _, rr := range z.rrs {
			if !strings.EqualFold(rr.Header().Name, name) {
				continue
			}
			exists = true
			if rr.Header().Rrtype == qtype {
				reply.Answer = append(reply.Answer, rr)
			} else if c, ok := rr.(*dns.CNAME); ok {
				reply.Answer = append(reply.Answer, rr)
				alias = c.Target
			}
		}
		if !exists {
			reply.Rcode = dns.RcodeNameError
		}
		if alias == "" {
			break
		}
		name = alias
	}
	for _, rr := range z.rrs {
		if rr.Header().Rrtype == dns.TypeSOA && (len(reply.Answer) == 0 || reply.Rcode != 0) {
			reply.Ns = append(reply.Ns, rr)
		}
	}
}

// exchange is an exchangeFunc without sockets, for virtual time.
func (z *zone) exchange(ctx context.Context, _ netip.AddrPort, _ bool, query []byte, accept func([]byte) bool) ([]byte, error) {
	m := new(dns.Msg)
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	reply, slow := z.answer(m)
	if slow > 0 {
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if reply == nil {
		return nil, errors.New("connection refused")
	}
	wire, err := reply.Pack()
	if err != nil {
		return nil, err
	}
	if !accept(wire) {
		return nil, errMismatch
	}
	return wire, nil
}

// outcome is what one call of Resolve came to.
type outcome struct {
	targets []Target
	err     error
	ready   bool
	took    time.Duration
}

func (o outcome) String() string {
	texts := make([]string, 0, len(o.targets))
	for _, t := range o.targets {
		texts = append(texts, t.Transport+" "+t.Addr.String())
	}
	if o.err != nil {
		texts = append(texts, "error")
	}
	return strings.Join(texts, ", ")
}

// resolve waits for the outcome of a query.
func resolve(r *Resolver, q Query) outcome { return <-start(r, q) }

// start gives the outcome of a query when it comes. It panics when done is called twice.
func start(r *Resolver, q Query) <-chan outcome {
	c := make(chan outcome, 1)
	begun := time.Now()
	var once sync.Once
	targets, ready, err := r.Resolve(q, func(targets []Target, err error) {
		twice := true
		once.Do(func() { twice = false })
		if twice {
			panic("done was called twice")
		}
		c <- outcome{targets, err, false, time.Since(begun)}
	})
	if ready {
		if targets == nil && err == nil {
			panic("ready with neither targets nor an error")
		}
		c <- outcome{targets, err, true, 0}
	}
	return c
}

// inBubble runs a test in virtual time against a zone without sockets.
func inBubble(t *testing.T, o Options, test func(t *testing.T, r *Resolver, z *zone)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		z := &zone{rcode: map[string]int{}, slow: map[string]time.Duration{}}
		if o.exchange == nil {
			o.exchange = z.exchange
		}
		if o.Servers == nil { // an empty list stands for resolv.conf
			o.Servers = []netip.AddrPort{netip.MustParseAddrPort("192.0.2.53:53")}
		}
		if o.Hosts == "" {
			o.Hosts = "/dev/null"
		}
		r := New(o)
		defer func() {
			if err := r.Close(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		test(t, r, z)
	})
}

func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// server is a zone on real sockets, UDP and TCP with one port.
type server struct {
	*zone
	addr netip.AddrPort
	over chan struct{} // the test is

	seen  sync.Mutex
	sight sight
}

// sight is what a server saw of those who ask.
type sight struct {
	ids   []uint16
	ports []int
	sizes []uint16 // of EDNS0; 0 without
	tcp   int      // questions over it
}

func (s *server) saw() sight {
	s.seen.Lock()
	defer s.seen.Unlock()
	return s.sight
}

// serve starts a server on an address of 127/8, made up before anybody can ask it.
func serve(t *testing.T, host string, makeUp func(z *zone)) *server {
	t.Helper()
	s := &server{zone: &zone{rcode: map[string]int{}, slow: map[string]time.Duration{}}, over: make(chan struct{})}
	makeUp(s.zone)
	var pc net.PacketConn
	var l net.Listener
	var err error
	for range 20 { // the port must be free for both
		if pc, err = net.ListenPacket("udp", host+":0"); err != nil {
			t.Fatal(err)
		}
		if l, err = net.Listen("tcp", pc.LocalAddr().String()); err == nil {
			break
		}
		_ = pc.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	s.addr = netip.MustParseAddrPort(pc.LocalAddr().String())
	for _, one := range []*dns.Server{{PacketConn: pc, Handler: s}, {Listener: l, Handler: s}} {
		up, down := make(chan struct{}), make(chan error, 1)
		one.NotifyStartedFunc = func() { close(up) }
		go func() { down <- one.ActivateAndServe() }()
		<-up
		t.Cleanup(func() {
			if err := one.Shutdown(); err != nil {
				t.Error(err)
			}
			if err := <-down; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() { close(s.over) })
	return s
}

// ServeDNS implements dns.Handler.
func (s *server) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	from := netip.MustParseAddrPort(w.RemoteAddr().String())
	_, stream := w.RemoteAddr().(*net.TCPAddr)
	s.seen.Lock()
	s.sight.ids, s.sight.ports = append(s.sight.ids, query.Id), append(s.sight.ports, int(from.Port()))
	size := uint16(0)
	if opt := query.IsEdns0(); opt != nil {
		size = opt.UDPSize()
	}
	s.sight.sizes = append(s.sight.sizes, size)
	if stream {
		s.sight.tcp++
	}
	s.seen.Unlock()
	reply, slow := s.answer(query)
	select {
	case <-time.After(slow):
	case <-s.over:
		return
	}
	if !stream {
		reply.Truncate(max(int(size), dns.MinMsgSize))
	}
	wire, err := reply.Pack()
	if err != nil {
		panic(err)
	}
	if bad := s.spoil(query, wire); bad != nil {
		_, _ = w.Write(bad)
		if stream {
			return
		}
	}
	_, _ = w.Write(wire)
}

// spoil gives what is sent before a reply, or over TCP instead of it; nil is nothing.
func (s *server) spoil(query *dns.Msg, reply []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.raw == nil {
		return nil
	}
	wire, err := query.Pack()
	if err != nil {
		panic(err)
	}
	return s.raw(wire, slices.Clone(reply))
}

// client starts a resolver that asks servers.
func client(t *testing.T, o Options, servers ...netip.AddrPort) *Resolver {
	t.Helper()
	o.Servers, o.Hosts = servers, "/dev/null"
	r := New(o)
	t.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return r
}

// within fails the test when an outcome does not come.
func within(t *testing.T, c <-chan outcome, d time.Duration) outcome {
	t.Helper()
	select {
	case o := <-c:
		return o
	case <-time.After(d):
		t.Fatalf("no outcome within %s", d)
		return outcome{}
	}
}

func expect(t *testing.T, got outcome, want string) {
	t.Helper()
	if got.String() != want {
		t.Errorf("got  %s (%v)\nwant %s", got, got.err, want)
	}
}

// many writes n records.
func many(n int, format string) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf(format, i))
	}
	return out
}

// firstOnly leaves the first record of an answer, and no word of what is missing.
func firstOnly(_, reply *dns.Msg) *dns.Msg {
	if len(reply.Answer) > 0 {
		reply.Answer, reply.Rcode, reply.Ns = reply.Answer[:1], dns.RcodeSuccess, nil
	}
	return reply
}

// recording notes which servers are asked.
func recording(z *zone, asked *[]netip.AddrPort) exchangeFunc {
	return func(ctx context.Context, s netip.AddrPort, stream bool, query []byte, accept func([]byte) bool) ([]byte, error) {
		*asked = append(*asked, s)
		return z.exchange(ctx, s, stream, query, accept)
	}
}
