//go:build interop

package interop

import (
	"strings"
	"testing"
	"time"

	"gatehouse/internal/testlab/wire"
)

// The connection of a callee drops within the call: nothing is ended for it, and the next request opens another one (RFC 5626 §4.5, RFC 3261 §18.1.1).
func TestB015_ConnectionOfTheCalleeDrops_CallGoesOn(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	p.Transport = "tcp"
	b := startBorder(t, p)
	pbx, carrier := openAgent(t, wire.Options{Proto: wire.TCP, Addr: p.PBX}), openAgent(t, wire.Options{Proto: wire.TCP, Addr: p.Carrier})
	call := connect(t, b, pbx, carrier, audioSDP(p.PBX.Addr(), 7000), audioSDP(p.Carrier.Addr(), 7000))
	if m := call.caller.request("OPTIONS", ""); m.Code() != 200 {
		t.Fatalf("OPTIONS in the call: %q", m.Start)
	}
	from := pbx.Seen()
	carrier.Cut()
	idle(t, 2*time.Second, "the call was ended", func() bool { return b.metric("gatehouse_calls_active") == 0 || pbx.Seen() != from })
	call.hangUp(t)
	b.settled()
}

// The connection a call came over drops before the answer: the answer goes over a new one, to where the Via says (RFC 3261 §18.2.2).
func TestB015_ConnectionOfTheCallerDrops_AnswerTakesANewOne(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	p.Transport = "tcp"
	b := startBorder(t, p)
	pbx, carrier := openAgent(t, wire.Options{Proto: wire.TCP, Addr: p.PBX}), openAgent(t, wire.Options{Proto: wire.TCP, Addr: p.Carrier})
	d := pbx.dial(p.sip(p.Inside), audioSDP(p.PBX.Addr(), 7000))
	far := carrier.takeInvite(0)
	pbx.Cut()
	from := carrier.Seen()
	carrier.send(far.border, wire.Reply(far.invite, "200 OK", wire.Param(far.local, "tag"), []string{far.contact(), sdpType}, audioSDP(p.Carrier.Addr(), 7000)))
	d.established()
	carrier.request(from, "ACK")
	talking{b: b, caller: d, callee: far}.hangUp(t)
	b.settled()
}

// subject crosses the border and makes an INVITE larger than a datagram should be (RFC 3261 §18.1.1).
func subject() string { return "Subject: " + strings.Repeat("lorem ipsum ", 120) }

// A request too large for a datagram goes over TCP, where the peer has it; its Via says so.
func TestB022_LargeInvite_GoesOverTCP(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	b := startBorder(t, p)
	pbx, datagrams := newAgent(t, p.PBX), newAgent(t, p.Carrier)
	carrier := openAgent(t, wire.Options{Proto: wire.TCP, Addr: p.Carrier})
	d := pbx.dial(p.sip(p.Inside), audioSDP(p.PBX.Addr(), 7000), subject())
	far := carrier.takeInvite(0).accept(audioSDP(p.Carrier.Addr(), 7000))
	d.established()
	if via := far.invite.Get("Via"); !strings.HasPrefix(via, "SIP/2.0/TCP ") {
		t.Errorf("Via %q", via)
	}
	if n := datagrams.Seen(); n != 0 {
		t.Errorf("%d messages came over UDP as well:%s", n, datagrams.transcript())
	}
	d.cseq++
	d.a.send(d.border, wire.Compose("BYE "+d.target+" SIP/2.0", d.headers("BYE", d.cseq, nil), ""))
	if m := pbx.final(d.branch); m.Code() != 200 {
		t.Errorf("BYE answered %q", m.Start)
	}
	// The callee's Contact names no connection-oriented transport here: the BYE, which is small, may come either way.
	var bye wire.Message
	eventually(t, answerWithin, "a BYE", func() bool {
		for _, a := range []*agent{carrier, datagrams} {
			if m, ok := a.First(0, pollEvery, func(m wire.Message) bool { return m.Code() == 0 && m.Method() == "BYE" }); ok {
				bye = m
				a.send(m.From, wire.Reply(m, "200 OK", "", nil, ""))
				return true
			}
		}
		return false
	})
	if !strings.HasPrefix(bye.Start, "BYE "+wire.URIOf(far.contact())) {
		t.Errorf("BYE for %q", bye.Start)
	}
	b.settled()
}

// Where there is no TCP, the request goes in a datagram after all, and the caller hardly waits; the next one does not try again.
func TestB022_LargeInviteToPeerWithoutTCP_FallsBackToUDP(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	b := startBorder(t, p)
	pbx, carrier := newAgent(t, p.PBX), newAgent(t, p.Carrier)
	for range 2 {
		from, began := carrier.Seen(), time.Now()
		d := pbx.dial(p.sip(p.Inside), audioSDP(p.PBX.Addr(), 7000), subject())
		far := carrier.takeInvite(from)
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("it came after %s", took)
		}
		if via := far.invite.Get("Via"); !strings.HasPrefix(via, "SIP/2.0/UDP ") {
			t.Errorf("Via %q", via)
		}
		far.accept(audioSDP(p.Carrier.Addr(), 7000))
		talking{b: b, caller: d.established(), callee: far}.hangUp(t)
	}
	b.settled()
}

// An address that names UDP means it.
func TestB022_LargeInviteToUDPAddress_StaysOnUDP(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	p.CarrierAddress = "\"sip:" + p.Carrier.String() + ";transport=udp\""
	b := startBorder(t, p)
	pbx, carrier := newAgent(t, p.PBX), newAgent(t, p.Carrier)
	other := openAgent(t, wire.Options{Proto: wire.TCP, Addr: p.Carrier})
	d := pbx.dial(p.sip(p.Inside), audioSDP(p.PBX.Addr(), 7000), subject())
	far := carrier.takeInvite(0).accept(audioSDP(p.Carrier.Addr(), 7000))
	talking{b: b, caller: d.established(), callee: far}.hangUp(t)
	if n := other.Seen(); n != 0 {
		t.Errorf("%d messages came over TCP", n)
	}
	b.settled()
}
