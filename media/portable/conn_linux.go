package portable

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"

	"gatehouse/media/flow"
)

// epollEngine reads sockets with a few workers; slot i always belongs to worker i modulo their number, so an event that is
// late by a whole life of the slot still reaches the right one.
type epollEngine struct {
	table   *flow.Table[pair]
	workers []*worker
}

func newEngine(table *flow.Table[pair], o Options) (engine, error) {
	e := &epollEngine{table: table}
	for range o.Workers {
		w, err := newWorker(table, o.Now)
		if err != nil {
			return nil, errors.Join(err, e.close(context.Background()))
		}
		e.workers = append(e.workers, w)
		go w.run()
	}
	return e, nil
}

func (e *epollEngine) worker(i uint32) *worker { return e.workers[int(i)%len(e.workers)] }

func (e *epollEngine) bind(i uint32, local [2]netip.AddrPort) error {
	p, w := e.table.At(i), e.worker(i)
	var fds [2]int
	for c := range local {
		fd, err := openSocket(local[c])
		if err != nil {
			if c > 0 {
				_ = unix.Close(fds[0])
			}
			return err
		}
		fds[c] = fd
	}
	for c, fd := range fds {
		p.fd[c].Store(int32(fd) + 1)
	}
	for c, fd := range fds {
		event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)<<1 | int32(c)}
		if err := unix.EpollCtl(w.ep, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
			e.unbind([]uint32{i})
			return fmt.Errorf("watch socket: %w", classify(err))
		}
	}
	return nil
}

func (e *epollEngine) unbind(slots []uint32) {
	parts := make([][]uint32, len(e.workers))
	for _, i := range slots {
		n := int(i) % len(e.workers)
		parts[n] = append(parts[n], i)
	}
	var done sync.WaitGroup
	for n, part := range parts {
		if len(part) == 0 {
			continue
		}
		done.Add(1)
		if !e.workers[n].order(order{part, &done}) {
			<-e.workers[n].done
			for _, i := range part {
				closePair(e.table.At(i))
			}
			done.Done()
		}
	}
	done.Wait()
}

// closePair closes both sockets of a pair whose worker does not run now. Closing takes them out of the epoll set.
func closePair(p *pair) {
	for c := range p.fd {
		if fd := p.fd[c].Swap(0) - 1; fd >= 0 {
			_ = unix.Close(int(fd))
		}
	}
}

func (e *epollEngine) totals(sum *Totals) {
	for _, w := range e.workers {
		w.tally.addTo(sum)
	}
}

func (e *epollEngine) close(ctx context.Context) error {
	for _, w := range e.workers {
		w.mu.Lock()
		first := !w.stopped
		w.stopped = true
		if first {
			w.kick()
		}
		w.mu.Unlock()
	}
	for _, w := range e.workers {
		select {
		case <-w.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for i := range e.table.Len() {
		closePair(e.table.At(i))
	}
	for _, w := range e.workers {
		w.release()
	}
	return nil
}
