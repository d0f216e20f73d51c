package txn

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var t0 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func allStates() []state {
	return []state{idle, calling, trying, proceeding, completed, confirmed, accepted, terminated}
}

func allInputs() []input {
	return []input{inStart, in100, in1xx, in2xx, inRefusal, in408, inRetry, inExpiry, inCancel, inUnsent, inRequest, inACK}
}

// stepper is any of the four machines.
type stepper interface {
	step(in input, now time.Time, out []action) []action
}

// show writes actions as text: what is armed shows how long after now.
func show(acts []action, now time.Time) string {
	words := []string{}
	for _, a := range acts {
		s := [...]string{"retry", "end"}[a.slot]
		switch a.kind {
		case actSend:
			words = append(words, "send")
		case actRelay:
			words = append(words, "relay")
		case actKeep:
			words = append(words, "keep")
		case actForget:
			words = append(words, "forget")
		case actACK:
			words = append(words, "ack")
		case actTrying:
			words = append(words, "trying")
		case actDeliver:
			words = append(words, "deliver")
		case actArm:
			words = append(words, fmt.Sprintf("%s=%v", s, a.at.Sub(now)))
		case actStop:
			words = append(words, "stop-"+s)
		case actTimeout:
			words = append(words, "timeout")
		case actFail:
			words = append(words, "fail")
		case actDone:
			words = append(words, "done")
		}
	}
	return strings.Join(words, " ")
}

// row is one transition that does something. Every pair of state and input without a row must change nothing.
type row struct {
	from     state
	in       input
	reliable string // "": on both kinds of transport, "udp", "tcp"
	to       state
	why      reason
	acts     string
}

func testRows(t *testing.T, machine func(*life) stepper, rows []row) {
	t.Helper()
	used := make([]bool, len(rows))
	for _, reliable := range []bool{false, true} {
		for _, from := range allStates() {
			for _, in := range allInputs() {
				want, found := row{to: from, why: whyNone}, 0
				for i, r := range rows {
					if r.from == from && r.in == in && (r.reliable == "" || (r.reliable == "tcp") == reliable) {
						want, used[i] = r, true
						found++
					}
				}
				if found > 1 {
					t.Fatalf("%d rows for %v, %v", found, from, in)
				}
				l := life{tm: DefaultTimers(), state: from, interval: defaultT1, reliable: reliable}
				acts := machine(&l).step(in, t0, nil)
				if got := show(acts, t0); got != want.acts || l.state != want.to || l.why != want.why {
					t.Errorf("%v, %v, reliable %v:\n got %v by %q: %s\nwant %v by %q: %s", from, in, reliable, l.state, l.why, got, want.to, want.why, want.acts)
				}
			}
		}
	}
	for i, u := range used {
		if !u {
			t.Errorf("row %d (%v, %v) was never reached", i, rows[i].from, rows[i].in)
		}
	}
}

func TestClientInvite_EveryTransition(t *testing.T) {
	testRows(t, func(l *life) stepper { return clientInvite{l} }, []row{
		{idle, inStart, "udp", calling, whySent, "send end=32s retry=500ms"},
		{idle, inStart, "tcp", calling, whySent, "send end=32s"},

		{calling, in100, "", proceeding, whyProvisional, "stop-retry stop-end deliver"},
		{calling, in1xx, "", proceeding, whyProvisional, "stop-retry stop-end deliver"},
		{calling, in2xx, "", accepted, whySuccess, "stop-retry forget end=32s deliver"},
		{calling, inRefusal, "udp", completed, whyRefusal, "stop-retry ack end=32s deliver"},
		{calling, inRefusal, "tcp", completed, whyRefusal, "stop-retry ack end=0s deliver"},
		{calling, in408, "udp", completed, whyRefusal, "stop-retry ack end=32s deliver"},
		{calling, in408, "tcp", completed, whyRefusal, "stop-retry ack end=0s deliver"},
		{calling, inRetry, "", calling, whyNone, "send retry=1s"},
		{calling, inExpiry, "", terminated, whyTimerB, "timeout done"},
		{calling, inUnsent, "", terminated, whyUnsent, "fail done"},

		{proceeding, in100, "", proceeding, whyNone, "deliver"},
		{proceeding, in1xx, "", proceeding, whyNone, "deliver"},
		{proceeding, in2xx, "", accepted, whySuccess, "stop-retry forget end=32s deliver"},
		{proceeding, inRefusal, "udp", completed, whyRefusal, "stop-retry ack end=32s deliver"},
		{proceeding, inRefusal, "tcp", completed, whyRefusal, "stop-retry ack end=0s deliver"},
		{proceeding, in408, "udp", completed, whyRefusal, "stop-retry ack end=32s deliver"},
		{proceeding, in408, "tcp", completed, whyRefusal, "stop-retry ack end=0s deliver"},
		{proceeding, inCancel, "", proceeding, whyNone, "end=32s"},
		{proceeding, inExpiry, "", terminated, whyCancelExpired, "timeout done"},

		{completed, inRefusal, "", completed, whyNone, "send"},
		{completed, in408, "", completed, whyNone, "send"},
		{completed, inExpiry, "", terminated, whyTimerD, "done"},
		{completed, inUnsent, "", terminated, whyUnsent, "done"},

		{accepted, in2xx, "", accepted, whyNone, "deliver"},
		{accepted, inExpiry, "", terminated, whyTimerM, "done"},
	})
}

