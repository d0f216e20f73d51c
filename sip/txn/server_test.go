package txn

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"gatehouse/sip/msg"
)

func TestB001_ServerInvite_Proceeding_ReplaysTheLastResponse(t *testing.T) {
	l := newLab(t)
	inv := request("INVITE", branch)
	s := l.server(inv, false)
	if _, d := l.request(inv); d != Absorbed {
		t.Fatalf("a repeat before any response is %v", d)
	}
	l.expect() // and nothing sent: there is nothing yet
	l.respond(s, 100)
	l.at(500 * time.Millisecond)
	l.request(inv)
	l.respond(s, 180)
	l.at(1500 * time.Millisecond)
	if got, d := l.request(inv); d != Absorbed || got != s {
		t.Fatalf("a repeat is %v", d)
	}
	l.expect("0s 100", "500ms 100", "500ms 180", "1.5s 180")
	if e := l.events[0]; !e.Repeat || e.Code != 180 || e.Server != s || s.LastCode() != 180 {
		t.Errorf("replayed as %+v", e)
	}
	l.at(24 * time.Hour) // a call may ring for as long as its user lets it
	l.expect()
	if s.Done() || s.State() != "Proceeding" || s.Method() != msg.INVITE {
		t.Errorf("state %s", s.State())
	}
}

func TestB002_ServerInvite_Completed_ReplaysUntilAck(t *testing.T) {
	l := newLab(t)
	inv := request("INVITE", branch)
	s := l.server(inv, false)
	l.respond(s, 100)
	l.respond(s, 486)
	l.at(600 * time.Millisecond)
	if got, d := l.request(inv); d != Absorbed || got != s {
		t.Fatalf("a repeat is %v", d)
	}
	l.expect("0s 100", "0s 486", "500ms 486", "600ms 486")
	if _, d := l.request(ackOf(t, inv)); d != Absorbed {
		t.Fatalf("the ACK of a refusal is %v", d)
	}
	if s.raw != nil || s.State() != "Confirmed" {
		t.Error("the response is kept after its ACK")
	}
	l.at(time.Second)
	for _, raw := range []string{inv, ackOf(t, inv)} { // Confirmed absorbs both
		if _, d := l.request(raw); d != Absorbed {
			t.Fatalf("%s in Confirmed is %v", first([]byte(raw)), d)
		}
	}
	l.at(time.Minute)
	l.expect("5.6s terminated") // Timer I
	if _, d := l.request(inv); d != New {
		t.Errorf("after the end a repeat is %v", d)
	}
	l.empty()
}

func TestB002_ServerInvite_Accepted_AbsorbsRepeatsAndOnlyTheCoreSends2xx(t *testing.T) {
	for _, reliable := range []bool{false, true} {
		l := newLab(t)
		inv := request("INVITE", branch)
		s := l.server(inv, reliable)
		l.respond(s, 200)
		if s.raw != nil {
			t.Error("the 2xx is kept")
		}
		l.at(500 * time.Millisecond)
		if got, d := l.request(inv); d != Absorbed || got != s {
			t.Fatalf("a repeat is %v", d)
		}
		l.expect("0s 200")
		l.respond(s, 200)
		if e := l.events[0]; !e.Repeat || e.Code != 200 {
			t.Errorf("the core's repeat is %+v", e)
		}
		for _, code := range []int{100, 180, 486} {
			l.respond(s, code)
		}
		l.expect("500ms 200")
		if got, d := l.request(ackOf(t, inv)); d != Pass || got != s {
			t.Errorf("an ACK of the 2xx on the INVITE's branch is %v", d)
		}
		l.at(time.Minute)
		l.expect("32s terminated") // Timer L, on every transport
		l.respond(s, 200)
		l.expect()
		l.empty()
	}
}

