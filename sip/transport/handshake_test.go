package transport_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/testlab/certs"
	"gatehouse/internal/testlab/memnet"
	"gatehouse/sip/msg"
	"gatehouse/sip/transport"
)

var sbcTLS = netip.MustParseAddrPort("192.0.2.9:5061")

// inSecureLab is inLab with one more listener, for TLS or WebSocket, at sbcTLS.
func inSecureLab(t *testing.T, o transport.Options, p transport.Proto, test func(t *testing.T, l *lab)) {
	t.Helper()
	config := always(newAuthority(t).server(false, certs.DNS("sbc.example")))
	inLab(t, o, func(t *testing.T, l *lab) {
		if _, err := l.stack.Listen(transport.ListenSpec{Zone: "outside", Proto: p, Addr: sbcTLS, TLS: config}); err != nil {
			t.Fatal(err)
		}
		test(t, l)
	})
}

// reach opens a client's connection to sbcTLS, without any handshake.
func (l *lab) reach(from string) *memnet.Conn {
	l.t.Helper()
	c, err := l.net.DialTCP(context.Background(), netip.AddrPortFrom(netip.MustParseAddr(from), 0), sbcTLS)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = c.Close() })
	synctest.Wait()
	return c
}

// talk opens a TLS connection to sbcTLS and makes the handshake.
func (l *lab) talk(from string) (*tls.Conn, error) {
	l.t.Helper()
	c := tls.Client(l.reach(from), &tls.Config{InsecureSkipVerify: true})
	return c, c.Handshake()
}

// hello is the start of a client's TLS handshake.
const hello = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"

const upgrade = "GET / HTTP/1.1\r\nHost: sbc.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\n"

func TestHandshake_SilentOrDripping_EndsInItsTime(t *testing.T) {
	for _, tc := range []struct {
		name    string
		proto   transport.Proto
		drip    string
		limits  transport.Limits
		after   time.Duration
		reasons string
	}{
		{"TLS, silent", transport.TLS, "", transport.Limits{}, 5 * time.Second, "slow"},
		{"TLS, dripping", transport.TLS, hello, transport.Limits{}, 5 * time.Second, "slow"},
		{"WS, silent", transport.WS, "", transport.Limits{}, 5 * time.Second, "slow"},
		{"WS, dripping", transport.WS, upgrade, transport.Limits{}, 5 * time.Second, "slow"},
		{"WSS, dripping", transport.WSS, hello, transport.Limits{}, 5 * time.Second, "slow"},
		{"within the time of the first message", transport.TLS, hello, transport.Limits{FirstMessageTimeout: 2 * time.Second}, 2 * time.Second, "slow"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			j := &judge{standing: transport.Stranger}
			inSecureLab(t, transport.Options{Admission: j, Limits: tc.limits}, tc.proto, func(t *testing.T, l *lab) {
				c := l.reach("203.0.113.1")
				start := time.Now()
				for i := 0; time.Since(start) < tc.after-time.Second; i++ {
					if i < len(tc.drip) {
						say(t, c, tc.drip[i:i+1])
					}
					wait(time.Second)
				}
				wait(900 * time.Millisecond)
				if over(t, c) {
					t.Errorf("closed before %s", tc.after)
				}
				wait(200 * time.Millisecond)
				if !over(t, c) {
					t.Errorf("open after %s", time.Since(start))
				}
				if l.drops(transport.CauseHandshakeTimeout) != 1 || j.reasons() != tc.reasons {
					t.Errorf("drops %v, offences %q", l.stack.Stats().Drops, j.reasons())
				}
			})
		})
	}
}

