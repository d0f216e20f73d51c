//go:build interop

package interop

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/testlab/wire"
)

// agent is a SIP endpoint of our own: it sends what it is told, byte for byte, and keeps everything it receives.
type agent struct {
	*wire.Endpoint
	t    *testing.T
	addr netip.AddrPort
	host string // what it calls itself in Via and Contact

	secure bool // its Contact is a sips: one
}

// serial makes branches, tags and Call-IDs differ.
var serial atomic.Uint64

func unique(prefix string) string {
	return fmt.Sprintf("%s%08x", prefix, serial.Add(1)*2654435761%(1<<32))
}

// newAgent opens an agent on UDP.
func newAgent(t *testing.T, addr netip.AddrPort) *agent {
	t.Helper()
	return openAgent(t, wire.Options{Proto: wire.UDP, Addr: addr})
}

func openAgent(t *testing.T, o wire.Options) *agent {
	t.Helper()
	e, err := wire.Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	a := &agent{Endpoint: e, t: t, addr: e.Addr(), host: e.Addr().String()}
	t.Cleanup(func() {
		a.Close()
		if t.Failed() {
			t.Logf("%s received:%s", a.addr, a.transcript())
		}
	})
	return a
}

func (a *agent) transcript() string {
	got := a.Received()
	out := ""
	for _, m := range got[:min(len(got), 20)] {
		out += "\n" + m.Raw
	}
	return out
}

func (a *agent) send(to netip.AddrPort, raw string) {
	a.t.Helper()
	if err := a.Send(to, raw); err != nil {
		a.t.Fatal(err)
	}
}

const answerWithin = 5 * time.Second

// request waits for a request of this method that was not yet taken by index from.
func (a *agent) request(from int, method string) wire.Message {
	a.t.Helper()
	m, ok := a.First(from, answerWithin, func(m wire.Message) bool { return m.Code() == 0 && m.Method() == method })
	if !ok {
		a.t.Fatalf("%s: no %s", a.addr, method)
	}
	return m
}

// final waits for the final response to the request with this branch.
func (a *agent) final(branch string) wire.Message {
	a.t.Helper()
	m, ok := a.First(0, answerWithin, func(m wire.Message) bool { return m.Code() >= 200 && m.Branch() == branch })
	if !ok {
		a.t.Fatalf("%s: no final response to %s", a.addr, branch)
	}
	return m
}

// via is the Via of a request of the agent's.
func (a *agent) via(branch string) string {
	return "Via: SIP/2.0/" + string(a.Proto()) + " " + a.host + ";branch=" + branch + ";rport"
}

// contact is where the agent's dialogs want their requests.
func (a *agent) contact() string {
	if a.secure {
		return "Contact: <sips:agent@" + a.host + ">"
	}
	if a.Proto() == wire.UDP {
		return "Contact: <sip:agent@" + a.host + ">"
	}
	transport := a.Proto().Param()
	if a.Proto() == wire.WSS {
		transport = "ws" // the one word a URI has for both (RFC 7118 §5.2.4)
	}
	return "Contact: <sip:agent@" + a.host + ";transport=" + transport + ">"
}

// options sends a plain OPTIONS and wants its 200 in time.
func (a *agent) options(to netip.AddrPort, within time.Duration) {
	a.t.Helper()
	branch := unique("z9hG4bK")
	a.send(to, wire.Compose("OPTIONS sip:"+to.String()+" SIP/2.0", []string{a.via(branch), "Max-Forwards: 70",
		"From: <sip:ping@" + a.host + ">;tag=" + unique("t"), "To: <sip:" + to.String() + ">", "Call-ID: " + unique("ping"), "CSeq: 1 OPTIONS"}, ""))
	m, ok := a.First(0, within, func(m wire.Message) bool { return m.Code() >= 200 && m.Branch() == branch })
	if !ok || m.Code() != 200 {
		a.t.Fatalf("OPTIONS after it: %q within %s", m.Start, within)
	}
}
