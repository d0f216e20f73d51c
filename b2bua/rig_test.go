package b2bua_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"gatehouse/b2bua"
	"gatehouse/b2bua/record"
	"gatehouse/config"
	"gatehouse/internal/testlab/ladder"
	"gatehouse/internal/testlab/memnet"
	"gatehouse/media/profile"
	"gatehouse/policy/engine"
	"gatehouse/sip/msg"
	"gatehouse/sip/token"
	"gatehouse/sip/transport"
	"gatehouse/sip/txn"
)

// plainConfig is the border most scripts play against; a script with "| "
// lines brings its own.
const plainConfig = `
node: gw1
zones:
  inside:
    listen: [udp://10.0.0.1:5060, tcp://10.0.0.1:5060]
    trust: full
    media: {address: 10.0.0.1, ports: 16384-32767}
  outside:
    listen: [udp://203.0.113.10:5060, tcp://203.0.113.10:5060]
    media: {address: 203.0.113.10, ports: 16384-32767}
peers:
  pbx: {zone: inside, address: "sip:10.0.0.20:5060"}
  carrier: {zone: outside, address: "sip:203.0.113.20:5060"}
  second: {zone: outside, address: "sip:203.0.113.30:5060"}
routes:
  - {name: failover, from: pbx, called: ["777*"], to: [carrier, second]}
  - {name: outbound, from: pbx, called: ["+*", "00*"], to: [carrier]}
  - {name: inbound, from: [carrier, second], to: [pbx]}
`

// rig is a whole signalling side over an in-memory network, with a relay that
// only hands out addresses.
type rig struct {
	engine *b2bua.Engine
	stack  *transport.Stack
	media  *fakeMedia
	set    *listenerSet
	setMu  sync.Mutex // guards set once the engine runs
	cdrs   *records
	dns    *names
	wire   *wire
	net    *memnet.Network
	papers *papers // of a border that has TLS
}

// border is the ladder.Setup of the plain border.
func border(t *testing.T, n transport.Net, s *ladder.Script) { newRig(t, n, s.Config) }