// After the handshake the time of the first message still runs from the accept.
func TestHandshake_ThenNothing_FirstMessageTimeout(t *testing.T) {
	j := &judge{standing: transport.Stranger}
	inSecureLab(t, transport.Options{Admission: j}, transport.TLS, func(t *testing.T, l *lab) {
		start := time.Now()
		raw := l.reach("203.0.113.1")
		wait(4 * time.Second)
		c := tls.Client(raw, &tls.Config{InsecureSkipVerify: true})
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		_, err := c.Read(make([]byte, 1))
		if took := time.Since(start); err == nil || took != 10*time.Second {
			t.Errorf("ended after %s: %v", took, err)
		}
		if l.drops(transport.CauseFirstTimeout) != 1 || j.reasons() != "slow" {
			t.Errorf("drops %v, offences %q", l.stack.Stats().Drops, j.reasons())
		}
	})
}

func TestHandshake_Failures_AreCountedAndReportedButNotInnocentOnes(t *testing.T) {
	for _, tc := range []struct {
		name    string
		proto   transport.Proto
		do      func(t *testing.T, l *lab)
		drops   uint64
		reasons string
	}{
		{"health check", transport.TLS, func(t *testing.T, l *lab) { _ = l.reach("203.0.113.1").Close() }, 0, ""},
		{"health check of WS", transport.WS, func(t *testing.T, l *lab) { _ = l.reach("203.0.113.1").Close() }, 0, ""},
		{"left in the middle", transport.TLS, func(t *testing.T, l *lab) {
			c := l.reach("203.0.113.1")
			say(t, c, hello)
			_ = c.Close()
		}, 1, "handshake"},
		{"SIP in clear", transport.TLS, func(t *testing.T, l *lab) { say(t, l.reach("203.0.113.1"), request("OPTIONS", viaTCP, "")) }, 1, "handshake"},
		{"garbage", transport.WS, func(t *testing.T, l *lab) { say(t, l.reach("203.0.113.1"), "\x00\x01\x02\r\n\r\n") }, 1, "handshake"},
		{"no subprotocol", transport.WS, func(t *testing.T, l *lab) {
			say(t, l.reach("203.0.113.1"), strings.Replace(upgrade, "Protocol: sip", "Protocol: chat", 1)+"\r\n")
		}, 1, "handshake"},
		{"origin", transport.WS, func(t *testing.T, l *lab) {
			say(t, l.reach("203.0.113.1"), upgrade+"Origin: https://evil.example\r\n\r\n")
		}, 1, "handshake"},
		{"our certificate is not trusted", transport.TLS, func(t *testing.T, l *lab) {
			_ = tls.Client(l.reach("203.0.113.1"), &tls.Config{ServerName: "sbc.example"}).Handshake()
		}, 1, ""},
		{"good", transport.TLS, func(t *testing.T, l *lab) {
			if _, err := l.talk("203.0.113.1"); err != nil {
				t.Error(err)
			}
		}, 0, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			j := &judge{standing: transport.Stranger}
			inSecureLab(t, transport.Options{Admission: j}, tc.proto, func(t *testing.T, l *lab) {
				tc.do(t, l)
				wait(3 * time.Second)
				if n := l.drops(transport.CauseHandshake); n != tc.drops || j.reasons() != tc.reasons {
					t.Errorf("%d failures, offences %q", n, j.reasons())
				}
				if n := l.stack.Stats().Handshakes; n != 0 {
					t.Errorf("%d handshakes left", n)
				}
				for _, o := range j.offences {
					if !o.Proven || o.Zone != "outside" || o.Source != netip.MustParseAddr("203.0.113.1") {
						t.Errorf("offence %+v", o)
					}
				}
			})
		})
	}
}

