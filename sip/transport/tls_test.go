package transport_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/testlab/certs"
	"gatehouse/sip/msg"
	"gatehouse/sip/transport"
)

func TestEveryTransport_BothFamilies_RequestAndReplyOnOneConnection(t *testing.T) {
	ca := newAuthority(t)
	for _, addr := range []string{"127.0.0.1", "::1"} {
		for _, p := range append(streams(), transport.UDP) {
			t.Run(p.String()+" "+addr, func(t *testing.T) {
				server := newNode(t, transport.Options{})
				server.answerOK(t, server.stack)
				spec := transport.ListenSpec{Proto: p, TLS: always(ca.server(false, certs.DNS("server.example")))}
				to := server.listen(t, spec, addr)
				client := newNode(t, transport.Options{})
				from := client.listen(t, spec, addr)
				d := transport.Dest{Listener: from, Addr: to.Addr(), TLS: ca.client("server.example", nil)}
				for i := range 3 {
					via := fmt.Sprintf("%s %s;rport;branch=z9hG4bK%d", p.Via(), from.Addr(), i)
					client.send(t, d, request("OPTIONS", via, strings.Repeat("b", i*3000)), fmt.Sprint(i))
				}
				got := client.await(t, 3)
				for i, m := range got {
					if m.start != "SIP/2.0 200 OK" || m.src != to.Addr() {
						t.Errorf("reply %d: %q from %s", i, m.start, m.src)
					}
				}
				in := server.messages()
				if len(in) != 3 || len(in[2].body) != 6000 || in[0].src.Addr() != from.Addr().Addr() {
					t.Errorf("%d requests arrived", len(in))
				}
				if p == transport.UDP {
					return
				}
				if in[0].conn != in[2].conn || in[0].conn.Proto() != p || in[0].conn.Dialed() || !got[0].conn.Dialed() {
					t.Error("not one connection, or not what it says it is")
				}
				if st := server.stack.Stats(); st.Accepted != 1 {
					t.Errorf("%d connections", st.Accepted)
				}
			})
		}
	}
}

// TestTLSDowngrade_EveryMismatch_FailsAndNothingLeavesInClear is the matrix of what must not be talked to.
func TestTLSDowngrade_EveryMismatch_FailsAndNothingLeavesInClear(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	shown := ca.pair(certs.DNS("client.example"))
	old := ca.server(false, certs.DNS("a.example")).Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	foreign := other.pair(certs.DNS("client.example"))
	lapsed := ca.pair(certs.DNS("client.example"), certs.Expired())
	for name, tc := range map[string]struct {
		server *tls.Config
		client *transport.ClientTLS
		ok     bool
	}{
		"match":                    {ca.server(false, certs.DNS("a.example")), ca.client("a.example", nil), true},
		"match, mutual":            {ca.server(true, certs.DNS("a.example")), ca.client("a.example", &shown), true},
		"sip URI":                  {ca.server(false, certs.URI("sip:a.example")), ca.client("a.example", nil), true},
		"address":                  {ca.server(false, certs.IP("127.0.0.1")), ca.client("127.0.0.1", nil), true},
		"common name only":         {ca.server(false, certs.CN("a.example")), ca.client("a.example", nil), true},
		"old version":              {old, ca.client("a.example", nil), false},
		"wrong authority":          {other.server(false, certs.DNS("a.example")), ca.client("a.example", nil), false},
		"wrong name":               {ca.server(false, certs.DNS("b.example")), ca.client("a.example", nil), false},
		"wildcard":                 {ca.server(false, certs.DNS("*.example")), ca.client("a.example", nil), false},
		"expired":                  {ca.server(false, certs.DNS("a.example"), certs.Expired()), ca.client("a.example", nil), false},
		"wrong address":            {ca.server(false, certs.IP("127.0.0.2")), ca.client("127.0.0.1", nil), false},
		"no client certificate":    {ca.server(true, certs.DNS("a.example")), ca.client("a.example", nil), false},
		"client of another CA":     {ca.server(true, certs.DNS("a.example")), ca.client("a.example", &foreign), false},
		"client's expired":         {ca.server(true, certs.DNS("a.example")), ca.client("a.example", &lapsed), false},
		"no configuration to dial": {ca.server(false, certs.DNS("a.example")), &transport.ClientTLS{Config: always(nil)}, false},
		"none to accept":           {nil, ca.client("a.example", nil), false},
	} {
		for _, p := range []transport.Proto{transport.TLS, transport.WSS} {
			t.Run(name+" "+p.String(), func(t *testing.T) {
				server := newNode(t, transport.Options{})
				server.answerOK(t, server.stack)
				to := server.listen(t, transport.ListenSpec{Proto: p, TLS: always(tc.server)}, "127.0.0.1")
				wire := &tap{Net: transport.SystemNet()}
				client := newNode(t, transport.Options{Net: wire})
				from := client.listen(t, transport.ListenSpec{Proto: p, TLS: always(nil)}, "127.0.0.1")
				d := transport.Dest{Listener: from, Addr: to.Addr(), TLS: tc.client}
				client.send(t, d, request("OPTIONS", p.Via()+" a.example;branch=z9hG4bK1", ""), "b1")
				eventually(t, func() bool {
					return len(client.messages())+len(client.failures())+len(client.losses()) > 0
				})
				if got := len(client.messages()) == 1; got != tc.ok {
					t.Errorf("answered: %v; failures %v", got, client.failures())
				}
				if !tc.ok && len(server.messages()) != 0 {
					t.Error("the server's core got it")
				}
				if wire.saw("OPTIONS") || wire.saw("a.example;branch") {
					t.Error("SIP left in clear")
				}
			})
		}
	}
}