func newRig(t *testing.T, n transport.Net, text string) *rig {
	t.Helper()
	if text == "" {
		text = plainConfig
	}
	c, _, err := config.Load("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := engine.Compile(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{media: newFakeMedia(c), cdrs: &records{}, dns: &names{}}
	if strings.Contains(text, "tls://") || strings.Contains(text, "wss://") {
		r.papers = newPapers(t)
	}
	front := &front{}
	r.stack, err = transport.New(transport.Options{Net: n, Handler: front, Log: zerolog.Nop(),
		Admission: standing{front}})
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := token.NewSealer([16]byte{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	r.set = &listenerSet{client: r.clientTLS}
	uuids := 0
	r.engine, err = b2bua.New(b2bua.Options{Node: c.Node, NodeID: 1, Sealer: sealer, Sender: r.stack, Resolver: r.dns,
		Listen: r.listeners, Media: r.media, Recorder: r.cdrs, Log: zerolog.New(zerolog.NewTestWriter(t)), Timers: txn.DefaultTimers(),
		Now: time.Now, Boot: time.Now().Unix(), Shards: 1,
		UUID: func() string { uuids++; return fmt.Sprintf("%032x", uuids) }}, snapshot)
	if err != nil {
		t.Fatal(err)
	}
	front.e = r.engine
	r.media.timeout = r.engine.MediaTimeout
	for _, z := range c.Zones {
		for _, l := range z.Listen {
			p, _ := transport.ProtoOf(l.Transport.String())
			opened, err := r.stack.Listen(transport.ListenSpec{Zone: z.Name, Proto: p, Addr: l.Addr, TLS: r.serverTLS, Origins: func() []string { return []string{"*"} }})
			if err != nil {
				t.Fatal(err)
			}
			r.set.all = append(r.set.all, opened)
		}
	}
	t.Cleanup(func() {
		ctx := context.Background()
		for _, end := range []func(context.Context) error{r.stack.Close, r.engine.Close} {
			if err := end(ctx); err != nil {
				t.Error(err)
			}
		}
	})
	return r
}

// serverTLS is what the border shows as a server.
func (r *rig) serverTLS() *tls.Config { return r.papers.server("sbc.example") }

// clientTLS is how the border calls.
func (r *rig) clientTLS(zone, peer, domain string) *transport.ClientTLS {
	return &transport.ClientTLS{Name: zone + "/" + peer, Domain: domain, Config: func() *tls.Config { return r.papers.client(domain) }}
}

func (r *rig) listeners() b2bua.Listeners {
	r.setMu.Lock()
	defer r.setMu.Unlock()
	return r.set
}

// replaceListeners is what a reload does to the set.
func (r *rig) replaceListeners(s *listenerSet) {
	r.setMu.Lock()
	defer r.setMu.Unlock()
	r.set = s
}

type front struct{ e *b2bua.Engine }

func (f *front) Receive(in *transport.Inbound) { f.e.Receive(in) }
func (f *front) SendFailed(branch string, m msg.Method, err error) {
	f.e.SendFailed(branch, m, err)
}

func (f *front) ConnLost(c *transport.Conn, err error) { f.e.ConnLost(c, err) }

type standing struct{ f *front }

func (s standing) Admit(a transport.Arrival) transport.Standing {
	return transport.Standing(s.f.e.Snapshot().Admit(a.Zone, a.Source.Addr()))
}

func (standing) Offend(transport.Offence) {}

type listenerSet struct {
	all    []*transport.Listener
	client func(zone, peer, domain string) *transport.ClientTLS
}

func (s *listenerSet) Find(zone string, p transport.Proto, v6 bool) *transport.Listener {
	for _, l := range s.all {
		if l.Zone() == zone && l.Proto() == p && l.Addr().Addr().Is6() == v6 {
			return l
		}
	}
	return nil
}

func (s *listenerSet) Usable(zone string) (transports []string, v4, v6 bool) {
	for _, l := range s.all {
		if l.Zone() != zone {
			continue
		}
		v4, v6 = v4 || l.Addr().Addr().Is4(), v6 || l.Addr().Addr().Is6()
		if name := l.Proto().String(); !slices.Contains(transports, name) {
			transports = append(transports, name)
		}
	}
	return transports, v4, v6
}

func (s *listenerSet) Own(a netip.AddrPort, p transport.Proto) bool {
	return slices.ContainsFunc(s.all, func(l *transport.Listener) bool { return l.Addr() == a && l.Proto() == p })
}

func (s *listenerSet) Client(zone, peer, domain string) *transport.ClientTLS {
	if s.client == nil {
		return nil
	}
	return s.client(zone, peer, domain)
}

func addrOf(text string) netip.Addr { return netip.MustParseAddr(text) }

// records keeps what the engine recorded.
type records struct {
	mu  sync.Mutex
	all []record.Record
}

func (r *records) Record(rec *record.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, *rec)
}

func (r *records) list() []record.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]record.Record(nil), r.all...)
}

// maxStreams is more m-lines than any description may have.
const maxStreams = 64

// fakeMedia hands out ports one after the other and notes what is connected.
type fakeMedia struct {
	mu        sync.Mutex
	zones     map[string][]config.MediaAddress
	next      map[netip.Addr]uint16
	ends      map[profile.EndID]*fakeEnd
	lastEnd   profile.EndID
	spare     map[netip.Addr][]uint16 // ports that came back, used when no new ones are left
	connected [][]profile.Stream
	broken    bool // the next Connect panics
	lost      bool // the next Stats panics
	timeout   func(uint64)
	gate      chan struct{} // Open waits for it to close, when there is one
	atGate    bool
}

type fakeEnd struct {
	owner uint64
	zone  string
	ports map[string]profile.Local
}

func newFakeMedia(c *config.Config) *fakeMedia {
	f := &fakeMedia{zones: map[string][]config.MediaAddress{}, next: map[netip.Addr]uint16{}, ends: map[profile.EndID]*fakeEnd{}, spare: map[netip.Addr][]uint16{}}
	for _, z := range c.Zones {
		f.zones[z.Name] = z.Media
	}
	return f
}

