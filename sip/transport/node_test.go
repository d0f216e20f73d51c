package transport_test

import (
	"context"
	"crypto/tls"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/testlab/certs"
	"gatehouse/sip/msg"
	"gatehouse/sip/secure"
	"gatehouse/sip/transport"
)

// judge is an admission that gives every source one standing and remembers offences.
type judge struct {
	mu       sync.Mutex
	standing transport.Standing
	of       map[netip.Addr]transport.Standing
	offences []transport.Offence
	arrivals []transport.Arrival
}

func (j *judge) Admit(a transport.Arrival) transport.Standing {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.arrivals = append(j.arrivals, a)
	if s, ok := j.of[a.Source.Addr()]; ok {
		return s
	}
	return j.standing
}

func (j *judge) Offend(o transport.Offence) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.offences = append(j.offences, o)
}

func (j *judge) set(s transport.Standing) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.standing = s
}

// reasons are those of the offences so far.
func (j *judge) reasons() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := make([]string, 0, len(j.offences))
	for _, o := range j.offences {
		all = append(all, o.Reason)
	}
	return strings.Join(all, " ")
}

// node is a stack on real sockets.
type node struct {
	*core
	stack *transport.Stack
}

func newNode(t *testing.T, o transport.Options) *node {
	t.Helper()
	n := &node{core: &core{}}
	o.Handler = n.core
	var err error
	if n.stack, err = transport.New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := n.stack.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
		if st := n.stack.Stats(); st.Conns != 0 || st.QueuedBytes != 0 || st.Handshakes != 0 {
			t.Errorf("left: %d connections, %d bytes, %d handshakes", st.Conns, st.QueuedBytes, st.Handshakes)
		}
	})
	return n
}

// listen opens a listener on a free port; it skips the test where there is no IPv6.
func (n *node) listen(t *testing.T, spec transport.ListenSpec, addr string) *transport.Listener {
	t.Helper()
	spec.Addr = netip.AddrPortFrom(netip.MustParseAddr(addr), 0)
	if spec.Zone == "" {
		spec.Zone = "z"
	}
	l, err := n.stack.Listen(spec)
	if err != nil {
		if spec.Addr.Addr().Is6() {
			t.Skipf("no IPv6 here: %v", err)
		}
		t.Fatal(err)
	}
	return l
}

func (n *node) send(t *testing.T, d transport.Dest, text, branch string) {
	t.Helper()
	if err := n.stack.Send(d, []byte(text), branch, msg.OPTIONS); err != nil {
		t.Fatal(err)
	}
}

// await waits for so many messages.
func (n *node) await(t *testing.T, count int) []seen {
	t.Helper()
	eventually(t, func() bool { return len(n.messages()) >= count })
	return n.messages()
}

// failed waits for a request to fail and gives its error.
func (n *node) failed(t *testing.T, branch string) error {
	t.Helper()
	var err error
	eventually(t, func() bool {
		for _, f := range n.failures() {
			if f.branch == branch {
				err = f.err
				return true
			}
		}
		return false
	})
	return err
}

// authority makes certificates and configurations of them.
type authority struct {
	t  testing.TB
	ca *certs.CA
}

func newAuthority(t testing.TB) authority { return authority{t, certs.NewCA(t)} }

func (a authority) pair(opts ...certs.Option) secure.KeyPair {
	c, k := a.ca.Leaf(a.t, opts...)
	return secure.KeyPair{Certificate: c, Key: k}
}

// server is a configuration that shows a certificate and asks for those of this authority.
func (a authority) server(require bool, opts ...certs.Option) *tls.Config {
	a.t.Helper()
	s, err := secure.NewServer(secure.ServerOptions{Pairs: []secure.KeyPair{a.pair(opts...)}, ClientCA: a.ca.PEM, RequireClient: require})
	if err != nil {
		a.t.Fatal(err)
	}
	return s.Config()
}

// client is how a connection to a domain is secured, showing pair.
func (a authority) client(domain string, pair *secure.KeyPair) *transport.ClientTLS {
	a.t.Helper()
	c, err := secure.NewClient(secure.ClientOptions{CA: a.ca.PEM, Pair: pair})
	if err != nil {
		a.t.Fatal(err)
	}
	return &transport.ClientTLS{Name: "test", Domain: domain, Config: func() *tls.Config { return c.Config(domain) }}
}

func always(c *tls.Config) func() *tls.Config { return func() *tls.Config { return c } }

// streams are the protocols that have connections.
func streams() []transport.Proto {
	return []transport.Proto{transport.TCP, transport.TLS, transport.WS, transport.WSS}
}
