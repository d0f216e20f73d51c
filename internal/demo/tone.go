package demo

import "math"

const (
	sampleRate = 8000 // Hz
	// samplesPerPacket is 20 ms, so a tone on a multiple of 50 Hz fits whole.
	samplesPerPacket = sampleRate / 50
	// toneAmplitude is about -10 dBm0: clear of clipping and of silence.
	toneAmplitude = 8000
	// toneShare is how much of a packet's energy must be in the tone: mu-law
	// noise takes under 1 %, another tone leaves next to nothing.
	toneShare = 0.8
	// silenceEnergy is the mean square below which a packet is silent.
	silenceEnergy = 50 * 50
)

// tone makes a sine wave that goes on from packet to packet.
type tone struct {
	hz     float64
	n      int    // samples made, modulo one second
	clock  uint32 // RTP timestamp of the packet made last
	paused bool   // the packet before was not sent
}

// next gives the mu-law payload of the next packet.
func (t *tone) next() []byte {
	t.clock += samplesPerPacket
	b := make([]byte, samplesPerPacket)
	for i := range b {
		phase := 2 * math.Pi * t.hz * float64(t.n) / sampleRate
		b[i] = encodePCMU(int16(toneAmplitude * math.Sin(phase)))
		t.n = (t.n + 1) % sampleRate
	}
	return b
}

// holds tells whether samples are mostly a tone of the given frequency, by
// Goertzel's algorithm: the share of the energy in that one bin.
func holds(samples []float64, hz float64) bool {
	if len(samples) == 0 {
		return false
	}
	coefficient := 2 * math.Cos(2*math.Pi*hz/sampleRate)
	var s1, s2, energy float64
	for _, x := range samples {
		s1, s2 = x+coefficient*s1-s2, s1
		energy += x * x
	}
	n := float64(len(samples))
	if energy/n < silenceEnergy {
		return false
	}
	power := s1*s1 + s2*s2 - coefficient*s1*s2
	return 2*power/(n*energy) >= toneShare
}

// decode gives the samples of a G.711 payload.
func decode(payloadType uint8, payload []byte) []float64 {
	out := make([]float64, len(payload))
	for i, b := range payload {
		if payloadType == payloadPCMA {
			out[i] = float64(decodePCMA(b))
		} else {
			out[i] = float64(decodePCMU(b))
		}
	}
	return out
}
