package ws_test

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatehouse/sip/transport/ws"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const maxMessage = 64 << 10

// pipe gives both ends of a connection on loopback.
func pipe(t testing.TB) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if near, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{near, far} {
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		t.Cleanup(func() { _ = c.Close() })
	}
	return near, far
}

// opening is a browser's opening handshake; changes are header lines added or, with an empty value, taken away.
func opening(changes ...string) string {
	lines := []string{"Host: sbc.example", "Upgrade: websocket", "Connection: keep-alive, Upgrade",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: sip"}
	for _, c := range changes {
		name, value, _ := strings.Cut(c, ":")
		kept := lines[:0]
		for _, l := range lines {
			if !strings.HasPrefix(l, name+":") {
				kept = append(kept, l)
			}
		}
		if lines = kept; value != "" {
			lines = append(lines, c)
		}
	}
	return "GET / HTTP/1.1\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// accepted is what became of an opening handshake at the server.
type accepted struct {
	c   *ws.Conn
	err error
}

func accept(nc net.Conn, origins []string, o ws.Options) chan accepted {
	if o.MaxMessageBytes == 0 {
		o.MaxMessageBytes = maxMessage
	}
	done := make(chan accepted, 1)
	go func() {
		c, err := ws.Accept(nc, origins, o)
		if err != nil {
			_ = nc.Close()
		}
		done <- accepted{c, err}
	}()
	return done
}

func TestAccept_OpeningHandshake_RequiresSubprotocolAndOrigin(t *testing.T) {
	app := []string{"https://app.example", "http://localhost:8080/"}
	for _, tc := range []struct {
		name    string
		text    string
		origins []string
		code    int
	}{
		{"no browser", opening(), nil, 101},
		{"two subprotocols", opening("Sec-WebSocket-Protocol: msrp, SIP"), nil, 101},
		{"subprotocols in two lines", strings.Replace(opening(), "Sec-WebSocket-Protocol: sip", "Sec-WebSocket-Protocol: msrp\r\nSec-WebSocket-Protocol: sip", 1), nil, 101},
		{"no subprotocol", opening("Sec-WebSocket-Protocol:"), nil, 400},
		{"other subprotocol", opening("Sec-WebSocket-Protocol: msrp"), nil, 400},
		{"sips is another", opening("Sec-WebSocket-Protocol: sips"), nil, 400},
		{"allowed origin", opening("Origin: https://app.example"), app, 101},
		{"allowed origin, case", opening("Origin: HTTPS://App.example"), app, 101},
		{"allowed origin, port", opening("Origin: http://localhost:8080"), app, 101},
		{"any origin", opening("Origin: https://evil.example"), []string{"*"}, 101},
		{"other origin", opening("Origin: https://evil.example"), app, 403},
		{"other scheme", opening("Origin: http://app.example"), app, 403},
		{"other port", opening("Origin: https://app.example:8443"), app, 403},
		{"suffix of an allowed one", opening("Origin: https://app.example.evil.example"), app, 403},
		{"origin of the host itself", opening("Origin: https://sbc.example"), app, 403},
		{"null origin", opening("Origin: null"), app, 403},
		{"origin, none allowed", opening("Origin: https://app.example"), nil, 403},
		{"two origins", strings.Replace(opening(), "Host", "Origin: https://app.example\r\nOrigin: https://evil.example\r\nHost", 1), app, 403},
		{"plain request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", nil, 426},
		{"no key", opening("Sec-WebSocket-Key:"), nil, 400},
		{"short key", opening("Sec-WebSocket-Key: dGhlIHNhbXBs"), nil, 400},
		{"version 8", opening("Sec-WebSocket-Version: 8"), nil, 400},
		{"POST", strings.Replace(opening(), "GET", "POST", 1), nil, 405},
		{"body", opening("Content-Length: 5") + "hello", nil, 400},
		{"SIP", "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP a\r\n\r\n", nil, 400},
		{"head over 8 KB", opening("Cookie: "+strings.Repeat("c", 8<<10)) + "", nil, 431},
		{"endless head", "GET / HTTP/1.1\r\nA: " + strings.Repeat("a", 100<<10), nil, 431},
	} {
		t.Run(tc.name, func(t *testing.T) {
			near, far := pipe(t)
			done := accept(far, tc.origins, ws.Options{})
			go func() { _, _ = io.WriteString(near, tc.text) }()
			resp, err := http.ReadResponse(bufio.NewReader(near), nil)
			if err != nil && tc.code != 431 { // bytes nobody read reset the connection: the transport lingers, this test does not
				t.Fatal(err)
			}
			if err == nil && resp.StatusCode != tc.code {
				t.Errorf("%s, want %d", resp.Status, tc.code)
			}
			a := <-done
			if (tc.code == 101) != (a.err == nil) {
				t.Errorf("the server says %v", a.err)
			}
			if a.c != nil {
				if p := resp.Header.Get("Sec-Websocket-Protocol"); !strings.EqualFold(p, "sip") {
					t.Errorf("subprotocol %q", p)
				}
				a.c.CloseNow()
			}
		})
	}
}

func TestDial_ServerThatDoesNotSpeakSIP_IsRefused(t *testing.T) {
	const ok = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
	for name, tc := range map[string]struct {
		answer string // %s is the accept key
		good   bool
	}{
		"good":               {ok + "%s\r\nSec-WebSocket-Protocol: sip\r\n\r\n", true},
		"no subprotocol":     {ok + "%s\r\n\r\n", false},
		"other subprotocol":  {ok + "%s\r\nSec-WebSocket-Protocol: msrp\r\n\r\n", false},
		"wrong accept key":   {ok + "AAAA\r\nSec-WebSocket-Protocol: sip\r\n\r\n", false},
		"compression forced": {ok + "%s\r\nSec-WebSocket-Protocol: sip\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", false},
		"redirect":           {"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", false},
		"refusal, endless":   {"HTTP/1.1 403 Forbidden\r\nContent-Length: 99999999\r\n\r\n", false},
		"endless head":       {"HTTP/1.1 101 Switching Protocols\r\nA: " + strings.Repeat("a", 20<<10), false},
		"not HTTP":           {"SIP/2.0 400 Bad Request\r\n\r\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			near, far := pipe(t)
			go func() {
				r, err := http.ReadRequest(bufio.NewReader(far))
				if err != nil {
					return
				}
				if r.Host != "sbc.example:8443" || r.Header.Get("Sec-Websocket-Protocol") != "sip" || r.Header.Get("Origin") != "" {
					t.Errorf("request %s %v", r.Host, r.Header)
				}
				text := tc.answer
				if strings.Contains(text, "%s") {
					text = fmt.Sprintf(text, acceptKey(r.Header.Get("Sec-Websocket-Key")))
				}
				_, _ = io.WriteString(far, text)
			}()
			c, err := ws.Dial(near, "sbc.example:8443", ws.Options{MaxMessageBytes: maxMessage})
			if tc.good != (err == nil) {
				t.Errorf("error %v", err)
			}
			if c != nil {
				c.CloseNow()
			}
		})
	}
}

// acceptKey is the proof that a server has read a key (RFC 6455 §4.2.2).
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// frame writes one frame of a client, masked unless told otherwise.
func frame(first byte, payload string, announced uint64, masked bool) []byte {
	b := []byte{first}
	mask := byte(0)
	if masked {
		mask = 0x80
	}
	switch {
	case announced < 126:
		b = append(b, mask|byte(announced))
	case announced < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, mask|126), uint16(announced))
	default:
		b = binary.BigEndian.AppendUint64(append(b, mask|127), announced)
	}
	key := []byte{1, 2, 3, 4}
	if masked {
		b = append(b, key...)
	}
	for i := range len(payload) {
		c := payload[i]
		if masked {
			c ^= key[i%4]
		}
		b = append(b, c)
	}
	return b
}