func (f *fakeMedia) Open(owner uint64, zone string) (profile.EndID, error) {
	f.mu.Lock()
	gate := f.gate
	f.atGate = gate != nil
	f.mu.Unlock()
	if gate != nil {
		<-gate
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lastEnd++
	f.ends[f.lastEnd] = &fakeEnd{owner: owner, zone: zone, ports: map[string]profile.Local{}}
	return f.lastEnd, nil
}

func (f *fakeMedia) Reserve(e profile.EndID, stream int, fam profile.Family) (profile.Local, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	end := f.ends[e]
	if end == nil {
		return profile.Local{}, fmt.Errorf("no end %d", e)
	}
	for _, a := range f.zones[end.zone] {
		if fam != profile.Any && profile.FamilyOf(a.Addr) != fam {
			continue
		}
		key := fmt.Sprint(stream, a.Addr)
		if l, ok := end.ports[key]; ok {
			return l, nil
		}
		port, ok := f.takeLocked(a)
		if !ok {
			return profile.Local{}, profile.ErrNoPorts
		}
		l := profile.Local{RTP: netip.AddrPortFrom(a.Advertise, port), RTCP: netip.AddrPortFrom(a.Advertise, port+1)}
		end.ports[key] = l
		return l, nil
	}
	return profile.Local{}, fmt.Errorf("zone %s has no %v media", end.zone, fam)
}

func (f *fakeMedia) takeLocked(a config.MediaAddress) (uint16, bool) {
	if port := a.Ports.Low + f.next[a.Addr]; port < a.Ports.High {
		f.next[a.Addr] += 2
		return port, true
	}
	spare := f.spare[a.Addr]
	if len(spare) == 0 {
		return 0, false
	}
	f.spare[a.Addr] = spare[1:]
	return spare[0], true
}

func (f *fakeMedia) Release(e profile.EndID, stream int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if end := f.ends[e]; end != nil {
		f.releaseLocked(end, stream)
	}
}

func (f *fakeMedia) releaseLocked(end *fakeEnd, stream int) {
	for _, a := range f.zones[end.zone] {
		key := fmt.Sprint(stream, a.Addr)
		if l, ok := end.ports[key]; ok {
			f.spare[a.Addr] = append(f.spare[a.Addr], l.RTP.Port())
			delete(end.ports, key)
		}
	}
}

// waiting tells whether a call waits for the gate.
func (f *fakeMedia) waiting() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.atGate
}

// held counts the ports in use.
func (f *fakeMedia) held() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, end := range f.ends {
		n += len(end.ports)
	}
	return n
}

// history is what Connect was told, in order.
func (f *fakeMedia) history() [][]profile.Stream {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([][]profile.Stream(nil), f.connected...)
}

func (f *fakeMedia) Connect(_, _ profile.EndID, streams []profile.Stream) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken {
		f.broken = false
		panic("the relay is broken")
	}
	f.connected = append(f.connected, streams)
}

func (f *fakeMedia) Stats(profile.EndID, int) profile.Stats {
	f.mu.Lock()
	lost := f.lost
	f.lost = false
	f.mu.Unlock()
	if lost {
		panic("the figures are lost")
	}
	return profile.Stats{}
}

func (f *fakeMedia) Close(e profile.EndID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if end := f.ends[e]; end != nil {
		for i := range maxStreams {
			f.releaseLocked(end, i)
		}
	}
	delete(f.ends, e)
}

// fallSilent reports the media of every owner as timed out.
func (f *fakeMedia) fallSilent() {
	f.mu.Lock()
	owners := map[uint64]bool{}
	for _, end := range f.ends {
		owners[end.owner] = true
	}
	f.mu.Unlock()
	for o := range owners {
		f.timeout(o)
	}
}

// open counts the ends that were not closed.
func (f *fakeMedia) open() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.ends)
}

// checkEmpty fails the test unless everything of every call is gone 64*T1 and
// more after now.
func (r *rig) checkEmpty(t *testing.T) {
	t.Helper()
	time.Sleep(2 * time.Minute)
	synctest.Wait()
	s := r.engine.Stats(context.Background())
	if s.Calls != 0 || s.Dialogs != 0 || s.Transactions != 0 || r.media.open() != 0 || s.Panics != 0 {
		t.Errorf("left over: %+v, %d media ends", s, r.media.open())
	}
	if n := r.engine.Remembered(context.Background()); n != 0 {
		t.Errorf("%d calls still in memory", n)
	}
}
