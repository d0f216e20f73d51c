//go:build interop

package interop

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/testlab/wire"
)

// methods are all a SIP peer may know.
var methods = []string{"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "REGISTER", "PRACK", "UPDATE", "INFO", "SUBSCRIBE", "NOTIFY", "MESSAGE", "REFER", "PUBLISH"}

// unharmed wants the border to answer soon and to have sent nothing behind it that a parser should not have to read.
func unharmed(t *testing.T, b *border, pbx, carrier *agent) {
	t.Helper()
	pbx.options(b.sip(b.Inside), pingWithin)
	for _, a := range []*agent{pbx, carrier} {
		for _, bad := range a.Malformed() {
			t.Errorf("we sent %s", bad)
		}
	}
	if b.gone() {
		t.Fatal("the border is gone")
	}
}

// mandatory are the headers of RFC 3261 §8.1.1, and Content-Length beside them.
var mandatory = []string{"Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq"}

// headersFor is a request that lacks nothing.
func headersFor(a *agent, method, id string) []string {
	return []string{
		"Via: SIP/2.0/UDP " + a.addr.String() + ";branch=z9hG4bK" + id + ";rport", "Max-Forwards: 70", "From: <sip:alice@example.com>;tag=f" + id,
		"To: <sip:+13125551212@example.com>", "Call-ID: c" + id, "CSeq: 7 " + method, "Contact: <sip:alice@" + a.addr.String() + ">",
	}
}

func without(headers, names []string) []string {
	return slices.DeleteFunc(slices.Clone(headers), func(h string) bool {
		name, _, _ := strings.Cut(h, ":")
		return slices.Contains(names, name)
	})
}

// Every mandatory header left out, one and two at a time, in every method: 400 or silence, and nothing goes on.
func TestBadInput_MissingHeaders_Get400OrSilence(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	b := startBorder(t, p)
	pbx, carrier := newAgent(t, p.PBX), newAgent(t, p.Carrier)
	sent := 0
	for _, method := range methods {
		for i := range mandatory {
			for j := i; j < len(mandatory); j++ {
				names := []string{mandatory[i], mandatory[j]}
				// Alone, Max-Forwards may be missing: RFC 2543 did not ask for it, and 70 is taken.
				if names[0] == "Max-Forwards" && names[1] == "Max-Forwards" {
					continue
				}
				id := fmt.Sprintf("%s%d%d", strings.ToLower(method), i, j)
				start := method + " sip:+13125551212@" + b.sip(b.Inside).String() + " SIP/2.0"
				pbx.send(b.sip(b.Inside), wire.Compose(start, without(headersFor(pbx, method, id), names), ""))
				sent++
			}
		}
		// A peer that sends hundreds at once fills the buffer of a socket: wait for each method's.
		pbx.options(b.sip(b.Inside), pingWithin)
	}
	unharmed(t, b, pbx, carrier)
	refused := 0
	for _, m := range pbx.Received() {
		switch {
		case m.Method() == "OPTIONS" && m.Code() == 200 && strings.HasPrefix(m.Get("Call-ID"), "ping"):
		case m.Code() == 400:
			refused++
		default:
			t.Errorf("answered %q:\n%s", m.Start, m.Raw)
		}
	}
	t.Logf("%d sent, %d refused, the rest unanswered", sent, refused)
	if refused < sent/2 {
		t.Errorf("only %d of %d were refused: the sender should be told", refused, sent)
	}
	if n := carrier.Seen(); n != 0 {
		t.Errorf("%d went on to the carrier:%s", n, carrier.transcript())
	}
}

func TestBadInput_RandomAndDamagedDatagrams_ChangeNothing(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	b := startBorder(t, p)
	pbx, carrier := newAgent(t, p.PBX), newAgent(t, p.Carrier)
	stop := busyCallee(carrier)
	defer stop()
	rng := rand.New(rand.NewPCG(4475, 5118))
	good := []byte(wire.Compose("INVITE sip:+13125551212@"+p.sip(p.Inside).String()+" SIP/2.0", append(headersFor(pbx, "INVITE", "x"), sdpType), audioSDP(p.PBX.Addr(), 7000)))
	for i := range 600 {
		var raw []byte
		if i%3 == 0 {
			raw = make([]byte, 1+rng.IntN(1400))
			for k := range raw {
				raw[k] = byte(rng.Uint32())
			}
		} else {
			raw = bytes.Clone(good)
			for range 1 + rng.IntN(8) {
				raw[rng.IntN(len(raw))] = byte(rng.Uint32())
			}
			raw = raw[:1+rng.IntN(len(raw))]
		}
		pbx.send(p.sip(p.Inside), string(raw))
		if i%100 == 99 {
			pbx.options(p.sip(p.Inside), pingWithin)
		}
	}
	unharmed(t, b, pbx, carrier)
}

// What is as large as UDP carries: too large a header is refused, a large body is a question of policy, neither does harm.
func TestBadInput_LargestDatagram_IsAnsweredOrDropped(t *testing.T) {
	t.Parallel()
	const largest = 65507
	p := newPlan(t)
	b := startBorder(t, p)
	pbx, carrier := newAgent(t, p.PBX), newAgent(t, p.Carrier)
	stop := busyCallee(carrier)
	defer stop()
	start := "INVITE sip:+13125551212@" + p.sip(p.Inside).String() + " SIP/2.0"
	head := headersFor(pbx, "INVITE", "large")
	room := largest - len(wire.Compose(start, head, "")) - 100
	for _, raw := range []string{
		wire.Compose(start, append(slices.Clone(head), "Subject: "+strings.Repeat("x", room)), ""),
		wire.Compose(start, append(slices.Clone(headersFor(pbx, "INVITE", "body")), "Content-Type: text/plain"), strings.Repeat("x", room)),
		wire.Compose(start, append(slices.Clone(headersFor(pbx, "INVITE", "many")), slices.Repeat([]string{"X: y"}, room/6)...), ""),
		wire.Compose(start, append(slices.Clone(headersFor(pbx, "INVITE", "sdp")), sdpType),
			audioSDP(p.PBX.Addr(), 7000)+strings.Repeat("m=audio 9 RTP/AVP 0\r\n", room/22)),
		strings.Repeat("x", largest),
	} {
		pbx.send(p.sip(p.Inside), raw)
		pbx.options(p.sip(p.Inside), pingWithin)
	}
	unharmed(t, b, pbx, carrier)
	for _, m := range carrier.Received() {
		if strings.Contains(m.Raw, strings.Repeat("x", 10000)) {
			t.Errorf("it went on to the carrier: %q", m.Start)
		}
	}
}

// On a stream a message whose end is in doubt ends the connection: what follows might be smuggled (RFC 3261 §18.3).
func TestBadInput_StreamFraming_RefusesAndCloses(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	b := startBorder(t, p)
	pbx, carrier := newAgent(t, p.PBX), newAgent(t, p.Carrier)
	smuggled := wire.Compose("OPTIONS sip:x@"+p.sip(p.Inside).String()+" SIP/2.0", headersFor(pbx, "OPTIONS", "smuggled"), "")
	for name, lengths := range map[string][]string{
		"missing": {}, "negative": {"-1"}, "signed": {"+5"}, "inner space": {"5 5"}, "list": {"5,5"}, "two": {"0", "5"}, "wraps 32": {"4294967296"},
		"wraps 64": {"18446744073709551616"}, "half of 32": {"2147483647"}, "hexadecimal": {"0x5"}, "letters": {"five"}, "empty": {""},
	} {
		t.Run(name, func(t *testing.T) {
			conn := dialFrom(t, p)
			head := headersFor(pbx, "OPTIONS", unique("frame"))
			for _, l := range lengths {
				head = append(head, "Content-Length: "+l)
			}
			text := "OPTIONS sip:x@" + p.sip(p.Inside).String() + " SIP/2.0\r\n" + strings.Join(head, "\r\n") + "\r\n\r\n"
			text = strings.ReplaceAll(text, "SIP/2.0/UDP", "SIP/2.0/TCP")
			if _, err := io.WriteString(conn, text+strings.ReplaceAll(smuggled, "SIP/2.0/UDP", "SIP/2.0/TCP")); err != nil {
				t.Fatal(err)
			}
			if err := conn.SetReadDeadline(time.Now().Add(answerWithin)); err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(conn)
			if err != nil && !strings.Contains(err.Error(), "reset") {
				t.Errorf("not closed: %v after %q", err, answer)
			}
			if bytes.Contains(answer, []byte("smuggled")) || bytes.Contains(answer, []byte(" 200 ")) {
				t.Errorf("the second message was taken:\n%s", answer)
			}
		})
	}
	unharmed(t, b, pbx, carrier)
}

// dialFrom opens a TCP connection from the PBX's address.
func dialFrom(t *testing.T, p plan) net.Conn {
	t.Helper()
	d := net.Dialer{Timeout: answerWithin, LocalAddr: &net.TCPAddr{IP: p.PBX.Addr().AsSlice()}}
	conn, err := d.Dial("tcp", p.sip(p.Inside).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// Several messages in one segment, one message in several, and line ends between them: all are answered, in order (RFC 3261 §7.5, §18.3).
func TestStream_SegmentsAndKeepAlives_EveryMessageAnswered(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	startBorder(t, p)
	pbx := newAgent(t, p.PBX)
	one := func(id string) string {
		text := wire.Compose("OPTIONS sip:x@"+p.sip(p.Inside).String()+" SIP/2.0", headersFor(pbx, "OPTIONS", id), "")
		return strings.ReplaceAll(text, "SIP/2.0/UDP", "SIP/2.0/TCP")
	}
	conn := dialFrom(t, p)
	for _, part := range []string{one("s1") + "\r\n\r\n" + one("s2"), one("s3")[:40]} {
		if _, err := io.WriteString(conn, part); err != nil {
			t.Fatal(err)
		}
	}
	want := func(text *string, id string) {
		buf := make([]byte, 4096)
		for !strings.Contains(*text, "Call-ID: c"+id) {
			if err := conn.SetReadDeadline(time.Now().Add(answerWithin)); err != nil {
				t.Fatal(err)
			}
			n, err := conn.Read(buf)
			if err != nil {
				t.Fatalf("no answer to %s: %v after %q", id, err, *text)
			}
			*text += string(buf[:n])
		}
	}
	text := ""
	want(&text, "s1")
	want(&text, "s2")
	if _, err := io.WriteString(conn, one("s3")[40:]); err != nil {
		t.Fatal(err)
	}
	want(&text, "s3")
	if n := strings.Count(text, "SIP/2.0 200 "); n != 3 {
		t.Errorf("%d answers, want 3:\n%s", n, text)
	}
}
