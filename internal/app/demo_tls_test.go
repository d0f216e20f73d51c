package app

import (
	"errors"
	"strings"
	"testing"

	"gatehouse/internal/demo"
	"gatehouse/internal/demo/papers"
)

// A trunk whose certificate is of another authority gets no call, and nothing in the clear either.
func TestTLS_TrunkOfAnotherAuthority_CallRefusedAndNothingInTheClear(t *testing.T) {
	var plan demo.Plan
	dir := t.TempDir()
	ours, theirs := papersFor(t), papersFor(t)
	if err := ours.Save(dir); err != nil {
		t.Fatal(err)
	}
	s := openPlan(t, func(p *demo.Plan) { p.Papers = dir; plan = *p }, same)
	heard := demo.NewLadder("clear", "", "trunk")
	pbx, err := demo.Listen("pbx", plan.PBX, nil)
	if err != nil {
		t.Fatal(err)
	}
	trunk, err := demo.ListenTLS("trunk", plan.Trunk, theirs, heard)
	if err != nil {
		t.Fatal(err)
	}
	clear, err := demo.Listen("clear", plan.Trunk, heard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(pbx.Close(), trunk.Close(), clear.Close()); err != nil {
			t.Error(err)
		}
	})
	c, err := pbx.Invite(within(t), plan.Inside, "100", "sip:+15550100@"+plan.Inside.String(), []byte("v=0\r\no=x 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	var refused *demo.Refused
	if _, err := c.Answered(within(t)); !errors.As(err, &refused) || refused.Code != 500 {
		t.Errorf("the call: %v", err)
	}
	if log := s.logged(t); !strings.Contains(log, "signed by unknown authority") {
		t.Errorf("log:\n%s", log)
	}
	if e := heard.Entries(); len(e) > 0 {
		t.Errorf("the trunk got %s", e[0].Label)
	}
}

func papersFor(t *testing.T) *papers.Papers {
	t.Helper()
	p, err := papers.New(loopback)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
