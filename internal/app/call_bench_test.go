package app_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"testing"

	"gatehouse/config"
	"gatehouse/internal/app"
	"gatehouse/sip/transport"
)

const benchConfig = `
node: bench
zones:
  inside: {listen: ["udp://127.0.0.2:5060"], trust: full, media: {address: 127.0.0.2, ports: 16384-65534}}
  outside: {listen: ["udp://127.0.0.4:5060"], media: {address: 127.0.0.4, ports: 16384-65534}}
peers:
  pbx: {zone: inside, address: "sip:127.0.0.1:5070", source: [127.0.0.1/32]}
  carrier: {zone: outside, address: "sip:127.0.0.3:5060", source: [127.0.0.3/32]}
routes:
  - {name: outbound, from: pbx, to: [carrier]}
media: {path: portable}
admin: {listen: "127.0.0.1:0"}
cdr: {file: %s}
`

const benchSDP = "v=0\r\no=pbx 53655765 2353687637 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0 8 101\r\n" +
	"a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"

// pipe is a network of datagram sockets whose far ends are channels of the test.
type pipe struct{ conns map[netip.AddrPort]*pipeConn }

type pipeConn struct {
	local netip.AddrPort
	in    chan []byte
	out   chan []byte
	from  netip.AddrPort
	done  chan struct{}
}

func (p *pipe) ListenUDP(a netip.AddrPort) (transport.PacketConn, error) { return p.conns[a], nil }
func (p *pipe) ListenTCP(netip.AddrPort) (net.Listener, error)           { return nil, net.ErrClosed }
func (p *pipe) DialTCP(context.Context, netip.Addr, netip.AddrPort) (net.Conn, error) {
	return nil, net.ErrClosed
}

func (c *pipeConn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case m := <-c.in:
		return copy(b, m), c.from, nil
	case <-c.done:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}
func (c *pipeConn) WriteToUDPAddrPort(b []byte, _ netip.AddrPort) (int, error) {
	c.out <- b
	return len(b), nil
}
func (c *pipeConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.local) }
func (c *pipeConn) Close() error        { close(c.done); return nil }

func newPipeConn(local, from string) *pipeConn {
	return &pipeConn{netip.MustParseAddrPort(local), make(chan []byte), make(chan []byte, 16), netip.MustParseAddrPort(from), make(chan struct{})}
}

// line gives a header line of a message, with its end.
func line(m []byte, name string) []byte {
	i := bytes.Index(m, []byte("\r\n"+name+":"))
	if i < 0 {
		return nil
	}
	m = m[i+2:]
	return m[:bytes.Index(m, []byte("\r\n"))+2]
}

func uri(l []byte) []byte {
	return l[bytes.IndexByte(l, '<')+1 : bytes.IndexByte(l, '>')]
}

// BenchmarkCall is everything a call costs us but the system calls for its signalling: INVITE with SDP, 100, 180, 200, ACK, BYE, 200 on
// both legs, ports, records and the log.
func BenchmarkCall(b *testing.B) {
	inside, outside := newPipeConn("127.0.0.2:5060", "127.0.0.1:5070"), newPipeConn("127.0.0.4:5060", "127.0.0.3:5060")
	file := filepath.Join(b.TempDir(), "cdr.jsonl")
	a, err := app.New(app.Options{Load: func() (*config.Config, []config.Issue, error) {
		return config.Load("bench.yaml", fmt.Appendf(nil, benchConfig, file))
	}, Log: io.Discard, Net: &pipe{map[netip.AddrPort]*pipeConn{inside.local: inside, outside.local: outside}}})
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close(context.Background())
	b.ReportAllocs()
	var ring [8][]byte // what was sent is copied by the reader a moment later
	used := 0
	for i := 0; b.Loop(); i++ {
		head := func(method, uri, to string, seq int) []byte {
			used++
			slot := &ring[used%len(ring)]
			*slot = fmt.Appendf((*slot)[:0], "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-%d-%d-%s\r\nFrom: \"Chicago Caller\" <sip:+13125550100@127.0.0.1:5070>;tag=12c%d\r\nTo: %s\r\n"+
				"Call-ID: %d-12@127.0.0.1\r\nCSeq: %d %s\r\nMax-Forwards: 70\r\n", method, uri, i, seq, method, i, to, i, seq, method)
			return *slot
		}
		const to = "<sip:+13125551234@127.0.0.2:5060>"
		inside.in <- fmt.Appendf(head("INVITE", "sip:+13125551234@127.0.0.2:5060", to, 1), "Contact: <sip:caller@127.0.0.1:5070>\r\nUser-Agent: PBX/1.2.3\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, REFER\r\n"+
			"Supported: timer, 100rel, replaces\r\nP-Asserted-Identity: <sip:+13125550100@pbx.internal.example>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(benchSDP), benchSDP)
		if m := <-inside.out; !bytes.HasPrefix(m, []byte("SIP/2.0 100 ")) {
			b.Fatalf("call %d: %s", i, m)
		}
		var invite []byte
		select {
		case invite = <-outside.out:
		case m := <-inside.out:
			b.Fatalf("call %d: %s", i, m)
		}
		reply := func(req []byte, code, extra, body string) []byte {
			t := bytes.TrimSuffix(line(req, "To"), []byte("\r\n"))
			if !bytes.Contains(t, []byte(";tag=")) {
				t = append(bytes.Clone(t), ";tag=b1"...)
			}
			return fmt.Appendf(nil, "SIP/2.0 %s\r\n%s%s%s\r\n%s%s%sContent-Length: %d\r\n\r\n%s", code, line(req, "Via"), line(req, "From"), t, line(req, "Call-ID"), line(req, "CSeq"), extra, len(body), body)
		}
		const contact = "Contact: <sip:b@127.0.0.3:5060>\r\n"
		outside.in <- reply(invite, "180 Ringing", contact, "")
		<-inside.out
		outside.in <- reply(invite, "200 OK", contact+"Content-Type: application/sdp\r\n", benchSDP)
		var ok []byte
		<-outside.out // ACK
		ok = <-inside.out
		tagged := string(bytes.TrimSuffix(line(ok, "To"), []byte("\r\n"))[4:])
		target := string(uri(line(ok, "Contact")))
		inside.in <- append(head("ACK", target, tagged, 1), "Content-Length: 0\r\n\r\n"...)
		inside.in <- append(head("BYE", target, tagged, 2), "Content-Length: 0\r\n\r\n"...)
		<-inside.out // 200
		bye := <-outside.out
		outside.in <- reply(bye, "200 OK", "", "")
	}
}