func text(payload string) []byte { return frame(0x81, payload, uint64(len(payload)), true) }

// open makes the opening handshake and gives the server's connection and the client's raw end.
func open(t testing.TB, o ws.Options) (*ws.Conn, net.Conn) {
	t.Helper()
	near, far := pipe(t)
	done := accept(far, nil, o)
	if _, err := io.WriteString(near, opening()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReaderSize(near, 1), nil)
	if err != nil || resp.StatusCode != 101 {
		t.Fatal(resp, err)
	}
	a := <-done
	if a.err != nil {
		t.Fatal(a.err)
	}
	t.Cleanup(a.c.CloseNow)
	return a.c, near
}

// receive reads one message.
func receive(c *ws.Conn, buf []byte) ([]byte, error) {
	if err := c.Await(); err != nil {
		return nil, err
	}
	return c.Read(buf)
}

func TestSecurity04_Frames_HostileOnesEndTheConnection(t *testing.T) {
	big := strings.Repeat("b", maxMessage)
	for name, tc := range map[string]struct {
		wire  []byte
		want  string // the message; "": none
		large bool
		quiet bool // the end of the connection, nobody's fault
	}{
		"a message":                     {text("hello"), "hello", false, false},
		"binary":                        {frame(0x82, "\xff\x00", 2, true), "\xff\x00", false, false},
		"fragmented":                    {slicesOf(frame(0x01, "he", 2, true), frame(0x00, "l", 1, true), frame(0x80, "lo", 2, true)), "hello", false, false},
		"fragmented, ping between":      {slicesOf(frame(0x01, "he", 2, true), frame(0x89, "p", 1, true), frame(0x80, "llo", 3, true)), "hello", false, false},
		"largest":                       {text(big), big, false, false},
		"one byte too large":            {text(big + "b"), "", true, false},
		"too large in fragments":        {slicesOf(frame(0x01, big, maxMessage, true), frame(0x80, "b", 1, true)), "", true, false},
		"announces 2^62":                {frame(0x81, "hello", 1<<62, true), "", false, true},
		"announces 2^62, sends 70 KB":   {frame(0x81, big+strings.Repeat("b", 6000), 1<<62, true), "", true, false},
		"announces 2^63":                {frame(0x81, "hello", 1<<63, true), "", false, false},
		"unmasked":                      {frame(0x81, "hello", 5, false), "", false, false},
		"unmasked fragment":             {slicesOf(frame(0x01, "he", 2, true), frame(0x80, "llo", 3, false)), "", false, false},
		"compressed":                    {frame(0xc1, "hello", 5, true), "", false, false},
		"unknown opcode":                {frame(0x83, "hello", 5, true), "", false, false},
		"continuation of nothing":       {frame(0x80, "hello", 5, true), "", false, false},
		"message within a message":      {slicesOf(frame(0x01, "he", 2, true), text("llo")), "", false, false},
		"fragmented ping":               {frame(0x09, "p", 1, true), "", false, false},
		"ping of 126 bytes":             {frame(0x89, strings.Repeat("p", 126), 126, true), "", false, false},
		"close":                         {frame(0x88, "\x03\xe8", 2, true), "", false, true},
		"end of the connection":         {nil, "", false, true},
		"end within a header":           {[]byte{0x81}, "", false, true},
		"end within a message":          {frame(0x81, "he", 5, true), "", false, true},
		"end between fragments":         {frame(0x01, "whole by the look of it", 23, true), "", false, true},
		"end between fragments, a ping": {slicesOf(frame(0x01, "he", 2, true), frame(0x89, "", 0, true)), "", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			c, near := open(t, ws.Options{})
			go func() {
				_, _ = near.Write(tc.wire)
				_ = near.(*net.TCPConn).CloseWrite()
			}()
			go func() { _, _ = io.Copy(io.Discard, near) }()
			got, err := receive(c, nil)
			if string(got) != tc.want || (tc.want == "") == (err == nil) {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
			if errors.Is(err, ws.ErrTooLarge) != tc.large {
				t.Errorf("too large: %v", err)
			}
			if err != nil && !tc.large && ws.Ended(err) != tc.quiet {
				t.Errorf("no fault of the remote %v: %v", tc.quiet, err)
			}
		})
	}
}

