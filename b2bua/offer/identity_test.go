package offer

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"gatehouse/media/sdp"
)

var (
	pcmuOffer  = []string{"m=audio 4000 RTP/AVP 0 8 101", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15"}
	pcmuAnswer = []string{"m=audio 6000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15"}
)

func TestB037_SameSDPIn18xAnd200_SameBodyTowardA(t *testing.T) {
	c := newCall(t)
	c.offer(c.a, c.b, desc(t, addrA, pcmuOffer...))
	c.answer(c.b, c.a, desc(t, addrB, pcmuAnswer...))
	early := c.a.Sent()
	early = append([]byte(nil), early...)
	c.answer(c.b, c.a, desc(t, addrB, pcmuAnswer...)) // the 2xx, parsed again
	if !bytes.Equal(early, c.a.Sent()) || c.a.Version() != 1 {
		t.Fatalf("version %d\n%s\n%s", c.a.Version(), early, c.a.Sent())
	}
	c.commit()
	if !bytes.Equal(early, c.a.Sent()) {
		t.Fatal("commit changed the body")
	}
}

func TestB037_DifferentSDPIn200_IsAppliedWithANewVersion(t *testing.T) {
	c := newCall(t)
	c.offer(c.a, c.b, desc(t, addrA, pcmuOffer...))
	c.answer(c.b, c.a, desc(t, addrB, pcmuAnswer...))
	toA := c.answer(c.b, c.a, desc(t, addrB, "m=audio 6100 RTP/AVP 8"))
	if toA.Origin.Version != 2 || codecs(&toA.Media[0]) != "8 pcma/8000" {
		t.Fatalf("version %d, %s", toA.Origin.Version, codecs(&toA.Media[0]))
	}
	if got := Streams(c.a, c.b)[0].B.RTP.String(); got != addrB+":6100" {
		t.Fatalf("media goes to %s", got)
	}
}

func TestB065_RefusedReoffer_RestoresBothLegs(t *testing.T) {
	c, _, _ := setup(t, pcmuOffer, pcmuAnswer)
	beforeA, beforeB := string(c.a.Sent()), string(c.b.Sent())
	before := Streams(c.a, c.b)

	toB := c.offer(c.a, c.b, desc(t, addrA, "m=audio 4000 RTP/AVP 0 97", "a=rtpmap:97 opus/48000/2", "a=sendonly", "m=video 4002 RTP/AVP 98", "a=rtpmap:98 VP8/90000"))
	if toB.Origin.Version != 2 || len(toB.Media) != 2 {
		t.Fatalf("version %d, %d lines", toB.Origin.Version, len(toB.Media))
	}
	c.a.Rollback()
	c.b.Rollback()
	if string(c.a.Sent()) != beforeA || string(c.b.Sent()) != beforeB || c.a.Open() || c.b.Open() {
		t.Fatal("bodies changed")
	}
	after := Streams(c.a, c.b)
	if len(after) != 1 || after[0].A.RTP != before[0].A.RTP || after[0].A.Generation != before[0].A.Generation || maps(after[0].A.PT) != maps(before[0].A.PT) {
		t.Fatalf("%+v\n%+v", before, after)
	}

	// Another change: the number of the refused offer is spent, and so is payload type 97.
	toB = c.offer(c.a, c.b, desc(t, addrA, "m=audio 4000 RTP/AVP 0 97", "a=rtpmap:97 iLBC/8000", "a=sendonly"))
	if toB.Origin.Version != 3 {
		t.Errorf("version %d used again", toB.Origin.Version)
	}
	if got := codecs(&toB.Media[0]); got != "0 pcmu/8000, 96 ilbc/8000" {
		t.Errorf("97 was rebound: %s", got)
	}
}

func TestB065_EarlyAnswerToReoffer_IsTakenBackToo(t *testing.T) {
	c, _, _ := setup(t, pcmuOffer, pcmuAnswer)
	before := string(c.a.Sent())
	c.offer(c.a, c.b, desc(t, addrA, append(pcmuOffer, "a=sendonly")...))
	c.answer(c.b, c.a, desc(t, addrB, append(pcmuAnswer, "a=recvonly")...)) // in a 183 to the re-INVITE
	if string(c.a.Sent()) == before || Streams(c.a, c.b)[0].B.Sends {
		t.Fatal("the early answer is not in force")
	}
	c.a.Rollback()
	c.b.Rollback()
	if string(c.a.Sent()) != before || !Streams(c.a, c.b)[0].B.Sends {
		t.Fatal("not restored")
	}
}

func TestB077_DelayedOffer_AnswerTravelsTheOtherWay(t *testing.T) {
	c := newCall(t)
	toA := c.offer(c.b, c.a, desc(t, addrB, pcmuOffer...)) // B's 2xx to our offerless INVITE
	if toA.Media[0].Addr.String() != ourA || toA.Origin.SessID != 1001 || toA.Origin.Version != 1 {
		t.Fatalf("%+v", toA)
	}
	toB := c.answer(c.a, c.b, desc(t, addrA, "m=audio 4000 RTP/AVP 8")) // A's ACK
	if toB.Origin.SessID != 2002 || codecs(&toB.Media[0]) != "8 pcma/8000" {
		t.Fatalf("%+v", toB)
	}
	c.commit()
	if s := Streams(c.a, c.b)[0]; maps(s.A.PT) != "8>8" || maps(s.B.PT) != "8>8" || s.A.RTP.String() != addrA+":4000" {
		t.Fatalf("%+v", s)
	}
}

func TestB078_Answer_HasTheLinesOfTheOffer(t *testing.T) {
	c := newCall(t)
	toB := c.offer(c.a, c.b, desc(t, addrA,
		"m=audio 4000 RTP/AVP 0", "m=video 0 RTP/AVP 31", "m=application 4004 TCP/MSRP *", "m=audio 4006 RTP/SAVP 0", "m=image 4008 udptl t38"))
	var got []string
	for _, m := range toB.Media {
		got = append(got, m.Kind+" "+m.Proto)
		if m.Rejected() != (m.Kind == "video" || m.Kind == "application" || m.Proto == "RTP/SAVP") {
			t.Errorf("%s %s: port %d", m.Kind, m.Proto, m.Port)
		}
	}
	const want = "audio RTP/AVP|video RTP/AVP|application TCP/MSRP|audio RTP/SAVP|image udptl"
	if strings.Join(got, "|") != want {
		t.Fatalf("%v", got)
	}
	toA := c.answer(c.b, c.a, desc(t, addrB,
		"m=audio 6000 RTP/AVP 0", "m=video 0 RTP/AVP 31", "m=application 0 TCP/MSRP *", "m=audio 0 RTP/SAVP 0", "m=image 0 udptl t38"))
	got = got[:0]
	for i, m := range toA.Media {
		got = append(got, m.Kind+" "+m.Proto)
		if m.Rejected() != (i > 0) {
			t.Errorf("line %d: port %d", i, m.Port)
		}
	}
	if strings.Join(got, "|") != want {
		t.Fatalf("%v", got)
	}
}

func TestB078_SlotOfRefusedLine_IsKeptAndReused(t *testing.T) {
	c, _, _ := setup(t, append(pcmuOffer, "m=video 4002 RTP/AVP 31"), append(pcmuAnswer, "m=video 0 RTP/AVP 31"))
	// B re-offers only what it knows: two lines, the second still off, then used for something else.
	toA := c.offer(c.b, c.a, desc(t, addrB, append(pcmuAnswer, "m=image 6002 udptl t38")...))
	if len(toA.Media) != 2 || toA.Media[1].Kind != "image" || toA.Media[1].Rejected() {
		t.Fatalf("%+v", toA.Media)
	}
	toB := c.answer(c.a, c.b, desc(t, addrA, "m=audio 4000 RTP/AVP 0", "m=image 4002 udptl t38"))
	if len(toB.Media) != 2 || toB.Media[1].Rejected() {
		t.Fatalf("%+v", toB.Media)
	}
}

func TestB078_AnswerThatDoesNotFit_IsRefused(t *testing.T) {
	for name, lines := range map[string][]string{
		"fewer lines": {"m=audio 6000 RTP/AVP 0"},
		"more lines":  {"m=audio 6000 RTP/AVP 0", "m=video 0 RTP/AVP 31", "m=video 0 RTP/AVP 31"},
		"other order": {"m=video 0 RTP/AVP 31", "m=audio 6000 RTP/AVP 0"},
		"other kind":  {"m=audio 6000 RTP/AVP 0", "m=text 0 RTP/AVP 98"},
		"other proto": {"m=audio 6000 RTP/SAVP 0", "m=video 0 RTP/AVP 31"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCall(t)
			c.offer(c.a, c.b, desc(t, addrA, "m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 31"))
			wantErr(t, c.b.Answered(desc(t, addrB, lines...)), ErrBadAnswer)
			if _, err := c.a.BuildAnswer(c.b, nil); err == nil {
				t.Fatal("answered out of it")
			}
			// a right one still counts
			ok(t, c.b.Answered(desc(t, addrB, "m=audio 6000 RTP/AVP 0", "m=video 0 RTP/AVP 31")))
		})
	}
}

