//go:build interop

package interop

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/testlab/certs"
	"gatehouse/internal/testlab/wire"
)

// corner is one transport in one family: where the border listens on either side, and the endpoints on both sides of it.
type corner struct {
	proto           wire.Proto
	v6              bool
	inside, outside netip.AddrPort
	caller, callee  *agent
}

func (c corner) String() string {
	if c.v6 {
		return string(c.proto) + " IPv6"
	}
	return string(c.proto) + " IPv4"
}

// peer is what the callee of a corner is called in the configuration.
func (c corner) peer() string { return strings.ToLower(strings.ReplaceAll(c.String(), " ", "-")) }

// matrix is one border that listens on everything, on both sides.
type matrix struct {
	plan
	papers           *papers
	callers, callees netip.Addr // of all endpoints on IPv4
	corners          []corner
}

// The relay's ports on ::1, which is one address: other tests have the ranges beside these.
const (
	matrixInsidePorts  = "24576-28671"
	matrixOutsidePorts = "12288-16383"
)

func newMatrix(t *testing.T) *matrix {
	t.Helper()
	m := &matrix{plan: newPlan(t), papers: newPapers(t), callers: host(t), callees: host(t)}
	m.papers.issue("border", certs.IP(m.Inside.String(), m.Outside.String(), "::1"))
	for i, proto := range wire.All() {
		// A number apart for each: UDP and TCP could share one, but a look at the port tells which listener it was.
		port, port6 := uint16(5060+i), freePorts(t, loopback6)
		m.open(t, corner{proto: proto, inside: netip.AddrPortFrom(m.Inside, port), outside: netip.AddrPortFrom(m.Outside, port)}, m.callers, m.callees)
		m.open(t, corner{proto: proto, v6: true, inside: netip.AddrPortFrom(loopback6, port6), outside: netip.AddrPortFrom(loopback6, port6+1)}, loopback6, loopback6)
	}
	return m
}

// open opens the two endpoints of a corner.
func (m *matrix) open(t *testing.T, c corner, caller, callee netip.Addr) {
	t.Helper()
	pair := m.papers.issue(c.peer(), certs.IP(caller.String(), callee.String()))
	o := wire.Options{Proto: c.proto, Server: m.papers.server(pair), Client: m.papers.client(pair)}
	o.Addr = netip.AddrPortFrom(caller, 0)
	c.caller = openAgent(t, o)
	if c.proto.WebSocket() {
		// A browser has no address that could be called back (RFC 7118 §5): its requests come over the connection it opened.
		c.caller.host = unique("browser") + ".invalid"
	}
	o.Addr = netip.AddrPortFrom(callee, 0)
	c.callee = openAgent(t, o)
	m.corners = append(m.corners, c)
}

func (m *matrix) yaml() string {
	var b strings.Builder
	b.WriteString("node: interop\nzones:\n")
	zone := func(name, trust string, a netip.Addr, ports6 string, at func(corner) netip.AddrPort) {
		fmt.Fprintf(&b, "  %s:\n    listen:\n", name)
		for _, c := range m.corners {
			fmt.Fprintf(&b, "      - \"%s://%s\"\n", c.proto.Param(), at(c))
		}
		fmt.Fprintf(&b, "    trust: %s\n    %s\n", trust, m.papers.yaml("border", ""))
		fmt.Fprintf(&b, "    media: [{address: %s, ports: %s}, {address: \"::1\", ports: %s}]\n", a, m.Ports, ports6)
	}
	zone("inside", "full", m.Inside, matrixInsidePorts, func(c corner) netip.AddrPort { return c.inside })
	zone("outside", "none", m.Outside, matrixOutsidePorts, func(c corner) netip.AddrPort { return c.outside })
	b.WriteString("peers:\n")
	peer := func(name, zone string, a *agent, match netip.AddrPort) {
		fmt.Fprintf(&b, "  %s:\n    zone: %s\n    address: \"sip:%s;transport=%s\"\n    source: [\"%s/%d\"]\n    match: {port: %d}\n    tls: {%s}\n",
			name, zone, a.addr, a.Proto().Param(), a.addr.Addr(), a.addr.Addr().BitLen(), match.Port(), m.papers.trust("ca"))
	}
	callers := []string{}
	for _, c := range m.corners {
		callers = append(callers, "from-"+c.peer())
		peer("from-"+c.peer(), "inside", c.caller, c.inside)
		peer("to-"+c.peer(), "outside", c.callee, c.outside)
	}
	b.WriteString("routes:\n")
	for i, c := range m.corners {
		fmt.Fprintf(&b, "  - {name: to-%[1]s, from: [%[2]s], called: [\"%[3]s*\"], to: [to-%[1]s]}\n", c.peer(), strings.Join(callers, ", "), numberOf(i))
	}
	return b.String() + m.services()
}

// numberOf starts the numbers of a corner's callee.
func numberOf(i int) string { return fmt.Sprintf("+1312555%02d", i) }

// A call crosses between every pair of transports and families: requests, responses, audio, and the end from either side; each side sees its
// own transport and nothing of the other one.
func TestMatrix_EveryPairOfTransportsAndFamilies_CallCrosses(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	b := startWith(t, m.plan, m.yaml())
	for i, from := range m.corners {
		for k, to := range m.corners {
			t.Run(from.String()+" to "+to.String(), func(t *testing.T) {
				number := numberOf(k) + fmt.Sprintf("%02d", i)
				m.cross(t, from, to, number, (i+k)%2 == 0)
			})
		}
	}
	b.settled()
	b.cdrCount(len(m.corners) * len(m.corners))
	for _, r := range b.cdrs() {
		if r["code"] != float64(200) {
			t.Errorf("call record with code %v: %v", r["code"], r)
		}
	}
	for _, c := range m.corners {
		for _, a := range []*agent{c.caller, c.callee} {
			for _, bad := range a.Malformed() {
				t.Errorf("%s got %s", c, bad)
			}
		}
	}
}

