//go:build interop

package interop

import (
	"strings"
	"testing"

	"gatehouse/internal/testlab/wire"
)

// A call that is answered twice behind us: the first answer is the call's, the second is acknowledged and ended, and the caller sees one.
func TestB025_TwoForksAnswer_SecondIsEndedFirstGoesOn(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	b := startBorder(t, p)
	pbx, carrier := newAgent(t, p.PBX), newAgent(t, p.Carrier)
	d := pbx.dial(p.sip(p.Inside), audioSDP(p.PBX.Addr(), 7000))
	first := carrier.takeInvite(0)
	second := *first
	second.local = strings.Replace(first.local, "tag=", "tag=other", 1)
	carrier.send(p.sip(p.Outside), wire.Reply(first.invite, "180 Ringing", wire.Param(second.local, "tag"), []string{second.contact()}, ""))
	first.accept(audioSDP(p.Carrier.Addr(), 7000))
	d.established()
	from := carrier.Seen()
	carrier.send(p.sip(p.Outside), wire.Reply(first.invite, "200 OK", wire.Param(second.local, "tag"), []string{second.contact(), sdpType}, audioSDP(p.Carrier.Addr(), 7100)))
	ack := carrier.request(from, "ACK")
	bye := carrier.request(from, "BYE")
	for _, m := range []wire.Message{ack, bye} {
		if got := wire.Param(m.Get("To"), "tag"); got != wire.Param(second.local, "tag") {
			t.Errorf("%s for tag %q, want the second fork's %q", m.Method(), got, wire.Param(second.local, "tag"))
		}
	}
	carrier.send(p.sip(p.Outside), wire.Reply(bye, "200 OK", "", nil, ""))
	if m := d.request("OPTIONS", ""); m.Code() != 200 {
		t.Errorf("the first call after it: %q", m.Start)
	}
	answers := 0
	for _, m := range pbx.Received() {
		if m.Code() == 200 && m.Method() == "INVITE" {
			answers++
		}
	}
	if answers != 1 {
		t.Errorf("the caller saw %d answers, want 1", answers)
	}
	talking{b: b, caller: d, callee: first}.hangUp(t)
	b.settled()
	b.oneCDR("pbx", "carrier", 200)
}

// A redirection behind us: the caller learns that there is one, and nothing of where to.
func TestCall_Redirected_TargetsAreHidden(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	b := startBorder(t, p)
	pbx, carrier := newAgent(t, p.PBX), newAgent(t, p.Carrier)
	d := pbx.dial(p.sip(p.Inside), audioSDP(p.PBX.Addr(), 7000))
	far := carrier.takeInvite(0)
	carrier.send(p.sip(p.Outside), wire.Reply(far.invite, "302 Moved Temporarily", "m", []string{"Contact: <sip:+13125559999@198.51.100.99:5080>;q=0.5"}, ""))
	m := pbx.final(d.branch)
	if m.Code() != 302 || strings.Contains(m.Raw, "198.51.100.99") || !strings.Contains(m.Get("Contact"), "+13125559999@"+p.Inside.String()) {
		t.Errorf("the caller got\n%s", m.Raw)
	}
	b.settled()
}