// A flood of handshakes that go nowhere leaves room for peers, and for strangers who mean it.
func TestHandshakeFlood_StrangersShare_OldestGoes(t *testing.T) {
	peer := netip.MustParseAddr("198.51.100.7")
	j := &judge{standing: transport.Stranger, of: map[netip.Addr]transport.Standing{peer: transport.Known}}
	o := transport.Options{Admission: j, Limits: transport.Limits{MaxShakes: 8, MaxShakesPerSource: 4}}
	inSecureLab(t, o, transport.TLS, func(t *testing.T, l *lab) {
		stuck := make([]*memnet.Conn, 0, 20)
		for i := range 20 {
			stuck = append(stuck, l.reach(netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}).String()))
		}
		if n := l.stack.Stats().Handshakes; n != 6 {
			t.Errorf("%d handshakes of strangers, want three quarters of 8", n)
		}
		for i, c := range stuck {
			if over(t, c) != (i < 14) {
				t.Errorf("connection %d of 20: closed %v", i, i >= 14)
			}
		}
		// An honest stranger pushes out one that is not, and peers have the rest.
		if _, err := l.talk("203.0.113.200"); err != nil {
			t.Errorf("an honest stranger: %v", err)
		}
		l.reach(peer.String())
		l.reach(peer.String())
		if n := l.stack.Stats().Handshakes; n != 7 {
			t.Errorf("%d handshakes", n)
		}
		if _, err := l.talk(peer.String()); err != nil {
			t.Errorf("a peer: %v", err)
		}
		// All places taken: peers push out strangers.
		l.reach(peer.String())
		if _, err := l.talk(peer.String()); err != nil {
			t.Errorf("a peer when all is full: %v", err)
		}
	})
}

// A peer that has gone wild is bounded too: others keep their places.
func TestHandshakeFlood_OneKnownSource_IsBounded(t *testing.T) {
	o := transport.Options{Admission: &judge{}, Limits: transport.Limits{MaxShakes: 8, MaxShakesPerSource: 4}}
	inSecureLab(t, o, transport.TLS, func(t *testing.T, l *lab) {
		for i := range 10 {
			if c := l.reach("198.51.100.7"); over(t, c) != (i >= 4) {
				t.Errorf("connection %d: closed %v", i, i < 4)
			}
		}
		if n := l.drops(transport.CauseHandshakeLimit); n != 6 {
			t.Errorf("%d refused", n)
		}
		if _, err := l.talk("198.51.100.8"); err != nil {
			t.Errorf("another peer: %v", err)
		}
		wait(5 * time.Second)
		if _, err := l.talk("198.51.100.7"); err != nil {
			t.Errorf("the same peer later: %v", err)
		}
	})
}

func TestConnCaps_OneKnownSource_IsBounded(t *testing.T) {
	inLab(t, transport.Options{Limits: transport.Limits{MaxConns: 8}}, func(t *testing.T, l *lab) {
		for i := range 6 {
			if over(t, l.dial("198.51.100.7")) != (i >= 4) {
				t.Errorf("connection %d: closed %v", i, i < 4)
			}
		}
		if over(t, l.dial("198.51.100.8")) {
			t.Error("another peer is shut out")
		}
	})
}

func TestClose_HandshakesUnderWay_AreCutAtOnce(t *testing.T) {
	inSecureLab(t, transport.Options{}, transport.WSS, func(t *testing.T, l *lab) {
		c := l.reach("203.0.113.1")
		say(t, c, hello)
		start := time.Now()
		l.close()
		if took := time.Since(start); took > 0 {
			t.Errorf("close took %s", took)
		}
		if !over(t, c) {
			t.Error("still open")
		}
		if n := l.drops(transport.CauseHandshake); n != 0 {
			t.Errorf("%d failures counted", n)
		}
	})
}

func TestListen_WithoutWhatItNeeds_IsAnError(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		for name, spec := range map[string]transport.ListenSpec{
			"TLS without configuration": {Proto: transport.TLS},
			"WSS without configuration": {Proto: transport.WSS},
			"code point 64":             {Proto: transport.TCP, DSCP: 64},
			"no such protocol":          {Proto: 99},
		} {
			spec.Addr = sbcTLS
			if _, err := l.stack.Listen(spec); err == nil {
				t.Errorf("listens: %s", name)
			}
		}
		if _, err := l.stack.Listen(transport.ListenSpec{Proto: transport.WS, Addr: sbcTLS}); err != nil {
			t.Error(err)
		}
	})
}