func TestB079_Origin_IsOursAndVersionFollowsTheBody(t *testing.T) {
	offered := parse(t, []byte("v=0\r\no=phone 5 6 IN IP4 10.0.0.20\r\ns=x\r\nc=IN IP4 10.0.0.20\r\nt=100 200\r\nm=audio 4000 RTP/AVP 0\r\n"))
	c := newCall(t)
	toB := c.offer(c.a, c.b, offered)
	if toB.Timing != "0 0" || toB.Name != "-" || toB.Origin.User != "-" {
		t.Errorf("offer: %+v", toB)
	}
	toA := c.answer(c.b, c.a, desc(t, addrB, "m=audio 6000 RTP/AVP 0"))
	if toA.Timing != "100 200" || toA.Name != "-" || toA.Origin.User != "-" || toA.Origin.SessID != 1001 || toA.Origin.Version != 1 {
		t.Errorf("answer: %+v", toA)
	}
	c.commit()
	generation := Streams(c.a, c.b)[0].A.Generation

	// A refresh repeats everything: same bytes, same version, nothing latches again.
	if !c.a.Unchanged(parse(t, offered.AppendTo(nil))) {
		t.Error("a repeated description is not seen as one")
	}
	bodyA, bodyB := string(c.a.Sent()), string(c.b.Sent())
	c.offer(c.a, c.b, parse(t, offered.AppendTo(nil)))
	c.answer(c.b, c.a, desc(t, addrB, "m=audio 6000 RTP/AVP 0"))
	c.commit()
	if string(c.a.Sent()) != bodyA || string(c.b.Sent()) != bodyB || c.a.Version() != 1 || c.b.Version() != 1 {
		t.Errorf("refresh changed a body:\n%s%s", c.a.Sent(), c.b.Sent())
	}
	if got := Streams(c.a, c.b)[0].A.Generation; got != generation {
		t.Errorf("generation %d, was %d", got, generation)
	}

	// A change raises it by one on both sides, and only the version changes in o=.
	held := desc(t, addrA, "m=audio 4000 RTP/AVP 0", "a=sendonly")
	if c.a.Unchanged(held) {
		t.Error("a hold is a change")
	}
	toB = c.offer(c.a, c.b, held)
	toA = c.answer(c.b, c.a, desc(t, addrB, "m=audio 6000 RTP/AVP 0", "a=recvonly"))
	if toB.Origin != (sdp.Origin{User: "-", SessID: 2002, Version: 2, Addr: ourB}) || toA.Origin != (sdp.Origin{User: "-", SessID: 1001, Version: 2, Addr: ourA}) {
		t.Errorf("%+v, %+v", toB.Origin, toA.Origin)
	}
	if got := Streams(c.a, c.b)[0].A.Generation; got == generation {
		t.Error("a new offer is no new generation")
	}
}

