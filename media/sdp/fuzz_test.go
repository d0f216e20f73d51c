package sdp

import (
	"reflect"
	"slices"
	"testing"

	pion "github.com/pion/sdp/v3"
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
		checkAgainstPion(t, first, out)
	})
}

// checkAgainstPion lets another reader judge what we write. It refuses media and protocols it has no name for.
func checkAgainstPion(t *testing.T, s *Session, out []byte) {
	t.Helper()
	var d pion.SessionDescription
	if err := d.UnmarshalString(string(out)); err != nil {
		return
	}
	if o := d.Origin; o.Username != s.Origin.User || o.SessionID != s.Origin.SessID || o.SessionVersion != s.Origin.Version || o.UnicastAddress != s.Origin.Addr {
		t.Fatalf("pion reads the origin %+v of\n%s", o, out)
	}
	if len(d.MediaDescriptions) != len(s.Media) || len(d.Bandwidth) != len(s.Bandwidth) || string(d.SessionName) != s.Name {
		t.Fatalf("pion reads %d m-lines, %d b=, name %q of\n%s", len(d.MediaDescriptions), len(d.Bandwidth), d.SessionName, out)
	}
	for i, m := range d.MediaDescriptions {
		if n := m.MediaName; n.Media != s.Media[i].Kind || n.Port.Value != int(s.Media[i].Port) || !slices.Equal(n.Formats, s.Media[i].Formats) {
			t.Fatalf("pion reads %+v of\n%s", n, out)
		}
	}
}

func TestAppendTo_CommonForms_AreReadByPion(t *testing.T) {
	for _, in := range fuzzSeeds {
		s := mustParse(t, []byte(in))
		var d pion.SessionDescription
		if err := d.UnmarshalString(string(s.AppendTo(nil))); err != nil && s.Media[0].Kind != "image" {
			t.Errorf("%v\n%s", err, s.AppendTo(nil))
		}
		checkAgainstPion(t, s, s.AppendTo(nil))
	}
}
