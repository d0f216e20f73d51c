package b2bua_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/testlab/memnet"
	"gatehouse/sip/msg"
	"gatehouse/sip/transport"
)

// TestExplore_RandomPeers_EverythingEnds lets two peers do whatever peers do,
// in any order, with loss, and then checks what must hold after every call:
// nothing is left of it, and it has exactly one record.
func TestExplore_RandomPeers_EverythingEnds(t *testing.T) {
	runs := 300
	if testing.Short() {
		runs = 40
	}
	for seed := range runs {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { explore(t, uint64(seed)) })
		})
	}
}

// exploredBorders are the plain border, one whose carrier has several targets
// and one that moves its requests to a TCP nobody listens on.
func exploredBorders(t *testing.T) [3]string {
	t.Helper()
	several := `[{uri: "sip:203.0.113.77:5060;transport=tcp", priority: 1}, {uri: "sip:203.0.113.20:5060", priority: 2}, {uri: "sip:203.0.113.30:5060", priority: 3}]`
	return [...]string{
		"",
		altered(t, `"sip:203.0.113.20:5060"`, several, `second: {zone: outside, address: "sip:203.0.113.30:5060"}`,
			`second: {zone: outside, address: "sip:203.0.113.40:5060"}`),
		altered(t, "    listen: [udp://203.0.113.10:5060", "    udp_max: 512\n    listen: [udp://203.0.113.10:5060",
			"    listen: [udp://10.0.0.1:5060", "    udp_max: 512\n    listen: [udp://10.0.0.1:5060"),
	}
}

func explore(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	network := memnet.New()
	rig := newRig(t, network.Host(), exploredBorders(t)[seed%3])
	if seed%2 == 1 {
		network.Update(blackHole) // else TCP is refused
	}
	a := newFuzzUA(t, network.Host(), rand.New(rand.NewPCG(seed, 2)), "10.0.0.20:5060", "10.0.0.1:5060")
	b := newFuzzUA(t, network.Host(), rand.New(rand.NewPCG(seed, 3)), "203.0.113.20:5060", "203.0.113.10:5060")
	number := []string{"+15550100", "7775550100"}[rng.IntN(2)]
	c := newFuzzUA(t, network.Host(), rand.New(rand.NewPCG(seed, 4)), "203.0.113.30:5060", "203.0.113.10:5060")
	a.do(func() { a.invite("sip:"+number+"@10.0.0.1", rng.IntN(4) > 0) })
	for range 3 + rng.IntN(25) {
		time.Sleep(time.Duration(rng.IntN(4000)) * time.Millisecond)
		synctest.Wait()
		u := a
		switch rng.IntN(3) {
		case 0:
			u = b
		case 1:
			u = c
		}
		u.do(u.act)
	}
	// Whatever state they are in: the peers go silent, then hang up.
	time.Sleep(70 * time.Second)
	for _, u := range []*fuzzUA{a, b, c} {
		u.do(func() {
			u.calm = true
			u.bye()
		})
		synctest.Wait()
	}
	time.Sleep(15 * time.Minute)
	synctest.Wait()
	if n := rig.engine.Active(); n > 0 {
		// Two peers that both forgot a confirmed call: the longest duration ends it.
		time.Sleep(5 * time.Hour)
		synctest.Wait()
	}
	rig.checkEmpty(t)
	if got := len(rig.cdrs.list()); got != 1 {
		t.Errorf("%d records, want 1", got)
	}
	a.stop()
	b.stop()
	c.stop()
}

// fuzzUA is a peer with a dialog it knows well enough to be understood, and no
// manners.
type fuzzUA struct {
	t        *testing.T
	rng      *rand.Rand
	conn     transport.PacketConn
	self, to netip.AddrPort
	mu       sync.Mutex
	calm     bool
	done     chan struct{}

	seq       uint32
	remoteURI string            // Contact of the other side
	from, too string            // header values with tags, as this peer sends them
	callID    string            // of the dialog
	pending   map[string][]byte // requests received that may still be answered, by method
	sent      []byte            // our last INVITE
}

