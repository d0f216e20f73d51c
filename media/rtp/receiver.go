package rtp

import "time"

// Receiver keeps what a receiver counts about one direction of a stream: extended sequence numbers (RFC 3550 §A.1), loss
// (§A.3) and interarrival jitter (§A.8). The zero value is ready. It is a plain value with one user at a time.
//
// Differs from RFC 3550 §A.1: the first packet of a source counts at once, without probation, because this relay forwards it
// at once. A new SSRC or a restart of the sequence begins anew; what was lost before it stays counted.
type Receiver struct {
	ssrc     uint32
	cycles   uint32 // sequence wraps, times 65,536
	base     uint32 // first sequence number of this run
	badSeq   uint32 // the number after a jump, which makes a restart when it comes
	received uint32 // packets of this run
	transit  uint32 // relative transit time of the previous packet, RTP units
	lastTS   uint32
	jitter   uint32 // RTP units, times 16
	maxSeq   uint16
	started  bool
	timed    bool   // transit and lastTS hold something
	lost     uint64 // packets lost in earlier runs
}

// Note counts one packet that arrived at arrival, nanoseconds of any monotonic clock. clockHz is the RTP clock; zero leaves the
// jitter alone.
func (r *Receiver) Note(h *Header, arrival int64, clockHz uint32) {
	if !r.started || h.SSRC != r.ssrc {
		r.restart(h)
	} else if !r.sequence(h) {
		return
	}
	r.received++
	if clockHz != 0 {
		r.interarrival(h.Timestamp, arrival, clockHz)
	}
}

// restart begins a run at this packet and keeps the losses of the run before.
func (r *Receiver) restart(h *Header) {
	*r = Receiver{
		ssrc: h.SSRC, base: uint32(h.Seq), maxSeq: h.Seq, badSeq: noBadSeq,
		jitter: r.jitter, lost: r.lost + r.runLost(), started: true,
	}
}

// sequence moves the extended sequence number (RFC 3550 §A.1); false means the packet counts for nothing yet.
func (r *Receiver) sequence(h *Header) bool {
	switch delta := h.Seq - r.maxSeq; {
	case delta < maxDropout:
		if h.Seq < r.maxSeq {
			r.cycles += seqMod
		}
		r.maxSeq = h.Seq
		r.badSeq = noBadSeq
	case int(delta) <= seqMod-maxMisorder:
		if uint32(h.Seq) != r.badSeq {
			r.badSeq = (uint32(h.Seq) + 1) % seqMod
			return false
		}
		// Two in a row after the jump: the source restarted without a word.
		r.restart(h)
	default:
		// A duplicate or reordered packet: it counts as received, the maximum stays.
	}
	return true
}

// interarrival updates the jitter estimate (RFC 3550 §A.8).
//
// Differs from RFC 3550 §6.4.1: packets that repeat the timestamp before them (parts of a video frame, updates of one RFC 4733
// event) are left out, because their spacing says nothing about the network.
func (r *Receiver) interarrival(ts uint32, arrival int64, clockHz uint32) {
	if r.timed && ts == r.lastTS {
		return
	}
	hz := int64(clockHz)
	units := arrival/nanosPerSecond*hz + arrival%nanosPerSecond*hz/nanosPerSecond
	transit := uint32(units) - ts
	if r.timed {
		d := int32(transit - r.transit)
		if d < 0 {
			d = -d
		}
		r.jitter += uint32(d) - ((r.jitter + 1<<(jitterShift-1)) >> jitterShift)
	}
	r.transit, r.lastTS, r.timed = transit, ts, true
}

// runLost is what is missing from the current run (RFC 3550 §A.3); duplicates never make it negative.
func (r *Receiver) runLost() uint64 {
	if !r.started {
		return 0
	}
	expected := r.cycles + uint32(r.maxSeq) - r.base + 1
	if expected <= r.received {
		return 0
	}
	return uint64(expected - r.received)
}

// Lost gives the packets missing over all runs.
func (r *Receiver) Lost() uint64 { return r.lost + r.runLost() }

// Extended gives the extended highest sequence number received in this run (RFC 3550 §6.4.1).
func (r *Receiver) Extended() uint32 { return r.cycles + uint32(r.maxSeq) }

// JitterUnits gives the interarrival jitter in RTP clock units (RFC 3550 §6.4.1).
func (r *Receiver) JitterUnits() uint32 { return r.jitter >> jitterShift }

// JitterTime turns a jitter in clock units into time; zero when the clock is unknown.
func JitterTime(units, clockHz uint32) time.Duration {
	if clockHz == 0 {
		return 0
	}
	return time.Duration(int64(units) * nanosPerSecond / int64(clockHz))
}
