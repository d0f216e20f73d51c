package admin

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	stdlog "log" //nolint:depguard // http.Server.ErrorLog takes no other logger
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rs/zerolog"
)

// Options set up a Server.
type Options struct {
	// Listen is the address; port 0 picks a free one.
	Listen netip.AddrPort
	// Token is the bearer token; without one Listen must be a loopback address.
	Token   string
	Gateway Gateway
	Metrics http.Handler
	Log     zerolog.Logger
	// Noise takes what anybody who reaches the listener can trigger, so the
	// caller must have it sampled.
	Noise zerolog.Logger
	// MaxConns is how many connections may be open; more wait in the kernel's
	// queue. 0 is 128.
	MaxConns int
}

// Server is the running API.
type Server struct {
	gateway  Gateway
	metrics  http.Handler
	log      zerolog.Logger
	noise    zerolog.Logger
	loopback bool
	token    atomic.Pointer[[sha256.Size]byte] // of the token; nil without one
	origins  *http.CrossOriginProtection

	http     *http.Server
	listener net.Listener
	work     sync.WaitGroup
}

var (
	errNoToken    = errors.New("without a token it must be a loopback address")
	errShortToken = fmt.Errorf("the token has fewer than %d characters", MinTokenBytes)
)

// Open binds the listener and serves.
func Open(o Options) (*Server, error) {
	s := &Server{gateway: o.Gateway, metrics: o.Metrics, log: o.Log, noise: o.Noise,
		loopback: o.Listen.Addr().Unmap().IsLoopback(), origins: http.NewCrossOriginProtection()}
	if err := s.SetToken(o.Token); err != nil {
		return nil, fmt.Errorf("admin listener %s: %w", o.Listen, err)
	}
	l, err := net.Listen("tcp", o.Listen.String())
	if err != nil {
		return nil, fmt.Errorf("admin listener: %w", err)
	}
	s.listener = newCapped(l, cmp.Or(o.MaxConns, defaultConns))
	s.http = &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: headTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeadBytes,
		ErrorLog:          stdlog.New(errorLog{o.Noise}, "", 0),
	}
	s.work.Go(func() {
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error().Err(err).Msg("admin listener ended")
		}
	})
	return s, nil
}

// Addr is the address the server listens on.
func (s *Server) Addr() netip.AddrPort { return s.listener.Addr().(*net.TCPAddr).AddrPort() }

// SetToken changes the token at a reload. A token that is refused changes nothing.
func (s *Server) SetToken(token string) error {
	switch {
	case token == "" && !s.loopback:
		return errNoToken
	case token == "":
		s.token.Store(nil)
		return nil
	case len(token) < MinTokenBytes:
		return errShortToken
	}
	sum := sha256.Sum256([]byte(token))
	s.token.Store(&sum)
	return nil
}

// Close stops accepting and waits for the requests under way until the context
// ends; then they are cut off, which is no error: their clients are slow.
func (s *Server) Close(ctx context.Context) error {
	var err error
	if s.http.Shutdown(ctx) != nil {
		err = s.http.Close()
	}
	s.work.Wait()
	if err != nil {
		return fmt.Errorf("close admin listener: %w", err)
	}
	return nil
}

// errorLog takes net/http's own complaints, most of them about clients.
type errorLog struct{ log zerolog.Logger }

// Write implements io.Writer.
func (l errorLog) Write(p []byte) (int, error) {
	l.log.Debug().Str("cause", strings.TrimSpace(string(p))).Msg("admin connection")
	return len(p), nil
}

// capped lets a bounded number of connections be open.
type capped struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func newCapped(l net.Listener, most int) *capped {
	return &capped{Listener: l, slots: make(chan struct{}, most), closed: make(chan struct{})}
}

// Accept waits for a free slot, then for a connection.
func (c *capped) Accept() (net.Conn, error) {
	select {
	case c.slots <- struct{}{}:
	case <-c.closed:
		return nil, net.ErrClosed
	}
	conn, err := c.Listener.Accept()
	if err != nil {
		<-c.slots
		return nil, err
	}
	return &slotConn{Conn: conn, free: sync.OnceFunc(func() { <-c.slots })}, nil
}

// Close ends a waiting Accept too.
func (c *capped) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Listener.Close()
}

// slotConn gives its slot back once it is closed.
type slotConn struct {
	net.Conn
	free func()
}

// Close closes the connection.
func (c *slotConn) Close() error {
	defer c.free()
	return c.Conn.Close()
}
