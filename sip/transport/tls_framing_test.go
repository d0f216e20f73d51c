package transport_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/testlab/certs"
	"gatehouse/sip/transport"
)

// readAll reads until the remote closes, or nothing comes for a while.
func readAll(t *testing.T, c *tls.Conn, quiet time.Duration) (text string, over bool) {
	t.Helper()
	var got strings.Builder
	b := make([]byte, 4096)
	for {
		_ = c.SetReadDeadline(time.Now().Add(quiet))
		n, err := c.Read(b)
		got.Write(b[:n])
		if err != nil {
			return got.String(), errors.Is(err, io.EOF)
		}
	}
}

func tlsNode(t *testing.T, o transport.Options) (*node, func() *tls.Conn) {
	t.Helper()
	n := newNode(t, o)
	l := n.listen(t, transport.ListenSpec{Proto: transport.TLS, TLS: always(newAuthority(t).server(false, certs.DNS("a.example")))}, "127.0.0.1")
	return n, func() *tls.Conn {
		c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
}

// TestSecurity01_TLS_BadContentLength_AnsweredAndClosedNothingSmuggled: what wraps, is signed or comes twice must not
// make a body a message.
func TestSecurity01_TLS_BadContentLength_AnsweredAndClosedNothingSmuggled(t *testing.T) {
	via := "TLS 127.0.0.1;branch=z9hG4bK1"
	smuggled := request("INVITE", via, "")
	n, dial := tlsNode(t, transport.Options{Limits: transport.Limits{LingerTimeout: 50 * time.Millisecond}})
	for value, code := range badLengths() {
		c := dial()
		if _, err := io.WriteString(c, withLength(request("OPTIONS", via, "hello"+smuggled), value)); err != nil {
			t.Fatal(err)
		}
		got, over := readAll(t, c, 5*time.Second)
		if !strings.HasPrefix(got, "SIP/2.0 "+code+" ") || strings.Count(got, "CSeq: ") != 1 || !over {
			t.Errorf("length %q: answer %q, closed %v", value, got, over)
		}
	}
	if got := n.messages(); len(got) != 0 {
		t.Errorf("%d messages were handed over, the first %q", len(got), got[0].start)
	}
}

func TestB023_TLS_SeveralMessagesAnyRecords_AllArrive(t *testing.T) {
	n, dial := tlsNode(t, transport.Options{})
	n.answerOK(t, n.stack)
	c := dial()
	via := "TLS 127.0.0.1;branch=z9hG4bK1"
	text := strings.Repeat("\r\n"+request("MESSAGE", via, "hello\r\n\r\n"), 5) + "\r\n\r\n"
	for len(text) > 0 { // records of 100 bytes
		k := min(100, len(text))
		if _, err := io.WriteString(c, text[:k]); err != nil {
			t.Fatal(err)
		}
		text = text[k:]
	}
	for _, m := range n.await(t, 5) {
		if m.body != "hello\r\n\r\n" {
			t.Errorf("body %q", m.body)
		}
	}
	if got, over := readAll(t, c, 200*time.Millisecond); strings.Count(got, "SIP/2.0 200 OK") != 5 || !strings.HasSuffix(got, "\r\n\r\n\r\n") || over {
		t.Errorf("answers %q, closed %v", got, over)
	}
	if _, err := io.WriteString(c, without(request("OPTIONS", via, ""), "Content-Length")); err != nil {
		t.Fatal(err)
	}
	if got, over := readAll(t, c, 5*time.Second); firstLine(got) != "SIP/2.0 400 Missing Content-Length" || !over {
		t.Errorf("no length: %q, closed %v", got, over)
	}
}

// TestSecurity03_TLS_ClaimedLength_CostsNoMemory: a length of 2 GB is refused for what it says; one within the limit is
// given room as it comes.
func TestSecurity03_TLS_ClaimedLength_CostsNoMemory(t *testing.T) {
	n, dial := tlsNode(t, transport.Options{Limits: transport.Limits{LingerTimeout: 50 * time.Millisecond}})
	const conns = 40
	claims := make([]*tls.Conn, conns)
	for i := range conns {
		claims[i] = dial()
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i, c := range claims {
		claim := " 2147483648"
		if i%2 == 0 {
			claim = " 60000"
		}
		if _, err := io.WriteString(c, withLength(request("MESSAGE", "TLS 127.0.0.1;branch=z9hG4bK1", "x"), claim)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, func() bool { return n.stack.Stats().Drops[transport.CauseOversize] == conns/2 })
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("grown by %d bytes", grown)
	}
	if len(n.messages()) != 0 {
		t.Error("a message")
	}
}

// TestSecurity44_DrippingConnections_CostLittleAndOthersAreServed: thousands of connections that send a byte now and
// then, over real sockets, cost at most 32 KB each, both ends counted, and a call gets through beside them.
func TestSecurity44_DrippingConnections_CostLittleAndOthersAreServed(t *testing.T) {
	const conns, mostBytes = 2000, 32 << 10
	for _, p := range []transport.Proto{transport.TCP, transport.TLS, transport.WSS} {
		t.Run(p.String(), func(t *testing.T) {
			limits := transport.Limits{HandshakeTimeout: time.Minute, FirstMessageTimeout: time.Minute, HeadTimeout: time.Minute, MaxConnsPerPeer: conns + 10, MaxShakes: conns + 10, MaxShakesPerSource: conns + 10}
			n := newNode(t, transport.Options{Limits: limits})
			n.answerOK(t, n.stack)
			ca := newAuthority(t)
			l := n.listen(t, transport.ListenSpec{Proto: p, TLS: always(ca.server(false, certs.DNS("a.example")))}, "127.0.0.1")
			before := settledMemory()
			drips := make([]io.WriteCloser, 0, conns)
			defer func() {
				for _, c := range drips {
					_ = c.Close()
				}
			}()
			first := map[bool]string{true: hello, false: "INVITE"}[p != transport.TCP]
			for range conns {
				c := rawDial(t, l.Addr())
				drips = append(drips, c)
				if _, err := io.WriteString(c, first[:1]); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, func() bool { return n.stack.Stats().Conns == conns })
			for _, c := range drips {
				_, _ = io.WriteString(c, first[1:2])
			}
			each := (settledMemory() - before) / conns
			t.Logf("%d bytes a connection", each)
			if each > mostBytes {
				t.Errorf("%d bytes a connection", each)
			}
			if took := setup(t, l, ca); took > 200*time.Millisecond {
				t.Errorf("a call beside them waited %s", took)
			}
		})
	}
}

// setup is the median time of requests that each get an answer over a new connection: other tests run on this machine.
func setup(t *testing.T, l *transport.Listener, ca authority) time.Duration {
	t.Helper()
	const calls = 5
	took := make([]time.Duration, 0, calls)
	for i := range calls {
		client := newNode(t, transport.Options{})
		from := client.listen(t, transport.ListenSpec{Proto: l.Proto(), TLS: always(nil)}, "127.0.0.1")
		start := time.Now()
		d := transport.Dest{Listener: from, Addr: l.Addr(), TLS: ca.client("a.example", nil)}
		client.send(t, d, request("INVITE", fmt.Sprintf("%s a;branch=z9hG4bK%d", l.Proto().Via(), i), ""), "")
		client.await(t, 1)
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took[calls/2]
}

// settledMemory is what the process holds for its connections, goroutines included.
func settledMemory() int64 {
	runtime.GC()
	runtime.GC()
	return int64(heap())
}

func rawDial(t *testing.T, to netip.AddrPort) io.WriteCloser {
	t.Helper()
	c, err := transport.SystemNet().DialTCP(t.Context(), netip.Addr{}, to)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