// A hello of any size must not be read into memory before the remote has proven anything.
func TestHandshake_EndlessBytes_AreBounded(t *testing.T) {
	inSecureLab(t, transport.Options{}, transport.TLS, func(t *testing.T, l *lab) {
		c := l.reach("203.0.113.1")
		record := "\x16\x03\x01\x40\x00" // 16 KB of handshake
		text := record + "\x01\x00\xff\xff" + strings.Repeat("h", 16<<10-4)
		var err error
		sent := 0
		for range 10 {
			var n int
			_ = c.SetWriteDeadline(time.Now().Add(10 * time.Second))
			n, err = io.WriteString(c, text)
			sent += n
			synctest.Wait()
			if err != nil || l.drops(transport.CauseHandshake) == 1 {
				break
			}
		}
		if l.drops(transport.CauseHandshake) != 1 || sent > 48<<10 {
			t.Errorf("%d bytes taken, drops %v, %v", sent, l.stack.Stats().Drops, err)
		}
	})
}

// Who has not made the handshake yet is not sent anything, be its address the very one that is wanted.
func TestHandshake_UnderWay_NothingIsSentThere(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		ws, err := l.stack.Listen(transport.ListenSpec{Zone: "outside", Proto: transport.WS, Addr: sbcTLS})
		if err != nil {
			t.Fatal(err)
		}
		remote := netip.MustParseAddrPort("198.51.100.7:40000")
		c, err := l.net.DialTCP(context.Background(), remote, sbcTLS)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		synctest.Wait()
		raw := []byte(request("BYE", "WS a;branch=z9hG4bK1", ""))
		if err := l.stack.Send(transport.Dest{Listener: ws, Addr: remote}, raw, "b1", msg.BYE); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if f := l.core.failures(); len(f) != 1 {
			t.Errorf("not tried on a connection of its own: %v", f)
		}
		say(t, c, upgrade+"\r\n")
		if got, _ := hear(t, c); !strings.HasPrefix(got, "HTTP/1.1 101 ") || strings.Contains(got, "BYE") {
			t.Errorf("read %q", got)
		}
		// Now it may.
		if err := l.stack.Send(transport.Dest{Listener: ws, Addr: remote}, raw, "b2", msg.BYE); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got, _ := hear(t, c); !strings.Contains(got, "BYE") {
			t.Errorf("read %q", got)
		}
	})
}

// One message has one deadline, in however many records it leaves.
func TestTLSWrite_PeerReadsSlowly_MessageHasItsTimeAsAWhole(t *testing.T) {
	ca := newAuthority(t)
	server, profile := ca.server(false, certs.DNS("a.example")), ca.client("a.example", nil)
	inSecureLab(t, transport.Options{}, transport.TLS, func(t *testing.T, l *lab) {
		from, err := l.stack.Listen(transport.ListenSpec{Zone: "z", Proto: transport.TLS, Addr: netip.MustParseAddrPort("192.0.2.9:5071"), TLS: always(server)})
		if err != nil {
			t.Fatal(err)
		}
		home, err := l.net.ListenTCP(farEnd)
		if err != nil {
			t.Fatal(err)
		}
		defer home.Close()
		for _, branch := range []string{"b0", "b1", "b2", "b3"} {
			raw := []byte(request("MESSAGE", "TLS a;branch="+branch, strings.Repeat("b", 60_000)))
			if err := l.stack.Send(transport.Dest{Listener: from, Addr: farEnd, TLS: profile}, raw, branch, msg.MESSAGE); err != nil {
				t.Fatal(err)
			}
		}
		nc, err := home.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		c := tls.Server(nc, server)
		b := make([]byte, 16<<10)
		start := time.Now()
		for time.Since(start) < time.Minute && len(l.core.failures()) == 0 {
			if _, err := io.ReadFull(c, b); err != nil { // a record's worth in 4 s
				break
			}
			wait(4 * time.Second)
		}
		synctest.Wait()
		f := l.core.failures()
		if len(f) == 0 || f[0].at.Sub(start) > 15*time.Second {
			t.Errorf("failures %v", f)
		}
	})
}
