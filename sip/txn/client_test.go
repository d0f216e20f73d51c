package txn

import (
	"testing"
	"time"

	"gatehouse/sip/msg"
)

const branch = "z9hG4bKkjshdyff"

func TestB014_ClientInvite_NoResponseOnUDP_SevenSendsThenTimerB(t *testing.T) {
	l := newLab(t)
	c := l.client(request("INVITE", branch), false)
	l.at(time.Hour)
	l.expect("0s INVITE", "500ms INVITE", "1.5s INVITE", "3.5s INVITE", "7.5s INVITE", "15.5s INVITE", "31.5s INVITE",
		"32s timeout", "32s terminated")
	if l.events[0].Code != 408 || l.events[0].Client != c || c.Owner != "owner" || c.Dest != "dest" {
		t.Errorf("timeout event %+v", l.events[0])
	}
	if !c.Done() || c.Why() != "timer B" || c.Request() != nil || c.GotProvisional() {
		t.Errorf("ended %v by %s", c.Done(), c.Why())
	}
	l.empty()
}

func TestB014_ClientInvite_NoResponseOnTCP_OneSendThenTimerB(t *testing.T) {
	l := newLab(t)
	l.client(request("INVITE", branch), true)
	l.at(time.Hour)
	l.expect("0s INVITE", "32s timeout", "32s terminated")
	l.empty()
}

func TestB014_ClientRequest_NoResponseOnUDP_TimerEUpToT2ThenTimerF(t *testing.T) {
	l := newLab(t)
	l.client(request("BYE", branch), false)
	l.at(time.Hour)
	l.expect("0s BYE", "500ms BYE", "1.5s BYE", "3.5s BYE", "7.5s BYE", "11.5s BYE", "15.5s BYE", "19.5s BYE", "23.5s BYE",
		"27.5s BYE", "31.5s BYE", "32s timeout", "32s terminated")
	l.empty()
}

func TestB014_ClientRequest_NoResponseOnTCP_OneSendThenTimerF(t *testing.T) {
	l := newLab(t)
	l.client(request("BYE", branch), true)
	l.at(time.Hour)
	l.expect("0s BYE", "32s timeout", "32s terminated")
	l.empty()
}

func TestB014_Client_TransportError_FailsOnceAs503(t *testing.T) {
	for _, method := range []string{"INVITE", "BYE"} {
		l := newLab(t)
		c := l.client(request(method, branch), true)
		got, ev := l.table.TransportError(branch, c.Method(), l.now, nil)
		l.note(ev)
		l.expect("0s "+method, "0s transport failed", "0s terminated")
		if got != c || ev[0].Code != 503 || !c.Done() {
			t.Errorf("%s: %+v", method, ev)
		}
		if got, ev = l.table.TransportError(branch, c.Method(), l.now, nil); got != nil || ev != nil {
			t.Errorf("%s: again %v %v", method, got, ev)
		}
		if l.response(request(method, branch), 200) {
			t.Errorf("%s: a late 200 was delivered", method)
		}
		l.empty()
	}
}

func TestClient_TransportErrorAfterAResponse_ChangesNothingForTheUser(t *testing.T) {
	for _, code := range []int{180, 200} {
		l := newLab(t)
		inv := request("INVITE", branch)
		l.client(inv, true)
		l.response(inv, code)
		l.take()
		_, ev := l.table.TransportError(branch, msg.INVITE, l.now, nil)
		if len(ev) != 0 || l.table.Len() != 1 {
			t.Errorf("%d: %v", code, ev)
		}
	}
}

func TestClientRequest_Provisional_TimerEAtT2(t *testing.T) {
	l := newLab(t)
	bye := request("BYE", branch)
	c := l.client(bye, false)
	l.at(200 * time.Millisecond)
	if !l.response(bye, 100) || !c.GotProvisional() {
		t.Fatal("the 100 was not delivered")
	}
	l.at(time.Minute)
	l.expect("0s BYE", "500ms BYE", "4.5s BYE", "8.5s BYE", "12.5s BYE", "16.5s BYE", "20.5s BYE", "24.5s BYE", "28.5s BYE",
		"32s timeout", "32s terminated")
	l.empty()
}