func slicesOf(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestSecurity04_AnnouncedLength_CostsNoMemory(t *testing.T) {
	const conns = 50
	open50 := make([]*ws.Conn, conns)
	nears := make([]net.Conn, conns)
	for i := range conns {
		open50[i], nears[i] = open(t, ws.Options{})
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i, c := range open50 {
		if _, err := nears[i].Write(frame(0x81, "hello", 1<<62, true)); err != nil {
			t.Fatal(err)
		}
		if err := c.Await(); err != nil {
			t.Fatal(err)
		}
		_ = nears[i].(*net.TCPConn).CloseWrite()
		if _, err := c.Read(nil); err == nil {
			t.Fatal("a message")
		}
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > conns*8<<10 {
		t.Errorf("%d bytes allocated for each connection", grown/conns)
	}
}

func TestWrite_TextUnlessItCannotBe(t *testing.T) {
	c, near := open(t, ws.Options{})
	for message, first := range map[string]byte{"hello": 0x81, "\xff\xfe": 0x82} {
		if err := c.Write([]byte(message)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 2+len(message))
		if _, err := io.ReadFull(near, b); err != nil || b[0] != first || string(b[2:]) != message {
			t.Errorf("%q leaves as %q, %v", message, b, err)
		}
	}
}

func TestBothSides_MessagesPingsAndGoodbye(t *testing.T) {
	near, far := pipe(t)
	pinged, ponged := make(chan struct{}, 1), make(chan struct{}, 1)
	done := accept(far, nil, ws.Options{OnPing: func() { pinged <- struct{}{} }})
	client, err := ws.Dial(near, "sbc.example", ws.Options{MaxMessageBytes: maxMessage, OnPong: func() { ponged <- struct{}{} }})
	if err != nil {
		t.Fatal(err)
	}
	a := <-done
	if a.err != nil {
		t.Fatal(a.err)
	}
	echoed := make(chan error, 1)
	go func() {
		for {
			m, err := receive(a.c, nil)
			if err != nil {
				a.c.CloseNow()
				echoed <- err
				return
			}
			_ = a.c.Write(m)
		}
	}()
	for _, size := range []int{0, 1, 125, 126, 1000, 65535, 65536} {
		message := strings.Repeat("m", size)
		if err := client.Write([]byte(message)); err != nil {
			t.Fatal(err)
		}
		if got, err := receive(client, nil); err != nil || string(got) != message {
			t.Fatalf("%d bytes of %d, %v", len(got), size, err)
		}
	}
	heard := make(chan error, 1)
	go func() { heard <- client.Await() }()
	if err := client.Ping(5 * time.Second); err != nil {
		t.Error(err)
	}
	for _, c := range []chan struct{}{pinged, ponged} {
		select {
		case <-c:
		case <-time.After(5 * time.Second):
			t.Fatal("not told")
		}
	}
	_ = near.SetReadDeadline(time.Now())
	<-heard
	_ = near.SetReadDeadline(time.Now().Add(5 * time.Second))
	client.Close()
	if err := <-echoed; !ws.Ended(err) {
		t.Errorf("goodbye is taken for a fault: %v", err)
	}
}

// FuzzFrames feeds a server any bytes: nothing panics, no message is over the limit, and what ends has an error.
func FuzzFrames(f *testing.F) {
	for _, seed := range [][]byte{text("hello"), frame(0x81, "x", 1<<62, true), frame(0x81, "x", 1<<63, true), frame(0x01, "a", 1, true),
		slicesOf(frame(0x01, "he", 2, true), frame(0x80, "llo", 3, true)), frame(0x88, "\x03\xe8bye", 5, true), frame(0x89, "p", 1, true), {0xff, 0xff}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		const most = 100
		c, near := open(t, ws.Options{MaxMessageBytes: most})
		go func() {
			_, _ = near.Write(data)
			_ = near.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, near)
		}()
		for {
			m, err := receive(c, nil)
			if err != nil {
				return
			}
			if len(m) > most {
				t.Fatalf("%d bytes", len(m))
			}
		}
	})
}
