package b2bua_test

import (
	"slices"
	"strings"
	"testing"

	"gatehouse/media/profile"
)

// mapsTo fails unless a side's payload types are translated so.
func mapsTo(t *testing.T, m *profile.PTMap, want map[uint8]uint8) {
	t.Helper()
	if m == nil {
		t.Fatal("no payload map reached the relay")
	}
	for pt := range uint8(profile.PayloadTypes) {
		got, ok := m.Map(pt)
		to, wanted := want[pt]
		if ok != wanted || ok && got != to {
			t.Errorf("payload type %d becomes %d (%v), want %d (%v)", pt, got, ok, to, wanted)
		}
	}
}

func TestB085_PayloadTypes_OtherNumbersInTheAnswerAreMapped(t *testing.T) {
	play(t, func(r *rig) {
		s := lastStreams(t, r)[0]
		mapsTo(t, s.A.PT, map[uint8]uint8{96: 111, 97: 102})
		// The answerer sends with the offer's numbers; its own are understood too.
		mapsTo(t, s.B.PT, map[uint8]uint8{96: 96, 97: 97, 111: 96, 102: 97})
		if s.A.ClockHz != 48000 || s.B.ClockHz != 48000 {
			t.Errorf("clocks %d and %d", s.A.ClockHz, s.B.ClockHz)
		}
	}, setup(says("A", 1, "m=audio 4000 RTP/AVP 96 97", "a=rtpmap:96 opus/48000/2", "a=fmtp:96 useinbandfec=1", "a=rtpmap:97 telephone-event/48000", "a=fmtp:97 0-15"),
		hears("B", 1, "m=audio ${portB:port} RTP/AVP 96 97", "a=rtpmap:96 opus/48000/2", "a=fmtp:96 useinbandfec=1", "a=rtpmap:97 telephone-event/48000", "a=fmtp:97 0-15", "a=sendrecv")),
		pickUp(says("B", 7, "m=audio 6000 RTP/AVP 111 102", "a=rtpmap:111 opus/48000/2", "a=rtpmap:102 telephone-event/48000", "a=fmtp:102 0-11"),
			hears("A", 1, "m=audio ${portA:port} RTP/AVP 96 97", "a=rtpmap:96 opus/48000/2", "a=rtpmap:97 telephone-event/48000", "a=fmtp:97 0-11", "a=sendrecv")), ackA)
}

func TestB085_DynamicNumber_IsNeverGivenToAnotherCodec(t *testing.T) {
	// Toward B 96 means iLBC for life; when A later uses 96 for Speex, B is
	// offered another number.
	iLBC := []string{"a=rtpmap:96 iLBC/8000", "a=fmtp:96 mode=20"}
	play(t, func(r *rig) {
		h := r.media.history()
		mapsTo(t, h[0][0].A.PT, map[uint8]uint8{96: 96})
		mapsTo(t, h[1][0].A.PT, map[uint8]uint8{96: 97})
		mapsTo(t, h[1][0].B.PT, map[uint8]uint8{97: 96})
	}, setup(says("A", 1, append([]string{"m=audio 4000 RTP/AVP 96"}, iLBC...)...),
		hears("B", 1, append(append([]string{"m=audio ${portB:port} RTP/AVP 96"}, iLBC...), "a=sendrecv")...)),
		pickUp(says("B", 7, append([]string{"m=audio 6000 RTP/AVP 96"}, iLBC...)...),
			hears("A", 1, append(append([]string{"m=audio ${portA:port} RTP/AVP 96"}, iLBC...), "a=sendrecv")...)), ackA,
		offers("A", 2, says("A", 2, "m=audio 4000 RTP/AVP 96", "a=rtpmap:96 speex/16000"),
			hears("B", 2, "m=audio ${portB:port} RTP/AVP 97", "a=rtpmap:97 speex/16000", "a=sendrecv")),
		settles("A", 2, says("B", 8, "m=audio 6000 RTP/AVP 97", "a=rtpmap:97 speex/16000"),
			hears("A", 2, "m=audio ${portA:port} RTP/AVP 96", "a=rtpmap:96 speex/16000", "a=sendrecv")))
}

func TestB085_AnswerSubset_DropsWhatWasNotAgreed(t *testing.T) {
	play(t, func(r *rig) {
		s := lastStreams(t, r)[0]
		mapsTo(t, s.A.PT, map[uint8]uint8{8: 8})
		mapsTo(t, s.B.PT, map[uint8]uint8{8: 8})
	}, setup(says("A", 1, audioOf("A", "0 8", "sendrecv")...), hears("B", 1, relayedOf("B", "0 8", "sendrecv")...)),
		pickUp(says("B", 7, audioOf("B", "8", "sendrecv")...), hears("A", 1, relayedOf("A", "8", "sendrecv")...)), ackA)
}

