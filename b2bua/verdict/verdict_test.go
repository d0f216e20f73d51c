package verdict

import (
	"testing"
)

func TestBetter_AUsersAnswerBeatsAServers(t *testing.T) {
	order := []int{603, 486, 302, 503}
	for i := 1; i < len(order); i++ {
		a, b := Failure{Code: order[i-1], Next: NextPeer}, Failure{Code: order[i], Next: NextPeer}
		if Better(a, b).Code != a.Code || Better(b, a).Code != a.Code {
			t.Errorf("%d does not beat %d", a.Code, b.Code)
		}
	}
	silent, gone := Failure{Code: 408, Next: NextPeer}, Failure{Code: 404, Next: NextPeer}
	if Better(silent, gone).Code != 404 || Better(gone, silent).Code != 404 {
		t.Error("a timeout beats an answer")
	}
}

func TestBetter_TheFirstOfEqualsAndAFinalAnswerStand(t *testing.T) {
	first, second := Failure{Code: 500, Cause: "a", Next: NextPeer}, Failure{Code: 502, Cause: "b", Next: NextPeer}
	if Better(Failure{}, first).Cause != "a" || Better(first, second).Cause != "a" {
		t.Error("the first failure did not stay")
	}
	if final := (Failure{Code: 500, Cause: "c"}); Better(Failure{Code: 404, Next: NextPeer}, final).Cause != "c" {
		t.Error("a failure that ends the search did not count")
	}
}

func TestNextAfter_ServersNotUsers(t *testing.T) {
	want := map[int]Next{408: NextPeer, 500: NextPeer, 502: NextPeer, 503: NextTarget, 504: NextPeer}
	for code := 300; code < 700; code++ {
		if got := nextAfter(code, false); got != want[code] {
			t.Errorf("%d goes on: %v", code, got)
		}
	}
	if nextAfter(408, true) != NextNone {
		t.Error("a 408 after ringing is not the user's")
	}
}

func TestFailure_Received_IsWhatTheAttemptGot(t *testing.T) {
	for _, tc := range []struct {
		f    Failure
		want int
	}{{Failure{Code: 500, From: 503}, 503}, {Unreachable("x", false), 503}, {Unanswered(), 408}} {
		if got := tc.f.Received(); got != tc.want {
			t.Errorf("%+v: %d, want %d", tc.f, got, tc.want)
		}
	}
}
