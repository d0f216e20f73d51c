package memnet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"gatehouse/sip/transport"
)

// Listener accepts streams. It implements net.Listener.
type Listener struct {
	n          *Network
	addr       netip.AddrPort
	acceptable *sync.Cond // on n.mu
	backlog    []*Conn
	failures   []error
	closed     bool
}

// ListenTCP binds and listens; port 0 picks a free one.
func (n *Network) ListenTCP(a netip.AddrPort) (*Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a, err := n.bindLocked("listen tcp", a, func(a netip.AddrPort) bool { return n.tcp[a] != nil })
	if err != nil {
		return nil, err
	}
	l := &Listener{n: n, addr: a, acceptable: sync.NewCond(&n.mu)}
	n.tcp[a] = l
	return l, nil
}

// Accept waits for the next stream.
func (l *Listener) Accept() (net.Conn, error) {
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	for {
		switch {
		case l.closed:
			return nil, fmt.Errorf("accept tcp %s: %w", l.addr, net.ErrClosed)
		case len(l.failures) > 0:
			err := l.failures[0]
			l.failures = l.failures[1:]
			return nil, fmt.Errorf("accept tcp %s: %w", l.addr, err)
		case len(l.backlog) > 0:
			c := l.backlog[0]
			l.backlog = l.backlog[1:]
			return c, nil
		}
		l.acceptable.Wait()
	}
}

// FailAccept makes the next calls of Accept fail, with one error each, e.g. syscall.EMFILE.
func (l *Listener) FailAccept(errs ...error) {
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	l.failures = append(l.failures, errs...)
	l.acceptable.Broadcast()
}

// Addr is the bound address.
func (l *Listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.addr) }

// Close stops listening, and resets streams nobody accepted.
func (l *Listener) Close() error {
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	if l.closed {
		return fmt.Errorf("close tcp %s: %w", l.addr, net.ErrClosed)
	}
	l.closed = true
	delete(l.n.tcp, l.addr)
	for _, c := range l.backlog {
		c.abortLocked()
	}
	l.backlog = nil
	l.acceptable.Broadcast()
	return nil
}

// ListenerAt gives the listener bound to an address, so that a test can reach the one its subject opened.
func (n *Network) ListenerAt(a netip.AddrPort) *Listener {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.tcp[a]
}

// dialing is one attempt to open a stream.
type dialing struct {
	done bool
	conn *Conn
	err  error
}

// DialTCP opens a stream from local, whose port may be 0, to remote. An address without listener refuses after a round
// trip; a dropped opening waits until ctx ends.
func (n *Network) DialTCP(ctx context.Context, local, remote netip.AddrPort) (*Conn, error) {
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	n.mu.Lock()
	defer n.mu.Unlock()
	local, err := n.bindLocked("dial tcp", local, func(a netip.AddrPort) bool {
		_, used := n.conns[connKey{a, remote}]
		return used || n.tcp[a] != nil
	})
	if err != nil {
		return nil, err
	}
	answered := sync.NewCond(&n.mu)
	d := &dialing{}
	n.connectLocked(local, remote, func(c *Conn, err error) {
		if d.done && c != nil {
			c.abortLocked() // the caller has gone
		}
		d.done, d.conn, d.err = true, c, err
		answered.Broadcast()
	})
	stop := context.AfterFunc(ctx, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		answered.Broadcast()
	})
	defer stop()
	for !d.done && ctx.Err() == nil {
		answered.Wait()
	}
	if d.conn != nil {
		return d.conn, nil
	}
	if err = d.err; !d.done {
		d.done, err = true, ctx.Err()
	}
	return nil, fmt.Errorf("dial tcp %s: %w", remote, err)
}

// connectLocked sends an opening and answers a round trip later, or never.
func (n *Network) connectLocked(local, remote netip.AddrPort, answer func(*Conn, error)) {
	src := n.outLocked(transport.TCP, local, remote)
	v := n.judgeLocked(Packet{Proto: transport.TCP, Src: src, Dst: remote, At: time.Now()})
	delay := n.Delay + v.Delay
	if v.Refuse {
		n.afterLocked(2*delay, func() { answer(nil, syscall.ECONNREFUSED) })
		return
	}
	if v.Drop {
		return
	}
	n.afterLocked(delay, func() {
		to, ok := n.inLocked(transport.TCP, src, remote)
		l := n.tcp[to]
		if !ok || l == nil || len(l.backlog) >= backlogConns {
			n.afterLocked(delay, func() { answer(nil, syscall.ECONNREFUSED) })
			return
		}
		near, far := n.pairLocked(connKey{local, remote}, connKey{to, src})
		l.backlog = append(l.backlog, far)
		l.acceptable.Signal()
		n.afterLocked(delay, func() { answer(near, nil) })
	})
}