func TestB086_TelephoneEvent_AlwaysHasItsEvents(t *testing.T) {
	te := []string{"a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15"}
	play(t, nil, setup(says("A", 1, "m=audio 4000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000"),
		hears("B", 1, append(append([]string{"m=audio ${portB:port} RTP/AVP 0 101", "a=rtpmap:0 PCMU/8000"}, te...), "a=sendrecv")...)),
		pickUp(says("B", 7, "m=audio 6000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000"),
			hears("A", 1, append(append([]string{"m=audio ${portA:port} RTP/AVP 0 101", "a=rtpmap:0 PCMU/8000"}, te...), "a=sendrecv")...)), ackA)
}

func TestB087_PacketTimeBandwidthAndFormatParameters_Cross(t *testing.T) {
	// RFC 8866 §5: b= stands before the attributes.
	play(t, nil, "forbid B inner-secret", setup(says("A", 1, "m=audio 4000 RTP/AVP 18 97", "b=AS:64", "b=TIAS:50000", "b=X-YZ:128", "a=rtpmap:18 G729/8000", "a=fmtp:18 annexb=no",
		"a=rtpmap:97 AMR/8000", "a=fmtp:97 mode-set=0,2,5,7; octet-align=1", "a=ptime:30", "a=maxptime:150", "a=silenceSupp:off - - - -", "a=x-vendor:inner-secret", "a=ssrc:1 cname:inner-secret"),
		hears("B", 1, "m=audio ${portB:port} RTP/AVP 18 97", "b=AS:64", "b=TIAS:50000", "a=rtpmap:18 G729/8000", "a=fmtp:18 annexb=no",
			"a=rtpmap:97 AMR/8000", "a=fmtp:97 mode-set=0,2,5,7; octet-align=1", "a=ptime:30", "a=maxptime:150", "a=silenceSupp:off - - - -", "a=sendrecv")),
		pickUp(says("B", 7, "m=audio 6000 RTP/AVP 97", "b=AS:32", "a=rtpmap:97 AMR/8000", "a=fmtp:97 octet-align=1; mode-set=7", "a=ptime:20"),
			hears("A", 1, "m=audio ${portA:port} RTP/AVP 97", "b=AS:32", "a=rtpmap:97 AMR/8000", "a=fmtp:97 octet-align=1; mode-set=7", "a=ptime:20", "a=sendrecv")), ackA)
}

// multipart is a body of parts, each with its header lines before an empty one.
func multipart(who, kind string, parts ...string) string {
	var b strings.Builder
	b.WriteString("Content-Type: " + kind + ";boundary=\"b-1\"\nMIME-Version: 1.0\n\n")
	for _, p := range parts {
		b.WriteString("--b-1\n" + p + "\n")
	}
	b.WriteString("--b-1--\n")
	return prefixed(who, b.String())
}

const plainOffer = `v=0
o=pbx 11 1 IN IP4 10.0.0.20
s=-
c=IN IP4 10.0.0.20
t=0 0
m=audio 4000 RTP/AVP 0
a=sendrecv`

// The parts of the multipart tests.
const (
	sdpPart     = "Content-Type: application/sdp\n\n" + plainOffer
	isupPart    = "Content-Type: application/ISUP;version=itu-t92+\nContent-Disposition: signal;handling=optional\n\nisup-secret"
	isupNeeded  = "Content-Type: application/ISUP;version=itu-t92+\nContent-Disposition: signal;handling=required\n\nisup-secret"
	isupSilent  = "Content-Type: application/ISUP;version=itu-t92+\n\nisup-secret"
	textPart    = "Content-Type: text/plain\n\nhello"
	optionalSDP = "Content-Type: application/sdp\nContent-Disposition: session;handling=optional\n\n" + plainOffer
)

// nested wraps a part in a multipart of its own.
func nested(kind, disposition, part string) string {
	head := "Content-Type: " + kind + ";boundary=inner\n"
	if disposition != "" {
		head += "Content-Disposition: " + disposition + "\n"
	}
	return head + "\n--inner\n" + part + "\n--inner--\n"
}

