package transport_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/sip/transport"
)

func TestDenied_DatagramsDroppedUnread_ConnectionsClosedAtOnce(t *testing.T) {
	j := &judge{standing: transport.Denied}
	inLab(t, transport.Options{Admission: j}, func(t *testing.T, l *lab) {
		u := l.socket("198.51.100.7:5070")
		for _, text := range []string{request("OPTIONS", viaUDP, ""), without(request("OPTIONS", viaUDP, ""), "From"), "garbage"} {
			send(t, u, text)
		}
		if got, _ := receive(t, u); got != "" || len(l.core.messages()) != 0 || l.drops(transport.CauseDenied) != 3 {
			t.Errorf("answer %q, drops %v", got, l.stack.Stats().Drops)
		}
		if len(l.stack.Stats().ParseErrors) != 0 || j.reasons() != "" {
			t.Errorf("read: %v, offences %q", l.stack.Stats().ParseErrors, j.reasons())
		}
		if !over(t, l.dial("198.51.100.7")) || l.drops(transport.CauseDenied) != 4 {
			t.Errorf("the connection is open, drops %v", l.stack.Stats().Drops)
		}
		// One that is open ends with its next message.
		j.set(transport.Known)
		c := l.dial("198.51.100.7")
		say(t, c, request("OPTIONS", viaTCP, ""))
		j.set(transport.Denied)
		start := time.Now()
		say(t, c, request("OPTIONS", viaTCP, ""))
		if got, over := hear(t, c); got != "" || !over || time.Since(start) > 10*time.Millisecond {
			t.Errorf("answer %q, closed %v after %s", got, over, time.Since(start))
		}
		if n, open := len(l.core.messages()), l.stack.Stats().Conns; n != 1 || open != 0 {
			t.Errorf("%d messages, %d connections held", n, open)
		}
	})
}

func TestAdmission_IsToldWhatItIsAskedAbout(t *testing.T) {
	j := &judge{}
	inLab(t, transport.Options{Admission: j}, func(t *testing.T, l *lab) {
		send(t, l.socket("198.51.100.7:5070"), request("OPTIONS", viaUDP, ""))
		c := l.dial("198.51.100.7:40000")
		say(t, c, request("OPTIONS", viaTCP, "")+request("OPTIONS", viaTCP, ""))
		udp := transport.Arrival{Zone: "outside", Source: netip.MustParseAddrPort("198.51.100.7:5070"), Proto: transport.UDP}
		tcp := transport.Arrival{Zone: "outside", Source: netip.MustParseAddrPort("198.51.100.7:40000"), Proto: transport.TCP}
		opening := tcp
		opening.Opening = true
		want := []transport.Arrival{udp, opening, tcp, tcp}
		if len(j.arrivals) != len(want) {
			t.Fatalf("asked %v", j.arrivals)
		}
		for i := range want {
			if j.arrivals[i] != want[i] {
				t.Errorf("asked %+v, want %+v", j.arrivals[i], want[i])
			}
		}
	})
}

func TestOffend_WhatStrangersDo_IsReportedWithItsProof(t *testing.T) {
	bad := without(request("OPTIONS", viaTCP, ""), "From")
	for name, tc := range map[string]struct {
		do      func(l *lab)
		proven  bool
		reasons string
	}{
		"malformed datagram": {func(l *lab) { send(l.t, l.socket("203.0.113.1:5070"), without(request("OPTIONS", viaUDP, ""), "From")) }, false, "malformed"},
		"not SIP":            {func(l *lab) { send(l.t, l.socket("203.0.113.1:5070"), "\x00garbage") }, false, "malformed"},
		"malformed stream":   {func(l *lab) { say(l.t, l.dial("203.0.113.1"), bad+bad) }, true, "malformed malformed"},
		"framing":            {func(l *lab) { say(l.t, l.dial("203.0.113.1"), withLength(bad, " +5")) }, true, "framing"},
		"slow head":          {func(l *lab) { say(l.t, l.dial("203.0.113.1"), "OPT"); wait(6 * time.Second) }, true, "slow"},
		"nothing at all":     {func(l *lab) { l.dial("203.0.113.1"); wait(11 * time.Second) }, true, "slow"},
		"good":               {func(l *lab) { say(l.t, l.dial("203.0.113.1"), request("OPTIONS", viaTCP, "")); wait(time.Hour) }, true, ""},
		"hangs up":           {func(l *lab) { _ = l.dial("203.0.113.1").Close() }, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, standing := range []transport.Standing{transport.Stranger, transport.Silent, transport.Known} {
				j := &judge{standing: standing}
				inLab(t, transport.Options{Admission: j}, func(t *testing.T, l *lab) {
					tc.do(l)
					synctest.Wait()
					want := tc.reasons
					if standing == transport.Known {
						want = ""
					}
					if j.reasons() != want {
						t.Errorf("%s: offences %q, want %q", standing, j.reasons(), want)
					}
					for _, o := range j.offences {
						if o.Proven != tc.proven || o.Source != netip.MustParseAddr("203.0.113.1") || o.Zone != "outside" {
							t.Errorf("offence %+v", o)
						}
					}
				})
			}
		})
	}
}
