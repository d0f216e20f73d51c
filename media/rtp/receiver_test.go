package rtp

import (
	"testing"
	"time"
)

const (
	clock   = 8000
	ptimeNs = int64(20 * time.Millisecond)
)

// feed notes packets with these sequence numbers, sent and received 20 ms apart.
func feed(r *Receiver, seqs ...int) {
	for _, s := range seqs {
		r.Note(&Header{Seq: uint16(s), SSRC: 1, Timestamp: uint32(s) * 160}, int64(s)*ptimeNs, clock)
	}
}

func TestReceiver_Loss_CountsGapsOnly(t *testing.T) {
	cases := []struct {
		name string
		seqs []int
		lost uint64
	}{
		{"none", []int{5, 6, 7, 8}, 0},
		{"one", []int{5, 6, 8, 9}, 1},
		{"reordered", []int{5, 7, 6, 8}, 0},
		{"duplicates never negative", []int{5, 6, 6, 6, 6, 7}, 0},
		{"wrap without loss", []int{65534, 65535, 65536, 65537}, 0},
		{"wrap with loss", []int{65534, 65537, 65538}, 2},
		{"largest dropout", []int{10, 3009}, 2998},
		{"restart after jump", []int{10, 11, 30000, 30001, 30002}, 0},
		{"stray jump ignored", []int{10, 11, 30000, 12, 13}, 0},
		{"restart keeps what was lost", []int{10, 13, 40000, 40001}, 2},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var r Receiver
			feed(&r, c.seqs...)
			if r.Lost() != c.lost {
				t.Fatalf("lost %d, want %d", r.Lost(), c.lost)
			}
		})
	}
}

func TestReceiver_ManyWraps_ExtendedKeepsCounting(t *testing.T) {
	var r Receiver
	const n = 3*65536 + 10
	for s := range n {
		if s%1000 != 999 {
			feed(&r, s)
		}
	}
	if r.Extended() != n-1 || r.Lost() != n/1000 {
		t.Fatalf("extended %d, lost %d", r.Extended(), r.Lost())
	}
}

func TestB093_Receiver_SSRCChange_StartsAnewKeepsLoss(t *testing.T) {
	var r Receiver
	feed(&r, 10, 12)
	r.Note(&Header{Seq: 50000, SSRC: 2, Timestamp: 1 << 31}, 13*ptimeNs, clock)
	r.Note(&Header{Seq: 50001, SSRC: 2, Timestamp: 1<<31 + 160}, 14*ptimeNs, clock)
	if r.Lost() != 1 || r.JitterUnits() != 0 || r.Extended() != 50001 {
		t.Fatalf("lost %d jitter %d extended %d", r.Lost(), r.JitterUnits(), r.Extended())
	}
}

func TestReceiver_Jitter_FollowsEstimator(t *testing.T) {
	// Every other packet is 10 ms late: |D| is 80 units each time, so J tends to 80.
	var r Receiver
	want := 0.0
	for s := range 400 {
		at := int64(s) * ptimeNs
		if s%2 == 1 {
			at += ptimeNs / 2
		}
		r.Note(&Header{Seq: uint16(s), SSRC: 1, Timestamp: uint32(s) * 160}, at, clock)
		if s > 0 {
			want += (80 - want) / 16
		}
		if got := float64(r.JitterUnits()); got < want-2 || got > want+2 {
			t.Fatalf("packet %d: jitter %v, want about %v", s, got, want)
		}
	}
	if d := JitterTime(r.JitterUnits(), clock); d < 9*time.Millisecond || d > 10*time.Millisecond {
		t.Fatalf("jitter %v", d)
	}
	if JitterTime(80, 0) != 0 {
		t.Fatal("no clock, no time")
	}
}

func TestReceiver_LateClock_NoOverflow(t *testing.T) {
	// A year of nanoseconds times 90 kHz does not fit 64 bits; steady packets must still show no jitter.
	var r Receiver
	start := int64(365 * 24 * time.Hour)
	for s := range 100 {
		r.Note(&Header{Seq: uint16(s), SSRC: 1, Timestamp: uint32(s) * 1800}, start+int64(s)*ptimeNs, 90000)
	}
	if r.JitterUnits() != 0 {
		t.Fatalf("jitter %d", r.JitterUnits())
	}
}

func TestReceiver_RepeatedTimestamp_LeavesJitterAlone(t *testing.T) {
	var r Receiver
	feed(&r, 1, 2, 3)
	for s := range 50 { // one long RFC 4733 event
		r.Note(&Header{Seq: uint16(4 + s), SSRC: 1, Timestamp: 4 * 160}, int64(4+s)*ptimeNs, clock)
	}
	if r.JitterUnits() != 0 {
		t.Fatalf("jitter %d", r.JitterUnits())
	}
}