func TestB088_SDPInMultipart_IsFoundAndNothingElseCrosses(t *testing.T) {
	for name, body := range map[string]string{
		"alone":                     multipart("A", "multipart/mixed", sdpPart),
		"after an optional part":    multipart("A", "multipart/mixed", isupPart, sdpPart),
		"before an optional part":   multipart("A", "multipart/mixed", sdpPart, isupPart),
		"nested":                    multipart("A", "multipart/mixed", isupPart, nested("multipart/mixed", "", sdpPart)),
		"nested twice":              multipart("A", "multipart/mixed", nested("multipart/mixed", "", strings.ReplaceAll(nested("multipart/mixed", "", sdpPart), "inner", "core"))),
		"itself optional":           multipart("A", "multipart/mixed", optionalSDP),
		"two of them":               multipart("A", "multipart/mixed", sdpPart, strings.Replace(sdpPart, "4000", "4444", 1)),
		"related":                   multipart("A", "multipart/related", sdpPart, isupPart),
		"an alternative":            multipart("A", "multipart/alternative", textPart, sdpPart),
		"an alternative, nested":    multipart("A", "multipart/mixed", isupPart, nested("multipart/alternative", "", sdpPart)),
		"beside an optional nested": multipart("A", "multipart/mixed", nested("multipart/mixed", "render;handling=optional", isupNeeded), sdpPart),
	} {
		t.Run(name, func(t *testing.T) {
			play(t, flowsAre(t, "<>"), "forbid B isup-secret application/isup multipart", setup(body, hears("B", 1, relayed("B", "sendrecv")...)),
				pickUp(strings.NewReplacer("A> ", "B> ", "A>", "B>", "10.0.0.20", "203.0.113.20").Replace(multipart("A", "multipart/mixed", sdpPart)),
					hears("A", 1, relayed("A", "sendrecv")...)), ackA)
		})
	}
}

func TestB088_PartThatIsNeeded_Gets415(t *testing.T) {
	for name, body := range map[string]string{
		"required":             multipart("A", "multipart/mixed", sdpPart, isupNeeded),
		"required by default":  multipart("A", "multipart/mixed", sdpPart, isupSilent),
		"nested":               multipart("A", "multipart/mixed", sdpPart, nested("multipart/mixed", "", isupNeeded)),
		"no alternative known": multipart("A", "multipart/alternative", textPart, isupPart),
		"whole body":           prefixed("A", "Content-Type: application/ISUP\n\nisup-secret\n"),
	} {
		t.Run(name, func(t *testing.T) {
			play(t, nothingLeft(t), peers, inviteHead+body, `
<A SIP/2.0 415 Unsupported Media Type
<A Accept: application/sdp, multipart/mixed
<A ...
`, refusalACK)
		})
	}
}

func TestB088_OptionalBody_IsAsGoodAsNone(t *testing.T) {
	for name, body := range map[string]string{
		"whole body":        prefixed("A", "Content-Type: application/ISUP\nContent-Disposition: signal;handling=optional\n\nisup-secret\n"),
		"multipart":         multipart("A", "multipart/mixed", isupPart),
		"optional multiple": strings.Replace(multipart("A", "multipart/mixed", isupNeeded), "A> MIME", "A> Content-Disposition: render;handling=optional\nA> MIME", 1),
	} {
		t.Run(name, func(t *testing.T) {
			play(t, nil, setup(body, hearsNothing("B")))
		})
	}
}

func TestB088_MultipartThatIsBroken_Gets400(t *testing.T) {
	deep := "x"
	for range 40 {
		deep = nested("multipart/mixed", "", deep)
	}
	for name, body := range map[string]string{
		"no boundary":   prefixed("A", "Content-Type: multipart/mixed\n\n--b-1\nhello\n--b-1--\n"),
		"not closed":    prefixed("A", "Content-Type: multipart/mixed;boundary=b-1\n\n--b-1\nContent-Type: application/sdp\n\nv=0\n"),
		"empty":         prefixed("A", "Content-Type: multipart/mixed;boundary=b-1\n\n--b-1--\n"),
		"too many":      multipart("A", "multipart/mixed", slices.Repeat([]string{isupPart}, 17)...),
		"too deep":      multipart("A", "multipart/mixed", deep),
		"lone quote":    prefixed("A", "Content-Type: multipart/mixed;boundary=\"\"\n\n--\n"),
		"bad SDP in it": multipart("A", "multipart/mixed", "Content-Type: application/sdp\n\nrubbish"),
	} {
		t.Run(name, func(t *testing.T) {
			play(t, nothingLeft(t), peers, inviteHead+body, `
<A SIP/2.0 400 Bad Request
<A ...
`, refusalACK)
		})
	}
}