func TestServerInvite_RefusedOnUDP_TimerGUpToT2ThenTimerH(t *testing.T) {
	l := newLab(t)
	s := l.server(request("INVITE", branch), false)
	l.at(time.Second)
	l.respond(s, 404)
	l.at(time.Hour)
	l.expect("1s 404", "1.5s 404", "2.5s 404", "4.5s 404", "8.5s 404", "12.5s 404", "16.5s 404", "20.5s 404", "24.5s 404",
		"28.5s 404", "32.5s 404", "33s timeout", "33s terminated")
	if e := l.events[0]; e.Server != s || e.Client != nil || s.Why() != "timer H" {
		t.Errorf("%+v by %s", e, s.Why())
	}
	l.empty()
}

func TestServerInvite_RefusedOnTCP_OnceThenTimerH(t *testing.T) {
	l := newLab(t)
	s := l.server(request("INVITE", branch), true)
	l.respond(s, 404)
	l.at(time.Hour)
	l.expect("0s 404", "32s timeout", "32s terminated")
	l.empty()
}

func TestServerInvite_AckOnTCP_EndsAtOnce(t *testing.T) {
	l := newLab(t)
	inv := request("INVITE", branch)
	s := l.server(inv, true)
	l.respond(s, 404)
	l.at(time.Second)
	if _, d := l.request(ackOf(t, inv)); d != Absorbed || s.Done() {
		t.Fatalf("ACK is %v", d)
	}
	l.at(time.Second)
	l.expect("0s 404", "1s terminated")
	l.empty()
}

func TestServerInvite_SecondFinal_Ignored(t *testing.T) {
	for _, codes := range [][2]int{{486, 200}, {486, 603}, {486, 180}, {200, 486}} {
		l := newLab(t)
		s := l.server(request("INVITE", branch), true)
		l.respond(s, codes[0])
		l.respond(s, codes[1])
		l.expect(fmt.Sprintf("0s %d", codes[0]))
		if s.LastCode() != codes[0] {
			t.Errorf("last code %d", s.LastCode())
		}
	}
}

func TestServer_Respond_NonsenseIgnored(t *testing.T) {
	l := newLab(t)
	s := l.server(request("INVITE", branch), true)
	for _, code := range []int{0, 99, 700} {
		l.respond(s, code)
	}
	l.note(l.table.Respond(s, 200, nil, l.now, nil))
	l.expect()
	if s.LastCode() != 0 || s.State() != "Proceeding" {
		t.Errorf("%d in %s", s.LastCode(), s.State())
	}
}

func TestServerInvite_AckBeforeFinal_Absorbed(t *testing.T) {
	l := newLab(t)
	inv := request("INVITE", branch)
	s := l.server(inv, false)
	if _, d := l.request(ackOf(t, inv)); d != Absorbed || s.State() != "Proceeding" {
		t.Errorf("%v, state %s", d, s.State())
	}
}

func TestServer_AckOfNoTransaction_Passes(t *testing.T) {
	l := newLab(t)
	if s, d := l.request(request("ACK", branch)); d != Pass || s != nil {
		t.Errorf("%v", d)
	}
	if s := l.table.NewServer(parse(t, request("ACK", branch)), peerAddr, false, Timers{}, nil, nil, l.now); !s.Done() {
		t.Error("an ACK has a transaction")
	}
	l.empty()
}

