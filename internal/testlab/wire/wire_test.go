package wire_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/testlab"
	"gatehouse/internal/testlab/certs"
	"gatehouse/internal/testlab/wire"
)

const soon = 5 * time.Second

// papers are both ends of TLS, for the loopback addresses.
func papers(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	ca := certs.NewCA(t)
	pair, err := tls.X509KeyPair(ca.Leaf(t, certs.IP("127.0.0.1", "::1")))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.PEM)
	return &tls.Config{Certificates: []tls.Certificate{pair}}, &tls.Config{RootCAs: roots}
}

// pair opens two endpoints of one kind.
func pair(t *testing.T, o wire.Options) (a, b *wire.Endpoint) {
	t.Helper()
	open := func() *wire.Endpoint {
		e, err := wire.Listen(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(e.Close)
		return e
	}
	return open(), open()
}

func send(t *testing.T, e *wire.Endpoint, to netip.AddrPort, raw string) {
	t.Helper()
	if err := e.Send(to, raw); err != nil {
		t.Fatal(err)
	}
}

func message(n int, body string) string {
	return wire.Compose(fmt.Sprintf("OPTIONS sip:%d@example.com SIP/2.0", n), []string{"Via: SIP/2.0/X h;branch=b1", "CSeq: 1 OPTIONS", "Call-ID: x"}, body)
}

func first(t *testing.T, e *wire.Endpoint, code int) wire.Message {
	t.Helper()
	m, ok := e.First(0, soon, func(m wire.Message) bool { return m.Code() == code })
	if !ok {
		t.Fatalf("%s %s: nothing with code %d", e.Proto(), e.Addr(), code)
	}
	return m
}

// Every transport in both families: a request goes over a connection that is opened for it, its answer comes back over the same one, whole.
func TestEndpoint_RequestAndAnswer_EveryTransport(t *testing.T) {
	testlab.NoLeaks(t)
	server, client := papers(t)
	for _, host := range []string{"127.0.0.1", "::1"} {
		for _, proto := range wire.All() {
			t.Run(string(proto)+" "+host, func(t *testing.T) {
				a, b := pair(t, wire.Options{Proto: proto, Addr: netip.AddrPortFrom(netip.MustParseAddr(host), 0), Server: server, Client: client})
				body := strings.Repeat("x", 3000)
				send(t, a, b.Addr(), message(1, body))
				got := first(t, b, 0)
				if got.Raw != message(1, body) || got.Method() != "OPTIONS" || got.From.Addr() != a.Addr().Addr() {
					t.Errorf("received from %s %q", got.From, got.Raw)
				}
				send(t, b, got.From, wire.Reply(got, "200 OK", "t", nil, ""))
				if m := first(t, a, 200); m.Branch() != "b1" || wire.Param(m.Get("To"), "tag") != "t" || m.From != b.Addr() {
					t.Errorf("answer from %s %q", m.From, m.Raw)
				}
				if proto != wire.UDP && (a.Connected() != 1 || b.Connected() != 1) {
					t.Errorf("%d and %d connections, want 1 and 1", a.Connected(), b.Connected())
				}
				a.Cut()
				send(t, a, b.Addr(), message(2, ""))
				if _, ok := b.First(1, soon, func(m wire.Message) bool { return strings.Contains(m.Start, "sip:2@") }); !ok {
					t.Error("nothing arrived after the connections were cut")
				}
			})
		}
	}
}

func TestEndpoint_Stream_SplitsByContentLength(t *testing.T) {
	testlab.NoLeaks(t)
	a, b := pair(t, wire.Options{Proto: wire.TCP, Addr: netip.MustParseAddrPort("127.0.0.1:0")})
	send(t, a, b.Addr(), message(1, "\r\nbody\r\n\r\n")+"\r\n\r\n"+message(2, "")+message(3, "")[:20])
	send(t, a, b.Addr(), message(3, "")[20:])
	for n := 1; n <= 3; n++ {
		if _, ok := b.First(0, soon, func(m wire.Message) bool { return strings.Contains(m.Start, fmt.Sprintf("sip:%d@", n)) }); !ok {
			t.Fatalf("message %d did not arrive", n)
		}
	}
	if n := b.Seen(); n != 3 || len(b.Malformed()) != 0 {
		t.Errorf("%d messages, malformed %q", n, b.Malformed())
	}
}

func TestEndpoint_UntrustedServer_IsRefused(t *testing.T) {
	testlab.NoLeaks(t)
	server, _ := papers(t)
	_, stranger := papers(t)
	for _, proto := range []wire.Proto{wire.TLS, wire.WSS} {
		a, b := pair(t, wire.Options{Proto: proto, Addr: netip.MustParseAddrPort("127.0.0.1:0"), Server: server, Client: stranger})
		if err := a.Send(b.Addr(), message(1, "")); err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: %v", proto, err)
		}
	}
}

func TestEndpoint_Closed_SendsNothing(t *testing.T) {
	testlab.NoLeaks(t)
	a, b := pair(t, wire.Options{Proto: wire.TCP, Addr: netip.MustParseAddrPort("127.0.0.1:0")})
	a.Close()
	if err := a.Send(b.Addr(), message(1, "")); err == nil {
		t.Error("a closed endpoint sent")
	}
}

// What no parser should have to read is found: whoever uses the package looks for it.
func TestParse_Malformed_IsReported(t *testing.T) {
	for name, raw := range map[string]string{
		"no end": "OPTIONS x SIP/2.0\r\nContent-Length: 0\r\n", "bare line feed": "OPTIONS x SIP/2.0\nA: b\r\nContent-Length: 0\r\n\r\n",
		"nul": "OPTIONS x SIP/2.0\r\nA: b\x00\r\nContent-Length: 0\r\n\r\n", "no name": "OPTIONS x SIP/2.0\r\n: b\r\nContent-Length: 0\r\n\r\n",
		"blank in a name": "OPTIONS x SIP/2.0\r\nA : b\r\nContent-Length: 0\r\n\r\n", "length": "OPTIONS x SIP/2.0\r\nContent-Length: 1\r\n\r\n",
		"no length": "OPTIONS x SIP/2.0\r\nA: b\r\n\r\n",
	} {
		if _, err := wire.Parse([]byte(raw)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	m, err := wire.Parse([]byte("SIP/2.0 180 Ringing\r\nv: SIP/2.0/UDP h;branch=z;rport\r\nt: <sip:a@b;x=y>;tag=7\r\nCSeq: 4 INVITE\r\nl: 2\r\n\r\nhi"))
	if err != nil || m.Code() != 180 || m.Method() != "INVITE" || m.Branch() != "z" || wire.Param(m.Get("To"), "tag") != "7" ||
		wire.URIOf(m.Get("To")) != "sip:a@b;x=y" || m.Body != "hi" {
		t.Errorf("%+v, %v", m, err)
	}
}