func TestClientRequest_EveryTransition(t *testing.T) {
	testRows(t, func(l *life) stepper { return clientRequest{l} }, []row{
		{idle, inStart, "udp", trying, whySent, "send end=32s retry=500ms"},
		{idle, inStart, "tcp", trying, whySent, "send end=32s"},

		{trying, in100, "", proceeding, whyProvisional, "deliver"},
		{trying, in1xx, "", proceeding, whyProvisional, "deliver"},
		{trying, in2xx, "udp", completed, whyAnswer, "stop-retry forget end=5s deliver"},
		{trying, in2xx, "tcp", completed, whyAnswer, "stop-retry forget end=0s deliver"},
		{trying, inRefusal, "udp", completed, whyAnswer, "stop-retry forget end=5s deliver"},
		{trying, inRefusal, "tcp", completed, whyAnswer, "stop-retry forget end=0s deliver"},
		{trying, in408, "udp", completed, whyAnswer, "stop-retry forget end=5s deliver"},
		{trying, in408, "tcp", completed, whyAnswer, "stop-retry forget end=0s deliver"},
		{trying, inRetry, "", trying, whyNone, "send retry=1s"},
		{trying, inExpiry, "", terminated, whyTimerF, "timeout done"},
		{trying, inUnsent, "", terminated, whyUnsent, "fail done"},

		{proceeding, in100, "", proceeding, whyProvisional, "deliver"},
		{proceeding, in1xx, "", proceeding, whyProvisional, "deliver"},
		{proceeding, in2xx, "udp", completed, whyAnswer, "stop-retry forget end=5s deliver"},
		{proceeding, in2xx, "tcp", completed, whyAnswer, "stop-retry forget end=0s deliver"},
		{proceeding, inRefusal, "udp", completed, whyAnswer, "stop-retry forget end=5s deliver"},
		{proceeding, inRefusal, "tcp", completed, whyAnswer, "stop-retry forget end=0s deliver"},
		{proceeding, in408, "udp", completed, whyAnswer, "stop-retry forget end=5s deliver"},
		{proceeding, in408, "tcp", completed, whyAnswer, "stop-retry forget end=0s deliver"},
		{proceeding, inRetry, "", proceeding, whyNone, "send retry=4s"},
		{proceeding, inExpiry, "", terminated, whyTimerF, "timeout done"},
		{proceeding, inUnsent, "", terminated, whyUnsent, "fail done"},

		{completed, inExpiry, "", terminated, whyTimerK, "done"},
	})
}

func TestServerInvite_EveryTransition(t *testing.T) {
	testRows(t, func(l *life) stepper { return serverInvite{l} }, []row{
		{idle, inStart, "", proceeding, whyReceived, ""},

		{proceeding, inRequest, "", proceeding, whyNone, "send"},
		{proceeding, in100, "", proceeding, whyNone, "keep send"},
		{proceeding, in1xx, "", proceeding, whyNone, "keep send"},
		{proceeding, in2xx, "", accepted, whySuccess, "relay forget end=32s"},
		{proceeding, inRefusal, "udp", completed, whyRefusal, "keep send end=32s retry=500ms"},
		{proceeding, inRefusal, "tcp", completed, whyRefusal, "keep send end=32s"},
		{proceeding, in408, "udp", completed, whyRefusal, "keep send end=32s retry=500ms"},
		{proceeding, in408, "tcp", completed, whyRefusal, "keep send end=32s"},

		{completed, inRequest, "", completed, whyNone, "send"},
		{completed, inACK, "udp", confirmed, whyACK, "stop-retry forget end=5s"},
		{completed, inACK, "tcp", confirmed, whyACK, "stop-retry forget end=0s"},
		{completed, inRetry, "", completed, whyNone, "send retry=1s"},
		{completed, inExpiry, "", terminated, whyTimerH, "timeout done"},

		{confirmed, inExpiry, "", terminated, whyTimerI, "done"},

		{accepted, inACK, "", accepted, whyNone, "deliver"},
		{accepted, in2xx, "", accepted, whyNone, "relay"},
		{accepted, inExpiry, "", terminated, whyTimerL, "done"},
	})
}

