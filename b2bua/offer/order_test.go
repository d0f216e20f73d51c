package offer

import (
	"strings"
	"testing"

	"gatehouse/media/profile"
)

func TestB111_OfferInResponse_GetsAValidRejection(t *testing.T) {
	c := newCall(t)
	ok(t, c.b.Offered(parse(t, []byte("v=0\r\no=x 1 1 IN IP4 198.51.100.30\r\ns=-\r\nc=IN IP4 198.51.100.30\r\nt=5 6\r\nm=audio 6000 RTP/AVP 0\r\nm=image 6002 udptl t38\r\n"))))
	b, err := c.b.BuildRejection()
	s := must(t, b, err)
	if len(s.Media) != 2 || s.Media[0].Kind != "audio" || s.Media[1].Kind != "image" || !s.Media[0].Rejected() || !s.Media[1].Rejected() || s.Timing != "5 6" {
		t.Fatalf("%s", b)
	}
	if strings.Contains(string(b), "198.51.100.30") || s.Origin.SessID != 2002 {
		t.Fatalf("%s", b)
	}
	c.b.Commit()
	if s := Streams(c.b, c.b); s[0].Kind != profile.Off || s[1].Kind != profile.Off {
		t.Fatalf("%+v", s)
	}
}

func TestB075_OfferlessReinvite_GetsAtLeastTheCurrentSession(t *testing.T) {
	c, _, toA := setup(t, pcmuOffer, pcmuAnswer)
	b, err := c.a.BuildOffer(c.b, at(ourA, 20000, c.a.OfferLines(c.b)))
	s := must(t, b, err)
	if codecs(&s.Media[0]) != codecs(&toA.Media[0]) || s.Origin != toA.Origin || s.Media[0].Port != toA.Media[0].Port {
		t.Fatalf("%s", b)
	}
	if c.a.Version() != 1 {
		t.Fatalf("version %d", c.a.Version())
	}
	ok(t, c.a.Answered(desc(t, addrA, pcmuAnswer...)))
}

func TestB075_OfferFetchedFromTheFarSide_ComesBackInOrder(t *testing.T) {
	c, _, _ := setup(t, pcmuOffer, pcmuAnswer)
	toA := c.offer(c.b, c.a, desc(t, addrB, "m=audio 6000 RTP/AVP 0 9 101", "a=rtpmap:101 telephone-event/8000"))
	if got := codecs(&toA.Media[0]); got != "0 pcmu/8000, 9 g722/8000, 101 telephone-event/8000" {
		t.Fatalf("%s", got)
	}
	toB := c.answer(c.a, c.b, desc(t, addrA, "m=audio 4000 RTP/AVP 9"))
	if got := codecs(&toB.Media[0]); got != "9 g722/8000" {
		t.Fatalf("%s", got)
	}
}

func TestB112_AnswerTaken_LaterOnesAreTheCallersChoice(t *testing.T) {
	c, _, _ := setup(t, pcmuOffer, pcmuAnswer)
	wantErr(t, c.b.Answered(desc(t, addrB, "m=audio 6999 RTP/AVP 0")), ErrOrder)
	if got := Streams(c.a, c.b)[0].B.RTP.Port(); got != 6000 {
		t.Fatalf("port %d", got)
	}
}

func TestOrder_WrongTurns_AreErrors(t *testing.T) {
	a, b := NewLeg(1), NewLeg(2)
	_, err := a.BuildAnswer(b, nil)
	wantErr(t, err, ErrOrder)
	_, err = a.BuildRejection()
	wantErr(t, err, ErrOrder)
	_, err = a.BuildOffer(b, nil)
	wantErr(t, err, ErrOrder)
	wantErr(t, a.Answered(desc(t, addrA, pcmuOffer...)), ErrOrder)
	a.Rollback() // nothing to undo
	a.Commit()
	if a.Open() || a.Sent() != nil || a.Remote() != nil || a.Version() != 0 || a.Unchanged(desc(t, addrA, pcmuOffer...)) {
		t.Error("a fresh leg has nothing")
	}
	ok(t, a.Offered(desc(t, addrA, pcmuOffer...)))
	if ours, theirs := a.OfferPending(); ours || !theirs || a.Remote() == nil {
		t.Error("the peer's offer is pending")
	}
	_, err = a.BuildAnswer(b, nil) // b's peer has said nothing yet
	wantErr(t, err, ErrOrder)
	_, err = a.BuildOffer(b, nil) // glare
	wantErr(t, err, ErrOrder)
	busy := NewLeg(3)
	ok(t, busy.Offered(desc(t, addrB, pcmuOffer...)))
	_, err = busy.BuildOffer(a, at(ourB, 30000, busy.OfferLines(a)))
	wantErr(t, err, ErrOrder)
	_, err = b.BuildOffer(a, at(ourB, 30000, b.OfferLines(a)))
	ok(t, err)
	if ours, theirs := b.OfferPending(); !ours || theirs || !b.Open() {
		t.Error("our offer is pending")
	}
	wantErr(t, b.Offered(desc(t, addrB, pcmuOffer...)), ErrOrder) // glare
	ok(t, b.Answered(desc(t, addrB, pcmuAnswer...)))
	if ours, theirs := b.OfferPending(); ours || theirs || !b.Open() {
		t.Error("answered and still open")
	}
	ok(t, b.Offered(desc(t, addrB, pcmuOffer...))) // the exchange was over: it counts as committed
	b.Rollback()
	if b.Remote().Media[0].Port != 6000 {
		t.Error("the committed answer was lost")
	}
}

