package resolve

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	// attemptTimeout is how long one server has before the next is asked, or the same again; over TCP as long once more.
	attemptTimeout = 500 * time.Millisecond
	// maxPasses is how often the whole list of servers is gone through.
	maxPasses = 4
	// maxOpen bounds the sockets open to name servers.
	maxOpen = 256
	// avoidFor is how long a server that did not answer is asked after the others.
	avoidFor = 30 * time.Second
	// ednsBytes is the datagram we say we take (RFC 6891 §6.2.3): what crosses any path unfragmented.
	ednsBytes = 1232
)

var errNoAnswer = errors.New("no name server answered")

// rcodeError is a server's word that it will not or cannot answer.
type rcodeError int

func (e rcodeError) Error() string {
	if name, ok := dns.RcodeToString[int(e)]; ok {
		return "name server says " + name
	}
	return fmt.Sprintf("name server says code %d", int(e))
}

// upstream is the name servers.
type upstream struct {
	exchange exchangeFunc
	files    *files
	slots    chan struct{} // one for each socket

	mu    sync.Mutex // leaf
	avoid map[netip.AddrPort]time.Time
}

func newUpstream(o Options, f *files) *upstream {
	return &upstream{exchange: o.exchange, files: f, slots: make(chan struct{}, maxOpen), avoid: make(map[netip.AddrPort]time.Time)}
}

// consult asks one server after the other until one answers with records or with their absence. Each that says it
// cannot is asked once, each that says nothing again, until ctx ends.
func (u *upstream) consult(ctx context.Context, q question) (*dns.Msg, error) {
	select {
	case u.slots <- struct{}{}:
		defer func() { <-u.slots }()
	case <-ctx.Done():
		return nil, errNoAnswer
	}
	var refusal error
	last := errNoAnswer
	for range maxPasses {
		for _, server := range u.order() {
			m, err := u.ask(ctx, server, q)
			if err == nil {
				u.praise(server)
				return m, nil
			}
			if ctx.Err() != nil {
				return nil, fmt.Errorf("name server %s: %w", server, err)
			}
			if code := rcodeError(0); errors.As(err, &code) {
				refusal = code
				continue
			}
			u.blame(server)
			last = fmt.Errorf("name server %s: %w", server, err)
		}
		if refusal != nil {
			return nil, refusal
		}
	}
	return nil, last
}

// ask asks one server: over UDP with EDNS0, without that when it does not know it, and over TCP when the answer does
// not fit or cannot be read.
func (u *upstream) ask(ctx context.Context, server netip.AddrPort, q question) (*dns.Msg, error) {
	m, err := u.askOver(ctx, server, q, false, ednsBytes)
	if code := rcodeError(0); errors.As(err, &code) && (code == dns.RcodeFormatError || code == dns.RcodeNotImplemented) {
		m, err = u.askOver(ctx, server, q, false, 0) // RFC 6891 §7
	}
	if errors.Is(err, errUnfit) {
		return u.askOver(ctx, server, q, true, ednsBytes)
	}
	return m, err
}

func (u *upstream) askOver(ctx context.Context, server netip.AddrPort, q question, stream bool, edns uint16) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	query := new(dns.Msg)
	query.SetQuestion(dns.Fqdn(q.name), q.qtype) // with a random id
	if edns > 0 {
		query.SetEdns0(edns, false)
	}
	wire, err := query.Pack()
	if err != nil {
		return nil, fmt.Errorf("pack question: %w", err)
	}
	reply, err := u.exchange(ctx, server, stream, wire, func(reply []byte) bool { return answers(reply, wire) })
	if err != nil {
		return nil, err
	}
	return parse(reply, stream)
}

// parse reads a reply to our question: errUnfit when TCP may do better, an rcodeError when it is no answer.
func parse(reply []byte, stream bool) (*dns.Msg, error) {
	m := new(dns.Msg)
	if err := m.Unpack(reply); err != nil {
		if !stream {
			return nil, errUnfit
		}
		return nil, fmt.Errorf("read reply: %w", err)
	}
	if m.Truncated && !stream {
		return nil, errUnfit
	}
	if m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
		return nil, rcodeError(m.Rcode)
	}
	return m, nil
}

// order gives the servers, those that did not answer lately last.
func (u *upstream) order() []netip.AddrPort {
	servers := u.files.servers()
	now := time.Now()
	u.mu.Lock()
	defer u.mu.Unlock()
	good := make([]netip.AddrPort, 0, len(servers))
	var bad []netip.AddrPort
	for _, s := range servers {
		if now.Before(u.avoid[s]) {
			bad = append(bad, s)
		} else {
			good = append(good, s)
		}
	}
	return append(good, bad...)
}

// down tells whether none of the servers answered lately.
func (u *upstream) down() bool {
	now := time.Now()
	u.mu.Lock()
	defer u.mu.Unlock()
	return !slices.ContainsFunc(u.files.servers(), func(s netip.AddrPort) bool { return !now.Before(u.avoid[s]) })
}

func (u *upstream) blame(s netip.AddrPort) {
	u.mu.Lock()
	defer u.mu.Unlock()
	makeRoom(u.avoid, maxOpen, func(t time.Time) time.Time { return t }) // servers change when resolv.conf does
	u.avoid[s] = time.Now().Add(avoidFor)
}

func (u *upstream) praise(s netip.AddrPort) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.avoid, s)
}
