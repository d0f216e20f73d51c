package transport_test

import (
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/testlab/memnet"
	"gatehouse/sip/transport"
)

// wait lets virtual time pass.
func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// over reports whether the stack has closed a connection.
func over(t *testing.T, c *memnet.Conn) bool {
	t.Helper()
	_, gone := hear(t, c)
	return gone
}

func TestSlowloris_DripFromManySources_PeersAreServedAndDrippersCut(t *testing.T) {
	peer := netip.MustParseAddr("198.51.100.7")
	known := admit{all: transport.Stranger, of: map[netip.Addr]transport.Standing{peer: transport.Known}}
	limits := transport.Limits{MaxConns: 1000, MaxStrangerConns: 800}
	inLab(t, transport.Options{Admission: known, Limits: limits}, func(t *testing.T, l *lab) {
		l.core.answerOK(t, l.stack)
		const sources, perSource = 200, 20
		before := heap()
		drips := make([]*memnet.Conn, 0, sources*perSource)
		for i := range sources {
			for range perSource {
				drips = append(drips, l.dial(netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}).String()))
			}
		}
		st := l.stack.Stats()
		if st.Conns != limits.MaxStrangerConns || st.Drops[transport.CauseEvicted] != sources*perSource-800 {
			t.Errorf("%d connections kept, %d evicted", st.Conns, st.Drops[transport.CauseEvicted])
		}
		text := request("INVITE", viaTCP, "")
		for i := range 7 { // one byte a second
			for _, c := range drips {
				_, _ = c.Write([]byte{text[i]})
			}
			wait(time.Second)
			if i == 2 {
				if grown := int64(heap()) - int64(before); grown > int64(st.Conns)*(32<<10) {
					t.Errorf("%d bytes a connection", grown/int64(st.Conns))
				}
			}
			// All the while a peer and a stranger get their calls through, each on a new connection, at once.
			for _, who := range []string{"198.51.100.7", fmt.Sprintf("198.51.100.%d", 20+i)} {
				start := time.Now()
				c := l.dial(who)
				say(t, c, text)
				if got, _ := hear(t, c); !strings.HasPrefix(got, "SIP/2.0 200 ") {
					t.Errorf("second %d: %s got %q", i, who, got)
				}
				if took := time.Since(start); took > 200*time.Millisecond {
					t.Errorf("second %d: %s waited %s", i, who, took)
				}
				_ = c.Close()
			}
		}
		synctest.Wait()
		if n := l.stack.Stats().Conns; n != 0 {
			t.Errorf("%d connections left, though none sent a head within its time", n)
		}
		// All that were not evicted, or cut by the writes of the legitimate, timed out on their heads.
		if n := l.drops(transport.CauseHeadTimeout); n < 780 {
			t.Errorf("%d head timeouts", n)
		}
	})
}

func TestDeadlines_EachEndsTheConnectionInItsTime(t *testing.T) {
	text := request("MESSAGE", viaTCP, "0123456789")
	head, _, _ := strings.Cut(text, "0123456789")
	for _, tc := range []struct {
		name  string
		first string        // sent at once
		drip  string        // one byte of it each second
		after time.Duration // the connection's life
		cause transport.Cause
	}{
		{"nothing sent", "", "", 10 * time.Second, transport.CauseFirstTimeout},
		{"only keep-alives", "\r\n\r\n", "\r\n\r\n\r\n\r\n\r\n\r\n\r\n", 10 * time.Second, transport.CauseFirstTimeout},
		{"head begun", text[:20], "", 5 * time.Second, transport.CauseHeadTimeout},
		{"head dripped", text[:20], text[20:60], 5 * time.Second, transport.CauseHeadTimeout},
		{"body missing", text + head, "", 10 * time.Second, transport.CauseMessageTimeout},
		{"body dripped", text + head, "01234", 10 * time.Second, transport.CauseMessageTimeout},
		{"first body missing", head, "", 10 * time.Second, transport.CauseMessageTimeout},
		{"idle after a message", text, "", 10 * time.Minute, transport.CauseIdle},
		{"keep-alives after a message", text, "\r\n\r\n", 10*time.Minute + 4*time.Second, transport.CauseIdle},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
				c := l.dial("198.51.100.7")
				start := time.Now()
				say(t, c, tc.first)
				for i := range len(tc.drip) {
					wait(time.Second)
					_, _ = c.Write([]byte{tc.drip[i]})
				}
				if left := time.Until(start.Add(tc.after)); left > 0 {
					if left > 100*time.Millisecond {
						wait(left - 50*time.Millisecond)
						if over(t, c) {
							t.Fatalf("closed before %s", tc.after)
						}
					}
					wait(time.Until(start.Add(tc.after + 50*time.Millisecond)))
				}
				if !over(t, c) {
					t.Errorf("still open after %s", tc.after)
				}
				if l.drops(tc.cause) != 1 {
					t.Errorf("drops %v, want %s", l.stack.Stats().Drops, tc.cause)
				}
			})
		})
	}
}

