package demo

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"gatehouse/sip/msg"
)

// Errors a caller of this package may want to tell apart.
var (
	// ErrClosed says that the endpoint was closed.
	ErrClosed = errors.New("endpoint closed")
	// ErrTimeout says that the other side did not answer within 64*T1.
	ErrTimeout = errors.New("no answer within 64*T1")
)

// Endpoint is one SIP user agent on one UDP socket.
type Endpoint struct {
	name     string
	conn     *net.UDPConn
	addr     netip.AddrPort
	ladder   *Ladder
	incoming chan *Call
	done     chan struct{}
	work     sync.WaitGroup

	mu        sync.Mutex // guards what follows
	closed    bool
	clients   map[string]*client // by branch and method
	servers   map[string]*server // by RFC 3261 §17.2.3 key
	calls     map[string]*Call   // by Call-ID and our tag
	order     []func()           // forgets the oldest transaction
	malformed int
}

// inbound is one received message and where it came from. It is only read
// after it was parsed.
type inbound struct {
	msg.Message
	from netip.AddrPort
	at   time.Time
}

// Listen opens an endpoint. Its messages are added to the ladder under its
// name; the ladder may be nil. Port 0 picks a free one.
func Listen(name string, addr netip.AddrPort, ladder *Ladder) (*Endpoint, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, fmt.Errorf("open endpoint %s: %w", name, err)
	}
	bound := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	e := &Endpoint{
		name:     name,
		conn:     conn,
		addr:     netip.AddrPortFrom(bound.Addr().Unmap(), bound.Port()),
		ladder:   ladder,
		incoming: make(chan *Call, waitingCalls),
		done:     make(chan struct{}),
		clients:  map[string]*client{},
		servers:  map[string]*server{},
		calls:    map[string]*Call{},
	}
	e.work.Go(e.read)
	return e, nil
}

// Addr is the address the endpoint listens on.
func (e *Endpoint) Addr() netip.AddrPort { return e.addr }

// Malformed counts received datagrams that were no SIP message.
func (e *Endpoint) Malformed() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.malformed
}

// Close ends the endpoint and joins its goroutines. Calls are not hung up.
func (e *Endpoint) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	close(e.done)
	e.mu.Unlock()
	err := e.conn.Close()
	e.work.Wait()
	if err != nil {
		return fmt.Errorf("close endpoint %s: %w", e.name, err)
	}
	return nil
}

// spawn runs f in a goroutine Close waits for, unless the endpoint is closed.
func (e *Endpoint) spawn(f func()) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	e.work.Go(f)
	return true
}

func (e *Endpoint) read() {
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := e.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error of an earlier send, not the end of the socket
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		in := &inbound{from: from, at: time.Now()}
		raw := append([]byte(nil), buf[:n]...)
		e.ladder.Add(e.name, Received, raw, in.at)
		if err := in.Parse(raw, msg.Datagram); err != nil {
			e.mu.Lock()
			e.malformed++
			e.mu.Unlock()
			continue
		}
		if in.IsRequest() {
			e.request(in)
		} else {
			e.response(in)
		}
	}
}

// send writes one datagram. A lost one is repeated by its transaction, so an
// error is not more than a loss.
func (e *Endpoint) send(raw []byte, to netip.AddrPort) {
	e.ladder.Add(e.name, Sent, raw, time.Now())
	_, _ = e.conn.WriteToUDPAddrPort(raw, to) // see above
}

// rememberLocked makes room for a transaction that forget removes again.
func (e *Endpoint) rememberLocked(forget func()) {
	e.order = append(e.order, forget)
	if len(e.order) > rememberedTransactions {
		e.order[0]()
		e.order = e.order[1:]
	}
}

// randomText gives n random bytes in hexadecimal, for tags and branches.
func randomText(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // crypto/rand.Read never fails
	return hex.EncodeToString(b)
}
