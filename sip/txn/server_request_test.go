package txn

import (
	"strings"
	"testing"
	"time"

	"gatehouse/sip/msg"
)

func TestB016_ServerRequest_NoAnswer_100AtTimerET2AndNeverMore(t *testing.T) {
	for _, reliable := range []bool{false, true} { // RFC 4320 §4.1: the 100 is due whatever the transport
		l := newLab(t)
		opt := with(t, request("OPTIONS", branch), "Call-ID:", "Timestamp: 54.1\r\nCall-ID:")
		s := l.server(opt, reliable)
		l.at(500 * time.Millisecond)
		if _, d := l.request(opt); d != Absorbed {
			t.Fatalf("a repeat is %v", d)
		}
		l.expect() // Trying discards it
		l.at(3500 * time.Millisecond)
		l.expect("3.5s 100")
		m := parse(t, string(l.events[0].Raw))
		if v, _ := m.Get(msg.HeaderTimestamp); string(v) != "54.1" || m.ToTag() != nil || m.Status() != 100 || string(m.CallID()) != "987asjd97y7atg" ||
			string(m.TopVia().Branch) != branch || string(m.TopVia().Received) != "192.0.2.7" {
			t.Errorf("the 100 is\n%s", l.events[0].Raw)
		}
		if l.events[0].Code != 100 || l.events[0].Repeat || s.LastCode() != 100 || s.head != nil {
			t.Errorf("%+v", l.events[0])
		}
		l.at(7500 * time.Millisecond)
		l.request(opt)
		l.at(time.Hour)
		l.expect("7.5s 100", "32s terminated") // no 408, no timeout: there is nobody to tell
		l.respond(s, 200)                      // late
		l.expect()
		if s.Why() != "no answer in time" {
			t.Errorf("ended by %s", s.Why())
		}
		l.empty()
	}
}

func TestB016_ServerRequest_408And1xxNeverSent(t *testing.T) {
	for _, reliable := range []bool{false, true} {
		l := newLab(t)
		s := l.server(request("OPTIONS", branch), reliable)
		for _, code := range []int{408, 180, 183, 199} {
			l.respond(s, code)
		}
		l.expect()
		if s.LastCode() != 0 || s.State() != "Trying" {
			t.Errorf("%d in %s", s.LastCode(), s.State())
		}
		l.at(4 * time.Second)
		l.respond(s, 408)
		l.respond(s, 182)
		l.expect("3.5s 100")
		l.respond(s, 200)
		l.respond(s, 500)
		l.expect("4s 200")
	}
}

func TestB016_ServerRequest_Early100OnReliableOnly(t *testing.T) {
	for _, reliable := range []bool{false, true} {
		l := newLab(t)
		opt := request("OPTIONS", branch)
		s := l.server(opt, reliable)
		l.respond(s, 100)
		l.at(10 * time.Second)
		if reliable {
			l.expect("0s 100") // and not again at 3.5 s
		} else {
			l.expect("3.5s 100")
		}
		l.respond(s, 200)
		l.expect("10s 200")
	}
}

func TestServerRequest_Final_ReplayedForTimerJ(t *testing.T) {
	for _, k := range []struct {
		reliable bool
		log      string
	}{{false, "1s 200, 10s 200, 33s terminated"}, {true, "1s 200, 1s terminated"}} {
		l := newLab(t)
		bye := request("BYE", branch)
		s := l.server(bye, k.reliable)
		if s.head == nil {
			t.Fatal("nothing to make a 100 from")
		}
		l.at(time.Second)
		l.respond(s, 200)
		if s.Done() || s.head != nil {
			t.Error("ended before the next Advance, or keeps more than its response")
		}
		l.at(10 * time.Second)
		if !k.reliable {
			l.request(bye)
		}
		l.at(time.Hour)
		if got := strings.Join(l.take(), ", "); got != k.log {
			t.Errorf("reliable %v: %s, want %s", k.reliable, got, k.log)
		}
		l.empty()
	}
}