// tap is a network that remembers what connections we open write.
type tap struct {
	transport.Net
	written lockedBuffer
}

// DialTCP implements transport.Net.
func (n *tap) DialTCP(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	c, err := n.Net.DialTCP(ctx, local, remote)
	if err != nil {
		return nil, err
	}
	return &tapped{c, &n.written}, nil
}

func (n *tap) saw(text string) bool { return bytes.Contains(n.written.bytes(), []byte(text)) }

type tapped struct {
	net.Conn
	to *lockedBuffer
}

func (c *tapped) Write(b []byte) (int, error) {
	c.to.write(b)
	return c.Conn.Write(b)
}

// A server that is gone, or speaks in clear, is not spoken to in clear.
func TestTLSDial_ServerSpeaksClear_NothingFallsBack(t *testing.T) {
	ca := newAuthority(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var got lockedBuffer
	done := make(chan struct{})
	go func() {
		defer close(done)
		nc, err := l.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		_, _ = io.WriteString(nc, "SIP/2.0 200 OK\r\n\r\n")
		b := make([]byte, 4096)
		for {
			n, err := nc.Read(b)
			got.write(b[:n])
			if err != nil {
				return
			}
		}
	}()
	client := newNode(t, transport.Options{})
	from := client.listen(t, transport.ListenSpec{Proto: transport.TLS, TLS: always(nil)}, "127.0.0.1")
	to := l.Addr().(*net.TCPAddr).AddrPort()
	client.send(t, transport.Dest{Listener: from, Addr: to, TLS: ca.client("a.example", nil)}, request("OPTIONS", "TLS a;branch=z9hG4bK1", ""), "b1")
	if err := client.failed(t, "b1"); !strings.Contains(err.Error(), "tls://"+to.String()) {
		t.Errorf("error %v", err)
	}
	<-done
	if b := got.bytes(); len(b) == 0 || b[0] != 0x16 || bytes.Contains(b, []byte("OPTIONS")) {
		t.Errorf("the server read %q", b)
	}
	err = client.stack.Send(transport.Dest{Listener: from, Addr: to}, []byte("x"), "", msg.OPTIONS)
	if err == nil || client.stack.Stats().Dialed != 0 {
		t.Errorf("opened without knowing how to secure it: %v", err)
	}
}

func TestTLSIdentities_BothSidesKnowWhoTheOtherIs(t *testing.T) {
	ca := newAuthority(t)
	for _, mutual := range []bool{false, true} {
		server, client := newNode(t, transport.Options{}), newNode(t, transport.Options{})
		server.answerOK(t, server.stack)
		to := server.listen(t, transport.ListenSpec{Proto: transport.TLS, TLS: always(ca.server(mutual, certs.URI("sip:Carrier.example"), certs.DNS("h.carrier.example")))}, "127.0.0.1")
		from := client.listen(t, transport.ListenSpec{Proto: transport.TLS, TLS: always(nil)}, "127.0.0.1")
		pair := ca.pair(certs.DNS("pbx.example", "sip.pbx.example"))
		d := transport.Dest{Listener: from, Addr: to.Addr(), TLS: ca.client("carrier.example", nil)}
		var want []string
		if mutual {
			d.TLS, want = ca.client("carrier.example", &pair), []string{"pbx.example", "sip.pbx.example"}
		}
		if d.Alias() != mutual {
			t.Errorf("mutual %v: alias %v", mutual, d.Alias())
		}
		client.send(t, d, request("OPTIONS", "TLS pbx.example;branch=z9hG4bK1", ""), "")
		if got := client.await(t, 1)[0].conn.Identities(); !slices.Equal(got, []string{"carrier.example"}) {
			t.Errorf("the server is %q", got)
		}
		if got := server.messages()[0].conn.Identities(); !slices.Equal(got, want) {
			t.Errorf("the client is %q, want %q", got, want)
		}
	}
}

func TestTLSReload_NewHandshakesNewCertificate_ConnectionsStay(t *testing.T) {
	ca, next := newAuthority(t), newAuthority(t)
	var current atomic.Pointer[tls.Config]
	current.Store(ca.server(false, certs.DNS("old.example")))
	server := newNode(t, transport.Options{})
	server.answerOK(t, server.stack)
	to := server.listen(t, transport.ListenSpec{Proto: transport.TLS, TLS: current.Load}, "127.0.0.1")
	client := newNode(t, transport.Options{})
	from := client.listen(t, transport.ListenSpec{Proto: transport.TLS, TLS: always(nil)}, "127.0.0.1")
	old := transport.Dest{Listener: from, Addr: to.Addr(), TLS: ca.client("old.example", nil)}
	text := request("OPTIONS", "TLS a;branch=z9hG4bK1", "")
	client.send(t, old, text, "")
	client.await(t, 1)
	current.Store(next.server(true, certs.DNS("new.example")))
	client.send(t, old, text, "")
	got := client.await(t, 2)
	if got[0].conn != got[1].conn || !got[0].conn.Open() {
		t.Error("the connection did not survive the reload")
	}
	// Who connects now gets the new certificate, and is asked for one of the new authority.
	pair := next.pair(certs.DNS("client.example"))
	fresh := transport.Dest{Listener: from, Addr: to.Addr(), TLS: next.client("new.example", &pair)}
	client.send(t, fresh, text, "b2")
	if got = client.await(t, 3); got[2].conn == got[0].conn || got[2].conn.Identities()[0] != "new.example" {
		t.Errorf("connected to %q", got[2].conn.Identities())
	}
	if st := server.stack.Stats(); st.Accepted != 2 || len(client.losses()) != 0 {
		t.Errorf("%d connections, %d lost", st.Accepted, len(client.losses()))
	}
}

func TestTLSReuse_OnlySameProfileAndDomain(t *testing.T) {
	ca := newAuthority(t)
	server := newNode(t, transport.Options{})
	server.answerOK(t, server.stack)
	to := server.listen(t, transport.ListenSpec{Proto: transport.TLS, TLS: always(ca.server(false, certs.DNS("a.example", "b.example")))}, "127.0.0.1")
	client := newNode(t, transport.Options{})
	from := client.listen(t, transport.ListenSpec{Proto: transport.TLS, TLS: always(nil)}, "127.0.0.1")
	a, b := ca.client("a.example", nil), ca.client("b.example", nil)
	other := ca.client("a.example", nil)
	other.Name = "other"
	for i, profile := range []*transport.ClientTLS{a, b, other, a, ca.client("a.example", nil)} {
		client.send(t, transport.Dest{Listener: from, Addr: to.Addr(), TLS: profile}, request("OPTIONS", "TLS a;branch=z9hG4bK1", ""), "")
		client.await(t, i+1)
	}
	got := server.messages()
	if got[0].conn == got[1].conn || got[0].conn == got[2].conn || got[1].conn == got[2].conn {
		t.Error("a connection was shared by different domains or settings")
	}
	if got[3].conn != got[0].conn || got[4].conn != got[0].conn {
		t.Error("equal settings do not share the connection")
	}
}

// TestRFC5923_Alias_CarriesRequestsBackToWhoProvedTheDomain: a connection that was accepted is used to reach somebody
// only when it was offered for that, comes from that address, and its certificate is of the wanted domain.
func TestRFC5923_Alias_CarriesRequestsBackToWhoProvedTheDomain(t *testing.T) {
	ca := newAuthority(t)
	pbx := ca.pair(certs.URI("sip:pbx.example"))
	for _, tc := range []struct {
		name, via string
		shows     bool
		domain    string
		port      uint16
		reused    bool
	}{
		{"aliased", "TLS pbx.example:5066;branch=z9hG4bK1;alias", true, "pbx.example", 5066, true},
		{"aliased, default port", "TLS pbx.example;alias;branch=z9hG4bK1", true, "pbx.example", 5061, true},
		{"no alias", "TLS pbx.example:5066;branch=z9hG4bK1", true, "pbx.example", 5066, false},
		{"alias in a value", "TLS pbx.example:5066;branch=z9hG4bK1;x=alias", true, "pbx.example", 5066, false},
		{"other domain", "TLS pbx.example:5066;branch=z9hG4bK1;alias", true, "other.example", 5066, false},
		{"other port", "TLS pbx.example:5066;branch=z9hG4bK1;alias", true, "pbx.example", 5067, false},
		{"no certificate", "TLS pbx.example:5066;branch=z9hG4bK1;alias", false, "pbx.example", 5066, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sbc, peer := newNode(t, transport.Options{}), newNode(t, transport.Options{})
			sbc.answerOK(t, sbc.stack)
			to := sbc.listen(t, transport.ListenSpec{Proto: transport.TLS, TLS: always(ca.server(false, certs.DNS("sbc.example")))}, "127.0.0.1")
			from := peer.listen(t, transport.ListenSpec{Proto: transport.TLS, TLS: always(nil)}, "127.0.0.1")
			d := transport.Dest{Listener: from, Addr: to.Addr(), TLS: ca.client("sbc.example", nil)}
			if tc.shows {
				d.TLS = ca.client("sbc.example", &pbx)
			}
			peer.send(t, d, request("OPTIONS", tc.via, ""), "")
			peer.await(t, 1)
			back := transport.Dest{Listener: to, Addr: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), tc.port)}
			if err := sbc.stack.Send(back, []byte("x"), "", msg.OPTIONS); !errors.Is(err, transport.ErrDestination) {
				t.Errorf("sent without saying to whom: %v", err)
			}
			back.TLS = ca.client(tc.domain, nil)
			err := sbc.stack.Send(back, []byte(request("OPTIONS", "TLS sbc.example;branch=z9hG4bK2", "")), "b2", msg.OPTIONS)
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, func() bool { return len(peer.messages()) == 2 || len(sbc.failures()) == 1 })
			if got := len(peer.messages()) == 2; got != tc.reused {
				t.Errorf("reused: %v", got)
			}
		})
	}
}