func TestB079_OriginAddress_StaysWhenMediaMoves(t *testing.T) {
	c, _, _ := setup(t, pcmuOffer, pcmuAnswer)
	ok(t, c.a.Offered(desc(t, addrA, append(pcmuOffer, "a=ptime:30")...)))
	b, err := c.b.BuildOffer(c.a, at("203.0.113.99", 31000, c.b.OfferLines(c.a)))
	toB := must(t, b, err)
	if toB.Origin.Addr != ourB || toB.Media[0].Addr.String() != "203.0.113.99" {
		t.Fatalf("o= %s, c= %v", toB.Origin.Addr, toB.Media[0].Addr)
	}
}

func TestB080_AddedStream_KeepsLegsIndexMapped(t *testing.T) {
	c, _, _ := setup(t, pcmuOffer, pcmuAnswer)
	toB := c.offer(c.a, c.b, desc(t, addrA, append(pcmuOffer, "m=video 4002 RTP/AVP 31")...))
	if len(toB.Media) != 2 || toB.Media[1].Port != 30002 {
		t.Fatalf("%+v", toB.Media)
	}
	toA := c.answer(c.b, c.a, desc(t, addrB, append(pcmuAnswer, "m=video 6002 RTP/AVP 31")...))
	if len(toA.Media) != 2 || toA.Media[1].Port != 20002 {
		t.Fatalf("%+v", toA.Media)
	}
	c.commit()
	if s := Streams(c.a, c.b); len(s) != 2 || s[1].A.RTP.Port() != 4002 || s[1].B.RTP.Port() != 6002 {
		t.Fatalf("%+v", s)
	}
}