func newFuzzUA(t *testing.T, n transport.Net, rng *rand.Rand, self, to string) *fuzzUA {
	u := &fuzzUA{t: t, rng: rng, self: netip.MustParseAddrPort(self), to: netip.MustParseAddrPort(to), pending: map[string][]byte{}, done: make(chan struct{})}
	conn, err := n.ListenUDP(u.self)
	if err != nil {
		t.Fatal(err)
	}
	u.conn = conn
	go u.read()
	return u
}

func (u *fuzzUA) stop() {
	u.conn.Close()
	<-u.done
}

func (u *fuzzUA) read() {
	defer close(u.done)
	buf := make([]byte, 65536)
	for {
		n, _, err := u.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		raw := append([]byte(nil), buf[:n]...)
		var m msg.Message
		if err := m.Parse(raw, msg.Datagram); err != nil {
			u.t.Errorf("the border sent a message that does not parse: %v\n%s", err, raw)
			continue
		}
		u.mu.Lock()
		if m.IsRequest() {
			u.request(&m, raw)
		} else {
			u.response(&m)
		}
		u.mu.Unlock()
	}
}

// do runs fn with the peer locked against its reader.
func (u *fuzzUA) do(fn func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	fn()
}

func (u *fuzzUA) chance(percent int) bool { return u.rng.IntN(100) < percent }

func (u *fuzzUA) send(s string) {
	if !u.calm && u.chance(10) {
		return // lost
	}
	if _, err := u.conn.WriteToUDPAddrPort([]byte(s), u.to); err != nil {
		u.t.Error(err)
	}
}

const fuzzSDP = "v=0\r\no=x 1 %d IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8\r\na=%s\r\n"

func (u *fuzzUA) sdp() string {
	ip := u.self.Addr().String()
	dir := []string{"sendrecv", "sendonly", "inactive", "recvonly"}[u.rng.IntN(4)]
	return fmt.Sprintf(fuzzSDP, u.rng.IntN(5)+1, ip, ip, dir)
}

