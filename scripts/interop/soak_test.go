//go:build interop && soak

package interop

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// soakFor is how long the long tests run; SOAK=1h changes it.
func soakFor(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("SOAK")
	if text == "" {
		return 5 * time.Minute
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// resources are what a border must give back.
type resources struct{ goroutines, heap float64 }

func (b *border) resources() resources {
	return resources{goroutines: b.metric("go_goroutines"), heap: b.metric("go_memstats_heap_alloc_bytes")}
}

// Answered, cancelled, refused and held calls, side by side for minutes: every one ends as it should, and nothing grows.
func TestSoak_MixedCalls_NothingGrows(t *testing.T) {
	const rate = 15 // of each kind a second
	type kind struct {
		name, caller, callee string
		plan                 plan
	}
	kinds := []kind{
		{name: "answered", caller: callerAnswered(), callee: calleeAnswers()},
		{name: "cancelled", caller: callerCancels(), callee: calleeIsCancelled()},
		{name: "refused", caller: callerIsRefused(486), callee: calleeRefuses(486, "Busy Here", "")},
		{name: "held", caller: callerHolds("sendonly", "recvonly"), callee: calleeIsHeld("sendonly", "recvonly")},
	}
	during := soakFor(t)
	calls := int(during.Seconds()) * rate
	for i := range kinds {
		kinds[i].plan = newPlan(t)
	}
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			b := startBorder(t, k.plan)
			uas := callee(t, k.callee, k.plan.Carrier, calls+rate*20)
			warm := caller(t, k.caller, k.plan.PBX, k.plan.sip(k.plan.Inside), rate*20, "-r", fmt.Sprint(rate))
			warm.waitFor(time.Minute)
			before := b.resources()
			uac := caller(t, k.caller, k.plan.PBX, k.plan.sip(k.plan.Inside), calls, "-r", fmt.Sprint(rate))
			uac.waitFor(during + time.Minute)
			uas.waitFor(time.Minute)
			b.settled()
			eventually(t, 45*time.Second, "transactions are back", func() bool { return b.metric("gatehouse_transactions_active") == 0 })
			after := b.resources()
			t.Logf("%d calls: goroutines %v -> %v, heap %.1f -> %.1f MB", calls, before.goroutines, after.goroutines, before.heap/1e6, after.heap/1e6)
			if after.goroutines > before.goroutines+5 {
				t.Errorf("goroutines %v -> %v", before.goroutines, after.goroutines)
			}
			// What the runtime keeps for its next rise is not a leak; a leak of one kilobyte a call is.
			if grown := after.heap - before.heap; grown > float64(calls)*1000+16e6 {
				t.Errorf("the heap grew by %.1f MB in %d calls", grown/1e6, calls)
			}
		})
	}
}

// Five hundred calls a second whose callee takes longer than the first repeat of an INVITE (RFC 3261 §17.1.1.2), under the race detector: timers
// and responses meet in every order, and none of them meets nothing.
func TestSoak_DelayedResponses_NoRaceNoPanic(t *testing.T) {
	const (
		rate    = 500
		delayMS = 600
	)
	during := min(soakFor(t), 20*time.Second)
	calls := int(during.Seconds()) * rate
	binary, err := watched()
	if err != nil {
		t.Fatal(err)
	}
	p := newPlan(t)
	b := startCommand(t, p, p.yaml(), binary)
	slow := scenario("callee", calleeInvite(), pause(delayMS), calleeReply(180, "Ringing", newTag, "", ""), pause(delayMS),
		calleeReply(200, "OK", newTag, "", sdpOf("carrier", "0 101", "sendrecv")), recvRequest("ACK"), recvRequest("BYE"), calleeReply(200, "OK", "", "", ""))
	uas := callee(t, slow, p.Carrier, calls)
	uac := caller(t, callerAnswered(), p.PBX, p.sip(p.Inside), calls, "-r", fmt.Sprint(rate), "-l", "100000")
	uac.waitFor(during + time.Minute)
	uas.waitFor(time.Minute)
	b.settled()
}