// cross is one call from one corner to another.
func (m *matrix) cross(t *testing.T, from, to corner, number string, callerEnds bool) {
	t.Helper()
	near, far := newEar(t, netip.AddrPortFrom(from.caller.addr.Addr(), 0)), newEar(t, netip.AddrPortFrom(to.callee.addr.Addr(), 0))
	secret := []string{"Organization: " + canary("caller"), "X-Internal: " + canary("x")}
	d := from.caller.as(t).dialNumber(from.inside, number, audioSDP(near.addr.Addr(), near.addr.Port()), secret...)
	callee := to.callee.as(t).takeNumber(number)
	callee.accept(audioSDP(far.addr.Addr(), far.addr.Port()), "Server: "+canary("callee"))
	d.established()

	invite, answer := callee.invite, d.answer
	wantOurs(t, "Via of the INVITE", "SIP/2.0/"+string(to.proto)+" "+to.outside.String(), invite.Get("Via"))
	if n := len(invite.All("Via")); n != 1 {
		t.Errorf("%d Via in the INVITE, want ours alone:\n%s", n, invite.Raw)
	}
	wantContact(t, "INVITE", invite, to.proto, to.outside)
	wantContact(t, "answer", answer, from.proto, from.inside)
	wantOurs(t, "Via of the answer", "SIP/2.0/"+string(from.proto)+" "+from.caller.host+";branch=", answer.Get("Via"))
	for _, got := range []wire.Message{invite, answer} {
		if got.Get("Content-Type") != "application/sdp" || !strings.Contains(got.Body, "m=audio ") {
			t.Errorf("no audio in\n%s", got.Raw)
		}
	}
	wantAudio(t, near, far, mediaAddrs(t, answer.Body), mediaAddrs(t, invite.Body))

	// Its answer shows that the ACK before it was taken: only now may the border end the call (RFC 3261 §15).
	if got := d.request("OPTIONS", ""); got.Code() != 200 {
		t.Fatalf("OPTIONS in the call: %q", got.Start)
	}
	if callerEnds {
		talking{caller: d, callee: callee}.hangUp(t)
	} else {
		// A request of the callee's goes where our Contact says, over a connection of its own if need be.
		callee.border = to.outside
		talking{caller: callee, callee: d}.hangUp(t)
	}
	// ::1 is on both sides of the border here, so only the IPv4 addresses tell.
	private(t, from, from.caller, d.callID, callee.callID, canary("callee"), m.callees.String(), m.Outside.String())
	private(t, to, to.callee, callee.callID, d.callID, canary("caller"), canary("x"), m.callers.String(), m.Inside.String())
}

// as gives the agent to a subtest: what goes wrong is that one's failure.
func (a *agent) as(t *testing.T) *agent {
	own := *a
	own.t = t
	return &own
}

func wantOurs(t *testing.T, what, want, got string) {
	t.Helper()
	if !strings.HasPrefix(got, want) {
		t.Errorf("%s is %q, want %q", what, got, want)
	}
}

// wantContact wants our Contact to name the listener of its side and its transport.
func wantContact(t *testing.T, what string, m wire.Message, proto wire.Proto, listener netip.AddrPort) {
	t.Helper()
	uri := wire.URIOf(m.Get("Contact"))
	_, hostport, ok := strings.Cut(uri, "@")
	hostport, params, _ := strings.Cut(hostport, ";")
	if !ok || hostport != listener.String() {
		t.Errorf("Contact of the %s is %q, want one at %s", what, uri, listener)
	}
	transport := ""
	for _, p := range strings.Split(params, ";") {
		if v, ok := strings.CutPrefix(p, "transport="); ok {
			transport = v
		}
	}
	want := proto.Param()
	switch proto {
	case wire.UDP:
		want = "" // the default (RFC 3261 §19.1.1)
	case wire.WSS:
		want = "ws" // a URI has one word for both kinds (RFC 7118 §5.2.4)
	case wire.TCP, wire.TLS, wire.WS:
	}
	if transport != want {
		t.Errorf("Contact of the %s is %q, want transport %q", what, uri, want)
	}
}

// wantAudio sends one packet each way through the border.
func wantAudio(t *testing.T, near, far *ear, toCaller, toCallee []netip.AddrPort) {
	t.Helper()
	if len(toCaller) != 1 || len(toCallee) != 1 {
		t.Fatalf("m-lines %v and %v, want one each", toCaller, toCallee)
	}
	there, back := rtpPacket(0, 1, 11, "there"), rtpPacket(0, 1, 22, "back")
	near.send(toCaller[0], there)
	if got := far.hear(2 * time.Second); !bytes.HasSuffix(got, []byte("there")) {
		t.Errorf("the callee heard %q", got)
	}
	far.send(toCallee[0], back)
	if got := near.hear(2 * time.Second); !bytes.HasSuffix(got, []byte("back")) {
		t.Errorf("the caller heard %q", got)
	}
}

// private wants none of these words, which are the other side's, in what one side got of its call.
func private(t *testing.T, c corner, a *agent, callID string, words ...string) {
	t.Helper()
	for _, got := range a.Received() {
		if got.Get("Call-ID") == callID {
			leaks(t, c.String(), got, words)
		}
	}
}
