//go:build !linux

package datagram

import (
	"context"
	"fmt"
	"net"
)

// Poll reads sockets; here each has a goroutine of its own. The zero value is ready.
type Poll struct{}

// Add makes a socket, which can be sent on at once and is read from Start on.
func (p *Poll) Add(c PacketConn, t Taker) (*Socket, error) {
	return &Socket{conn: c, taker: t, closed: make(chan struct{})}, nil
}

// Close ends the poll; its sockets are closed before.
func (p *Poll) Close() {}

type systemSocket struct{}

func (systemSocket) polled() bool { return false }
func (systemSocket) leave()       {}
func (s *Socket) join() error     { return nil }

// Listen binds a socket, as net.ListenConfig would.
func Listen(ctx context.Context, lc *net.ListenConfig, network, address string) (PacketConn, error) {
	pc, err := lc.ListenPacket(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c, ok := pc.(*net.UDPConn)
	if !ok {
		return nil, fmt.Errorf("listen on %s: unexpected socket type %T", address, pc)
	}
	return c, nil
}