func TestClientRequest_Final_DeliveredOnceThenTimerK(t *testing.T) {
	for _, k := range []struct {
		reliable bool
		wait     string
	}{{false, "5.1s"}, {true, "100ms"}} {
		l := newLab(t)
		bye := request("BYE", branch)
		c := l.client(bye, k.reliable)
		l.take()
		l.at(100 * time.Millisecond)
		if !l.response(bye, 481) {
			t.Fatal("the final response was not delivered")
		}
		if c.Request() != nil || c.raw != nil || c.Done() {
			t.Error("the request is kept after the final response, or the transaction ended before Advance")
		}
		for _, code := range []int{481, 200, 100} {
			if l.response(bye, code) {
				t.Errorf("a %d after it was delivered", code)
			}
		}
		l.at(time.Minute)
		l.expect(k.wait + " terminated")
		l.empty()
	}
}

func TestClientInvite_Provisional_StopsTimersAAndB(t *testing.T) {
	l := newLab(t)
	inv := request("INVITE", branch)
	c := l.client(inv, false)
	l.at(600 * time.Millisecond)
	if !l.response(inv, 100) || !l.response(inv, 180) || !l.response(inv, 180) {
		t.Fatal("a provisional response was not delivered")
	}
	l.at(24 * time.Hour)
	l.expect("0s INVITE", "500ms INVITE")
	if string(c.Request()) != inv || !c.GotProvisional() || c.State() != "Proceeding" {
		t.Errorf("state %s", c.State())
	}
	if _, armed := l.table.Next(); armed {
		t.Error("a deadline is armed while ringing")
	}
}

func TestB012_ClientInvite_2xx_DeliveredEveryTimeForTimerM(t *testing.T) {
	for _, reliable := range []bool{false, true} {
		l := newLab(t)
		inv := request("INVITE", branch)
		c := l.client(inv, reliable)
		l.at(100 * time.Millisecond)
		l.response(inv, 180)
		l.at(time.Second)
		l.take()
		for _, at := range []time.Duration{time.Second, 1500 * time.Millisecond, 32999 * time.Millisecond} {
			l.at(at)
			if !l.response(inv, 200) {
				t.Fatalf("the 200 at %v was not delivered", at)
			}
			if l.response(inv, 180) || l.response(inv, 486) {
				t.Fatal("a response that is not 2xx was delivered after the 2xx")
			}
		}
		other := parse(t, reply(t, inv, 202, "another fork"[:7]))
		if _, deliver, _ := l.table.Response(other, l.now, nil); !deliver {
			t.Fatal("the 2xx of another fork was not delivered")
		}
		if c.raw != nil {
			t.Error("the INVITE is kept after its 2xx")
		}
		l.at(time.Minute)
		l.expect("33s terminated") // and no ACK: that is the user's
		if l.response(inv, 200) {
			t.Error("a 200 after Timer M was delivered")
		}
		l.empty()
	}
}

