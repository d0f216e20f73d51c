//go:build interop

package interop

import (
	"fmt"
	"testing"
	"time"
)

// crossing runs one pair of scenarios through a border, and looks at what is left afterwards.
type crossing struct {
	caller, callee string
	arguments      []string // for both SIPp
	result         float64  // the code in the call's record
}

func (c crossing) run(t *testing.T, p plan) {
	t.Helper()
	b := startBorder(t, p)
	uas := callee(t, c.callee, p.Carrier, 1, c.arguments...)
	uac := caller(t, c.caller, p.PBX, p.sip(p.Inside), 1, c.arguments...)
	uac.wait()
	uas.wait()
	b.settled()
	b.oneCDR("pbx", "carrier", c.result)
}

// oneCDR wants exactly one call record, of a call between these two with this result.
func (b *border) oneCDR(from, to string, code float64) {
	b.t.Helper()
	eventually(b.t, 5*time.Second, "a call record", func() bool { return len(b.cdrs()) > 0 })
	records := b.cdrs()
	if len(records) != 1 {
		b.t.Fatalf("%d call records, want 1: %v", len(records), records)
	}
	r := records[0]
	if r["from_peer"] != from || r["to_peer"] != to || r["code"] != code {
		b.t.Errorf("record from %v to %v code %v, want %s %s %v: %v", r["from_peer"], r["to_peer"], r["code"], from, to, code, r)
	}
}

// cdrCount wants that many call records and no more; they are written a little after their calls.
func (b *border) cdrCount(calls int) {
	b.t.Helper()
	eventually(b.t, 5*time.Second, fmt.Sprintf("%d call records", calls), func() bool { return len(b.cdrs()) >= calls })
	if n := len(b.cdrs()); n != calls {
		b.t.Errorf("%d call records, want %d", n, calls)
	}
}

func TestCall_FromPBX_IsAnsweredAndEnded(t *testing.T) {
	t.Parallel()
	crossing{caller: callerAnswered(), callee: calleeAnswers(), result: 200}.run(t, newPlan(t))
}

func TestCall_FromCarrier_IsAnsweredAndEnded(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	b := startBorder(t, p)
	uas := callee(t, calleeAnswers(), p.PBX, 1)
	uac := caller(t, callerAnswered(), p.Carrier, p.sip(p.Outside), 1)
	uac.wait()
	uas.wait()
	b.settled()
	b.oneCDR("carrier", "pbx", 200)
}

func TestCall_CalleeHangsUp_EndsBothSides(t *testing.T) {
	t.Parallel()
	crossing{caller: callerIsEnded(), callee: calleeEnds(), result: 200}.run(t, newPlan(t))
}

func TestCall_CallerCancels_IsCancelledBehind(t *testing.T) {
	t.Parallel()
	crossing{caller: callerCancels(), callee: calleeIsCancelled(), result: 487}.run(t, newPlan(t))
}

func TestCall_OverTCP_IsAnsweredAndEnded(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	p.Transport = "tcp"
	crossing{caller: callerAnswered(), callee: calleeAnswers(), arguments: []string{"-t", "t1"}, result: 200}.run(t, p)
}

func TestCall_CallerHolds_DirectionsCrossAndReturn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ offer, answer string }{{"sendonly", "recvonly"}, {"inactive", "inactive"}, {"sendonly", "inactive"}} {
		t.Run(tt.offer+" "+tt.answer, func(t *testing.T) {
			t.Parallel()
			crossing{caller: callerHolds(tt.offer, tt.answer), callee: calleeIsHeld(tt.offer, tt.answer), result: 200}.run(t, newPlan(t))
		})
	}
}

func TestCall_CalleeHolds_DirectionCrosses(t *testing.T) {
	t.Parallel()
	crossing{caller: callerIsHeld(), callee: calleeHolds(), result: 200}.run(t, newPlan(t))
}

// What a refusal of the called side becomes for the caller.
func TestCall_Refused_CodeIsMapped(t *testing.T) {
	t.Parallel()
	tests := []struct {
		from, to int
		headers  string
	}{
		{from: 404, to: 404}, {from: 480, to: 480}, {from: 486, to: 486}, {from: 600, to: 600}, {from: 603, to: 603},
		// A 503 would take us out of the caller's service, not the carrier behind us: RFC 3261 §16.7 step 6.
		{from: 503, to: 500, headers: "Retry-After: 30\n"},
		// We have no credentials for it, and the challenge is none of the caller's business.
		{from: 401, to: 403, headers: "WWW-Authenticate: Digest realm=\"carrier\", nonce=\"abc\"\n"},
		{from: 407, to: 403, headers: "Proxy-Authenticate: Digest realm=\"carrier\", nonce=\"abc\"\n"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%d", tt.from), func(t *testing.T) {
			t.Parallel()
			crossing{caller: callerIsRefused(tt.to), callee: calleeRefuses(tt.from, "Because", tt.headers), result: float64(tt.to)}.run(t, newPlan(t))
		})
	}
}

func TestCall_NobodyAnswers_RingTimeoutCancels(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	p.PeerOptions = "    sip: {ring_timeout: 2s}\n"
	b := startBorder(t, p)
	uas := callee(t, calleeIsCancelled(), p.Carrier, 1)
	uac := caller(t, callerIsRefused(408), p.PBX, p.sip(p.Inside), 1)
	uac.wait()
	uas.wait()
	b.settled()
}

// A twentieth of what the peers receive is lost: the timers of RFC 3261 §17 bring every call through, and nothing twice.
func TestCall_LossyNetwork_EveryCallCompletes(t *testing.T) {
	t.Parallel()
	const calls = 60
	p := newPlan(t)
	b := startBorder(t, p)
	// Only the caller loses: a SIPp callee whose 180 and 200 are both lost has nothing it could repeat, and is silent for good.
	uas := callee(t, calleeAnswers(), p.Carrier, calls)
	uac := caller(t, callerAnswered(), p.PBX, p.sip(p.Inside), calls, "-lost", "5", "-r", "30")
	uac.wait()
	// The callee may still wait for an ACK that is lost; the count is what matters.
	_ = uas
	// SIPp takes a repeated 200 of the INVITE for the answer to its BYE: when the ACK and the BYE of a call are both lost, it leaves a call
	// behind that only the missing ACK ends, 64*T1 after the answer.
	eventually(t, 45*time.Second, "calls, dialogs and ports are back", b.empty)
	b.cdrCount(calls)
}

// After a load everything is back, transactions and goroutines too: RFC 6026 keeps a transaction for 64*T1 = 32 s.
func TestCall_Load_LeavesNothingBehind(t *testing.T) {
	t.Parallel()
	const rate, calls = 100, 600
	p := newPlan(t)
	b := startBorder(t, p)
	_ = b.metric("go_goroutines") // the first scrape opens a connection
	goroutines := b.metric("go_goroutines")
	uas := callee(t, calleeAnswers(), p.Carrier, calls)
	uac := caller(t, callerAnswered(), p.PBX, p.sip(p.Inside), calls, "-r", fmt.Sprint(rate), "-l", "10000")
	uac.wait()
	uas.wait()
	b.settled()
	if n := b.metric("gatehouse_calls_total"); n != calls {
		t.Errorf("gatehouse_calls_total %v, want %d", n, calls)
	}
	b.cdrCount(calls)
	eventually(t, 45*time.Second, "transactions and goroutines are back", func() bool {
		return b.metric("gatehouse_transactions_active") == 0 && b.metric("go_goroutines") <= goroutines+2
	})
}
