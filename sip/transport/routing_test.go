package transport_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/testlab/memnet"
	"gatehouse/sip/msg"
	"gatehouse/sip/transport"
)

func TestB021_RPort_ReplyGoesBackThroughTheNAT(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		l.core.answerOK(t, l.stack)
		nat := l.net.AddNAT(netip.MustParsePrefix("10.0.0.0/8"), netip.MustParseAddr("203.0.113.1"))
		l.net.Update(func(*memnet.Network) { nat.Symmetric = true })
		phone := l.socket("10.0.0.5:5060")
		send(t, phone, request("OPTIONS", "UDP 10.0.0.5:5060;rport;branch=z9hG4bK1", ""))
		got, from := receive(t, phone)
		if firstLine(got) != "SIP/2.0 200 OK" || from != sbc {
			t.Fatalf("got %q from %s", got, from)
		}
		src := l.core.messages()[0].src
		if src.Addr() != netip.MustParseAddr("203.0.113.1") || src.Port() == 5060 {
			t.Fatalf("the request came from %s: no NAT on the way", src)
		}
		want := "SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK1;received=203.0.113.1;rport=" + portOf(src)
		if v := header(got, "Via"); v != want {
			t.Errorf("Via %q, want %q", v, want)
		}
	})
}

func portOf(a netip.AddrPort) string {
	_, port, _ := strings.Cut(a.String(), ":")
	return port
}

func TestB021_RPort_ReceivedSetEvenWhenEqual(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		l.core.answerOK(t, l.stack)
		phone := l.socket("198.51.100.7:5070")
		send(t, phone, request("OPTIONS", "UDP 198.51.100.7:5070;rport;branch=z9hG4bK1", ""))
		got, _ := receive(t, phone)
		if v := header(got, "Via"); !strings.HasSuffix(v, ";received=198.51.100.7;rport=5070") {
			t.Errorf("Via %q", v)
		}
	})
}

func TestB021_UDPReplyDest_FollowsTheVia(t *testing.T) {
	for _, tc := range []struct {
		name, via string
		standing  transport.Standing
		want      string
	}{
		{"rport", "UDP 10.1.1.1:5066;rport;branch=z9hG4bK1", transport.Known, "198.51.100.7:5070"},
		{"rport with a value of the sender's", "UDP 10.1.1.1:5066;rport=9;branch=z9hG4bK1", transport.Known, "198.51.100.7:5070"},
		{"no rport: sent-by port", "UDP 10.1.1.1:5066;branch=z9hG4bK1", transport.Known, "198.51.100.7:5066"},
		{"no rport, no port: default", "UDP pc.example;branch=z9hG4bK1", transport.Known, "198.51.100.7:5060"},
		{"forged received", "UDP 10.1.1.1:5066;received=192.0.2.200;branch=z9hG4bK1", transport.Known, "198.51.100.7:5066"},
		{"maddr of a peer", "UDP 10.1.1.1:5066;maddr=192.0.2.77;rport;branch=z9hG4bK1", transport.Known, "192.0.2.77:5066"},
		{"maddr of a stranger", "UDP 10.1.1.1:5066;maddr=192.0.2.77;branch=z9hG4bK1", transport.Stranger, "198.51.100.7:5066"},
		{"maddr of a stranger, rport", "UDP 10.1.1.1;maddr=192.0.2.77;rport;branch=z9hG4bK1", transport.Stranger, "198.51.100.7:5070"},
		{"multicast maddr", "UDP 10.1.1.1;maddr=224.0.1.75;branch=z9hG4bK1", transport.Known, "198.51.100.7:5060"},
		{"broadcast maddr", "UDP 10.1.1.1;maddr=255.255.255.255;branch=z9hG4bK1", transport.Known, "198.51.100.7:5060"},
		{"loopback maddr", "UDP 10.1.1.1;maddr=127.0.0.1;rport;branch=z9hG4bK1", transport.Known, "198.51.100.7:5070"},
		{"IPv6 maddr", "UDP 10.1.1.1;maddr=[2001:db8::1];branch=z9hG4bK1", transport.Known, "198.51.100.7:5060"},
		{"maddr that is a name", "UDP 10.1.1.1;maddr=evil.example;branch=z9hG4bK1", transport.Known, "198.51.100.7:5060"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inLab(t, transport.Options{Admission: fixed(tc.standing)}, func(t *testing.T, l *lab) {
				send(t, l.socket("198.51.100.7:5070"), request("OPTIONS", tc.via, ""))
				got := l.core.messages()
				if len(got) != 1 {
					t.Fatalf("%d messages", len(got))
				}
				want := transport.Dest{Listener: l.udp, Addr: netip.MustParseAddrPort(tc.want)}
				if got[0].reply != want {
					t.Errorf("reply to %s, want %s", got[0].reply.Addr, tc.want)
				}
			})
		})
	}
}

