package limit

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Against a list of every offence: none of the latest span is ever missing,
// and none older than a span and an eighth counts.
func TestWindow_AnyOffences_CountsTheLatestSpan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		span := time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "span"))
		at := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "start"))
		steps := rapid.SliceOfN(rapid.Int64Range(0, 2*int64(span)), 1, 60).Draw(t, "steps")
		small := rapid.Bool().Draw(t, "small")
		var w window
		var all []time.Duration
		for _, step := range steps {
			if small {
				step /= 20
			}
			at += time.Duration(step)
			all = append(all, at)
			got, least, most := w.add(at, span), 0, 0
			for _, o := range all {
				if at-o <= span {
					least++
				}
				if at-o <= span+span/windowParts+2*windowParts {
					most++
				}
			}
			if got < least || got > most {
				t.Fatalf("%v at %v within %v: counted %d, want %d to %d", all, at, span, got, least, most)
			}
		}
	})
}

func TestWindow_TimeStandsStillOrTurnsBack_StillCounts(t *testing.T) {
	var w window
	for i, at := range []time.Duration{time.Hour, time.Hour, time.Hour - time.Minute, time.Hour} {
		if got := w.add(at, 10*time.Minute); got != i+1 {
			t.Errorf("after %d offences counted %d", i+1, got)
		}
	}
}
