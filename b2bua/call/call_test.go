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

func TestFailure_Rank_AUsersAnswerBeatsAServers(t *testing.T) {
	order := []int{603, 486, 302, 503}
	for i := 1; i < len(order); i++ {
		if a, b := (failure{code: order[i-1]}), (failure{code: order[i]}); a.rank() <= b.rank() {
			t.Errorf("%d ranks %d, %d ranks %d", a.code, a.rank(), b.code, b.rank())
		}
	}
	if a, b := (failure{code: 408}), (failure{code: 404}); a.rank() >= b.rank() {
		t.Errorf("a timeout ranks %d, an answer %d", a.rank(), b.rank())
	}
}

func TestRetryable_ServersNotUsers(t *testing.T) {
	want := map[int]bool{408: true, 500: true, 502: true, 503: true, 504: true}
	for code := 300; code < 700; code++ {
		if got := retryable(code); got != want[code] {
			t.Errorf("%d goes on: %v", code, got)
		}
	}
}

func TestFailure_Received_IsWhatTheAttemptGot(t *testing.T) {
	for _, tc := range []struct {
		f    failure
		want int
	}{{failure{code: 500, from: 503}, 503}, {unreachable("x"), 503}, {failure{code: 408}, 408}} {
		if got := tc.f.received(); got != tc.want {
			t.Errorf("%+v: %d, want %d", tc.f, got, tc.want)
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