func TestClone_Forks_AreIndependent(t *testing.T) {
	c := newCall(t)
	c.offer(c.a, c.b, desc(t, addrA, "m=audio 4000 RTP/AVP 96 0", "a=rtpmap:96 opus/48000/2"))
	other := c.b.Clone()
	c.b.table(0).bind(96, "rebound")
	if key, _ := other.table(0).boundTo(96); key == "rebound" {
		t.Error("clones share their numbers")
	}
	c.b.table(0).bind(96, "opus/48000/2")
	ok(t, c.b.Answered(desc(t, addrB, "m=audio 6000 RTP/AVP 0")))
	ok(t, other.Answered(desc(t, "198.51.100.31", "m=audio 7000 RTP/AVP 120", "a=rtpmap:120 opus/48000/2")))
	toA := c.respond(c.b, c.a)
	if codecs(&toA.Media[0]) != "0 pcmu/8000" {
		t.Fatalf("%s", codecs(&toA.Media[0]))
	}
	if s := Streams(c.a, c.b)[0]; s.B.RTP.Port() != 6000 || maps(s.A.PT) != "0>0" {
		t.Fatalf("%+v", s)
	}
	// A was told of the other fork instead: a new body and version.
	toA = c.respond(other, c.a)
	if codecs(&toA.Media[0]) != "96 opus/48000/2" || toA.Origin.Version != 2 {
		t.Fatalf("%+v", toA)
	}
	if s := Streams(c.a, other)[0]; s.B.RTP.Port() != 7000 || maps(s.A.PT) != "96>120" {
		t.Fatalf("%+v", s)
	}
}

func TestB046_SecondAttempt_IsMadeFromTheWholeOffer(t *testing.T) {
	c := newCall(t)
	c.offer(c.a, c.b, desc(t, addrA, pcmuOffer...))
	c.answer(c.b, c.a, desc(t, addrB, "m=audio 6000 RTP/AVP 0")) // early media, then the attempt fails
	next := NewLeg(3003)
	b, err := next.BuildOffer(c.a, at(ourB, 31000, next.OfferLines(c.a)))
	s := must(t, b, err)
	if got := codecs(&s.Media[0]); got != "0 pcmu/8000, 8 pcma/8000, 101 telephone-event/8000" || s.Origin.SessID != 3003 || s.Origin.Version != 1 {
		t.Fatalf("%s, %+v", got, s.Origin)
	}
	ok(t, next.Answered(desc(t, "198.51.100.99", "m=audio 8000 RTP/AVP 8")))
	toA := c.respond(next, c.a)
	if codecs(&toA.Media[0]) != "8 pcma/8000" || toA.Origin.SessID != 1001 || toA.Origin.Version != 2 {
		t.Fatalf("%+v", toA)
	}
}

func TestNewLeg_SessionID_IsPositive(t *testing.T) {
	a := NewLeg(1<<64 - 1)
	if int64(a.sessID) < 0 || a.sessID == 0 {
		t.Fatalf("%d", a.sessID)
	}
}

func TestStreams_OneAnswerKeptOverForks_ObeysBothLegs(t *testing.T) {
	c := newCall(t)
	c.offer(c.a, c.b, desc(t, addrA, audio("4000", "sendrecv")...))
	forks := map[string]*Leg{}
	for _, d := range directions {
		f := c.b.Clone()
		ok(t, f.Answered(desc(t, addrB, audio("6000", d)...)))
		forks[d] = f
	}
	for _, told := range directions {
		c.respond(forks[told], c.a)
		for _, now := range directions {
			s := Streams(c.a, forks[now])[0]
			aSends := (told == "sendrecv" || told == "recvonly") && (now == "sendrecv" || now == "recvonly")
			bSends := (told == "sendrecv" || told == "sendonly") && (now == "sendrecv" || now == "sendonly")
			if s.A.Sends != aSends || s.B.Sends != bSends {
				t.Errorf("A was told %s, B says %s: %v, %v", told, now, s.A.Sends, s.B.Sends)
			}
		}
	}
}

func TestStreams_NumberOfACodecTheOtherLegLacks_IsDropped(t *testing.T) {
	c := newCall(t)
	c.offer(c.a, c.b, desc(t, addrA, "m=audio 4000 RTP/AVP 96 97", "a=rtpmap:96 opus/48000/2", "a=rtpmap:97 iLBC/8000"))
	first, second := c.b.Clone(), c.b.Clone()
	ok(t, first.Answered(desc(t, addrB, "m=audio 6000 RTP/AVP 96", "a=rtpmap:96 opus/48000/2")))
	ok(t, second.Answered(desc(t, addrB, "m=audio 6000 RTP/AVP 97 96", "a=rtpmap:97 opus/48000/2", "a=rtpmap:96 iLBC/8000")))
	c.respond(first, c.a) // A knows opus only; 97 from the second fork is iLBC and goes nowhere
	if got := maps(Streams(c.a, second)[0].B.PT); got != "96>96" {
		t.Fatalf("%s", got)
	}
}

func TestStreams_LegsOfDifferentKind_AreOff(t *testing.T) {
	audioCall, _, _ := setup(t, pcmuOffer, pcmuAnswer)
	fax, _, _ := setup(t, t38, t38)
	if s := Streams(audioCall.a, fax.b); len(s) != 1 || s[0].Kind != profile.Off || s[0].A.RTP.IsValid() {
		t.Fatalf("%+v", s)
	}
}
