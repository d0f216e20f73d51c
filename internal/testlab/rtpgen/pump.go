package rtpgen

import (
	"context"
	"fmt"
	"net/netip"
	"time"
)

// receiveBytes holds the largest packet a test sends.
const receiveBytes = 2048

// Conn is the part of a UDP socket used here; *net.UDPConn has it.
type Conn interface {
	ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort(b []byte, a netip.AddrPort) (int, error)
}

// Pump sends count packets of a stream, one each interval, stamped with the
// time since epoch. It returns early with the context's error.
func Pump(ctx context.Context, c Conn, to netip.AddrPort, s *Stream, count int, interval time.Duration, epoch time.Time) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for i := range count {
		b, err := s.Next(time.Since(epoch))
		if err != nil {
			return err
		}
		if _, err := c.WriteToUDPAddrPort(b, to); err != nil {
			return fmt.Errorf("send packet %d to %s: %w", i, to, err)
		}
		if i == count-1 {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Collect counts what a socket receives until the socket is closed. seen, when
// not nil, is called with each packet before it is counted.
func Collect(c Conn, t *Tally, epoch time.Time, seen func(b []byte, from netip.AddrPort)) {
	buf := make([]byte, receiveBytes)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if seen != nil {
			seen(buf[:n], from)
		}
		t.Add(buf[:n], time.Since(epoch))
	}
}
