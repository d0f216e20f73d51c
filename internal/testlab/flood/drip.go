package flood

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Drip says what a flood of slow connections is.
type Drip struct {
	To        netip.AddrPort
	From      netip.Prefix // its addresses are used from the first on
	Addresses int          // how many sources the connections are spread over
	Conns     int
}

// Dripping is a running one. One goroutine owns the connections.
type Dripping struct {
	drip  Drip
	text  []byte
	conns []dripper
	done  chan struct{}
	work  sync.WaitGroup

	open, cut atomic.Int64

	mu  sync.Mutex
	err error // guarded by mu: the last failure to open a connection
}

// dripper is one connection, and how much of the message it has sent.
type dripper struct {
	conn net.Conn
	sent int
}

// Start opens all connections, one after the other, and begins to drip.
func (d Drip) Start() (*Dripping, error) {
	if d.Addresses <= 0 || d.Conns <= 0 {
		return nil, errors.New("a drip needs addresses and connections")
	}
	r := &Dripping{drip: d, text: newTemplate(Invite, d.To).text, conns: make([]dripper, d.Conns), done: make(chan struct{})}
	for i := range r.conns {
		if err := r.connect(i); err != nil {
			r.close()
			return nil, err
		}
	}
	r.work.Go(r.run)
	return r, nil
}

func (r *Dripping) connect(i int) error {
	from := r.drip.From.Masked().Addr().Next()
	for range i % r.drip.Addresses {
		from = from.Next()
	}
	dialer := net.Dialer{Timeout: openWithin, LocalAddr: &net.TCPAddr{IP: from.AsSlice()}}
	conn, err := dialer.Dial("tcp", r.drip.To.String())
	if err != nil {
		return fmt.Errorf("connection %d of a drip: %w", i, err)
	}
	r.conns[i] = dripper{conn: conn}
	r.open.Add(1)
	return nil
}

// run gives every connection one byte a second, evenly spread over the second, and opens those anew that were cut.
func (r *Dripping) run() {
	defer r.close()
	tick := time.NewTicker(step)
	defer tick.Stop()
	began := time.Now()
	for next := 0; ; {
		select {
		case <-r.done:
			return
		case <-tick.C:
		}
		for due := int(time.Since(began).Seconds() * float64(len(r.conns))); next < due; next++ {
			r.drop(next % len(r.conns))
		}
	}
}

// drop sends the next byte of one connection. What it was cut for shows at the second write after it.
func (r *Dripping) drop(i int) {
	c := &r.conns[i]
	if c.conn != nil {
		at := c.sent % len(r.text)
		_, err := c.conn.Write(r.text[at : at+1])
		c.sent++
		if err == nil {
			return
		}
		_ = c.conn.Close()
		c.conn = nil
		r.open.Add(-1)
		r.cut.Add(1)
	}
	if err := r.connect(i); err != nil {
		r.mu.Lock()
		r.err = err
		r.mu.Unlock()
	}
}

func (r *Dripping) close() {
	for i := range r.conns {
		if c := r.conns[i].conn; c != nil {
			_ = c.Close()
		}
	}
}

// Open is how many connections are open as far as this side knows.
func (r *Dripping) Open() int { return int(r.open.Load()) }

// Cut is how many connections the other side ended so far.
func (r *Dripping) Cut() int { return int(r.cut.Load()) }

// Stop ends it; the error is the last reason for which a connection could not be opened anew.
func (r *Dripping) Stop() error {
	close(r.done)
	r.work.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}
