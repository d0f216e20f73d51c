package stream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"time"

	"gatehouse/sip/msg"
	"gatehouse/sip/transport/ws"
)

// Layers say what a connection is made of above TCP.
type Layers struct {
	Secure    bool
	TLS       *tls.Config // when Secure
	WebSocket bool
	Origins   []string // accepting: where browsers may come from
	Host      string   // opening: the authority that is asked for
}

// HandshakeError says how a handshake on an accepted connection failed.
type HandshakeError struct {
	Err error
	// Cut: the connection was cut by us. Late: it took too long. Quiet: the remote left before it sent anything. AboutUs:
	// it did not like our certificate, or changed its mind. Else the remote broke the protocol or was refused.
	Cut, Late, Quiet, AboutUs bool
}

// Error implements error.
func (e *HandshakeError) Error() string { return fmt.Sprintf("handshake: %v", e.Err) }

// Unwrap gives the cause.
func (e *HandshakeError) Unwrap() error { return e.Err }

// Accept makes the handshakes of an accepted connection, whose socket is attached, puts it in service, and reports
// whether it is. done is called when they are over, with what went wrong, before a refused remote is given time to read
// why.
func (c *Conn) Accept(l Layers, done func(*HandshakeError)) bool {
	s := c.sock
	s.most = maxHandshakeBytes
	_ = s.SetReadDeadline(c.opened.Add(min(c.o.Limits.Handshake, c.o.Limits.FirstMessage)))
	err := c.acceptLayers(l)
	s.most = 0
	if err == nil {
		done(nil)
		return c.setOpen() == nil
	}
	e := &HandshakeError{Err: err, Cut: c.cut(), Late: isTimeout(err), AboutUs: aboutUs(err)}
	e.Quiet = s.got == 0 && ws.Ended(err) && !e.Late
	done(e)
	if !e.Cut && !ws.Ended(err) {
		linger(s, time.Now().Add(c.o.Limits.Linger))
	}
	c.Kill(e)
	return false
}

func (c *Conn) acceptLayers(l Layers) error {
	c.nc = c.sock
	if l.Secure {
		if l.TLS == nil {
			return ErrNoTLS
		}
		t := tls.Server(c.sock, l.TLS)
		if err := t.Handshake(); err != nil {
			return err
		}
		c.nc = t
		if chains := t.ConnectionState().VerifiedChains; len(chains) > 0 {
			c.leaf = chains[0][0]
		}
	}
	if !l.WebSocket {
		return nil
	}
	var err error
	c.ws, err = ws.Accept(c.nc, l.Origins, c.wsOptions())
	return err
}

// Dial makes the handshakes of a connection we opened, whose socket is attached, and puts it in service. One that fails
// is never put in service with fewer layers. The TLS configuration verifies what the server shows.
func (c *Conn) Dial(ctx context.Context, l Layers) error {
	c.nc = c.sock
	if l.Secure {
		leaf, err := c.dialTLS(ctx, l.TLS)
		if err != nil {
			return err
		}
		c.leaf = leaf
	}
	if l.WebSocket {
		if by, ok := ctx.Deadline(); ok {
			_ = c.sock.SetReadDeadline(by)
		}
		var err error
		if c.ws, err = ws.Dial(c.nc, l.Host, c.wsOptions()); err != nil {
			return err
		}
	}
	return c.setOpen()
}

func (c *Conn) dialTLS(ctx context.Context, config *tls.Config) (*x509.Certificate, error) {
	if config == nil {
		return nil, ErrNoTLS
	}
	t := tls.Client(c.sock, config)
	if err := t.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	c.nc = t
	if shown := t.ConnectionState().PeerCertificates; len(shown) > 0 {
		return shown[0], nil
	}
	return nil, nil
}

func (c *Conn) wsOptions() ws.Options {
	return ws.Options{MaxMessageBytes: msg.MaxMessageBytes, OnPing: c.wsAlive, OnPong: func() {
		c.wsAlive()
		c.ponged()
	}}
}

// hangUp takes leave of the remote as its protocol wants, unless the connection is cut already. lingering: a refusal is
// on its way to the remote.
func (c *Conn) hangUp(err error, lingering bool) {
	c.mu.Lock()
	cut, by := c.state == closed, c.endBy
	c.mu.Unlock()
	if !cut && lingering {
		linger(c.nc, time.Now().Add(c.o.Limits.Linger))
	}
	switch {
	case c.ws == nil && !cut:
		_ = c.nc.Close() // TLS says goodbye
	case c.ws == nil:
	case cut || lingering || ws.Ended(err):
		c.ws.CloseNow()
	default:
		_ = c.sock.SetReadDeadline(by)
		c.ws.Close()
	}
}

// linger tells the remote that nothing more comes and reads on for a moment: closing with unread bytes would reset the
// connection, and the reset could overtake the refusal.
func linger(nc net.Conn, by time.Time) {
	if h, ok := nc.(interface{ CloseWrite() error }); ok {
		_ = h.CloseWrite()
	}
	_ = nc.SetReadDeadline(by)
	// Not io.Copy: its buffers are larger than all else this connection still holds.
	b := make([]byte, lingerBufferBytes)
	for left := maxLingerBytes; left > 0; {
		n, err := nc.Read(b)
		if err != nil {
			return
		}
		left -= n
	}
}