func TestServerRequest_EveryTransition(t *testing.T) {
	testRows(t, func(l *life) stepper { return serverRequest{l} }, []row{
		{idle, inStart, "", trying, whyReceived, "retry=3.5s end=32s"},

		{trying, in100, "tcp", proceeding, whyProvisional, "stop-retry keep send"},
		{trying, inRetry, "", proceeding, whyTrying, "trying send"},
		{trying, in2xx, "udp", completed, whyAnswer, "stop-retry keep send end=32s"},
		{trying, in2xx, "tcp", completed, whyAnswer, "stop-retry keep send end=0s"},
		{trying, inRefusal, "udp", completed, whyAnswer, "stop-retry keep send end=32s"},
		{trying, inRefusal, "tcp", completed, whyAnswer, "stop-retry keep send end=0s"},
		{trying, inExpiry, "", terminated, whyUnanswered, "done"},

		{proceeding, inRequest, "", proceeding, whyNone, "send"},
		{proceeding, inRetry, "", proceeding, whyTrying, "trying send"},
		{proceeding, in2xx, "udp", completed, whyAnswer, "stop-retry keep send end=32s"},
		{proceeding, in2xx, "tcp", completed, whyAnswer, "stop-retry keep send end=0s"},
		{proceeding, inRefusal, "udp", completed, whyAnswer, "stop-retry keep send end=32s"},
		{proceeding, inRefusal, "tcp", completed, whyAnswer, "stop-retry keep send end=0s"},
		{proceeding, inExpiry, "", terminated, whyUnanswered, "done"},

		{completed, inRequest, "", completed, whyNone, "send"},
		{completed, inExpiry, "", terminated, whyTimerJ, "done"},
	})
}

func TestClassify_EveryClass_AndNothingElse(t *testing.T) {
	for code, want := range map[int]input{100: in100, 101: in1xx, 199: in1xx, 200: in2xx, 299: in2xx, 300: inRefusal, 407: inRefusal, 408: in408, 409: inRefusal, 699: inRefusal} {
		if in, ok := classify(code); !ok || in != want {
			t.Errorf("%d is %v %v, want %v", code, in, ok, want)
		}
	}
	for _, code := range []int{-1, 0, 99, 700, 1000} {
		if in, ok := classify(code); ok {
			t.Errorf("%d is taken for %v", code, in)
		}
	}
}

func TestTimers_Trying_IsWhenTimerEReachesT2(t *testing.T) {
	for _, c := range []struct{ t1, t2, want time.Duration }{
		{500 * time.Millisecond, 4 * time.Second, 3500 * time.Millisecond},
		{500 * time.Millisecond, 3 * time.Second, 3500 * time.Millisecond}, // 0.5 + 1 + 2, then min(4, 3)
		{time.Second, 4 * time.Second, 3 * time.Second},
		{4 * time.Second, 4 * time.Second, 4 * time.Second},
		{100 * time.Millisecond, 400 * time.Millisecond, 300 * time.Millisecond},
	} {
		if got := (Timers{T1: c.t1, T2: c.t2}).trying(); got != c.want {
			t.Errorf("T1 %v, T2 %v: %v, want %v", c.t1, c.t2, got, c.want)
		}
	}
}

func TestTimers_Absent_AreTheDefaults(t *testing.T) {
	if got := (Timers{}).usable(); got != DefaultTimers() {
		t.Errorf("zero gives %+v", got)
	}
	if got := (Timers{T1: -1, T2: -1, T4: -1, D: -1}).usable(); got != DefaultTimers() {
		t.Errorf("negative gives %+v", got)
	}
	if got := (Timers{T1: 8 * time.Second}).usable(); got.T2 != 8*time.Second || got.T1 != 8*time.Second {
		t.Errorf("T2 below T1: %+v", got)
	}
}

func TestNames_EachValue_HasItsOwn(t *testing.T) {
	seen := map[string]bool{}
	add := func(s string) {
		if s == "" || seen[s] || strings.HasPrefix(s, "unknown") {
			t.Errorf("name %q is empty, double or unknown", s)
		}
		seen[s] = true
	}
	for _, s := range allStates() {
		add("state " + s.String())
	}
	for _, in := range allInputs() {
		add("input " + in.String())
	}
	for r := whyNone; r <= whyDropped; r++ {
		add("reason " + r.String())
	}
	for k := Transmit; k <= Terminated; k++ {
		add("event " + k.String())
	}
	for d := New; d <= Pass; d++ {
		add("disposition " + d.String())
	}
	for _, s := range []string{state(99).String(), input(99).String(), reason(99).String()} {
		if !strings.HasPrefix(s, "unknown ") {
			t.Errorf("a value without a name is %q", s)
		}
	}
}
