package demo

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"gatehouse/config"
	"gatehouse/internal/testlab"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// direct is a demo without a border controller: the PBX reaches the trunk itself.
func direct(t *testing.T) Options {
	t.Helper()
	p, err := Choose(loopback)
	if err != nil {
		t.Fatal(err)
	}
	return Options{Inside: p.Trunk, Outside: p.PBX, PBX: p.PBX, Trunk: p.Trunk, Talk: 400 * time.Millisecond, Hold: 100 * time.Millisecond}
}

func TestRun_Call_AudioLadderAndRecord(t *testing.T) {
	testlab.NoLeaks(t)
	o := direct(t)
	var out bytes.Buffer
	o.Out = &out
	o.CDR = func(context.Context) ([]byte, error) { return []byte(`{"id":"1"}`), nil }
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if !r.AudioBothWays() || r.HeldPackets != 0 {
		t.Errorf("result %+v", r)
	}
	for _, f := range []Flow{r.ToPBX, r.ToTrunk} {
		if f.Sent == 0 || f.Heard.Packets != f.Sent || f.Heard.Lost != 0 || f.Heard.Repeats != 0 {
			t.Errorf("flow %+v", f)
		}
	}
	if r.SetupDelay <= 0 || r.AnswerDelay <= r.SetupDelay {
		t.Errorf("setup %s, answer %s", r.SetupDelay, r.AnswerDelay)
	}
	for _, want := range []string{"PBX", "INVITE (SDP) ---", "180 Ringing (INVITE)", "INVITE (SDP sendonly)", "200 OK (INVITE) (SDP recvonly)", "BYE",
		"{\"id\":\"1\"}", "audio both ways    yes"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}

func TestRun_CallRefused_ReturnsRefusalAndLadder(t *testing.T) {
	testlab.NoLeaks(t)
	o := direct(t)
	sbc, err := Listen("sbc", netip.AddrPortFrom(loopback, 0), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sbc.Close() }()
	o.Inside = sbc.Addr()
	go func() {
		if c, err := sbc.Accept(t.Context()); err == nil {
			c.Reject(403)
		}
	}()
	r, err := Run(t.Context(), o)
	var refused *Refused
	if !errors.As(err, &refused) || refused.Code != 403 {
		t.Errorf("error %v", err)
	}
	if r.AudioBothWays() || !strings.Contains(r.Ladder.String(), "403 Forbidden") {
		t.Errorf("ladder\n%s", r.Ladder)
	}
}

func TestRun_InviteFromWrongAddress_Refused(t *testing.T) {
	o := direct(t)
	o.Outside = netip.MustParseAddrPort("127.0.0.1:9")
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "not from 127.0.0.1:9") {
		t.Errorf("error %v", err)
	}
}

func TestRun_PortTaken_Reported(t *testing.T) {
	o := direct(t)
	e, err := Listen("taken", o.Trunk, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "open endpoint trunk") {
		t.Errorf("error %v", err)
	}
}

func TestAudioBothWays_OneSideSilent_False(t *testing.T) {
	heard := Flow{Sent: 100, Heard: Heard{Packets: 100, Tone: 100}}
	deaf := Flow{Sent: 100}
	noisy := Flow{Sent: 100, Heard: Heard{Packets: 100, Tone: 90}}
	for _, r := range []Result{
		{ToPBX: heard, ToTrunk: deaf, SurvivedHold: true},
		{ToPBX: deaf, ToTrunk: heard, SurvivedHold: true},
		{ToPBX: heard, ToTrunk: noisy, SurvivedHold: true},
		{ToPBX: heard, ToTrunk: heard},
	} {
		if r.AudioBothWays() {
			t.Errorf("%+v counts as audio both ways", r)
		}
	}
	if r := (Result{ToPBX: heard, ToTrunk: heard, SurvivedHold: true}); !r.AudioBothWays() {
		t.Error("good audio does not count")
	}
}

func TestChoose_Plan_DistinctPortsAndRanges(t *testing.T) {
	p, err := Choose(loopback)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[uint16]bool{}
	for _, a := range []netip.AddrPort{p.Inside, p.Outside, p.PBX, p.Trunk} {
		if seen[a.Port()] || a.Port() == 0 {
			t.Errorf("port of %s", a)
		}
		seen[a.Port()] = true
	}
	if p.InsideMedia.First%2 != 0 || p.InsideMedia.Last-p.InsideMedia.First != mediaPorts-1 {
		t.Errorf("range %s", p.InsideMedia)
	}
	c, _, err := config.Load("demo.yaml", []byte(Config(p, "cdr.jsonl", "warn")))
	if err != nil {
		t.Fatalf("the configuration: %v", err)
	}
	if c.CDR.File != "cdr.jsonl" || c.Log.Level != "warn" {
		t.Errorf("configuration %+v %+v", c.CDR, c.Log)
	}
	six := p
	six.PBX = netip.MustParseAddrPort("[::1]:5060")
	six.Inside, six.Outside, six.Trunk = six.PBX, netip.MustParseAddrPort("[::1]:5070"), netip.MustParseAddrPort("[::1]:5062")
	if _, _, err := config.Load("demo.yaml", []byte(Config(six, "", ""))); err != nil {
		t.Errorf("over IPv6: %v", err)
	}
	if p.InsideMedia.First <= p.OutsideMedia.Last && p.OutsideMedia.First <= p.InsideMedia.Last {
		t.Errorf("ranges %s and %s overlap", p.InsideMedia, p.OutsideMedia)
	}
}