func TestB080_LegWithMoreLines_KeepsThemInItsOffers(t *testing.T) {
	c, _, _ := setup(t, append(pcmuOffer, "m=video 4002 RTP/AVP 31"), append(pcmuAnswer, "m=video 6002 RTP/AVP 31"))
	// A is moved to another far leg that only knows audio, as a transfer does.
	d := &call{t: t, a: c.a, b: NewLeg(3003)}
	toA := d.offer(d.b, d.a, desc(t, "198.51.100.77", pcmuAnswer...))
	if len(toA.Media) != 2 || toA.Media[0].Rejected() || !toA.Media[1].Rejected() || toA.Media[1].Kind != "video" {
		t.Fatalf("%+v", toA.Media)
	}
	toD := d.answer(d.a, d.b, desc(t, addrA, "m=audio 4000 RTP/AVP 0", "m=video 0 RTP/AVP 31"))
	if len(toD.Media) != 1 || toD.Media[0].Rejected() {
		t.Fatalf("%+v", toD.Media)
	}
	if s := Streams(d.a, d.b); s[0].A.RTP.Port() != 4000 || s[0].B.RTP.Addr().String() != "198.51.100.77" || s[1].Kind != 0 {
		t.Fatalf("%+v", s)
	}
}

func TestB081_RemovedStream_IsOffOnBothLegs(t *testing.T) {
	c, _, _ := setup(t, append(pcmuOffer, "m=video 4002 RTP/AVP 31"), append(pcmuAnswer, "m=video 6002 RTP/AVP 31"))
	toB := c.offer(c.a, c.b, desc(t, addrA, append(pcmuOffer, "m=video 0 RTP/AVP 31")...))
	if len(toB.Media) != 2 || !toB.Media[1].Rejected() || c.b.OfferLines(c.a)[1].Relay {
		t.Fatalf("%+v", toB.Media)
	}
	toA := c.answer(c.b, c.a, desc(t, addrB, append(pcmuAnswer, "m=video 0 RTP/AVP 31")...))
	if !toA.Media[1].Rejected() {
		t.Fatalf("%+v", toA.Media)
	}
	c.commit()
	if s := Streams(c.a, c.b); len(s) != 2 || s[1].Kind != 0 || s[1].A.RTP.IsValid() || s[1].B.Sends {
		t.Fatalf("%+v", s)
	}
	// It comes back in its slot, on the port the caller then gives.
	toB = c.offer(c.a, c.b, desc(t, addrA, append(pcmuOffer, "m=video 4012 RTP/AVP 31")...))
	if len(toB.Media) != 2 || toB.Media[1].Rejected() {
		t.Fatalf("%+v", toB.Media)
	}
}

func TestB078_OfferWithALineMissing_IsRefusedAndTheSessionStays(t *testing.T) {
	c := newCall(t)
	ok(t, c.a.Offered(desc(t, addrA, "m=audio 4000 RTP/AVP 0", "m=video 0 RTP/AVP 31")))
	_, err := c.b.BuildOffer(c.a, at(ourB, 30000, c.b.OfferLines(c.a)))
	ok(t, err)
	ok(t, c.b.Answered(desc(t, addrB, "m=audio 6000 RTP/AVP 0", "m=video 0 RTP/AVP 31")))
	_, err = c.a.BuildAnswer(c.b, at(ourA, 20000, c.a.AnswerLines(c.b)))
	ok(t, err)
	c.commit()
	before := Streams(c.a, c.b)
	var refusal *Refusal
	if err := c.a.Offered(desc(t, addrA, "m=audio 4000 RTP/AVP 0")); !errors.As(err, &refusal) || refusal.Code != 488 {
		t.Fatalf("got %v, want a refusal", err)
	}
	if c.a.Open() || !reflect.DeepEqual(Streams(c.a, c.b), before) {
		t.Error("the refused offer left something")
	}
}