func (u *fuzzUA) body(s string) string {
	if s == "" {
		return "Content-Length: 0\r\n\r\n"
	}
	return fmt.Sprintf("Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(s), s)
}

func (u *fuzzUA) build(method, body string, seq uint32) string {
	return fmt.Sprintf("%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%d\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:x@%s>\r\n%s",
		method, u.remoteURI, u.self, u.rng.Uint64(), u.from, u.too, u.callID, seq, method, u.self, u.body(body))
}

func (u *fuzzUA) invite(uri string, offer bool) {
	u.remoteURI, u.callID = uri, fmt.Sprintf("c%d", u.rng.Uint64())
	u.from, u.too = "<sip:100@10.0.0.20>;tag=a1", "<"+uri+">"
	u.seq++
	body := ""
	if offer {
		body = u.sdp()
	}
	s := u.build("INVITE", body, u.seq)
	u.sent = []byte(s)
	// The first one must arrive, or there is no call to explore.
	if _, err := u.conn.WriteToUDPAddrPort(u.sent, u.to); err != nil {
		u.t.Error(err)
	}
}

// act does one random thing.
func (u *fuzzUA) act() {
	switch u.rng.IntN(8) {
	case 0:
		u.bye()
	case 1:
		if u.sent != nil {
			s := string(u.sent)
			head, _, _ := strings.Cut(s, "Contact:")
			u.send(strings.ReplaceAll(head, "INVITE", "CANCEL") + "Content-Length: 0\r\n\r\n")
		}
	case 2:
		if u.callID != "" && strings.Contains(u.too, ";tag=") {
			u.seq++
			body := ""
			if u.chance(80) {
				body = u.sdp()
			}
			s := u.build("INVITE", body, u.seq)
			u.sent = []byte(s)
			u.send(s)
		}
	case 3, 4:
		u.answer("INVITE", []int{180, 183, 183, 199, 100}[u.rng.IntN(5)], "b1")
	case 5:
		u.answer("INVITE", 200, []string{"b1", "b1", "b1", "fork"}[u.rng.IntN(4)])
	case 6:
		u.answer("INVITE", []int{486, 503, 302, 488, 491, 481, 408, 600}[u.rng.IntN(8)], "b1")
	case 7:
		u.sendOptions()
	}
}

func (u *fuzzUA) sendOptions() {
	if u.callID != "" {
		u.seq++
		u.send(u.build("OPTIONS", "", u.seq))
	}
}

func (u *fuzzUA) bye() {
	if u.callID == "" || !strings.Contains(u.too, ";tag=") {
		return
	}
	u.seq++
	u.send(u.build("BYE", "", u.seq))
}

// answer responds to a request that was received.
func (u *fuzzUA) answer(method string, code int, tag string) {
	raw := u.pending[method]
	if raw == nil {
		return
	}
	var m msg.Message
	if err := m.Parse(raw, msg.Datagram); err != nil {
		u.t.Error(err)
		return
	}
	var b msg.Builder
	b.Reset()
	head := msg.NewReplyHead(&m, u.to)
	head.Start(&b, code, "", tag)
	b.Header("Contact", "<sip:x@"+u.self.String()+">")
	if method == "INVITE" && (code == 200 && u.chance(95) || code == 183) {
		b.Body("application/sdp", []byte(u.sdp()))
	}
	out, err := b.Bytes()
	if err != nil {
		u.t.Error(err)
		return
	}
	u.send(string(out))
}

func (u *fuzzUA) request(m *msg.Message, raw []byte) {
	method, inDialog := m.Method().String(), len(m.ToTag()) > 0
	u.pending[method] = raw
	if u.callID == "" && m.Method() == msg.INVITE {
		u.callID = string(m.CallID())
		from, to := m.From(), m.To()
		u.from = "<" + string(to.URI) + ">;tag=b1"
		u.too = "<" + string(from.URI) + ">;tag=" + string(m.FromTag())
	}
	if c, ok := m.Contact(); ok {
		u.remoteURI = string(c.URI)
	}
	switch m := m.Method(); {
	case m == msg.BYE || m == msg.CANCEL:
		if u.calm || u.chance(90) {
			u.answer(method, 200, "b1")
		}
		if m == msg.CANCEL && u.chance(70) {
			u.answer("INVITE", []int{487, 200}[u.rng.IntN(2)], "b1")
		}
	case m == msg.INVITE && inDialog && u.chance(70):
		u.answer(method, []int{200, 200, 200, 488, 491}[u.rng.IntN(5)], "b1")
	}
}

func (u *fuzzUA) response(m *msg.Message) {
	if m.Method() != msg.INVITE || m.Status() < 101 {
		return
	}
	if len(m.ToTag()) > 0 && !strings.Contains(u.too, ";tag=") {
		u.too += ";tag=" + string(m.ToTag())
	}
	if c, ok := m.Contact(); ok && m.Status() < 300 {
		u.remoteURI = string(c.URI)
	}
	if m.Status() < 200 {
		return
	}
	if m.Status() < 300 {
		if u.chance(85) {
			body := ""
			if !strings.Contains(string(u.sent), "application/sdp") {
				body = u.sdp()
			}
			u.send(u.build("ACK", body, m.CSeq()))
		}
		return
	}
	var req msg.Message
	if err := req.Parse(u.sent, msg.Datagram); err != nil || req.CSeq() != m.CSeq() {
		return
	}
	via := string(req.TopVia().Raw)
	u.send(fmt.Sprintf("ACK %s SIP/2.0\r\nVia: %s\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: <sip:x@y>;tag=%s\r\nCall-ID: %s\r\nCSeq: %d ACK\r\nContent-Length: 0\r\n\r\n",
		req.RequestURI(), via, u.from, m.ToTag(), u.callID, m.CSeq()))
}
