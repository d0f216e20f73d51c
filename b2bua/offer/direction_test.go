package offer

import (
	"testing"

	"gatehouse/media/sdp"
)

// audio is one audio line with a direction; extra lines follow.
func audio(port, direction string, extra ...string) []string {
	return append([]string{"m=audio " + port + " RTP/AVP 0", "a=" + direction}, extra...)
}

func TestB082_Direction_FollowsTheFarSideWithinTheOffer(t *testing.T) {
	for _, c := range []struct{ offered, far, want string }{
		{"sendrecv", "sendrecv", "sendrecv"},
		{"sendrecv", "sendonly", "sendonly"},
		{"sendrecv", "recvonly", "recvonly"},
		{"sendrecv", "inactive", "inactive"},
		{"sendonly", "recvonly", "recvonly"},
		{"sendonly", "inactive", "inactive"},
		{"recvonly", "sendonly", "sendonly"},
		{"recvonly", "inactive", "inactive"},
		{"inactive", "inactive", "inactive"},
		// answers no offer allows: ours stays legal
		{"sendonly", "sendrecv", "recvonly"},
		{"sendonly", "sendonly", "inactive"},
		{"recvonly", "sendrecv", "sendonly"},
		{"inactive", "sendrecv", "inactive"},
	} {
		t.Run(c.offered+" "+c.far, func(t *testing.T) {
			_, toB, toA := setup(t, audio("4000", c.offered), audio("6000", c.far))
			if toB.Media[0].Direction.String() != c.offered {
				t.Errorf("offer to B is %v", toB.Media[0].Direction)
			}
			if got := toA.Media[0].Direction.String(); got != c.want {
				t.Errorf("answer to A is %s, want %s", got, c.want)
			}
		})
	}
}

func TestB082_Resume_IsNeverAnsweredFromTheHeldState(t *testing.T) {
	c, _, _ := setup(t, audio("4000", "sendrecv"), audio("6000", "sendrecv"))
	c.offer(c.a, c.b, desc(t, addrA, audio("4000", "sendonly")...))
	c.answer(c.b, c.a, desc(t, addrB, audio("6000", "recvonly")...))
	c.commit()
	if s := Streams(c.a, c.b)[0]; !s.A.Sends || s.B.Sends {
		t.Fatalf("held: %+v", s)
	}
	// A's refresh without a body: our offer says what B wants by itself, not what the hold forced it to say.
	ok(t, c.b.Offered(desc(t, addrB, audio("6000", "recvonly")...)))
	c.b.Rollback()
	b, err := c.a.BuildOffer(c.b, at(ourA, 20000, c.a.OfferLines(c.b)))
	if s := must(t, b, err); s.Media[0].Direction != sdp.SendRecv {
		t.Fatalf("offer to the holder is %v", s.Media[0].Direction)
	}
	c.a.Rollback()
	// A resumes.
	toB := c.offer(c.a, c.b, desc(t, addrA, audio("4000", "sendrecv")...))
	toA := c.answer(c.b, c.a, desc(t, addrB, audio("6000", "sendrecv")...))
	if toB.Media[0].Direction != sdp.SendRecv || toA.Media[0].Direction != sdp.SendRecv {
		t.Fatalf("%v, %v", toB.Media[0].Direction, toA.Media[0].Direction)
	}
}

func TestB084_BothHold_EachResumesItsOwn(t *testing.T) {
	c, _, _ := setup(t, audio("4000", "sendrecv"), audio("6000", "sendrecv"))
	step := func(from, to *Leg, offered, answered, wantAnswer string) {
		t.Helper()
		addr, far := addrA, addrB
		if from == c.b {
			addr, far = addrB, addrA
		}
		c.offer(from, to, desc(t, addr, audio("4000", offered)...))
		got := c.answer(to, from, desc(t, far, audio("6000", answered)...))
		c.commit()
		if got.Media[0].Direction.String() != wantAnswer {
			t.Fatalf("%s/%s answered %v, want %s", offered, answered, got.Media[0].Direction, wantAnswer)
		}
	}
	step(c.a, c.b, "sendonly", "recvonly", "recvonly") // A holds
	step(c.b, c.a, "sendonly", "inactive", "inactive") // B holds too
	step(c.a, c.b, "sendrecv", "sendonly", "sendonly") // A resumes, B's hold stays
	// An offer made for B's side now asks A for what A wants: everything.
	b, err := c.b.BuildOffer(c.a, at(ourB, 30000, c.b.OfferLines(c.a)))
	if s := must(t, b, err); s.Media[0].Direction != sdp.SendRecv {
		t.Fatalf("A's wish is %v", s.Media[0].Direction)
	}
	c.b.Rollback()
	step(c.b, c.a, "sendrecv", "sendrecv", "sendrecv") // B resumes
	if s := Streams(c.a, c.b)[0]; !s.A.Sends || !s.B.Sends {
		t.Fatalf("%+v", s)
	}
}

