package portable

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"

	"gatehouse/media/flow"
)

// plainEngine reads each socket with a goroutine of its own. It is for systems without epoll and for comparing with it.
type plainEngine struct {
	table *flow.Table[pair]
	now   func() int64
	tally tally

	mu      sync.Mutex // guards open
	open    map[*plainConn]struct{}
	readers sync.WaitGroup
}

// plainConn is a socket and the end of its reader.
type plainConn struct {
	*net.UDPConn
	done chan struct{}
}

func newPlain(table *flow.Table[pair], o Options) *plainEngine {
	return &plainEngine{table: table, now: o.Now, open: make(map[*plainConn]struct{})}
}

func (e *plainEngine) bind(i uint32, local [2]netip.AddrPort) error {
	p := e.table.At(i)
	var conns [2]*plainConn
	for c, a := range local {
		network := "udp4"
		if !a.Addr().Is4() {
			network = "udp6"
		}
		udp, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(a))
		if err != nil {
			if c > 0 {
				_ = conns[0].Close()
			}
			return classify(err)
		}
		// The size of the buffer is a wish; a system that refuses it still works.
		_ = udp.SetReadBuffer(receiveBuffer)
		conns[c] = &plainConn{UDPConn: udp, done: make(chan struct{})}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for c, conn := range conns {
		p.conn[c].Store(conn)
		e.open[conn] = struct{}{}
		e.readers.Add(1)
		go e.read(p, flow.Component(c), conn)
	}
	return nil
}

// read is the reader of one socket.
func (e *plainEngine) read(p *pair, c flow.Component, conn *plainConn) {
	defer e.readers.Done()
	defer close(conn.done)
	buf := make([]byte, readBytes)
	var out flow.Out
	for {
		n, src, err := conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil && n == 0 {
			continue // an error that an earlier send left behind
		}
		src = netip.AddrPortFrom(src.Addr().Unmap().WithZone(""), src.Port())
		p.mu.Lock()
		cause := p.Forward(e.now(), c, src, buf[:n], n, &out)
		p.mu.Unlock()
		if cause != flow.None {
			e.tally.drops[cause].Add(1)
			continue
		}
		if e.send(&out, buf[:n]) {
			out.Sent()
			e.tally.relayed.Add(1)
		} else {
			out.Failed()
			e.tally.drops[flow.Send].Add(1)
		}
	}
}

func (e *plainEngine) send(out *flow.Out, b []byte) bool {
	conn := e.table.At(out.Peer).conn[out.Component].Load()
	if conn == nil {
		return false
	}
	_, err := conn.WriteToUDPAddrPort(b, out.Dest)
	return err == nil
}

func (e *plainEngine) unbind(slots []uint32) {
	for _, i := range slots {
		p := e.table.At(i)
		for c := range p.conn {
			conn := p.conn[c].Swap(nil)
			if conn == nil {
				continue
			}
			_ = conn.Close()
			<-conn.done
			e.mu.Lock()
			delete(e.open, conn)
			e.mu.Unlock()
		}
	}
}

func (e *plainEngine) totals(sum *Totals) { e.tally.addTo(sum) }

func (e *plainEngine) close(ctx context.Context) error {
	e.mu.Lock()
	for conn := range e.open {
		_ = conn.Close()
	}
	clear(e.open)
	e.mu.Unlock()
	done := make(chan struct{})
	go func() {
		e.readers.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
