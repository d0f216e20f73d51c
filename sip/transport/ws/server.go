package ws

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/coder/websocket"
)

const (
	// subprotocol is what SIP is called among WebSocket subprotocols (RFC 7118 §4.1).
	subprotocol = "sip"
	// maxHandshakeBytes bounds the head of an opening handshake: browsers send 1 KB, with cookies more.
	maxHandshakeBytes = 8 << 10
	// bufferBytes is the read and the write buffer of a connection; a usual message passes in one piece.
	bufferBytes = 2 << 10
)

var (
	errSubprotocol = errors.New("the subprotocol sip is not asked for")
	errOrigin      = errors.New("the Origin is not allowed")
	errLarge       = errors.New("opening handshake too large")
	errBody        = errors.New("opening handshake with a body")
)

// Accept answers the opening handshake that comes on nc. origins are those that browsers may come from: a request that
// names none is from no browser, and "*" allows all. A handshake that is refused is answered; nc stays the caller's to
// close.
func Accept(nc net.Conn, origins []string, o Options) (*Conn, error) {
	in := &wire{Conn: nc, left: maxHandshakeBytes}
	w := &answer{conn: in, br: bufio.NewReaderSize(in, bufferBytes), header: make(http.Header)}
	r, err := http.ReadRequest(w.br)
	switch {
	case in.left == 0 && err != nil:
		w.refuse(http.StatusRequestHeaderFieldsTooLarge)
		return nil, errLarge
	case err != nil && in.over != nil: // the reader may say that half a line is no request
		return nil, fmt.Errorf("opening handshake: %w", in.over)
	case err != nil:
		w.refuse(http.StatusBadRequest)
		return nil, fmt.Errorf("opening handshake: %w", err)
	case r.ContentLength != 0:
		w.refuse(http.StatusBadRequest)
		return nil, errBody
	case !originAllowed(r.Header["Origin"], origins):
		w.refuse(http.StatusForbidden)
		return nil, errOrigin
	}
	in.left = -1
	if r.Header.Get("Sec-Websocket-Key") != "" && !asksForSIP(r.Header) {
		w.refuse(http.StatusBadRequest)
		return nil, errSubprotocol
	}
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols:       []string{subprotocol},
		InsecureSkipVerify: true, // the Origin is dealt with
		OnPingReceived:     o.onPing(),
		OnPongReceived:     o.onPong(),
	})
	if err != nil {
		return nil, fmt.Errorf("opening handshake: %w", err)
	}
	return newConn(c, in, o), nil
}

// originAllowed reports whether a browser may come from where it does.
func originAllowed(origin, allowed []string) bool {
	if len(origin) == 0 || slices.Contains(allowed, "*") {
		return true
	}
	return len(origin) == 1 && slices.ContainsFunc(allowed, func(a string) bool {
		return strings.EqualFold(strings.TrimSuffix(a, "/"), origin[0])
	})
}

// asksForSIP reports whether a client offers the subprotocol.
func asksForSIP(h http.Header) bool {
	for _, line := range h["Sec-Websocket-Protocol"] {
		for name := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(name), subprotocol) {
				return true
			}
		}
	}
	return false
}

// answer writes the response of an opening handshake: the library's when it agrees, our own short one when it refuses,
// since its reasons repeat what the client sent.
type answer struct {
	conn   net.Conn
	br     *bufio.Reader
	header http.Header
	err    error // of writing the head
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(code int) {
	if code != http.StatusSwitchingProtocols {
		a.refuse(code)
		return
	}
	a.head(code)
}

// Write implements http.ResponseWriter: the reasons of the library stay here.
func (a *answer) Write(p []byte) (int, error) { return len(p), nil }

// Hijack implements http.Hijacker.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return a.conn, bufio.NewReadWriter(a.br, bufio.NewWriterSize(a.conn, bufferBytes)), a.err
}

func (a *answer) refuse(code int) {
	a.header.Del("Content-Type")
	a.header.Del("X-Content-Type-Options")
	a.header.Set("Content-Length", "0")
	a.header.Set("Connection", "close")
	if code == http.StatusUpgradeRequired {
		a.header.Set("Connection", "Upgrade, close")
	}
	a.head(code)
}

func (a *answer) head(code int) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", code, http.StatusText(code))
	_ = a.header.Write(&b) // a buffer takes everything
	b.WriteString("\r\n")
	_, a.err = a.conn.Write(b.Bytes())
}
