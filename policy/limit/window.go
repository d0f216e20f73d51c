package limit

import "time"

// windowParts is how finely a window slides: offences leave it at most an eighth of its span late, never early.
const windowParts = 8

// window counts the offences of the latest span.
type window struct {
	counts [windowParts + 1]uint32 // the part that is filling and the whole span before it
	last   int64                   // which part is filling
}

// add counts one offence and returns how many there were within span. The
// time, since some fixed moment, must not run backwards by much, and span must
// be the same each time.
func (w *window) add(at, span time.Duration) int {
	part := int64(at / max(1, (span+windowParts-1)/windowParts)) // rounded up, so that the parts are never shorter than the span
	for n := min(part-w.last, int64(len(w.counts))); n > 0; n-- {
		w.counts[(part-n+1)%int64(len(w.counts))] = 0
	}
	w.last = max(w.last, part)
	w.counts[w.last%int64(len(w.counts))]++
	sum := 0
	for _, n := range w.counts {
		sum += int(n)
	}
	return sum
}
