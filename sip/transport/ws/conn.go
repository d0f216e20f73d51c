package ws

import (
	"context"
	"errors"
	"io"
	"net"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
)

// Options are common to both sides.
type Options struct {
	MaxMessageBytes int
	// OnPing and OnPong, when set, hear of control frames; they are called while Await or Read runs.
	OnPing, OnPong func()
}

// ErrTooLarge means that a message is larger than the limit; the remote has been told.
var ErrTooLarge = errors.New("message too large")

// Conn is a WebSocket connection with the subprotocol sip.
type Conn struct {
	c   *websocket.Conn
	in  *wire
	max int
	r   io.Reader // of the message that has begun
}

// firstReadBytes is the room a message is given before any of it has been read.
const firstReadBytes = 1 << 10

func newConn(c *websocket.Conn, in *wire, o Options) *Conn {
	c.SetReadLimit(int64(o.MaxMessageBytes))
	return &Conn{c: c, in: in, max: o.MaxMessageBytes}
}

// Await waits for a message to begin, answering control frames. When it fails the connection is of no more use.
func (c *Conn) Await() error {
	_, r, err := c.c.Reader(context.Background())
	c.r = r
	return err
}

// Read reads the message that has begun to its end, into buf as far as it fits. Memory grows with the bytes that came.
func (c *Conn) Read(buf []byte) ([]byte, error) {
	if cap(buf) == 0 {
		buf = make([]byte, 0, firstReadBytes)
	}
	buf = buf[:0]
	for {
		if len(buf) == cap(buf) {
			// One byte more than the library reads of a message over the limit, so that it is asked once more and says so.
			grown := make([]byte, len(buf), min(2*cap(buf), c.max+2))
			copy(grown, buf)
			buf = grown
		}
		n, err := c.r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case errors.Is(err, websocket.ErrMessageTooBig):
			return nil, ErrTooLarge
		case errors.Is(err, io.EOF) && c.in.over == nil:
			return buf, nil
		case errors.Is(err, io.EOF): // the library takes the end of the connection for that of the message
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		}
	}
}

// Write sends one message, as text when it is UTF-8 (RFC 7118 §4.2).
func (c *Conn) Write(message []byte) error {
	kind := websocket.MessageBinary
	if utf8.Valid(message) {
		kind = websocket.MessageText
	}
	return c.c.Write(context.Background(), kind, message)
}

// Ping sends a ping and waits for its pong, which only a goroutine in Await or Read hears.
func (c *Conn) Ping(within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	return c.c.Ping(ctx)
}

// Close says goodbye, waits for the remote to do the same, and closes the connection. It must not be called while Await
// or Read runs.
func (c *Conn) Close() { _ = c.c.Close(websocket.StatusNormalClosure, "") }

// CloseNow closes the connection.
func (c *Conn) CloseNow() { _ = c.c.CloseNow() }

// Ended reports whether an error means that the connection ended, in whatever way, rather than that the remote broke
// the protocol.
func Ended(err error) bool {
	var ne net.Error
	var ce websocket.CloseError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.As(err, &ne) || errors.As(err, &ce)
}

func (o Options) onPing() func(context.Context, []byte) bool {
	return func(context.Context, []byte) bool {
		if o.OnPing != nil {
			o.OnPing()
		}
		return true
	}
}

func (o Options) onPong() func(context.Context, []byte) {
	return func(context.Context, []byte) {
		if o.OnPong != nil {
			o.OnPong()
		}
	}
}
