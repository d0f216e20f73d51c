//go:build interop

package interop

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

const (
	sampleHz = 8000
	// noteSamples is one note of a melody, 100 ms: short enough that a lost second is seen, long enough to survive G.711.
	noteSamples = sampleHz / 10
	// blockSamples is what is compared at once.
	blockSamples = sampleHz / 2
	// likeness is the least correlation of a block that arrived: G.711 gives above 0.99, the wrong melody or silence below 0.3.
	likeness = 0.9
)

// melody is a row of random notes between 300 and 3,000 Hz: no two places of it sound alike, so what is heard tells where it is from.
func melody(seconds int, seed uint64) []int16 {
	rng := rand.New(rand.NewPCG(seed, seed))
	out := make([]int16, 0, seconds*sampleHz)
	phase := 0.0
	for len(out) < cap(out) {
		hz := 300 + 2700*rng.Float64()
		for range noteSamples {
			phase += 2 * math.Pi * hz / sampleHz
			out = append(out, int16(12000*math.Sin(phase)))
		}
	}
	return out
}

// writeWAV writes one channel of 16-bit samples.
func writeWAV(t *testing.T, path string, samples []int16) {
	t.Helper()
	var b bytes.Buffer
	size := uint32(2 * len(samples))
	put := func(v any) {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	b.WriteString("RIFF")
	put(36 + size)
	b.WriteString("WAVEfmt ")
	put(uint32(16))
	put([]uint16{1, 1})
	put([]uint32{sampleHz, 2 * sampleHz})
	put([]uint16{2, 16})
	b.WriteString("data")
	put(size)
	put(samples)
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// readWAV reads the samples of a recording of that form. The length in its header is not trusted: the writer may have been stopped.
func readWAV(t *testing.T, path string) []int16 {
	t.Helper()
	raw := []byte(readFile(t, path))
	at := bytes.Index(raw, []byte("data"))
	if at < 0 || at+8 > len(raw) {
		t.Fatalf("%s: no samples in %d bytes", path, len(raw))
	}
	raw = raw[at+8:]
	out := make([]int16, len(raw)/2)
	for i := range out {
		out[i] = int16(binary.LittleEndian.Uint16(raw[2*i:]))
	}
	return out
}

// heard tells how many seconds of a recording are the melody, block by block in its order; the rest is silence, loss or something else.
func heard(recorded, sent []int16) (seconds float64, report string) {
	blocks, last := 0, -1
	for at := 0; at+blockSamples <= len(recorded); at += blockSamples {
		block := recorded[at : at+blockSamples]
		if energy(block) < 1 {
			continue
		}
		where, r := locate(block, sent)
		if r >= likeness && where > last {
			blocks++
			last = where
		}
		report += fmt.Sprintf(" %.2f", r)
	}
	return float64(blocks) * blockSamples / sampleHz, report
}

// locate finds where in sent a block fits best. A coarse look at every fourth place is enough to find the neighbourhood of a note's waveform
// only when it is then refined, so the best coarse places are.
func locate(block, sent []int16) (where int, best float64) {
	best = -1
	for at := 0; at+len(block) <= len(sent); at++ {
		// A short head decides whether the place deserves the whole look.
		if correlate(block[:noteSamples/4], sent[at:at+noteSamples/4]) < likeness/2 {
			continue
		}
		if r := correlate(block, sent[at:at+len(block)]); r > best {
			where, best = at, r
		}
	}
	return where, best
}

func correlate(a, b []int16) float64 {
	var ab, aa, bb float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		ab += x * y
		aa += x * x
		bb += y * y
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return ab / math.Sqrt(aa*bb)
}

func energy(a []int16) float64 {
	sum := 0.0
	for _, x := range a {
		sum += float64(x) * float64(x)
	}
	return sum / float64(len(a))
}

func TestAudio_Heard_TellsMelodyFromOthers(t *testing.T) {
	t.Parallel()
	a, b := melody(6, 1), melody(6, 2)
	if s, r := heard(a[1234:], a); s < 5 {
		t.Errorf("its own melody: %.1f s:%s", s, r)
	}
	if s, r := heard(b, a); s != 0 {
		t.Errorf("another melody: %.1f s:%s", s, r)
	}
	if s, _ := heard(make([]int16, len(a)), a); s != 0 {
		t.Errorf("silence: %.1f s", s)
	}
	gap := append(append([]int16{}, a[:sampleHz]...), make([]int16, 4*sampleHz)...)
	if s, _ := heard(gap, a); s > 1.5 {
		t.Errorf("one second and a gap: %.1f s", s)
	}
}
