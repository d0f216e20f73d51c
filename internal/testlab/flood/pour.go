package flood

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"
)

// Pour says what a flood of datagrams is.
type Pour struct {
	To      netip.AddrPort // IPv4
	From    netip.Prefix   // its addresses are used from the first on; an IPv4 prefix of this machine, such as 127.1.0.0/16
	Sources int            // addresses with their ports
	Rate    int            // datagrams a second, of all sources together
	Kinds   []Kind         // in turn; none means Everything
	Most    uint64         // datagrams in all; 0: until Stop
}

// Tally is what went out and what came back.
type Tally struct {
	Sent, SentBytes         uint64
	Answered, AnsweredBytes uint64
}

// Flood is a running flood of datagrams.
type Flood struct {
	sockets []*net.UDPConn
	done    chan struct{}
	end     func() // closes done and the sockets, once
	work    sync.WaitGroup

	sent, sentBytes, answered, answeredBytes atomic.Uint64

	mu     sync.Mutex
	sample []string // guarded by mu: the first answers
	err    error    // guarded by mu: what ended the flood early
}

// addressesPerSocket is how many addresses share one port: a socket bound to no address sends from whichever the control message of a datagram
// names (IP_PKTINFO), so ten thousand sources need few sockets.
const addressesPerSocket = 1000

// sampled is how many answers are kept to be shown.
const sampled = 5

var errOptions = errors.New("a flood needs an IPv4 target and prefix, sources and a rate")

// Start begins to pour.
func (p Pour) Start() (*Flood, error) {
	if !p.To.Addr().Is4() || !p.From.Addr().Is4() || p.Sources <= 0 || p.Rate <= 0 {
		return nil, errOptions
	}
	if len(p.Kinds) == 0 {
		p.Kinds = Everything()
	}
	f := &Flood{done: make(chan struct{})}
	addresses := min(p.Sources, addressesPerSocket)
	for range (p.Sources + addresses - 1) / addresses {
		conn, err := net.ListenUDP("udp4", nil)
		if err == nil {
			f.sockets = append(f.sockets, conn)
			err = errors.Join(conn.SetReadBuffer(socketBuffer), conn.SetWriteBuffer(socketBuffer))
		}
		if err != nil {
			f.closeSockets()
			return nil, fmt.Errorf("socket of a flood: %w", err)
		}
	}
	f.end = sync.OnceFunc(func() {
		close(f.done)
		f.closeSockets()
	})
	for _, conn := range f.sockets {
		f.work.Go(func() { f.read(conn) })
	}
	f.work.Go(func() { f.pour(p, addresses) })
	return f, nil
}

// Stop ends the flood and counts; it may be called again. The error is what ended it before.
func (f *Flood) Stop() (Tally, error) {
	f.end()
	f.work.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.Tally(), f.err
}

// Tally is the count so far.
func (f *Flood) Tally() Tally {
	return Tally{Sent: f.sent.Load(), SentBytes: f.sentBytes.Load(), Answered: f.answered.Load(), AnsweredBytes: f.answeredBytes.Load()}
}

// Sample is some of what was answered.
func (f *Flood) Sample() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.sample...)
}

func (f *Flood) closeSockets() {
	for _, conn := range f.sockets {
		_ = conn.Close()
	}
}

func (f *Flood) read(conn *net.UDPConn) {
	buf := make([]byte, 1<<16)
	for {
		n, _, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		f.answered.Add(1)
		f.answeredBytes.Add(uint64(n))
		f.mu.Lock()
		if len(f.sample) < sampled {
			f.sample = append(f.sample, string(buf[:n]))
		}
		f.mu.Unlock()
	}
}

// pour sends what is due since it began, step by step: a step that came late is made up for.
func (f *Flood) pour(p Pour, addresses int) {
	origins := make([][]byte, addresses)
	a := p.From.Masked().Addr().Next()
	for i := range origins {
		origins[i] = (&ipv4.ControlMessage{Src: a.AsSlice()}).Marshal()
		a = a.Next()
	}
	s := &stream{flood: f, origins: origins, to: net.UDPAddrFromAddrPort(p.To), random: rand.New(rand.NewPCG(uint64(p.Sources), uint64(p.Rate)))}
	for _, k := range p.Kinds {
		s.templates = append(s.templates, newTemplate(k, p.To))
	}
	for _, conn := range f.sockets {
		s.conns = append(s.conns, ipv4.NewPacketConn(conn))
	}
	s.prepare()
	tick := time.NewTicker(step)
	defer tick.Stop()
	began := time.Now()
	for {
		select {
		case <-f.done:
			return
		case <-tick.C:
		}
		due := uint64(time.Since(began).Seconds() * float64(p.Rate))
		if p.Most != 0 {
			due = min(due, p.Most)
		}
		for s.serial < due {
			if err := s.send(int(min(due-s.serial, batch))); err != nil {
				f.fail(err)
				return
			}
		}
	}
}

// fail keeps the reason, unless it is that the flood was stopped.
func (f *Flood) fail(err error) {
	if errors.Is(err, net.ErrClosed) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// stream writes one datagram after the other, from one source after the other. One goroutine owns it.
type stream struct {
	flood     *Flood
	conns     []*ipv4.PacketConn
	origins   [][]byte // control messages, one for each address
	to        net.Addr
	templates []template
	random    *rand.Rand
	messages  []ipv4.Message
	buffers   [][]byte
	serial    uint64
}

func (s *stream) prepare() {
	longest := 0
	for _, t := range s.templates {
		longest = max(longest, len(t.text))
	}
	s.messages, s.buffers = make([]ipv4.Message, batch), make([][]byte, batch)
	for i := range s.messages {
		s.buffers[i] = make([]byte, longest)
		s.messages[i] = ipv4.Message{Buffers: make([][]byte, 1), Addr: s.to}
	}
}

// send writes n datagrams over one socket; the next time it is another one's turn.
func (s *stream) send(n int) error {
	conn := s.conns[s.serial/batch%uint64(len(s.conns))]
	size := 0
	for i := range n {
		t := s.templates[s.serial%uint64(len(s.templates))]
		m := &s.messages[i]
		m.Buffers[0] = t.write(s.buffers[i], s.serial, s.random)
		m.OOB = s.origins[s.random.IntN(len(s.origins))]
		size += len(m.Buffers[0])
		s.serial++
	}
	for left := s.messages[:n]; len(left) != 0; {
		done, err := conn.WriteBatch(left, 0)
		if err != nil {
			return fmt.Errorf("pour: %w", err)
		}
		left = left[done:]
	}
	s.flood.sent.Add(uint64(n))
	s.flood.sentBytes.Add(uint64(size))
	return nil
}
