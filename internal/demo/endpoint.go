package demo

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
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

// Endpoint is one SIP user agent on one address.
type Endpoint struct {
	name     string
	carrier  carrier
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

// newEndpoint makes an endpoint whose carrier is still to be set, before
// anything is read.
func newEndpoint(name string, addr netip.AddrPort, ladder *Ladder) *Endpoint {
	return &Endpoint{
		name:     name,
		addr:     addr,
		ladder:   ladder,
		incoming: make(chan *Call, waitingCalls),
		done:     make(chan struct{}),
		clients:  map[string]*client{},
		servers:  map[string]*server{},
		calls:    map[string]*Call{},
	}
}

// Addr is the address the endpoint listens on.
func (e *Endpoint) Addr() netip.AddrPort { return e.addr }

// Malformed counts what was received and was no SIP message.
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
	err := e.carrier.close()
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

// receive handles one message; the bytes are kept.
func (e *Endpoint) receive(raw []byte, from netip.AddrPort) {
	in := &inbound{from: from, at: time.Now()}
	e.ladder.Add(e.name, Received, raw, in.at)
	if err := in.Parse(raw, msg.Datagram); err != nil {
		e.mu.Lock()
		e.malformed++
		e.mu.Unlock()
		return
	}
	if in.IsRequest() {
		e.request(in)
	} else {
		e.response(in)
	}
}

// send writes one message.
func (e *Endpoint) send(raw []byte, to netip.AddrPort) {
	e.ladder.Add(e.name, Sent, raw, time.Now())
	e.carrier.send(raw, to)
}

// contact is our URI as others reach it.
func (e *Endpoint) contact() string { return "<sip:" + e.addr.String() + e.carrier.param() + ">" }

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