func TestB013_ClientInvite_Refused_AckIsHopByHop(t *testing.T) {
	invite := "INVITE sip:bob@biloxi.example;transport=udp SIP/2.0\r\n" +
		"Via: SIP/2.0/UDP pc33.atlanta.example:5060;branch=" + branch + ";rport\r\n" +
		"Route: <sip:p1.example;lr>\r\n" +
		"Route: <sip:p2.example;lr>, <sip:p3.example;lr>\r\n" +
		"Max-Forwards: 42\r\n" +
		"From: \"A. Lice\" <sip:alice@atlanta.example>;tag=88sja8x\r\n" +
		"To: Bob <sip:bob@biloxi.example>\r\n" +
		"Call-ID: 987asjd97y7atg\r\n" +
		"CSeq: 986759 INVITE\r\n" +
		"Contact: <sip:alice@pc33.atlanta.example>\r\n" +
		"Require: 100rel\r\n" +
		"Proxy-Require: sec-agree\r\n" +
		"Proxy-Authorization: Digest username=\"alice\", realm=\"a\", nonce=\"n\", uri=\"sip:b\", response=\"r\"\r\n" +
		"Content-Type: application/sdp\r\n" +
		"Content-Length: 5\r\n\r\nv=0\r\n"
	want := "ACK sip:bob@biloxi.example;transport=udp SIP/2.0\r\n" +
		"Via: SIP/2.0/UDP pc33.atlanta.example:5060;branch=" + branch + ";rport\r\n" +
		"Route: <sip:p1.example;lr>\r\n" +
		"Route: <sip:p2.example;lr>, <sip:p3.example;lr>\r\n" +
		"Max-Forwards: 42\r\n" +
		"From: \"A. Lice\" <sip:alice@atlanta.example>;tag=88sja8x\r\n" +
		"To: Bob <sip:bob@biloxi.example>;tag=theirs\r\n" +
		"Call-ID: 987asjd97y7atg\r\n" +
		"CSeq: 986759 ACK\r\n" +
		"Proxy-Authorization: Digest username=\"alice\", realm=\"a\", nonce=\"n\", uri=\"sip:b\", response=\"r\"\r\n" +
		"Content-Length: 0\r\n\r\n"
	l := newLab(t)
	c := l.client(invite, false)
	l.response(invite, 100)
	if !l.response(invite, 486) {
		t.Fatal("the 486 was not delivered")
	}
	l.expect("0s INVITE", "0s ACK")
	e := l.events[0]
	if string(e.Raw) != want || e.Method != msg.ACK || e.Client != c || e.Repeat {
		t.Fatalf("ACK of method %v, repeat %v:\n%s\nwant\n%s", e.Method, e.Repeat, e.Raw, want)
	}
	if c.Request() != nil {
		t.Error("the INVITE is given out after the final response")
	}
	for _, at := range []time.Duration{500 * time.Millisecond, 31999 * time.Millisecond} {
		l.at(at)
		if l.response(invite, 486) {
			t.Error("the repeat was delivered")
		}
		if len(l.events) != 1 || string(l.events[0].Raw) != want || !l.events[0].Repeat {
			t.Fatalf("the repeat at %v got %v", at, l.events)
		}
	}
	if l.response(invite, 180) || l.response(invite, 200) {
		t.Error("a response after the refusal was delivered")
	}
	l.take()
	l.at(time.Minute)
	l.expect("32s terminated") // Timer D
	l.empty()
}

func TestB013_ClientInvite_RefusedOnTCP_AckOnceAndEndsAtOnce(t *testing.T) {
	l := newLab(t)
	inv := request("INVITE", branch)
	c := l.client(inv, true)
	l.at(time.Second)
	if !l.response(inv, 603) || c.Done() {
		t.Fatal("not delivered, or gone before the next Advance")
	}
	l.at(time.Second)
	l.expect("0s INVITE", "1s ACK", "1s terminated")
	l.empty()
}

func TestB013_ClientInvite_AckNotSent_EndsWithoutASecondFailure(t *testing.T) {
	l := newLab(t)
	inv := request("INVITE", branch)
	c := l.client(inv, false)
	l.response(inv, 503)
	l.take()
	_, ev := l.table.TransportError(branch, msg.ACK, l.now, nil)
	l.note(ev)
	l.expect("0s terminated")
	if c.Why() != "transport error" {
		t.Errorf("ended by %s", c.Why())
	}
	l.empty()
}

func TestClient_ResponsesOfOthers_AreNotMatched(t *testing.T) {
	l := newLab(t)
	inv := request("INVITE", branch)
	l.client(inv, false)
	l.take()
	for name, raw := range map[string]string{
		"other branch":        reply(t, with(t, inv, branch, branch+"x"), 200, "t"),
		"other method":        reply(t, with(t, inv, "INVITE", "CANCEL"), 200, "t"),
		"a request, not ours": inv,
		"no branch":           reply(t, with(t, inv, ";branch="+branch, ""), 200, "t"),
	} {
		c, deliver, ev := l.table.Response(parse(t, raw), l.now, nil)
		if c != nil || deliver || len(ev) != 0 {
			t.Errorf("%s: %v %v %v", name, c, deliver, ev)
		}
	}
}