func TestB083_OldStyleHold_IsRelayedByDirection(t *testing.T) {
	for offered, toFar := range map[string]string{
		"sendrecv": "sendonly", "sendonly": "sendonly", "recvonly": "inactive", "inactive": "inactive",
	} {
		t.Run(offered, func(t *testing.T) {
			c, _, _ := setup(t, audio("4000", "sendrecv"), audio("6000", "sendrecv"))
			toB := c.offer(c.a, c.b, desc(t, addrA, audio("4000", offered, "c=IN IP4 0.0.0.0")...))
			if m := toB.Media[0]; m.Direction.String() != toFar || m.OnHold() || m.Addr.String() != ourB {
				t.Fatalf("offer to B: %v, c= %v", m.Direction, m.Addr)
			}
			far := toB.Media[0].Direction.Reverse()
			toA := c.answer(c.b, c.a, desc(t, addrB, audio("6000", far.String())...))
			// RFC 6337 §5.4: the answer goes by the direction attribute, not by the address.
			if d, _ := parseDir(offered); toA.Media[0].Direction != d.Reverse() {
				t.Errorf("answer to A: %v", toA.Media[0].Direction)
			}
			s := Streams(c.a, c.b)[0]
			if s.A.RTP.IsValid() || s.A.RTCP.IsValid() || s.B.Sends {
				t.Errorf("something is sent to 0.0.0.0: %+v", s)
			}
			if l := c.a.AnswerLines(c.b); len(l) == 0 || l[0].Family.String() != "ipv4" {
				t.Errorf("lines %+v", l)
			}
		})
	}
}

func parseDir(s string) (sdp.Direction, bool) {
	for d := sdp.SendRecv; d <= sdp.Inactive; d++ {
		if d.String() == s {
			return d, true
		}
	}
	return 0, false
}

func TestB083_TrickleForm_IsNoHold(t *testing.T) {
	_, toB, _ := setup(t, audio("9", "sendrecv", "c=IN IP4 0.0.0.0", "a=ice-ufrag:x"), audio("6000", "sendrecv"))
	if toB.Media[0].Direction != sdp.SendRecv {
		t.Fatalf("%v", toB.Media[0].Direction)
	}
}

func TestB083_HeldInAnswer_StopsMediaTowardIt(t *testing.T) {
	c, _, _ := setup(t, audio("4000", "sendrecv"), audio("6000", "sendrecv", "c=IN IP4 0.0.0.0"))
	if s := Streams(c.a, c.b)[0]; s.B.RTP.IsValid() || !s.A.RTP.IsValid() {
		t.Fatalf("%+v", s)
	}
}

func TestStreams_OneWay_DropsTheOtherWay(t *testing.T) {
	for _, c := range []struct {
		offered, answered string
		aSends, bSends    bool
	}{
		{"sendrecv", "sendrecv", true, true}, {"sendonly", "recvonly", true, false}, {"recvonly", "sendonly", false, true},
		{"inactive", "inactive", false, false}, {"sendrecv", "inactive", false, false}, {"sendonly", "sendonly", false, false},
	} {
		cl, _, _ := setup(t, audio("4000", c.offered), audio("6000", c.answered))
		if s := Streams(cl.a, cl.b)[0]; s.A.Sends != c.aSends || s.B.Sends != c.bSends {
			t.Errorf("%+v: %v, %v", c, s.A.Sends, s.B.Sends)
		}
	}
}

// wish gives the direction we would now offer toward one leg for the other.
func wish(t *testing.T, to, far *Leg) string {
	t.Helper()
	b, err := to.BuildOffer(far, at(ourA, 20000, to.OfferLines(far)))
	s := must(t, b, err)
	to.Rollback()
	return s.Media[0].Direction.String()
}

func TestB084_InactiveOverAHold_ForgetsNeitherWish(t *testing.T) {
	c, _, _ := setup(t, audio("4000", "sendrecv"), audio("6000", "sendrecv"))
	c.offer(c.b, c.a, desc(t, addrB, audio("6000", "sendonly")...)) // B holds
	c.answer(c.a, c.b, desc(t, addrA, audio("4000", "recvonly")...))
	c.commit()
	c.offer(c.a, c.b, desc(t, addrA, audio("4000", "inactive")...)) // A holds harder
	c.answer(c.b, c.a, desc(t, addrB, audio("6000", "inactive")...))
	c.commit()
	if got := wish(t, c.a, c.b); got != "sendonly" {
		t.Errorf("B's wish is %s", got)
	}
	if got := wish(t, c.b, c.a); got != "inactive" {
		t.Errorf("A's wish is %s", got)
	}
	toB := c.offer(c.a, c.b, desc(t, addrA, audio("4000", "recvonly")...)) // A hears again, and does not speak
	if toB.Media[0].Direction != sdp.RecvOnly {
		t.Fatalf("%v", toB.Media[0].Direction)
	}
	toA := c.answer(c.b, c.a, desc(t, addrB, audio("6000", "sendonly")...))
	c.commit()
	if toA.Media[0].Direction != sdp.SendOnly {
		t.Fatalf("%v", toA.Media[0].Direction)
	}
	if got := wish(t, c.a, c.b); got != "sendonly" {
		t.Errorf("B's wish is %s", got)
	}
}

func TestB082_RecvonlyOffer_LeavesTheFarWishToReceive(t *testing.T) {
	c, _, _ := setup(t, audio("4000", "recvonly"), audio("6000", "sendonly"))
	if got := wish(t, c.a, c.b); got != "sendrecv" {
		t.Fatalf("B's wish is %s", got)
	}
}