func TestRFC5923_Alias_EndsWithItsConnection(t *testing.T) {
	ca := newAuthority(t)
	pbx := ca.pair(certs.URI("sip:pbx.example"))
	sbc, peer := newNode(t, transport.Options{}), newNode(t, transport.Options{})
	sbc.answerOK(t, sbc.stack)
	to := sbc.listen(t, transport.ListenSpec{Proto: transport.TLS, TLS: always(ca.server(false, certs.DNS("sbc.example")))}, "127.0.0.1")
	from := peer.listen(t, transport.ListenSpec{Proto: transport.TLS, TLS: always(nil)}, "127.0.0.1")
	d := transport.Dest{Listener: from, Addr: to.Addr(), TLS: ca.client("sbc.example", &pbx)}
	peer.send(t, d, request("INVITE", "TLS pbx.example:5066;branch=z9hG4bK1;alias", ""), "")
	peer.await(t, 1)
	first := sbc.messages()[0]
	if err := peer.stack.CloseListener(from); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return len(sbc.losses()) == 1 })
	back := transport.Dest{Listener: to, Addr: netip.MustParseAddrPort("127.0.0.1:5066"), TLS: ca.client("pbx.example", nil)}
	sbc.send(t, back, request("OPTIONS", "TLS sbc.example;branch=z9hG4bK2", ""), "b2")
	_ = sbc.failed(t, "b2") // a new connection is tried, and nobody is there
	// B015: once the peer is back and has proven itself again, what waits for it goes there.
	reply := first.reply
	if err := sbc.stack.Send(reply, []byte("SIP/2.0 200 OK\r\n\r\n"), "", msg.INVITE); err == nil {
		t.Error("a reply left though the peer is gone")
	}
	from = peer.listen(t, transport.ListenSpec{Proto: transport.TLS, TLS: always(nil)}, "127.0.0.1")
	d.Listener = from
	peer.send(t, d, request("OPTIONS", "TLS pbx.example:5066;branch=z9hG4bK3;alias", ""), "")
	peer.await(t, 2)
	late := "SIP/2.0 200 OK\r\nVia: SIP/2.0/TLS pbx.example:5066;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=a\r\nTo: <sip:c@d>;tag=b\r\n" +
		"Call-ID: late\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
	if err := sbc.stack.Send(reply, []byte(late), "", msg.INVITE); err != nil {
		t.Errorf("late reply: %v", err)
	}
	if got := peer.await(t, 3)[2]; !strings.Contains(got.raw, "Call-ID: late") {
		t.Errorf("got %q", got.start)
	}
	// Another with a certificate of its own that claims the same address does not get it.
	impostor := newNode(t, transport.Options{})
	evil := ca.pair(certs.URI("sip:evil.example"))
	d.Listener = impostor.listen(t, transport.ListenSpec{Proto: transport.TLS, TLS: always(nil)}, "127.0.0.1")
	d.TLS = ca.client("sbc.example", &evil)
	impostor.send(t, d, request("OPTIONS", "TLS pbx.example:5066;branch=z9hG4bK4;alias", ""), "")
	impostor.await(t, 1)
	if err := sbc.stack.Send(reply, []byte(late), "", msg.INVITE); err != nil {
		t.Errorf("late reply: %v", err)
	}
	peer.await(t, 4)
	if n := len(impostor.messages()); n != 1 {
		t.Errorf("the impostor got %d messages", n)
	}
}

