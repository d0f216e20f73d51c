package rtpgen

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

func TestStream_Packets_ReadBackAsSent(t *testing.T) {
	for _, kind := range []Kind{RTP, UDPTL} {
		s := Stream{Kind: kind, ID: 7, SSRC: 0xfeed, PT: 8, FirstSeq: 65535, FirstTimestamp: 0xffffffff}
		for i := range uint64(3) {
			b, err := s.Next(time.Duration(i) * PTime)
			if err != nil {
				t.Fatal(err)
			}
			p, err := Read(b)
			if err != nil {
				t.Fatal(err)
			}
			if want := (Stamp{Stream: 7, Number: i, Sent: time.Duration(i) * PTime}); p.Stamp != want || p.Kind != kind {
				t.Errorf("kind %d: got %+v, want %+v", kind, p, want)
			}
			if kind == RTP && (p.RTP.SequenceNumber != 65535+uint16(i) || p.RTP.Timestamp != 0xffffffff+uint32(i)*160 ||
				p.RTP.Marker != (i == 0) || p.RTP.PayloadType != 8 || p.RTP.SSRC != 0xfeed || len(b) != 172) {
				t.Errorf("packet %d: %+v, %d bytes", i, p.RTP, len(b))
			}
		}
		if s.Sent() != 3 {
			t.Errorf("sent %d", s.Sent())
		}
	}
}

func TestStream_TooSmallForStamp_Refused(t *testing.T) {
	s := Stream{Size: StampBytes - 1}
	if _, err := s.Next(0); err == nil {
		t.Error("made a packet without room for its stamp")
	}
}

// arrive feeds a tally the packets with the given numbers, 10 ms after each was sent.
func arrive(t *testing.T, tally *Tally, numbers ...uint64) {
	t.Helper()
	for _, n := range numbers {
		s := Stream{ID: 1, number: n}
		b, err := s.Next(time.Duration(n) * PTime)
		if err != nil {
			t.Fatal(err)
		}
		tally.Add(b, time.Duration(n)*PTime+10*time.Millisecond)
	}
}

func TestTally_LossRepeatAndOrder_Counted(t *testing.T) {
	var tally Tally
	arrive(t, &tally, 5, 6, 8, 7, 8, 12, 13)
	tally.Add([]byte("garbage"), 0)
	c := tally.Stream(1)
	if c.Received != 6 || c.Repeats != 1 || c.Reordered != 1 || c.Lost() != 3 || c.LongestGap != 3 || c.First != 5 || c.Last != 13 {
		t.Errorf("count %+v", c)
	}
	if c.MeanDelay() != 10*time.Millisecond || c.MinDelay != c.MaxDelay {
		t.Errorf("delay %s", c)
	}
	if tally.Foreign() != 1 || len(tally.Streams()) != 1 || tally.Stream(2).Lost() != 0 {
		t.Errorf("foreign %d, streams %v", tally.Foreign(), tally.Streams())
	}
}

func TestPump_OverLoopback_AllArrive(t *testing.T) {
	open := func() *net.UDPConn {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	a, b := open(), open()
	defer func() { _ = a.Close() }()
	epoch := time.Now()
	var tally Tally
	var work sync.WaitGroup
	const count = 20
	arrived := make(chan struct{}, count)
	work.Go(func() { Collect(b, &tally, epoch, func([]byte, netip.AddrPort) { arrived <- struct{}{} }) })
	s := &Stream{ID: 3}
	if err := Pump(t.Context(), a, b.LocalAddr().(*net.UDPAddr).AddrPort(), s, count, time.Millisecond, epoch); err != nil {
		t.Fatal(err)
	}
	for range count {
		select {
		case <-arrived:
		case <-time.After(5 * time.Second):
			t.Fatal("packets missing")
		}
	}
	_ = b.Close()
	work.Wait()
	if c := tally.Stream(3); c.Received != count || c.Lost() != 0 || c.MinDelay < 0 {
		t.Errorf("%s", c)
	}
}

func TestPump_ContextEnds_Stops(t *testing.T) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := &Stream{}
	err = Pump(ctx, c, c.LocalAddr().(*net.UDPAddr).AddrPort(), s, 1000, time.Hour, time.Now())
	if !errors.Is(err, context.Canceled) || s.Sent() != 1 {
		t.Errorf("error %v after %d packets", err, s.Sent())
	}
}

func FuzzRead(f *testing.F) {
	for _, k := range []Kind{RTP, UDPTL} {
		s := Stream{Kind: k}
		b, err := s.Next(1)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:20])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var tally Tally
		tally.Add(b, 0)
		if _, err := Read(b); (err != nil) != (tally.Foreign() == 1) {
			t.Fatal("Read and Tally disagree")
		}
	})
}
