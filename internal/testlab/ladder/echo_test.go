package ladder

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/sip/transport"
)

// echo is a system under test that answers every request by itself: 200, with
// an SDP body to an INVITE. SLOW is answered after a second, TWICE again after
// half a second, RELAY goes on to 203.0.113.20:5060 from the other side.
type echo struct {
	udp, outside transport.PacketConn
	tcp          net.Listener
	work         sync.WaitGroup
}

const echoConfig = "mode: echo\n"

func startEcho(t testing.TB, n transport.Net, config string) {
	if config != "" && config != echoConfig {
		t.Fatalf("config %q", config)
	}
	e := &echo{}
	var err error
	if e.udp, err = n.ListenUDP(netip.MustParseAddrPort("10.0.0.1:5060")); err != nil {
		t.Fatal(err)
	}
	if e.outside, err = n.ListenUDP(netip.MustParseAddrPort("203.0.113.10:5060")); err != nil {
		t.Fatal(err)
	}
	if e.tcp, err = n.ListenTCP(netip.MustParseAddrPort("10.0.0.1:5060")); err != nil {
		t.Fatal(err)
	}
	e.work.Go(e.serveUDP)
	e.work.Go(e.serveTCP)
	t.Cleanup(func() {
		_ = e.udp.Close()
		_ = e.outside.Close()
		_ = e.tcp.Close()
		e.work.Wait()
	})
}

func (e *echo) serveUDP() {
	buf := make([]byte, 65535)
	for {
		n, from, err := e.udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		m := readMessage(append([]byte(nil), buf[:n]...))
		reply := answer(&m)
		send := func() { _, _ = e.udp.WriteToUDPAddrPort(reply, from) }
		switch {
		case m.matches("ACK") || m.code() != 0:
		case m.matches("SLOW"):
			e.work.Go(func() { <-time.After(time.Second); send() })
		case m.matches("TWICE"):
			send()
			e.work.Go(func() { <-time.After(500 * time.Millisecond); send() })
		case m.matches("ASKEW"):
			_, _ = e.outside.WriteToUDPAddrPort(reply, from)
		case m.matches("RELAY"):
			_, _ = e.outside.WriteToUDPAddrPort(m.raw, netip.MustParseAddrPort("203.0.113.20:5060"))
		default:
			send()
		}
	}
}

func (e *echo) serveTCP() {
	for {
		c, err := e.tcp.Accept()
		if err != nil {
			return
		}
		e.work.Go(func() {
			defer func() { _ = c.Close() }()
			r := bufio.NewReader(c)
			for {
				raw, err := readStream(r)
				if err != nil {
					return
				}
				m := readMessage(raw)
				if _, err := c.Write(answer(&m)); err != nil {
					return
				}
			}
		})
	}
}

func answer(m *message) []byte {
	var b strings.Builder
	b.WriteString("SIP/2.0 200 OK\r\n")
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		for _, l := range m.lines(name) {
			b.WriteString(l)
			if name == "To" && !strings.Contains(l, ";tag=") {
				b.WriteString(";tag=" + randomToken())
			}
			b.WriteString("\r\n")
		}
	}
	b.WriteString("Contact: <sip:10.0.0.1:5060>\r\n")
	body := ""
	if m.matches("INVITE") {
		id := 1_000_000 + rand.Uint64N(1_000_000)
		body = fmt.Sprintf("v=0\r\no=- %d %d IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 0\r\n",
			id, id, 16384+2*rand.IntN(8192))
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return []byte(b.String())
}

func randomToken() string {
	const alphabet = "abcdefghijklmnopqrstuvwxyz234567"
	var b strings.Builder
	for range 26 {
		b.WriteByte(alphabet[rand.IntN(len(alphabet))])
	}
	return b.String()
}