// A TLS server that reads nothing must not hold what is to be written to it for ever.
func TestTLSWrite_PeerDoesNotRead_IsCutInTime(t *testing.T) {
	ca := newAuthority(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", ca.server(false, certs.DNS("a.example")))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	held := make(chan net.Conn, 1)
	go func() {
		nc, err := l.Accept()
		if err == nil {
			_ = nc.(*tls.Conn).Handshake()
			held <- nc
		}
	}()
	client := newNode(t, transport.Options{Limits: transport.Limits{WriteTimeout: 200 * time.Millisecond, QueueBytes: 64 << 20, QueueMessages: 1 << 20}})
	from := client.listen(t, transport.ListenSpec{Proto: transport.TLS, TLS: always(nil)}, "127.0.0.1")
	d := transport.Dest{Listener: from, Addr: l.Addr().(*net.TCPAddr).AddrPort(), TLS: ca.client("a.example", nil)}
	text := request("MESSAGE", "TLS a;branch=z9hG4bK1", strings.Repeat("b", 60_000))
	for i := range 400 { // 24 MB, more than loopback holds
		client.send(t, d, text, fmt.Sprint(i))
	}
	_ = client.failed(t, "399")
	eventually(t, func() bool { return len(client.losses()) == 1 })
	_ = (<-held).Close()
}