func fixed(s transport.Standing) transport.Admission { return admit{all: s} }

func TestB021_ReplyLeavesTheSocketTheRequestCameTo(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		l.core.answerOK(t, l.stack)
		second := netip.MustParseAddrPort("192.0.2.10:5080")
		if _, err := l.stack.Listen(transport.ListenSpec{Zone: "inside", Proto: transport.UDP, Addr: second}); err != nil {
			t.Fatal(err)
		}
		phone := l.socket("198.51.100.7:5070")
		if _, err := phone.WriteToUDPAddrPort([]byte(request("OPTIONS", "UDP a.example;rport;branch=z9hG4bK1", "")), second); err != nil {
			t.Fatal(err)
		}
		got, from := receive(t, phone)
		if from != second || firstLine(got) != "SIP/2.0 200 OK" {
			t.Errorf("answer %q from %s, want from %s", firstLine(got), from, second)
		}
		if z := l.core.messages()[0].zone; z != "inside" {
			t.Errorf("zone %q", z)
		}
	})
}

func TestB021_Stream_ReplyOnTheSameConnection(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		l.core.answerOK(t, l.stack)
		// Another connection of the same host, and a Via that names a third place: neither may get the answer.
		other := l.dial("198.51.100.7:40001")
		c := l.dial("198.51.100.7:40000")
		say(t, c, request("OPTIONS", "TCP 192.0.2.77:5066;maddr=192.0.2.78;branch=z9hG4bK1", ""))
		if got, over := hear(t, c); firstLine(got) != "SIP/2.0 200 OK" || over {
			t.Errorf("got %q, closed %v", got, over)
		}
		if got, _ := hear(t, other); got != "" {
			t.Errorf("the other connection got %q", got)
		}
	})
}

func TestB021_Stream_ConnectionGone_ReplyToSentByPort(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		home, err := l.net.ListenTCP(netip.MustParseAddrPort("198.51.100.7:5066"))
		if err != nil {
			t.Fatal(err)
		}
		defer home.Close()
		var late []byte
		l.core.then = func(in *transport.Inbound) { late = okFor(t, in) }
		c := l.dial("198.51.100.7:40000")
		say(t, c, request("OPTIONS", "TCP pc.example:5066;branch=z9hG4bK1", ""))
		_ = c.Close()
		synctest.Wait()
		if err := l.stack.Send(l.core.messages()[0].reply, late, "", msg.OPTIONS); err != nil {
			t.Fatal(err)
		}
		nc, err := home.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		b := make([]byte, 4096)
		n, err := nc.Read(b)
		if err != nil || firstLine(string(b[:n])) != "SIP/2.0 200 OK" {
			t.Errorf("read %q, %v", b[:n], err)
		}
		if from := nc.RemoteAddr().String(); !strings.HasPrefix(from, "192.0.2.9:") {
			t.Errorf("the new connection comes from %s", from)
		}
	})
}

// A stranger picks the sent-by port, so a connection to it would be one to wherever the stranger likes, and would take a place that a peer needs.
func TestStranger_ConnectionGone_ReplyOpensNone(t *testing.T) {
	for _, standing := range []transport.Standing{transport.Stranger, transport.Silent} {
		o := transport.Options{Admission: admit{all: standing}}
		inLab(t, o, func(t *testing.T, l *lab) {
			var late []byte
			l.core.then = func(in *transport.Inbound) { late = okFor(t, in) }
			c := l.dial("198.51.100.7:40000")
			say(t, c, request("OPTIONS", "TCP 198.51.100.7:5066;branch=z9hG4bK1", ""))
			reply := l.core.messages()[0].reply
			if err := l.stack.Send(reply, late, "", msg.OPTIONS); err != nil {
				t.Errorf("on the connection: %v", err)
			}
			_ = c.Close()
			synctest.Wait()
			if err := l.stack.Send(reply, late, "", msg.OPTIONS); !errors.Is(err, transport.ErrDestination) {
				t.Errorf("%v, connection gone: %v", standing, err)
			}
			wait(time.Second)
			if n := l.drops(transport.CauseDialError); n != 0 {
				t.Errorf("%d connections were tried", n)
			}
		})
	}
}

