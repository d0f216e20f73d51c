package sdp

import (
	"reflect"
	"testing"
)

// FuzzParse holds the promise of the package: what AppendTo writes is read back as the same Session, and nothing a
// peer sends makes it grow without bound.
func FuzzParse(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		first, err := Parse(in)
		if err != nil {
			return
		}
		out := first.AppendTo(nil)
		if len(out) > maxGrowth(len(in)) {
			t.Fatalf("%d bytes became %d", len(in), len(out))
		}
		second, err := parse(out)
		if err != nil {
			t.Fatalf("own output refused: %v\n%s", err, out)
		}
		if !reflect.DeepEqual(first, second) {
			t.Fatalf("read back differently:\n%+v\n%+v\n%s", first, second, out)
		}
		checkStrict(t, out)
	})
}
