package transport

import (
	"errors"
	"fmt"

	"gatehouse/sip/msg"
	"gatehouse/sip/transport/stream"
)

// sendAttempts bounds how often one Send looks for a connection when those it finds end under its hands.
const sendAttempts = 3

// Send sends one message without waiting for the network. A datagram leaves, or fails, before Send returns. On a
// stream the message is queued on d.Conn while that is open, else on the connection of d.Listener to exactly d.Addr,
// whoever opened it, else on a new connection opened in the background; what goes wrong after queueing is reported by
// Handler.SendFailed when branch is not empty. A returned error is the only report of that failure. raw must not be
// changed afterwards. method is that of the request, or of the request a response answers.
func (s *Stack) Send(d Dest, raw []byte, branch string, method msg.Method) error {
	if d.Listener == nil && d.Conn != nil {
		d.Listener = d.Conn.listener
	}
	if d.Listener == nil {
		return fmt.Errorf("send: no listener: %w", ErrDestination)
	}
	d.Addr = unmap(d.Addr)
	switch d.Listener.proto {
	case UDP:
		return s.sendDatagram(d, raw, method)
	case TCP, TLS, WS, WSS:
		return s.sendStream(d, stream.Outgoing{Raw: raw, Branch: branch, Method: method})
	case numProtos:
	}
	return fmt.Errorf("send: %w", errProto)
}

func (s *Stack) sendDatagram(d Dest, raw []byte, method msg.Method) error {
	if err := s.checkDest(d); err != nil {
		return err
	}
	if err := d.Listener.sock.Send(raw, d.Addr); err != nil {
		s.count.drop(CauseWriteError)
		return fmt.Errorf("send to udp://%s: %w", d.Addr, err)
	}
	s.count.message(Out, method, statusOf(raw))
	return nil
}

func (s *Stack) sendStream(d Dest, o stream.Outgoing) error {
	if d.Conn != nil {
		err := d.Conn.enqueue(o)
		if err == nil {
			return nil
		}
		if !errors.Is(err, errConnEnded) {
			return fmt.Errorf("send to %s://%s on its connection: %w", d.Conn.Proto(), d.Conn.remote, err)
		}
		// RFC 3261 §18.2.2: the connection is gone, so a new one is opened.
	}
	if err := s.checkDest(d); err != nil {
		return err
	}
	var err error
	for range sendAttempts {
		var c *Conn
		if c, err = s.connTo(d); err != nil {
			break
		}
		if err = c.enqueue(o); err == nil {
			return nil
		}
		if !errors.Is(err, errConnEnded) {
			break
		}
		s.detach(c) // it ended between the look-up and now; the next look-up opens another
	}
	return fmt.Errorf("send to %s://%s: %w", d.Listener.proto, d.Addr, err)
}

// checkDest refuses addresses no datagram or connection can go to.
func (s *Stack) checkDest(d Dest) error {
	if !unicast(d.Addr.Addr()) || d.Addr.Port() == 0 {
		return fmt.Errorf("send to %s: %w", d.Addr, ErrDestination)
	}
	if d.Addr.Addr().Is4() != d.Listener.addr.Addr().Is4() {
		return fmt.Errorf("send to %s from %s: address families differ: %w", d.Addr, d.Listener.addr, ErrDestination)
	}
	return nil
}
