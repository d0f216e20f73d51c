package demo

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/rtp"
)

const (
	packetInterval = 20 * time.Millisecond
	// rtpBuffer is more than any G.711 packet needs.
	rtpBuffer = 2048
	// pairAttempts bounds the search for an even port with a free odd one.
	pairAttempts = 64
	// sequenceWindow is how far a sequence number may jump and still be taken
	// as loss, RFC 3550 Appendix A.1 (MAX_DROPOUT).
	sequenceWindow = 3000
)

// Heard is what an Audio received.
type Heard struct {
	Packets uint64 // repeats not counted
	Lost    uint64 // by sequence number
	Repeats uint64
	Tone    uint64 // packets that held the tone expected
	Other   uint64 // datagrams that were no RTP of the right payload type
}

// Clear tells whether the tone was there in nearly everything heard.
func (h Heard) Clear() bool {
	const share = 0.95
	return h.Packets > 0 && float64(h.Tone) >= share*float64(h.Packets)
}

// Audio is one RTP stream in each direction: it sends a tone and listens for
// another one.
type Audio struct {
	conn, rtcp *net.UDPConn
	expect     float64
	done       chan struct{}
	work       sync.WaitGroup

	mu       sync.Mutex // guards what follows
	remote   netip.AddrPort
	sending  bool
	closed   bool
	started  bool
	sent     uint64
	heard    Heard
	ssrc     uint32
	lastSSRC uint32
	seen     map[uint16]bool // sequence numbers of the last window
	highest  uint16
	tone     tone
}

// OpenAudio binds an even RTP port and the odd one above it for RTCP, which is
// received and not looked at. It will send a tone of sendHz and expects one of
// expectHz, both multiples of 50.
func OpenAudio(addr netip.Addr, sendHz, expectHz float64) (*Audio, error) {
	for range pairAttempts {
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
		if err != nil {
			return nil, fmt.Errorf("open audio: %w", err)
		}
		port := conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		if port%2 == 0 {
			rtcp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, port+1)))
			if err == nil {
				return startAudio(conn, rtcp, sendHz, expectHz), nil
			}
		}
		_ = conn.Close() // an odd port, or its neighbour is taken
	}
	return nil, fmt.Errorf("open audio on %s: no free pair of ports", addr)
}

func startAudio(conn, rtcp *net.UDPConn, sendHz, expectHz float64) *Audio {
	var ssrc [4]byte
	_, _ = rand.Read(ssrc[:]) // crypto/rand.Read never fails
	a := &Audio{conn: conn, rtcp: rtcp, expect: expectHz, done: make(chan struct{}),
		ssrc: binary.BigEndian.Uint32(ssrc[:]), tone: tone{hz: sendHz}}
	a.work.Go(a.receive)
	a.work.Go(a.drain)
	return a
}

// Addr is the RTP address.
func (a *Audio) Addr() netip.AddrPort {
	b := a.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(b.Addr().Unmap(), b.Port())
}

// Send begins to send to an address, or goes on to another.
func (a *Audio) Send(to netip.AddrPort) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.remote, a.sending = to, true
	if !a.started && !a.closed {
		a.started = true
		a.work.Go(a.transmit)
	}
}

// Pause stops sending until the next Send.
func (a *Audio) Pause() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sending = false
}

// Sent counts the packets sent.
func (a *Audio) Sent() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sent
}

// Heard counts what was received.
func (a *Audio) Heard() Heard {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.heard
}

// Close ends the streams and joins their goroutines.
func (a *Audio) Close() error {
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return nil
	}
	a.closed = true
	close(a.done)
	a.mu.Unlock()
	err := errors.Join(a.conn.Close(), a.rtcp.Close())
	a.work.Wait()
	if err != nil {
		return fmt.Errorf("close audio: %w", err)
	}
	return nil
}

func (a *Audio) transmit() {
	tick := time.NewTicker(packetInterval)
	defer tick.Stop()
	for {
		if raw, to := a.packet(); raw != nil {
			if _, err := a.conn.WriteToUDPAddrPort(raw, to); err == nil {
				a.mu.Lock()
				a.sent++
				a.mu.Unlock()
			}
		}
		select {
		case <-tick.C:
		case <-a.done:
			return
		}
	}
}

// packet makes the next packet, nil while paused. Time goes on in a pause, so
// the timestamp does too; the packet after it has the marker (RFC 3551 §4.1).
func (a *Audio) packet() ([]byte, netip.AddrPort) {
	a.mu.Lock()
	defer a.mu.Unlock()
	payload := a.tone.next()
	if !a.sending {
		a.tone.paused = true
		return nil, netip.AddrPort{}
	}
	p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: payloadPCMU, SSRC: a.ssrc, Marker: a.sent == 0 || a.tone.paused,
		SequenceNumber: uint16(a.sent), Timestamp: a.tone.clock}, Payload: payload}
	a.tone.paused = false
	raw, err := p.Marshal()
	if err != nil {
		return nil, netip.AddrPort{}
	}
	return raw, a.remote
}

func (a *Audio) receive() {
	buf := make([]byte, rtpBuffer)
	for {
		n, err := a.conn.Read(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error of an earlier packet
		}
		var p rtp.Packet
		if err := p.Unmarshal(buf[:n]); err != nil || p.PayloadType != payloadPCMU && p.PayloadType != payloadPCMA {
			a.mu.Lock()
			a.heard.Other++
			a.mu.Unlock()
			continue
		}
		found := holds(decode(p.PayloadType, p.Payload), a.expect)
		a.mu.Lock()
		a.countLocked(p.SSRC, p.SequenceNumber, found)
		a.mu.Unlock()
	}
}

// countLocked keeps the figures of RFC 3550 Appendix A.3, by a set of the
// numbers seen in place of an expectation.
func (a *Audio) countLocked(ssrc uint32, seq uint16, found bool) {
	jump := seq - a.highest
	if a.seen == nil || ssrc != a.lastSSRC || jump > sequenceWindow && -jump > sequenceWindow {
		a.seen = map[uint16]bool{}
		a.lastSSRC, a.highest = ssrc, seq-1
		jump = 1
	}
	switch {
	case a.seen[seq]:
		a.heard.Repeats++
		return
	case jump <= sequenceWindow:
		a.heard.Lost += uint64(jump - 1)
		for n := a.highest + 1; n != seq+1; n++ {
			delete(a.seen, n-2*sequenceWindow)
		}
		a.highest = seq
	case a.heard.Lost > 0:
		a.heard.Lost-- // it came after all
	}
	a.seen[seq] = true
	a.heard.Packets++
	if found {
		a.heard.Tone++
	}
}

// drain keeps the RTCP socket from filling.
func (a *Audio) drain() {
	buf := make([]byte, rtpBuffer)
	for {
		if _, err := a.rtcp.Read(buf); errors.Is(err, net.ErrClosed) {
			return
		}
	}
}