func TestB003_Merged_OtherBranchSameCall(t *testing.T) {
	l := newLab(t)
	inv := request("INVITE", branch)
	s := l.server(inv, false)
	merged := with(t, inv, branch, "z9hG4bKother")
	for name, c := range map[string]struct {
		raw  string
		want bool
	}{
		"by another way": {merged, true},
		"other sent-by":  {with(t, inv, "pc33.atlanta.example:5060", "proxy.example"), true},
		"the same again": {inv, false},
		"in a dialog":    {with(t, merged, "biloxi.example>\r\nCall", "biloxi.example>;tag=x\r\nCall"), false},
		"other Call-ID":  {with(t, merged, "987asjd97y7atg", "987asjd97y7ath"), false},
		"other From tag": {with(t, merged, "88sja8x", "88sja8y"), false},
		"other CSeq":     {with(t, merged, "986759", "986760"), false},
		"other method":   {with(t, merged, "INVITE", "OPTIONS"), false},
		"CANCEL":         {with(t, merged, "INVITE", "CANCEL"), false},
		"ACK":            {with(t, merged, "INVITE", "ACK"), false},
	} {
		if got := l.table.Merged(parse(t, c.raw)); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if s2, d := l.request(merged); s2 != nil || d != New {
		t.Fatalf("the merged request is %v", d)
	}
	second := l.table.NewServer(parse(t, merged), peerAddr, false, DefaultTimers(), nil, nil, l.now)
	l.respond(second, 482)
	l.request(ackOf(t, merged))
	l.at(time.Minute)
	l.take()
	if s.State() != "Proceeding" { // the first one goes on undisturbed
		t.Errorf("the first is %s", s.State())
	}
	if !l.table.Merged(parse(t, with(t, inv, branch, "z9hG4bKthird"))) {
		t.Error("a third copy is not merged after the second has ended")
	}
	l.respond(s, 486)
	l.at(time.Hour)
	if l.table.Merged(parse(t, merged)) {
		t.Error("merged with a transaction that ended")
	}
	l.empty()
}

func TestB003_Merged_CancelByAnotherWay_IsNot(t *testing.T) {
	l := newLab(t)
	cancel := request("CANCEL", branch)
	l.server(cancel, false)
	if l.table.Merged(parse(t, with(t, cancel, branch, "z9hG4bKother"))) {
		t.Error("a CANCEL belongs to one hop, and is answered there")
	}
}

func TestB009_FindInvite_WhileTheTransactionLives(t *testing.T) {
	for _, final := range []int{0, 200, 486} {
		l := newLab(t)
		inv := request("INVITE", branch)
		cancel := parse(t, with(t, inv, "INVITE", "CANCEL"))
		if l.table.FindInvite(cancel, peerAddr) != nil {
			t.Fatal("found before there is any")
		}
		s := l.server(inv, false)
		l.respond(s, 180)
		if final != 0 {
			l.respond(s, final)
		}
		if l.table.FindInvite(cancel, peerAddr) != s {
			t.Errorf("after %d the INVITE is not found", final)
		}
		if l.table.FindInvite(cancel, netip.AddrPortFrom(peerAddr.Addr(), 9)) != s {
			t.Error("another source port is another hop")
		}
		for name, other := range map[string]string{"branch": with(t, inv, branch, branch+"x"), "sent-by": with(t, inv, "pc33", "pc34")} {
			if l.table.FindInvite(parse(t, with(t, other, "INVITE", "CANCEL")), peerAddr) != nil {
				t.Errorf("found with another %s", name)
			}
		}
		if l.table.FindInvite(cancel, otherAddr) != nil {
			t.Error("found from another source address")
		}
		// the CANCEL is a transaction of its own beside the INVITE
		if x, d := l.request(with(t, inv, "INVITE", "CANCEL")); x != nil || d != New {
			t.Errorf("the CANCEL is %v", d)
		}
		if final == 0 {
			l.respond(s, 487)
		}
		l.at(time.Hour)
		if l.table.FindInvite(cancel, peerAddr) != nil {
			t.Error("found after the end")
		}
		l.empty()
	}
}

func TestB009_Cancel_RepeatGetsItsResponseAgain(t *testing.T) {
	l := newLab(t)
	cancel := request("CANCEL", branch)
	s := l.server(cancel, false)
	l.respond(s, 481)
	l.at(500 * time.Millisecond)
	if got, d := l.request(cancel); got != s || d != Absorbed {
		t.Errorf("the repeat is %v", d)
	}
	l.at(time.Hour)
	l.expect("0s 481", "500ms 481", "32s terminated")
	l.empty()
}

func TestServer_NewTwice_GivesTheFirst(t *testing.T) {
	l := newLab(t)
	inv := request("INVITE", branch)
	s := l.server(inv, false)
	if again := l.table.NewServer(parse(t, inv), peerAddr, false, DefaultTimers(), nil, nil, l.now); again != s || l.table.Len() != 1 {
		t.Error("a second transaction for one request")
	}
}

func TestServer_Drop_LeavesNothing(t *testing.T) {
	l := newLab(t)
	for i, method := range []string{"INVITE", "OPTIONS"} {
		s := l.server(with(t, request(method, branch), "Call-ID: ", fmt.Sprint("Call-ID: ", i)), false)
		l.table.DropServer(s)
		l.table.DropServer(s)
		l.respond(s, 200)
		if !s.Done() || s.Why() != "dropped" {
			t.Errorf("%s by %s", s.State(), s.Why())
		}
	}
	l.at(time.Hour)
	l.expect()
	l.empty()
}

// Whatever parses can be looked up, answered and ended.
func FuzzRequest(f *testing.F) {
	f.Add(request("INVITE", branch), 200)
	f.Add(request("ACK", branch), 0)
	f.Add(request("CANCEL", "1"), 481)
	f.Add(request("FOO", "z9hG4bK"), 408)
	f.Fuzz(func(t *testing.T, raw string, code int) {
		var m msg.Message
		if m.Parse([]byte(raw), msg.Datagram) != nil || !m.IsRequest() {
			return
		}
		tb := NewTable()
		if s, d, _ := tb.Request(&m, peerAddr, t0, nil); s != nil || d == Absorbed {
			t.Fatalf("an empty table says %v", d)
		}
		s := tb.NewServer(&m, peerAddr, false, Timers{}, nil, nil, t0)
		if got, d, _ := tb.Request(&m, peerAddr, t0, nil); m.Method() != msg.ACK && (got != s || d != Absorbed) {
			t.Fatalf("a repeat is %v", d)
		}
		if tb.Merged(&m) {
			t.Fatal("merged with itself")
		}
		if inv := tb.FindInvite(&m, peerAddr); (inv != nil) != (m.Method() == msg.INVITE) {
			t.Fatalf("the INVITE of a %s is %v", m.MethodName(), inv)
		}
		tb.Respond(s, code, []byte("x"), t0, nil)
		for _, ev := range tb.Advance(t0.Add(10*time.Second), nil) {
			if ev.Kind == Transmit && ev.Code == 100 && new(msg.Message).Parse(ev.Raw, msg.Datagram) != nil {
				t.Fatalf("a 100 that cannot be read:\n%s", ev.Raw)
			}
		}
		tb.Respond(s, 500, []byte("x"), t0, nil)
		tb.Advance(t0.Add(time.Hour), nil)
		if tb.Len()+len(tb.merged)+tb.deadlines.Len() != 0 {
			t.Fatalf("%s is left", s.State())
		}
	})
}

func TestTable_ServerHotPaths_DoNotAllocate(t *testing.T) {
	l := newLab(t)
	raw := request("INVITE", branch)
	s := l.server(raw, false)
	l.respond(s, 180)
	inv, stray := parse(t, raw), parse(t, with(t, raw, branch, branch+"z"))
	cancel := parse(t, with(t, raw, "INVITE", "CANCEL"))
	old := parse(t, with(t, raw, ";branch="+branch, ""))
	out := make([]Event, 0, 8)
	body := []byte("SIP/2.0 183 x\r\n\r\n")
	if n := testing.AllocsPerRun(100, func() {
		l.table.Request(inv, peerAddr, l.now, out)
		l.table.Request(stray, peerAddr, l.now, out)
		l.table.Request(old, peerAddr, l.now, out)
		l.table.Merged(stray)
		l.table.FindInvite(cancel, peerAddr)
		l.table.Respond(s, 183, body, l.now, out)
		l.table.Advance(l.now, out)
		l.table.Next()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
