package rtpgen

import (
	"fmt"
	"maps"
	"sync"
	"time"
)

// mostNumbers bounds what a Tally remembers of one stream: an hour at 50
// packets a second. Later packets only count as received.
const mostNumbers = 180_000

// Count is what arrived of one stream.
type Count struct {
	Received   uint64 // packets, repeats not counted
	Repeats    uint64
	Reordered  uint64 // arrived after a later one
	First      uint64 // lowest and highest number seen
	Last       uint64
	LongestGap uint64        // most packets missing in a row, inside First..Last
	MinDelay   time.Duration // since the stamp
	MaxDelay   time.Duration
	SumDelay   time.Duration
	// SSRC and PT of the newest RTP packet, as they arrived.
	SSRC uint32
	PT   uint8
}

// Lost counts what is missing between the first and the last packet seen.
func (c Count) Lost() uint64 {
	if c.Received == 0 {
		return 0
	}
	return c.Last - c.First + 1 - c.Received
}

// MeanDelay is the average delay, 0 without packets.
func (c Count) MeanDelay() time.Duration {
	if c.Received == 0 {
		return 0
	}
	return c.SumDelay / time.Duration(c.Received)
}

// String shows the figures in one line.
func (c Count) String() string {
	return fmt.Sprintf("received %d, lost %d, repeats %d, reordered %d, delay %s (%s to %s)",
		c.Received, c.Lost(), c.Repeats, c.Reordered, c.MeanDelay(), c.MinDelay, c.MaxDelay)
}

// Tally counts packets by stream. The zero value is ready; all methods may be
// called from any goroutine.
type Tally struct {
	mu      sync.Mutex // guards everything below
	streams map[uint32]*Count
	seen    map[uint32][]uint64 // bitmap of the numbers seen
	foreign uint64
}

// Add counts one packet that arrived at a time since the shared epoch.
func (t *Tally) Add(b []byte, at time.Duration) {
	p, err := Read(b)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.foreign++
		return
	}
	t.addLocked(p, at)
}

func (t *Tally) addLocked(p Packet, at time.Duration) {
	if t.streams == nil {
		t.streams, t.seen = map[uint32]*Count{}, map[uint32][]uint64{}
	}
	s := p.Stamp
	c := t.streams[s.Stream]
	if c == nil {
		c = &Count{First: s.Number, Last: s.Number, MinDelay: at - s.Sent}
		t.streams[s.Stream] = c
	}
	if t.markLocked(s) {
		c.Repeats++
		return
	}
	c.Received++
	if s.Number < c.Last {
		c.Reordered++
	}
	c.First, c.Last = min(c.First, s.Number), max(c.Last, s.Number)
	delay := at - s.Sent
	c.MinDelay, c.MaxDelay = min(c.MinDelay, delay), max(c.MaxDelay, delay)
	c.SumDelay += delay
	if p.Kind == RTP {
		c.SSRC, c.PT = p.RTP.SSRC, p.RTP.PayloadType
	}
}

// markLocked remembers a number and tells whether it was there before.
func (t *Tally) markLocked(s Stamp) bool {
	if s.Number >= mostNumbers {
		return false
	}
	bits := t.seen[s.Stream]
	word, bit := s.Number/64, uint64(1)<<(s.Number%64)
	for uint64(len(bits)) <= word {
		bits = append(bits, 0)
	}
	old := bits[word]&bit != 0
	bits[word] |= bit
	t.seen[s.Stream] = bits
	return old
}

// Stream gives what arrived of one stream.
func (t *Tally) Stream(id uint32) Count {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.streams[id]
	if c == nil {
		return Count{}
	}
	out := *c
	out.LongestGap = longestGap(t.seen[id], c.First, min(c.Last, mostNumbers-1))
	return out
}

func longestGap(bits []uint64, first, last uint64) uint64 {
	var longest, gap uint64
	for n := first; n <= last && n/64 < uint64(len(bits)); n++ {
		if bits[n/64]&(1<<(n%64)) != 0 {
			gap = 0
			continue
		}
		gap++
		longest = max(longest, gap)
	}
	return longest
}

// Foreign counts the packets that carried no stamp.
func (t *Tally) Foreign() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.foreign
}

// Streams gives every stream that was seen.
func (t *Tally) Streams() map[uint32]Count {
	t.mu.Lock()
	ids := maps.Clone(t.streams)
	t.mu.Unlock()
	out := make(map[uint32]Count, len(ids))
	for id := range ids {
		out[id] = t.Stream(id)
	}
	return out
}
