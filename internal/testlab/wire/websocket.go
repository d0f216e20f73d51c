package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/coder/websocket"
)

// subprotocol is asked for by every client and confirmed by every server (RFC 7118 §4.1).
const subprotocol = "sip"

var errSubprotocol = errors.New("the server did not confirm the subprotocol sip")

// socket is a WebSocket: one message is one frame (RFC 7118 §5.1).
type socket struct{ conn *websocket.Conn }

func (s *socket) send(raw []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeWithin)
	defer cancel()
	return s.conn.Write(ctx, websocket.MessageText, raw)
}

func (s *socket) close() { _ = s.conn.CloseNow() }

func (s *socket) read(keep func([]byte)) error {
	s.conn.SetReadLimit(maxMessageBytes)
	for {
		_, raw, err := s.conn.Read(context.Background())
		if err != nil {
			return err
		}
		keep(raw)
	}
}

func (e *Endpoint) listenWebSocket() error {
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(e.options.Addr))
	if err != nil {
		return err
	}
	e.addr = addrOf(l.Addr())
	server := &http.Server{Handler: http.HandlerFunc(e.upgrade), ReadHeaderTimeout: openWithin}
	e.stop = func() { _ = server.Close() }
	var in net.Listener = l
	if e.options.Proto == WSS {
		in = tls.NewListener(l, e.options.Server)
	}
	e.reader.Go(func() { _ = server.Serve(in) })
	return nil
}

// upgrade takes a WebSocket; whoever asks without the subprotocol gets it without, and is then no SIP peer.
func (e *Endpoint) upgrade(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{subprotocol}, InsecureSkipVerify: true})
	if err != nil {
		return
	}
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || conn.Subprotocol() != subprotocol {
		_ = conn.Close(websocket.StatusProtocolError, "subprotocol sip")
		return
	}
	s := &socket{conn: conn}
	_ = e.adopt(netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port()), s, s.read)
}

func (e *Endpoint) dialWebSocket(to netip.AddrPort) (link, error) {
	ctx, cancel := context.WithTimeout(context.Background(), openWithin)
	defer cancel()
	transport := &http.Transport{
		DialContext:    func(ctx context.Context, _, _ string) (net.Conn, error) { return e.dial(ctx, to) },
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return e.dialTLS(ctx, to) },
		// A server that lingers over its answer must not keep the test.
		ResponseHeaderTimeout: openWithin,
		IdleConnTimeout:       time.Second,
	}
	header := http.Header{}
	if e.options.Origin != "" {
		header.Set("Origin", e.options.Origin)
	}
	url := e.options.Proto.Param() + "://" + to.String() + "/" + e.options.Path
	conn, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: transport}, HTTPHeader: header, Subprotocols: []string{subprotocol},
	})
	if err != nil {
		return nil, err
	}
	if conn.Subprotocol() != subprotocol {
		_ = conn.CloseNow()
		return nil, errSubprotocol
	}
	s := &socket{conn: conn}
	return s, e.adopt(to, s, s.read)
}
