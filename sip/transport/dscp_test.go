//go:build linux

package transport_test

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"gatehouse/sip/transport"
)

// kept is the system's network that remembers the sockets it made.
type kept struct {
	transport.Net
	mu   sync.Mutex
	made []any
}

func (k *kept) keep(v any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.made = append(k.made, v)
}

func (k *kept) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.made)
}

// ListenUDP implements transport.Net.
func (k *kept) ListenUDP(a netip.AddrPort) (transport.PacketConn, error) {
	c, err := k.Net.ListenUDP(a)
	k.keep(c)
	return c, err
}

// ListenTCP implements transport.Net.
func (k *kept) ListenTCP(a netip.AddrPort) (net.Listener, error) {
	l, err := k.Net.ListenTCP(a)
	k.keep(l)
	return keptListener{l, k}, err
}

// DialTCP implements transport.Net.
func (k *kept) DialTCP(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	c, err := k.Net.DialTCP(ctx, local, remote)
	if err == nil {
		k.keep(c)
	}
	return c, err
}

type keptListener struct {
	net.Listener
	k *kept
}

func (l keptListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.k.keep(c)
	}
	return c, err
}

// SyscallConn gives the socket, as the system's listener does.
func (l keptListener) SyscallConn() (syscall.RawConn, error) {
	return l.Listener.(syscall.Conn).SyscallConn()
}

// codePoint reads what a socket marks its packets with.
func codePoint(t *testing.T, socket any, v6 bool) int {
	t.Helper()
	c, err := socket.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	level, option, tos := unix.SOL_IP, unix.IP_TOS, 0
	if v6 {
		level, option = unix.SOL_IPV6, unix.IPV6_TCLASS
	}
	var got error
	err = c.Control(func(fd uintptr) { tos, got = unix.GetsockoptInt(int(fd), level, option) })
	if err != nil || got != nil {
		t.Fatal(err, got)
	}
	return tos >> 2
}

func TestDSCP_EverySocketOfAListener_IsMarkedAndReloads(t *testing.T) {
	const cs3, af31 = 24, 26
	for _, addr := range []string{"127.0.0.1", "::1"} {
		for _, p := range []transport.Proto{transport.UDP, transport.TCP, transport.WS} {
			t.Run(p.String()+" "+addr, func(t *testing.T) {
				v6 := addr == "::1"
				near, far := &kept{Net: transport.SystemNet()}, &kept{Net: transport.SystemNet()}
				server, client := newNode(t, transport.Options{Net: far}), newNode(t, transport.Options{Net: near})
				server.answerOK(t, server.stack)
				to := server.listen(t, transport.ListenSpec{Proto: p, DSCP: cs3}, addr)
				from := client.listen(t, transport.ListenSpec{Proto: p, DSCP: cs3}, addr)
				text := request("OPTIONS", p.Via()+" a;rport;branch=z9hG4bK1", "")
				client.send(t, transport.Dest{Listener: from, Addr: to.Addr()}, text, "")
				client.await(t, 1)
				for _, k := range []*kept{near, far} {
					for i, s := range k.made {
						if got := codePoint(t, s, v6); got != cs3 {
							t.Errorf("socket %d (%T) marks %d", i, s, got)
						}
					}
				}
				to.SetDSCP(af31)
				from.SetDSCP(af31)
				if got := codePoint(t, near.made[0], v6); got != af31 {
					t.Errorf("after the reload the listener marks %d", got)
				}
				if p == transport.UDP {
					return
				}
				// What is open keeps its mark, what is opened has the new one.
				if got := codePoint(t, near.made[1], v6); got != cs3 {
					t.Errorf("the connection marks %d", got)
				}
				had := near.count()
				other := server.listen(t, transport.ListenSpec{Proto: p}, addr)
				client.send(t, transport.Dest{Listener: from, Addr: other.Addr()}, text, "")
				client.await(t, 2)
				if got := codePoint(t, near.made[had], v6); got != af31 {
					t.Errorf("a new connection marks %d", got)
				}
			})
		}
	}
}