func TestConnCaps_PerSource(t *testing.T) {
	limits := transport.Limits{MaxConnsPerSource: 3}
	inLab(t, transport.Options{Limits: limits, Admission: fixed(transport.Stranger)}, func(t *testing.T, l *lab) {
		six := netip.MustParseAddrPort("[2001:db8:ff::9]:5060")
		if _, err := l.stack.Listen(transport.ListenSpec{Zone: "six", Proto: transport.TCP, Addr: six}); err != nil {
			t.Fatal(err)
		}
		conns := make([]*memnet.Conn, 0, 4)
		for range 4 {
			conns = append(conns, l.dial("198.51.100.7"))
		}
		for i, c := range conns {
			if over(t, c) != (i == 3) {
				t.Errorf("connection %d: closed %v", i, i != 3)
			}
		}
		if over(t, l.dial("198.51.100.8")) {
			t.Error("another source is refused")
		}
		if l.drops(transport.CauseSourceLimit) != 1 {
			t.Errorf("drops %v", l.stack.Stats().Drops)
		}
		// A place is free again once a connection has ended.
		_ = conns[0].Close()
		synctest.Wait()
		if over(t, l.dial("198.51.100.7")) {
			t.Error("the freed place is not given away")
		}
		// Of IPv6, everything in one /64 is one source.
		for i, from := range []string{"2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4", "2001:db8:0:1::1"} {
			c, err := l.net.DialTCP(t.Context(), netip.AddrPortFrom(netip.MustParseAddr(from), 0), six)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			synctest.Wait()
			if over(t, c) != (i == 3) {
				t.Errorf("%s: closed %v", from, i != 3)
			}
		}
	})
}

func TestConnCaps_All_ProvenConnectionsAreNotEvicted(t *testing.T) {
	limits := transport.Limits{MaxStrangerConns: 3, MaxConns: 4}
	peer := netip.MustParseAddr("198.51.100.7")
	known := admit{all: transport.Stranger, of: map[netip.Addr]transport.Standing{peer: transport.Known}}
	inLab(t, transport.Options{Limits: limits, Admission: known}, func(t *testing.T, l *lab) {
		proven := l.dial("203.0.113.1")
		say(t, proven, request("OPTIONS", viaTCP, ""))
		oldest, newer := l.dial("203.0.113.2"), l.dial("203.0.113.3")
		last := l.dial("203.0.113.4")
		if over(t, proven) || !over(t, oldest) || over(t, newer) || over(t, last) {
			t.Error("not the oldest unproven connection was closed")
		}
		say(t, newer, request("OPTIONS", viaTCP, ""))
		say(t, last, request("OPTIONS", viaTCP, ""))
		if !over(t, l.dial("203.0.113.5")) || l.drops(transport.CauseConnLimit) != 1 {
			t.Error("all proven, and a stranger still gets in")
		}
		if over(t, l.dial("198.51.100.7")) {
			t.Error("a peer does not get the place strangers cannot take")
		}
		if !over(t, l.dial("198.51.100.7")) {
			t.Error("over the cap of all")
		}
		if over(t, proven) || over(t, newer) || over(t, last) {
			t.Error("a proven connection was closed")
		}
	})
}

func TestAccept_OutOfDescriptors_BacksOffAndRecovers(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		l.core.answerOK(t, l.stack)
		standing := l.dial("198.51.100.7")
		errs := make([]error, 0, 1000)
		for range 1000 {
			errs = append(errs, syscall.EMFILE)
		}
		l.net.ListenerAt(sbc).FailAccept(errs...)
		wait(10 * time.Second)
		// 5, 10, 20 ... ms, then once a second: about 16 attempts, not a hot loop.
		if n := l.drops(transport.CauseAcceptError); n < 8 || n > 20 {
			t.Errorf("%d accept attempts in 10 s", n)
		}
		say(t, standing, "")
		c := l.socket("198.51.100.7:5070")
		send(t, c, request("OPTIONS", viaUDP, ""))
		if got, _ := receive(t, c); firstLine(got) != "SIP/2.0 200 OK" {
			t.Errorf("the rest is not served meanwhile: %q", got)
		}
	})
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		l.core.answerOK(t, l.stack)
		l.net.ListenerAt(sbc).FailAccept(syscall.EMFILE, syscall.ENFILE, syscall.ECONNABORTED)
		wait(time.Second)
		c := l.dial("198.51.100.7")
		say(t, c, request("OPTIONS", viaTCP, ""))
		if got, _ := hear(t, c); firstLine(got) != "SIP/2.0 200 OK" {
			t.Errorf("after descriptors came back: %q", got)
		}
	})
}

func TestDeadlines_EveryMessageHasItsOwn(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		c := l.dial("198.51.100.7")
		text := request("MESSAGE", viaTCP, "0123456789")
		for range 5 {
			say(t, c, text[:50])
			wait(4 * time.Second)
			say(t, c, text[50:len(text)-5])
			wait(4 * time.Second)
			say(t, c, text[len(text)-5:])
			wait(time.Minute)
		}
		if n := len(l.core.messages()); n != 5 || over(t, c) {
			t.Errorf("%d of 5 slow but timely messages arrived", n)
		}
	})
}
