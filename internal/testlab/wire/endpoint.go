package wire

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Timeouts of one step: opening a connection, or handing one message to the kernel. Everything is on this machine.
const (
	openWithin  = 5 * time.Second
	writeWithin = 5 * time.Second
)

// maxMessageBytes is what the largest datagram carries; a message on a stream may not be larger.
const maxMessageBytes = 65535

// Options say what an endpoint is.
type Options struct {
	Proto  Proto
	Addr   netip.AddrPort // where it listens, and the address its connections come from; port 0 takes a free one
	Server *tls.Config    // TLS and WSS: for those who connect
	Client *tls.Config    // TLS and WSS: for the connections it opens
	Origin string         // WS and WSS: the Origin of the connections it opens, as a browser sends it; empty: none
	Path   string         // WS and WSS: of the resource asked for; empty: /
}

// link is a way to one remote: a connection, or the socket of all datagrams.
type link interface {
	send(raw []byte) error
	close()
}

// Endpoint is one SIP endpoint on one transport.
type Endpoint struct {
	options Options
	addr    netip.AddrPort
	reader  sync.WaitGroup // all goroutines

	mu     sync.Mutex
	closed bool                    // guarded by mu
	links  map[netip.AddrPort]link // guarded by mu: connections, by the remote address
	got    []Message               // guarded by mu
	bad    []string                // guarded by mu: what nobody should have sent
	news   chan struct{}           // guarded by mu: closed when got grows, then made anew

	stop func() // closes what listens
	udp  *datagram
}

var errClosed = errors.New("endpoint is closed")

// Listen opens an endpoint.
func Listen(o Options) (*Endpoint, error) {
	e := &Endpoint{options: o, links: map[netip.AddrPort]link{}, news: make(chan struct{})}
	var err error
	switch o.Proto {
	case UDP:
		err = e.listenUDP()
	case TCP, TLS:
		err = e.listenStream()
	case WS, WSS:
		err = e.listenWebSocket()
	default:
		err = fmt.Errorf("transport %q", o.Proto)
	}
	if err != nil {
		return nil, fmt.Errorf("%s on %s: %w", o.Proto, o.Addr, err)
	}
	return e, nil
}

// Proto is its transport.
func (e *Endpoint) Proto() Proto { return e.options.Proto }

// Addr is where it listens.
func (e *Endpoint) Addr() netip.AddrPort { return e.addr }

// Close ends every connection, and returns when nothing of the endpoint runs any more.
func (e *Endpoint) Close() {
	e.mu.Lock()
	e.closed = true
	links := e.links
	e.links = map[netip.AddrPort]link{}
	e.mu.Unlock()
	e.stop()
	for _, l := range links {
		l.close()
	}
	e.reader.Wait()
}

// Send gives one message to a remote: in a datagram, or over the connection to that address, which is opened when there is none.
func (e *Endpoint) Send(to netip.AddrPort, raw string) error {
	if e.udp != nil {
		return e.udp.send(to, []byte(raw))
	}
	l, err := e.reach(to)
	if err != nil {
		return err
	}
	if err := l.send([]byte(raw)); err != nil {
		return fmt.Errorf("%s to %s: %w", e.options.Proto, to, err)
	}
	return nil
}

// Connect opens the connection to a remote, as the first Send would.
func (e *Endpoint) Connect(to netip.AddrPort) error {
	_, err := e.reach(to)
	return err
}

// Cut ends the connections the endpoint has, those it opened and those it took, and goes on listening.
func (e *Endpoint) Cut() {
	e.mu.Lock()
	links := e.links
	e.links = map[netip.AddrPort]link{}
	e.mu.Unlock()
	for _, l := range links {
		l.close()
	}
}

// Connected is how many connections there are.
func (e *Endpoint) Connected() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.links)
}

func (e *Endpoint) reach(to netip.AddrPort) (link, error) {
	e.mu.Lock()
	l := e.links[to]
	e.mu.Unlock()
	if l != nil {
		return l, nil
	}
	var err error
	switch e.options.Proto {
	case TCP, TLS:
		l, err = e.dialStream(to)
	case WS, WSS:
		l, err = e.dialWebSocket(to)
	case UDP:
		err = errors.New("no connections over UDP")
	}
	if err != nil {
		return nil, fmt.Errorf("%s connection to %s: %w", e.options.Proto, to, err)
	}
	return l, nil
}

// adopt starts reading a connection; it is refused when the endpoint was closed meanwhile. When two were opened at once, the newer one is used.
func (e *Endpoint) adopt(remote netip.AddrPort, l link, read func(keep func([]byte)) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		l.close()
		return errClosed
	}
	e.links[remote] = l
	e.reader.Add(1)
	go func() {
		defer e.reader.Done()
		_ = read(func(raw []byte) { e.keep(remote, raw) }) // the end of a connection is no news by itself
		l.close()
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.links[remote] == l {
			delete(e.links, remote)
		}
	}()
	return nil
}

// keep stores what arrived and wakes who waits.
func (e *Endpoint) keep(from netip.AddrPort, raw []byte) {
	m, err := Parse(raw)
	m.From, m.At = from, time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil {
		e.bad = append(e.bad, fmt.Sprintf("%v in:\n%s", err, m.Raw))
	}
	e.got = append(e.got, m)
	close(e.news)
	e.news = make(chan struct{})
}

// Received is everything so far.
func (e *Endpoint) Received() []Message {
	got, _ := e.since(0)
	return got
}

// Seen is how many messages were received, to be given to First.
func (e *Endpoint) Seen() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.got)
}

// Malformed is what was received that no parser should have to read.
func (e *Endpoint) Malformed() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.bad)
}

func (e *Endpoint) since(from int) ([]Message, <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.got[min(from, len(e.got)):]), e.news
}

// First waits for the first message that fits, from the one with index from.
func (e *Endpoint) First(from int, within time.Duration, fits func(Message) bool) (Message, bool) {
	timer := time.NewTimer(within)
	defer timer.Stop()
	for {
		got, news := e.since(from)
		for _, m := range got {
			if fits(m) {
				return m, true
			}
		}
		from += len(got)
		select {
		case <-news:
		case <-timer.C:
			return Message{}, false
		}
	}
}
