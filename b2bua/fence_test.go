package b2bua_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/testlab/ladder"
	"gatehouse/internal/testlab/memnet"
)

// TestFence_PanicInOneCall_EndsThatCallAlone breaks the relay under one call:
// that call is torn down and counted, its ports come back, and the next call
// goes through.
func TestFence_PanicInOneCall_EndsThatCallAlone(t *testing.T) {
	// The second call captures its own identifiers.
	names := regexp.MustCompile(`\$\{(a|b)(tag|call|contact|branch)\b`)
	second := strings.NewReplacer("call-1@", "call-2@", "tag=a1", "tag=a2").Replace(names.ReplaceAllString(invite+answer+ackA+endA, "$${second$1$2"))
	s, err := ladder.Parse(t.Name(), []byte(strings.Join([]string{peers, invite, okB + sdpB, `
<A SIP/2.0 503 Service Unavailable
<A ...
`, refusalACK, `
resend B
<B ACK sip:b@203.0.113.20:5060 SIP/2.0
<B ...
<B BYE sip:b@203.0.113.20:5060 SIP/2.0
<B ...
`, okByeB, second}, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		r := newRig(t, n.Host(), s.Config)
		r.media.broken = true
		s.Play(t, n.Host(), synctest.Wait)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		got := r.engine.Stats(context.Background())
		if got.Panics != 1 || got.Calls != 0 || got.Dialogs != 0 || got.Transactions != 0 || r.media.open() != 0 || r.engine.Remembered(context.Background()) != 0 {
			t.Errorf("after the panic: %+v, %d media ends", got, r.media.open())
		}
		if n := len(r.cdrs.list()); n != 2 {
			t.Errorf("%d records, want one for each call", n)
		}
	})
}

// TestFence_PanicAfterALookup_EndsTheCallThatAsked: nobody else would end it.
func TestFence_PanicAfterALookup_EndsTheCallThatAsked(t *testing.T) {
	playWith(t, func(r *rig) {
		r.dns.targets("trunk.example", "udp "+addrB)
		r.dns.delay = time.Second
		time.AfterFunc(time.Second/2, func() {
			r.media.mu.Lock()
			defer r.media.mu.Unlock()
			r.media.zones = nil
			r.media.ends = nil
		})
	}, func(r *rig) {
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		got := r.engine.Stats(context.Background())
		if got.Panics != 1 || got.Calls != 0 || r.engine.Remembered(context.Background()) != 0 {
			t.Errorf("after the panic: %+v", got)
		}
		if n := len(r.cdrs.list()); n != 1 {
			t.Errorf("%d records, want 1", n)
		}
	}, trunk(t), peers, inviteHead+sdpA, "\n<A SIP/2.0 100 Trying\n<A ...\n", `
<A SIP/2.0 503 Service Unavailable
<A ...
`, refusalACK)
}

// TestFence_PanicWhileTheBooksAreClosed_LeavesNoCallActive breaks the relay at
// the worst moment, when the call has ended and is being written down.
func TestFence_PanicWhileTheBooksAreClosed_LeavesNoCallActive(t *testing.T) {
	playWith(t, func(r *rig) { r.media.lost = true }, func(r *rig) {
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		got := r.engine.Stats(context.Background())
		if got.Panics != 1 || got.Calls != 0 || r.media.open() != 0 || r.engine.Remembered(context.Background()) != 0 {
			t.Errorf("after the panic: %+v, %d media ends", got, r.media.open())
		}
		list := r.cdrs.list()
		if len(list) != 1 || list[0].Cause != "normal clearing" || list[0].End.IsZero() {
			t.Errorf("records %+v, want one of the call as it ended", list)
		}
	}, established, endA)
}
