package transport

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/sip/msg"
)

const invite = "INVITE sip:bob@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7:5070;rport;branch=z9hG4bK776asdhds\r\n" +
	"Max-Forwards: 70\r\nTo: Bob <sip:bob@192.0.2.9>\r\nFrom: Alice <sip:alice@198.51.100.7>;tag=1928301774\r\n" +
	"Call-ID: a84b4c76e66710@pc33\r\nCSeq: 314159 INVITE\r\nContact: <sip:alice@198.51.100.7:5070>\r\n" +
	"Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n"

// stub is a socket that yields one datagram and keeps what is written.
type stub struct {
	data []byte
	out  [][]byte
	to   []netip.AddrPort
}

func (s *stub) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	if s.data == nil {
		return 0, netip.AddrPort{}, net.ErrClosed
	}
	n := copy(b, s.data)
	s.data = nil
	return n, netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, 7}), 5070), nil
}

func (s *stub) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	s.out, s.to = append(s.out, b), append(s.to, to)
	return len(b), nil
}
func (s *stub) LocalAddr() net.Addr { return &net.UDPAddr{} }
func (s *stub) Close() error        { return nil }

type taker struct{ n int }

func (t *taker) Receive(in *Inbound) {
	t.n++
	in.Release()
}
func (t *taker) SendFailed(string, msg.Method, error) {}
func (t *taker) ConnLost(*Conn, error)                {}

type allStrangers struct{}

func (allStrangers) Admit(Arrival) Standing { return Stranger }
func (allStrangers) Offend(Offence)         {}

// FuzzRefuse sends any datagram as a stranger: nothing panics, at most one answer leaves, to the source's address, no
// larger than the datagram, and it is a response other parsers read as we do.
func FuzzRefuse(f *testing.F) {
	whole := strings.Replace(invite, "\r\nMax", "\r\nTimestamp: 5\r\nMax", 1)
	for _, cut := range []int{20, 60, 120, 200, 280, len(whole) - 3, len(whole)} {
		f.Add([]byte(whole[:cut]))
	}
	for _, change := range [][2]string{
		{"Via: SIP/2.0/UDP 198.51.100.7:5070", "Via: SIP/2.0/UDP [::1]:99999"},
		{"To: Bob", "To: \"Bob\x00"},
		{"CSeq: 314159 INVITE", "CSeq: 9999999999 BYE"},
		{"SIP/2.0\r\nVia", "SIP/2.1\r\nVia"},
		{"From: Alice", "From: <>\r\nFrom: Alice"},
		{";rport", ";rport;maddr=203.0.113.9"},
	} {
		f.Add([]byte(strings.Replace(whole, change[0], change[1], 1)))
	}
	files, err := filepath.Glob("../msg/testdata/rfc4475/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		if data, err := os.ReadFile(name); err == nil {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h := &taker{}
		s, err := New(Options{Handler: h, Admission: allStrangers{}})
		if err != nil {
			t.Fatal(err)
		}
		pc := &stub{data: append([]byte{}, data...)}
		drain(socketless(t, s, pc))
		if n := s.Stats().Drops[CausePanic]; n != 0 {
			t.Fatal("panic")
		}
		if len(pc.out)+h.n > 1 {
			t.Fatalf("%d answers and %d handed over", len(pc.out), h.n)
		}
		for i, out := range pc.out {
			checkRefusal(t, data, out)
			if pc.to[i].Addr() != netip.AddrFrom4([4]byte{198, 51, 100, 7}) {
				t.Fatalf("answered to %s", pc.to[i])
			}
		}
	})
}

func checkRefusal(t *testing.T, in, out []byte) {
	t.Helper()
	if len(out) > len(in) {
		t.Fatalf("%d bytes in, %d out", len(in), len(out))
	}
	var m msg.Message
	err := m.Parse(out, msg.Stream)
	if m.IsRequest() || m.Status() < 400 {
		t.Fatalf("not a refusal: %q", out)
	}
	if m.Count(msg.HeaderVia) == 0 {
		t.Fatalf("no Via: %q", out)
	}
	head, _, _ := bytes.Cut(out, []byte("\r\n\r\n"))
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		if bytes.ContainsAny(line, "\r\n\x00") {
			t.Fatalf("control bytes: %q", out)
		}
	}
	// What the request lacked or had wrong the answer may lack or repeat, but it is framed.
	if lengths := bytes.Count(bytes.ToLower(head), []byte("\r\ncontent-length:")); lengths != 1 || !bytes.Contains(head, []byte("Content-Length: 0")) {
		t.Fatalf("framing (%v) of %q", err, out)
	}
}
