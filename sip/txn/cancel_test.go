package txn

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/sip/msg"
)

func TestB007_Cancel_BeforeAProvisional_IsNotSent(t *testing.T) {
	l := newLab(t)
	inv := request("INVITE", branch)
	c := l.client(inv, false)
	if l.cancel(c) != nil {
		t.Fatal("a CANCEL before any response")
	}
	l.at(400 * time.Millisecond)
	l.expect("0s INVITE")
	l.response(inv, 180)
	if l.cancel(c) == nil {
		t.Fatal("no CANCEL after a provisional response")
	}
	l.expect("400ms CANCEL")
	if l.cancel(c) != nil {
		t.Error("a second CANCEL")
	}
	l.expect()
}

func TestB007_Cancel_AfterAFinal_IsNotSent(t *testing.T) {
	for _, code := range []int{200, 486} {
		l := newLab(t)
		inv := request("INVITE", branch)
		c := l.client(inv, false)
		l.response(inv, 180)
		l.response(inv, code)
		l.take()
		if l.cancel(c) != nil {
			t.Errorf("a CANCEL after %d", code)
		}
		l.expect()
	}
	l := newLab(t)
	bye := request("BYE", branch)
	c := l.client(bye, false)
	l.response(bye, 100)
	if l.cancel(c) != nil {
		t.Error("a CANCEL of a BYE: RFC 3261 §9.1 is for INVITE")
	}
}

func TestB007_Cancel_IsMadeOfTheInvite(t *testing.T) {
	invite := "INVITE sip:bob@biloxi.example SIP/2.0\r\n" +
		"v: SIP/2.0/UDP pc33.atlanta.example;branch=" + branch + "\r\n" +
		"Route: <sip:p1.example;lr>\r\n" +
		"Max-Forwards: 7\r\n" +
		"f: Alice <sip:alice@atlanta.example>;tag=88sja8x\r\n" +
		"t: Bob <sip:bob@biloxi.example>;tag=indialog\r\n" +
		"i: 987asjd97y7atg\r\n" +
		"CSeq: 986759 INVITE\r\n" +
		"Require: 100rel\r\nProxy-Require: sec-agree\r\nSupported: timer\r\nAuthorization: Digest x=\"y\"\r\n" +
		"Contact: <sip:alice@pc33.atlanta.example>\r\n" +
		"Content-Length: 0\r\n\r\n"
	want := "CANCEL sip:bob@biloxi.example SIP/2.0\r\n" +
		"Via: SIP/2.0/UDP pc33.atlanta.example;branch=" + branch + "\r\n" +
		"Route: <sip:p1.example;lr>\r\n" +
		"Max-Forwards: 7\r\n" +
		"From: Alice <sip:alice@atlanta.example>;tag=88sja8x\r\n" +
		"To: Bob <sip:bob@biloxi.example>;tag=indialog\r\n" +
		"Call-ID: 987asjd97y7atg\r\n" +
		"CSeq: 986759 CANCEL\r\n" +
		"Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n" +
		"Content-Length: 0\r\n\r\n"
	l := newLab(t)
	c := l.client(invite, false)
	l.response(invite, 183)
	x := l.cancel(c, `Reason: SIP;cause=200;text="Call completed elsewhere"`)
	if x == nil || x.Owner != "cancel owner" || x.Dest != "dest" || x.Branch() != branch || x.Method() != msg.CANCEL {
		t.Fatalf("CANCEL transaction %+v", x)
	}
	if string(x.Request()) != want {
		t.Fatalf("got\n%s\nwant\n%s", x.Request(), want)
	}
}

func TestB007_Cancel_BadExtraHeader_GoesWithoutIt(t *testing.T) {
	for _, extra := range []string{"Reason", "Reason: SIP\r\nX: y", "Bad Name: x", ": x", ""} {
		l := newLab(t)
		inv := request("INVITE", branch)
		c := l.client(inv, false)
		l.response(inv, 180)
		x := l.cancel(c, extra)
		if x == nil {
			t.Fatalf("%q: no CANCEL", extra)
		}
		if m := parse(t, string(x.Request())); strings.Contains(string(x.Request()), "Reason") || m.Method() != msg.CANCEL {
			t.Errorf("%q: %s", extra, x.Request())
		}
	}
}

func TestB007_Cancel_NoFinalResponse_InviteGivenUpAfter64T1(t *testing.T) {
	for _, reliable := range []bool{false, true} {
		l := newLab(t)
		inv := request("INVITE", branch)
		c := l.client(inv, reliable)
		l.response(inv, 180)
		l.at(10 * time.Second)
		x := l.cancel(c)
		if !l.response(string(x.Request()), 200) {
			t.Fatal("the 200 of the CANCEL was not delivered")
		}
		l.take()
		l.at(time.Minute)
		got := l.take()
		if !slices.Equal(got[len(got)-2:], []string{"42s timeout", "42s terminated"}) || c.Why() != "no final response after CANCEL" {
			t.Errorf("reliable %v: %v by %s", reliable, got, c.Why())
		}
		l.empty()
	}
}

func TestB007_Cancel_FinalResponse_EndsTheInviteAsUsual(t *testing.T) {
	for _, code := range []int{487, 200} {
		l := newLab(t)
		inv := request("INVITE", branch)
		c := l.client(inv, false)
		l.response(inv, 180)
		x := l.cancel(c)
		l.response(string(x.Request()), 481) // B008: changes nothing
		l.at(20 * time.Second)
		if !l.response(inv, code) {
			t.Fatalf("the %d was not delivered", code)
		}
		l.at(time.Hour)
		if log := strings.Join(l.take(), "\n"); strings.Contains(log, "timeout") || !strings.HasSuffix(log, "52s terminated") {
			t.Errorf("%d: %s", code, log)
		}
		l.empty()
	}
}

func TestB007_Cancel_Unanswered_IsRepeatedInItsOwnTransaction(t *testing.T) {
	l := newLab(t)
	inv := request("INVITE", branch)
	c := l.client(inv, false)
	l.response(inv, 180)
	x := l.cancel(c)
	l.at(4 * time.Second)
	l.expect("0s INVITE", "0s CANCEL", "500ms CANCEL", "1.5s CANCEL", "3.5s CANCEL")
	l.at(time.Minute)
	if !x.Done() || !c.Done() || x.Why() != "timer F" {
		t.Errorf("CANCEL by %s, INVITE by %s", x.Why(), c.Why())
	}
	l.empty()
}