func TestStreamReuse_OnlyExactRemote(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		peer := netip.MustParseAddrPort("198.51.100.7:5060")
		home, err := l.net.ListenTCP(peer)
		if err != nil {
			t.Fatal(err)
		}
		defer home.Close()
		// A connection from another port of the peer's host: it could be anybody behind the same NAT.
		c := l.dial("198.51.100.7:40000")
		say(t, c, request("OPTIONS", "TCP pc.example;branch=z9hG4bK1", ""))
		bye := []byte(request("BYE", "TCP 192.0.2.9;branch=z9hG4bKx", ""))
		if err := l.stack.Send(transport.Dest{Listener: l.tcp, Addr: peer}, bye, "z9hG4bKx", msg.BYE); err != nil {
			t.Fatal(err)
		}
		nc, err := home.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		synctest.Wait()
		if got, _ := hear(t, c); got != "" {
			t.Errorf("the connection from another port got %q", got)
		}
		// To exactly its remote the accepted connection is used, and nothing is opened.
		to := transport.Dest{Listener: l.tcp, Addr: netip.MustParseAddrPort("198.51.100.7:40000")}
		if err := l.stack.Send(to, bye, "z9hG4bKy", msg.BYE); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got, _ := hear(t, c); !strings.HasPrefix(got, "BYE ") {
			t.Errorf("the exact remote got %q", got)
		}
		if st := l.stack.Stats(); st.Dialed != 1 {
			t.Errorf("%d connections opened, want 1", st.Dialed)
		}
	})
}

func TestOutbound_RequestOnConnectionWeOpened_BelongsToItsZone(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		inside, err := l.stack.Listen(transport.ListenSpec{Zone: "inside", Proto: transport.TCP, Addr: netip.MustParseAddrPort("10.0.0.1:5060")})
		if err != nil {
			t.Fatal(err)
		}
		peer := netip.MustParseAddrPort("10.0.0.20:5060")
		home, err := l.net.ListenTCP(peer)
		if err != nil {
			t.Fatal(err)
		}
		defer home.Close()
		// Two requests before the connection stands: one connection, in order.
		for _, branch := range []string{"z9hG4bK1", "z9hG4bK2"} {
			raw := []byte(request("OPTIONS", "TCP 10.0.0.1;branch="+branch, ""))
			if err := l.stack.Send(transport.Dest{Listener: inside, Addr: peer}, raw, branch, msg.OPTIONS); err != nil {
				t.Fatal(err)
			}
		}
		nc, err := home.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		synctest.Wait()
		text, _ := hear(t, nc.(*memnet.Conn))
		if strings.Count(text, "OPTIONS sip:") != 2 || strings.Index(text, "z9hG4bK1") > strings.Index(text, "z9hG4bK2") {
			t.Errorf("the peer read %q", text)
		}
		say(t, nc, request("INVITE", "TCP 10.0.0.20;branch=z9hG4bK3", ""))
		got := l.core.messages()
		if len(got) != 1 || got[0].zone != "inside" || got[0].src != peer || got[0].reply.Listener != inside {
			t.Fatalf("got %+v", got)
		}
		if st := l.stack.Stats(); st.Dialed != 1 || st.Conns != 1 {
			t.Errorf("dialed %d, open %d", st.Dialed, st.Conns)
		}
	})
}

func TestSend_UnusableDestination_IsAnErrorAtOnce(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		raw := []byte(request("OPTIONS", "UDP 192.0.2.9;branch=z9hG4bK1", ""))
		for _, to := range []string{
			"0.0.0.0:5060", "[::]:5060", "224.0.0.1:5060", "255.255.255.255:5060", "192.0.2.1:0", "[2001:db8::1]:5060",
		} {
			for _, via := range []*transport.Listener{l.udp, l.tcp, nil} {
				if err := l.stack.Send(transport.Dest{Listener: via, Addr: netip.MustParseAddrPort(to)}, raw, "b", msg.OPTIONS); err == nil {
					t.Errorf("sent to %s", to)
				}
			}
		}
		if err := l.stack.Send(transport.Dest{Listener: l.udp}, raw, "b", msg.OPTIONS); err == nil {
			t.Error("sent to the zero address")
		}
		if len(l.core.failures()) != 0 {
			t.Error("reported twice")
		}
	})
}
