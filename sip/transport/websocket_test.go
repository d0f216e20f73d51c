package transport_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"gatehouse/internal/testlab/certs"
	"gatehouse/sip/msg"
	"gatehouse/sip/transport"
)

// browser opens a WebSocket to a listener as a browser does.
func browser(t *testing.T, l *transport.Listener, h http.Header) *websocket.Conn {
	t.Helper()
	scheme := map[bool]string{false: "ws://", true: "wss://"}[l.Proto().Secure()]
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	t.Cleanup(tr.CloseIdleConnections)
	c, _, err := websocket.Dial(ctx, scheme+l.Addr().String(), &websocket.DialOptions{HTTPClient: &http.Client{Transport: tr}, HTTPHeader: h, Subprotocols: []string{"sip"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.CloseNow() })
	return c
}

func hearWS(t *testing.T, c *websocket.Conn) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, b, err := c.Read(ctx)
	return string(b), err
}

func sayWS(t *testing.T, c *websocket.Conn, kind websocket.MessageType, text string) {
	t.Helper()
	if err := c.Write(t.Context(), kind, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func wsListener(t *testing.T, p transport.Proto, o transport.Options) (*node, *transport.Listener) {
	t.Helper()
	n := newNode(t, o)
	n.answerOK(t, n.stack)
	spec := transport.ListenSpec{Proto: p, TLS: always(newAuthority(t).server(false, certs.DNS("sbc.example"))),
		Origins: func() []string { return []string{"https://app.example"} }}
	return n, n.listen(t, spec, "127.0.0.1")
}

func TestB023_WebSocket_OneMessageEachLengthNotNeeded(t *testing.T) {
	for _, p := range []transport.Proto{transport.WS, transport.WSS} {
		t.Run(p.String(), func(t *testing.T) {
			n, l := wsListener(t, p, transport.Options{})
			c := browser(t, l, http.Header{"Origin": {"https://app.example"}})
			via := p.Via() + " df7jal23ls0d.invalid;branch=z9hG4bK1"
			smuggled := request("INVITE", via, "")
			for i, tc := range []struct {
				name, text string
				kind       websocket.MessageType
				want, body string
			}{
				{"length", request("MESSAGE", via, "hello"), websocket.MessageText, "200", "hello"},
				{"no length", without(request("MESSAGE", via, "hello"), "Content-Length"), websocket.MessageText, "200", "hello"},
				{"binary", request("MESSAGE", via, "\xff\xfe\x00"), websocket.MessageBinary, "200", "\xff\xfe\x00"},
				{"line ends first", "\r\n\r\n" + request("MESSAGE", via, "hello"), websocket.MessageText, "200", "hello"},
				{"second message behind the length", request("MESSAGE", via, "hello") + smuggled, websocket.MessageText, "200", "hello"},
				{"second message, no length", without(request("MESSAGE", via, "hello"+smuggled), "Content-Length"), websocket.MessageText, "200", "hello" + smuggled},
				{"length too large", withLength(request("MESSAGE", via, "hello"), " 6"), websocket.MessageText, "400", ""},
				{"length 2^32+5", withLength(request("MESSAGE", via, "hello"), " 4294967301"), websocket.MessageText, "400", ""},
				{"two lengths", withLength(request("MESSAGE", via, "hello"), " 5\r\nl: 5"), websocket.MessageText, "400", ""},
				{"no From", without(request("MESSAGE", via, ""), "From"), websocket.MessageText, "400", ""},
				{"good again", request("OPTIONS", via, ""), websocket.MessageText, "200", ""},
			} {
				before := len(n.messages())
				sayWS(t, c, tc.kind, tc.text)
				got, err := hearWS(t, c)
				if err != nil || !strings.HasPrefix(got, "SIP/2.0 "+tc.want+" ") {
					t.Fatalf("%d %s: %q, %v", i, tc.name, firstLine(got), err)
				}
				all := n.messages()
				if tc.want != "200" {
					if len(all) != before {
						t.Errorf("%s: handed over", tc.name)
					}
					continue
				}
				if len(all) != before+1 || all[before].body != tc.body {
					t.Errorf("%s: %d messages, body %q", tc.name, len(all)-before, all[len(all)-1].body)
				}
				if all[before].reply.Addr.IsValid() {
					t.Errorf("%s: a reply could leave on a new connection to %s", tc.name, all[before].reply.Addr)
				}
			}
			sayWS(t, c, websocket.MessageText, "\r\n\r\n")
			if got, err := hearWS(t, c); got != "\r\n" || err != nil {
				t.Errorf("keep-alive answered by %q, %v", got, err)
			}
		})
	}
}

func TestSecurity04_WebSocket_HostileFrames_CloseAndAreReported(t *testing.T) {
	for name, tc := range map[string]struct {
		frame   string
		cause   transport.Cause
		reasons string
	}{
		"2^62 and 70 KB": {"\x81\xff\x40\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" + strings.Repeat("x", 70<<10), transport.CauseOversize, "framing"},
		"2^63":           {"\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", transport.CauseFraming, "framing"},
		"unmasked":       {"\x81\x05hello", transport.CauseFraming, "framing"},
		"opcode":         {"\x83\x80\x00\x00\x00\x00", transport.CauseFraming, "framing"},
	} {
		t.Run(name, func(t *testing.T) {
			j := &judge{standing: transport.Stranger}
			n, l := wsListener(t, transport.WS, transport.Options{Admission: j, Limits: transport.Limits{LingerTimeout: 100 * time.Millisecond, FlushTimeout: 100 * time.Millisecond}})
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			if _, err := c.Write([]byte(upgrade + "\r\n" + tc.frame)); err != nil {
				t.Fatal(err)
			}
			eventually(t, func() bool { return n.stack.Stats().Drops[tc.cause] == 1 && n.stack.Stats().Conns == 0 })
			if j.reasons() != tc.reasons {
				t.Errorf("offences %q", j.reasons())
			}
			if len(n.messages()) != 0 || len(n.losses()) != 0 {
				t.Error("the core heard of it")
			}
		})
	}
}

func TestWebSocketDial_HostIsAskedForAndRefusalFails(t *testing.T) {
	hosts := make(chan string, 10)
	srv := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hosts <- r.Host
		http.Error(w, "no", http.StatusForbidden)
	})}
	tl, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(tl) }()
	defer func() {
		_ = srv.Close()
		<-done
	}()
	client := newNode(t, transport.Options{})
	from := client.listen(t, transport.ListenSpec{Proto: transport.WS}, "127.0.0.1")
	to := tl.Addr().(*net.TCPAddr).AddrPort()
	for branch, host := range map[string]string{"b1": "sip.example:8080", "b2": ""} {
		client.send(t, transport.Dest{Listener: from, Addr: to, Host: host}, request("OPTIONS", "WS a;branch=z9hG4bK1", ""), branch)
		if err := client.failed(t, branch); !strings.Contains(err.Error(), "403") {
			t.Errorf("error %v", err)
		}
		if host == "" {
			host = to.String()
		}
		// A connection that fails before the message is queued on it is opened once more.
		for asked := true; asked; {
			select {
			case got := <-hosts:
				if got != host {
					t.Errorf("asked for %q, want %q", got, host)
				}
			default:
				asked = false
			}
		}
	}
}

