package demo

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"

	"gatehouse/internal/testlab"
)

func TestPCMU_KnownValues_Match(t *testing.T) {
	for b, want := range map[byte]int16{0xff: 0, 0x7f: 0, 0x00: -32124, 0x80: 32124, 0xfe: 8, 0xce: 988} {
		if got := decodePCMU(b); got != want {
			t.Errorf("decode %#x: got %d, want %d", b, got, want)
		}
	}
	for x := -32768; x <= 32767; x += 7 {
		y := int(decodePCMU(encodePCMU(int16(x))))
		if d := y - x; d*d > (16+max(x, -x)/16)*(16+max(x, -x)/16) {
			t.Fatalf("%d comes back as %d", x, y)
		}
	}
	for b := range 256 {
		if again := encodePCMU(decodePCMU(byte(b))); again != byte(b) && b != 0x7f {
			t.Errorf("%#x decodes and encodes to %#x", b, again)
		}
	}
}

func TestPCMA_KnownValues_Match(t *testing.T) {
	for b, want := range map[byte]int16{0xd5: 8, 0x55: -8, 0xaa: 32256, 0x2a: -32256, 0xc5: 264} {
		if got := decodePCMA(b); got != want {
			t.Errorf("decode %#x: got %d, want %d", b, got, want)
		}
	}
}

func TestHolds_Sounds_OnlyTheToneCounts(t *testing.T) {
	packet := func(hz float64) []float64 { return decode(payloadPCMU, (&tone{hz: hz, n: 37}).next()) }
	if !holds(packet(450), 450) || !holds(packet(700), 700) {
		t.Error("a tone was not recognized")
	}
	noise := make([]float64, samplesPerPacket)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = random.NormFloat64() * 5000
	}
	both := packet(450)
	for i, x := range packet(700) {
		both[i] += x
	}
	for what, samples := range map[string][]float64{"another tone": packet(700), "silence": make([]float64, samplesPerPacket),
		"nothing": nil, "noise": noise, "both tones": both} {
		if holds(samples, 450) {
			t.Errorf("%s passes for 450 Hz", what)
		}
	}
}

// feed sends an Audio packets with the given sequence numbers and gives what it heard.
func feed(t *testing.T, seqs ...uint16) Heard {
	t.Helper()
	a, err := OpenAudio(loopback, 450, 700)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	c, err := net.Dial("udp", a.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	voice := tone{hz: 700}
	for _, s := range seqs {
		p := rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: s, SSRC: 1}, Payload: voice.next()}
		raw, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(raw); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Write([]byte("no RTP")); err != nil { // comes last: then all is counted
		t.Fatal(err)
	}
	return await(t, a, func(h Heard) bool { return h.Other == 1 })
}

// await polls until the figures satisfy a condition; sockets have no other way to tell.
func await(t *testing.T, a *Audio, done func(Heard) bool) Heard {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(5 * time.Second)
	for {
		select {
		case <-tick.C:
			if h := a.Heard(); done(h) {
				return h
			}
		case <-end:
			t.Fatalf("heard only %+v", a.Heard())
		}
	}
}

func TestAudio_SequenceNumbers_LossAndRepeatsCounted(t *testing.T) {
	testlab.NoLeaks(t)
	rows := []struct {
		what string
		seqs []uint16
		want Heard
	}{
		{"in order over the wrap", []uint16{65534, 65535, 0, 1}, Heard{Packets: 4, Tone: 4, Other: 1}},
		{"two lost", []uint16{10, 11, 14}, Heard{Packets: 3, Tone: 3, Lost: 2, Other: 1}},
		{"late, not lost", []uint16{10, 12, 11}, Heard{Packets: 3, Tone: 3, Other: 1}},
		{"repeated", []uint16{10, 10, 11, 10}, Heard{Packets: 2, Tone: 2, Repeats: 2, Other: 1}},
		{"another stream", []uint16{10, 30000}, Heard{Packets: 2, Tone: 2, Other: 1}},
	}
	for _, r := range rows {
		if got := feed(t, r.seqs...); got != r.want {
			t.Errorf("%s: got %+v, want %+v", r.what, got, r.want)
		}
	}
}

func TestAudio_WrongToneAndPause_Noticed(t *testing.T) {
	testlab.NoLeaks(t)
	a, err := OpenAudio(loopback, 450, 700)
	if err != nil {
		t.Fatal(err)
	}
	b, err := OpenAudio(loopback, 500, 450)
	if err != nil {
		t.Fatal(err)
	}
	a.Send(b.Addr())
	b.Send(a.Addr())
	if h := await(t, b, func(h Heard) bool { return h.Packets >= 5 }); !h.Clear() {
		t.Errorf("the right tone: %+v", h)
	}
	if h := await(t, a, func(h Heard) bool { return h.Packets >= 5 }); h.Clear() || h.Tone != 0 {
		t.Errorf("the wrong tone: %+v", h)
	}
	a.Pause()
	sent := a.Sent()
	a.Send(b.Addr())
	await(t, b, func(h Heard) bool { return h.Packets > sent })
	for range 2 {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestReadSDP_Descriptions_ReadOrRefused(t *testing.T) {
	at := netip.MustParseAddrPort("[2001:db8::1]:4000")
	s, err := readSDP(writeSDP(7, 2, at, []uint8{0, 8}, directionSend))
	if err != nil || s.audio != at || len(s.formats) != 2 || s.direction != directionSend {
		t.Errorf("got %+v, %v", s, err)
	}
	s, err = readSDP([]byte("v=0\nc=IN IP4 1.1.1.1\na=inactive\nm=audio 2 RTP/AVP 0\nc=IN IP4 2.2.2.2\na=recvonly\nm=video 4 RTP/AVP 99\nc=IN IP4 3.3.3.3\na=sendonly\n"))
	if err != nil || s.audio.String() != "2.2.2.2:2" || s.direction != directionRecv {
		t.Errorf("got %+v, %v", s, err)
	}
	for _, bad := range []string{"", "m=video 1 RTP/AVP 0", "m=audio", "m=audio x RTP/AVP 0", "m=audio 1 RTP/AVP x", "c=IN IP4\nm=audio 1 RTP/AVP 0", "c=IN IP4 host\nm=audio 1 RTP/AVP 0"} {
		if s, err := readSDP([]byte(bad)); err == nil {
			t.Errorf("%q read as %+v", bad, s)
		}
	}
}

func FuzzReadSDP(f *testing.F) {
	f.Add([]byte("c=IN IP4 1.1.1.1\nm=audio 2 RTP/AVP 0\na=sendonly"))
	f.Add([]byte("m=audio 99999 RTP/AVP 0 300"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := readSDP(b)
		if err == nil && len(s.formats) == 0 {
			t.Fatal("an audio line without formats was accepted")
		}
	})
}
