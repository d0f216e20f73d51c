package txn

import (
	"net/netip"
	"testing"

	"gatehouse/sip/msg"
)

func TestServerKey_Compliant_BranchSentByMethod(t *testing.T) {
	inv := request("INVITE", branch)
	for name, c := range map[string]struct {
		raw  string
		src  netip.AddrPort
		want bool // the same transaction
	}{
		"the same":                    {inv, peerAddr, true},
		"other case":                  {with(t, inv, branch, "Z9HG4BKKJSHDYFF"), peerAddr, true},
		"host in other case":          {with(t, inv, "pc33.atlanta", "PC33.Atlanta"), peerAddr, true},
		"default port left out":       {with(t, inv, ":5060;", ";"), peerAddr, true},
		"other parameters and source": {with(t, inv, ";branch", ";rport;x=y;branch"), otherAddr, true},
		"other Call-ID":               {with(t, inv, "987asjd97y7atg", "other"), peerAddr, true}, // the branch decides alone
		"other branch":                {with(t, inv, branch, branch+"1"), peerAddr, false},
		"other port":                  {with(t, inv, ":5060;", ":5061;"), peerAddr, false},
		"other host":                  {with(t, inv, "pc33", "pc34"), peerAddr, false},
		"other method":                {with(t, inv, "INVITE", "OPTIONS"), peerAddr, false},
		"unknown method":              {with(t, inv, "INVITE", "FOO"), peerAddr, false},
		"IPv6 sent-by":                {with(t, inv, "pc33.atlanta.example", "[2001:db8::1]"), peerAddr, false},
	} {
		tb := NewTable()
		s := tb.NewServer(parse(t, inv), peerAddr, false, DefaultTimers(), nil, nil, t0)
		got, _, _ := tb.Request(parse(t, c.raw), c.src, t0, nil)
		if (got == s) != c.want {
			t.Errorf("%s: matched %v", name, got == s)
		}
	}
}

func TestServerKey_UnknownMethods_AreToldApart(t *testing.T) {
	tb := NewTable()
	a := tb.NewServer(parse(t, request("FOO", branch)), peerAddr, false, DefaultTimers(), nil, nil, t0)
	b := tb.NewServer(parse(t, request("BAR", branch)), peerAddr, false, DefaultTimers(), nil, nil, t0)
	if a == b || a.Key() == b.Key() || a.Method() != msg.Unknown || tb.Len() != 2 {
		t.Errorf("%q and %q", a.Key(), b.Key())
	}
}

// RFC 3261 §17.2.3: without a usable branch the RFC 2543 fields decide, here with the source address.
func TestServerKey_UnusableBranch_TwoFiveFourThreeRules(t *testing.T) {
	for _, cut := range []string{"", ";branch=z9hG4bK", ";branch=1", ";branch=kjshdyff-z9hG4bK"} {
		inv := with(t, request("INVITE", branch), ";branch="+branch, cut)
		tb := NewTable()
		s := tb.NewServer(parse(t, inv), peerAddr, false, DefaultTimers(), nil, nil, t0)
		for name, c := range map[string]struct {
			raw  string
			src  netip.AddrPort
			want bool
		}{
			"the same":      {inv, peerAddr, true},
			"other port":    {inv, netip.AddrPortFrom(peerAddr.Addr(), 1), true},
			"mapped IPv4":   {inv, netip.MustParseAddrPort("[::ffff:192.0.2.7]:5060"), true},
			"other source":  {inv, otherAddr, false},
			"other URI":     {with(t, inv, "INVITE sip:bob", "INVITE sip:rob"), peerAddr, false},
			"other From":    {with(t, inv, "88sja8x", "other"), peerAddr, false},
			"other Call-ID": {with(t, inv, "987asjd97y7atg", "other"), peerAddr, false},
			"other CSeq":    {with(t, inv, "986759", "986760"), peerAddr, false},
			"other Via":     {with(t, inv, "pc33", "pc34"), peerAddr, false},
			"other method":  {with(t, inv, "INVITE", "OPTIONS"), peerAddr, false},
		} {
			got, _, _ := tb.Request(parse(t, c.raw), c.src, t0, nil)
			if (got == s) != c.want {
				t.Errorf("branch %q, %s: matched %v", cut, name, got == s)
			}
		}
		tb.Respond(s, 486, []byte("x"), t0, nil)
		if _, d, _ := tb.Request(parse(t, ackOf(t, inv)), peerAddr, t0, nil); d != Absorbed || s.State() != "Confirmed" {
			t.Errorf("branch %q: the ACK is %v, state %s", cut, d, s.State())
		}
		cancel := parse(t, with(t, inv, "INVITE", "CANCEL"))
		if tb.FindInvite(cancel, peerAddr) != s || tb.FindInvite(cancel, otherAddr) != nil {
			t.Errorf("branch %q: CANCEL does not find its INVITE, or finds it from elsewhere", cut)
		}
		if tb.Merged(parse(t, inv)) {
			t.Errorf("branch %q: a repeat is merged", cut)
		}
	}
}
