package ws

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/coder/websocket"
)

var errNotChosen = errors.New("the server does not speak the subprotocol sip")

// Dial makes the opening handshake on nc. host is the authority the server is asked for. What happens when ctx ends is
// the caller's: nc stays its to close.
func Dial(nc net.Conn, host string, o Options) (*Conn, error) {
	in := &wire{Conn: nc, left: maxHandshakeBytes}
	h := &handshake{in: in}
	c, _, err := websocket.Dial(context.Background(), "ws://"+host+"/", &websocket.DialOptions{
		HTTPClient: &http.Client{
			Transport:     h,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		Subprotocols:   []string{subprotocol},
		OnPingReceived: o.onPing(),
		OnPongReceived: o.onPong(),
	})
	if err != nil {
		return nil, fmt.Errorf("opening handshake: %w", err)
	}
	if !strings.EqualFold(c.Subprotocol(), subprotocol) {
		_ = c.CloseNow()
		return nil, errNotChosen
	}
	h.upgraded.agreed = true
	return newConn(c, in, o), nil
}

// handshake is the http.RoundTripper of one request on a connection that is open.
type handshake struct {
	in       *wire
	upgraded *upgraded
}

// RoundTrip implements http.RoundTripper.
func (h *handshake) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Write(h.in); err != nil {
		return nil, err
	}
	br := bufio.NewReaderSize(h.in, bufferBytes)
	resp, err := http.ReadResponse(br, r)
	if err != nil {
		if h.in.left == 0 {
			return nil, errLarge
		}
		if h.in.over != nil {
			return nil, h.in.over
		}
		return nil, err
	}
	h.in.left = -1
	resp.Body = http.NoBody // closing the real one would read all that follows a refusal
	if resp.StatusCode == http.StatusSwitchingProtocols {
		h.upgraded = &upgraded{Conn: h.in, rest: br}
		resp.Body = h.upgraded
	}
	return resp, nil
}

// upgraded is the connection behind a 101, with what was read beyond its head.
type upgraded struct {
	net.Conn
	rest   *bufio.Reader // nil once there is nothing in it
	agreed bool          // else nothing is read: the library would wait for the body of what it refuses
}

var _ io.ReadWriteCloser = (*upgraded)(nil)

// Read implements io.Reader.
func (u *upgraded) Read(p []byte) (int, error) {
	if !u.agreed {
		return 0, io.EOF
	}
	if u.rest != nil && u.rest.Buffered() > 0 {
		return u.rest.Read(p[:min(len(p), u.rest.Buffered())])
	}
	u.rest = nil
	return u.Conn.Read(p)
}
