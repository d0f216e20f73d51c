package call

import (
	"testing"

	"gatehouse/sip/uri"
)

func TestEndsDialog_AsTheTableSays(t *testing.T) {
	// RFC 5057 §5.1, both columns that end an INVITE usage; 489 is of events.
	// 408 counts as the timeout it is (RFC 3261 §12.2.1.2).
	ends := map[int]bool{404: true, 405: true, 408: true, 410: true, 416: true, 480: true, 481: true, 482: true, 483: true, 484: true, 485: true, 501: true, 502: true, 604: true}
	for code := 300; code < 700; code++ {
		if got := endsDialog(code); got != ends[code] {
			t.Errorf("%d ends the dialog: %v", code, got)
		}
	}
}

func TestMediaOwner_NamesTheCall(t *testing.T) {
	c := &Call{Number: 1<<48 - 1, Slot: 200}
	if number, slot := MediaOwner(c.owner()); number != c.Number || slot != c.Slot {
		t.Errorf("owner %x gives %x, %d", c.owner(), number, slot)
	}
}

func TestSessionNumber_DiffersByCallAndLegAndFits(t *testing.T) {
	seen := map[uint64]bool{}
	for number := range uint64(500) {
		for part := range uint16(5) {
			n := sessionNumber(1_700_000_000<<16+number, part)
			if n>>63 != 0 || seen[n] {
				t.Fatalf("call %d, leg %d: %d", number, part, n)
			}
			seen[n] = true
		}
	}
}

func TestHostOf_BracketsIPv6(t *testing.T) {
	for in, want := range map[string]string{"sip:[2001:db8::1]:5070": "[2001:db8::1]", "sip:a@10.0.0.1:5060": "10.0.0.1", "sip:sbc.example": "sbc.example"} {
		u, err := uri.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := hostOf(u); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