func TestWebSocketClose_ListenerCloses_BrowserIsToldAndNothingHangs(t *testing.T) {
	n, l := wsListener(t, transport.WSS, transport.Options{})
	c := browser(t, l, nil)
	sayWS(t, c, websocket.MessageText, request("OPTIONS", "WSS x.invalid;branch=z9hG4bK1", ""))
	if _, err := hearWS(t, c); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	start := time.Now()
	go func() { closed <- n.stack.CloseListener(l) }()
	_, err := hearWS(t, c)
	if websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Errorf("told %v", err)
	}
	if err := <-closed; err != nil || time.Since(start) > 3*time.Second {
		t.Errorf("closed after %s, %v", time.Since(start), err)
	}
	if len(n.losses()) != 0 {
		t.Error("a connection of a closing listener is reported as lost")
	}
}

// TestB015_WebSocketGone_ReplyHasNowhereToGo: nobody can open a connection to a browser.
func TestB015_WebSocketGone_ReplyHasNowhereToGo(t *testing.T) {
	n, l := wsListener(t, transport.WS, transport.Options{})
	c := browser(t, l, nil)
	sayWS(t, c, websocket.MessageText, request("INVITE", "WS x.invalid;branch=z9hG4bK1", ""))
	if _, err := hearWS(t, c); err != nil {
		t.Fatal(err)
	}
	_ = c.CloseNow()
	eventually(t, func() bool { return len(n.losses()) == 1 })
	in := n.messages()[0]
	if n.losses()[0].conn != in.conn || in.conn.Open() {
		t.Error("another connection is reported as lost")
	}
	if err := n.stack.Send(in.reply, []byte("SIP/2.0 200 OK\r\n\r\n"), "", msg.INVITE); err == nil {
		t.Error("the reply left")
	}
	// Neither does a request to the name it gave.
	d := transport.Dest{Listener: l, Addr: netip.AddrPort{}, Conn: in.conn}
	if err := n.stack.Send(d, []byte(request("BYE", "WS a;branch=z9hG4bK2", "")), "b2", msg.BYE); err == nil {
		t.Error("a request left")
	}
}