func TestClient_SameBranchOtherMethod_AreTwoTransactions(t *testing.T) {
	l := newLab(t)
	inv, opt := request("INVITE", branch), request("OPTIONS", branch)
	a, b := l.client(inv, true), l.client(opt, true)
	c, deliver, _ := l.table.Response(parse(t, reply(t, opt, 200, "t")), l.now, nil)
	if c != b || !deliver || a.State() != "Calling" || l.table.Len() != 2 {
		t.Errorf("the 200 went to %v", c)
	}
}

func TestClient_Ack_IsSentAndIsNoTransaction(t *testing.T) {
	l := newLab(t)
	c := l.client(request("ACK", branch), false)
	l.at(time.Minute)
	l.expect("0s ACK")
	if !c.Done() {
		t.Error("an ACK waits for something")
	}
	l.empty()
}

func TestClient_LoopHeldUp_GivesUpWithoutABurst(t *testing.T) {
	l := newLab(t)
	l.client(request("INVITE", branch), false)
	l.now = t0.Add(10 * time.Second) // Timer A was due at 0.5 s
	l.note(l.table.Advance(l.now, nil))
	l.expect("0s INVITE", "10s INVITE")
	l.now = t0.Add(40 * time.Second) // Timers A and B are both due
	l.note(l.table.Advance(l.now, nil))
	l.expect("40s timeout", "40s terminated")
	l.empty()
}

func TestClient_BranchUsedTwice_EachEndsForItself(t *testing.T) {
	l := newLab(t)
	bye := request("BYE", branch)
	a := l.client(bye, false)
	l.at(10 * time.Second)
	b := l.client(bye, false)
	l.at(33 * time.Second)
	if !a.Done() || b.Done() || !l.response(bye, 200) {
		t.Error("the end of the first took the second along")
	}
	l.at(time.Hour)
	l.empty()
}

// A request that its own maker cannot read is a fault of ours; it must not keep the call from ending.
func TestClientInvite_UnreadableRequest_StillEnds(t *testing.T) {
	for _, refused := range []bool{false, true} {
		l := newLab(t)
		inv := request("INVITE", branch)
		c, _ := l.table.NewClient(msg.INVITE, branch, []byte("INVITE nothing\r\n\r\n"), false, DefaultTimers(), nil, nil, l.now, nil)
		l.response(inv, 180)
		if refused {
			if !l.response(inv, 486) || l.response(inv, 486) {
				t.Error("the refusal was not delivered once")
			}
		} else if l.cancel(c) != nil || !c.Cancelled() {
			t.Error("a CANCEL of an unreadable INVITE, or no deadline for it")
		}
		l.at(time.Minute)
		if log := l.take(); !c.Done() || len(log) > 2 {
			t.Errorf("%v", log)
		}
		l.empty()
	}
}

func TestClient_Drop_LeavesNothing(t *testing.T) {
	l := newLab(t)
	c := l.client(request("INVITE", branch), false)
	l.table.DropClient(c)
	l.table.DropClient(c)
	l.at(time.Hour)
	l.expect("0s INVITE")
	if !c.Done() || c.Why() != "dropped" {
		t.Errorf("%s by %s", c.State(), c.Why())
	}
	l.empty()
}

func TestTable_ClientHotPaths_DoNotAllocate(t *testing.T) {
	l := newLab(t)
	inv := request("INVITE", branch)
	l.client(inv, false)
	ringing := parse(t, reply(t, inv, 180, "x"))
	stray := parse(t, reply(t, with(t, inv, branch, branch+"z"), 180, "x"))
	out := make([]Event, 0, 8)
	if n := testing.AllocsPerRun(100, func() {
		l.table.Response(ringing, l.now, out)
		l.table.Response(stray, l.now, out)
	}); n != 0 {
		t.Errorf("Response: %v allocations", n)
	}
}
