package rtp

import (
	"errors"
	"testing"

	pionrtcp "github.com/pion/rtcp"
)

func marshal(t testing.TB, packets ...pionrtcp.Packet) []byte {
	t.Helper()
	b, err := pionrtcp.Marshal(packets)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func report(t testing.TB) []byte {
	return marshal(t, &pionrtcp.SenderReport{SSRC: 1, Reports: []pionrtcp.ReceptionReport{{SSRC: 2}}},
		&pionrtcp.SourceDescription{Chunks: []pionrtcp.SourceDescriptionChunk{{
			Source: 1, Items: []pionrtcp.SourceDescriptionItem{{Type: pionrtcp.SDESCNAME, Text: "a@b"}}}}})
}

func TestCheckCompound_Lengths_MustAddUp(t *testing.T) {
	sr, pli := report(t), marshal(t, &pionrtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: 2})
	padded := append([]byte{0xa0 | 1, 201, 0, 3, 0, 0, 0, 1}, 0, 0, 0, 0, 0, 0, 0, 4)
	change := func(b []byte, i int, v byte) []byte {
		b = append([]byte(nil), b...)
		b[i] = v
		return b
	}
	cases := []struct {
		name string
		in   []byte
		err  error
	}{
		{"compound", sr, nil},
		{"reduced size", pli, nil},
		{"padded last", padded, nil},
		{"padded first", append(append([]byte(nil), padded...), pli...), ErrRTCPPadding},
		{"padding 0", change(padded, 15, 0), ErrRTCPPadding},
		{"padding not in words", change(padded, 15, 3), ErrRTCPPadding},
		{"padding longer than packet", change(padded, 15, 16), ErrRTCPPadding},
		{"empty", nil, ErrRTCPShort},
		{"header alone", []byte{0x80, 201, 0, 0}, ErrRTCPShort},
		{"cut by one", sr[:len(sr)-1], ErrRTCPShort},
		{"one byte more", append(append([]byte(nil), sr...), 0x80), ErrRTCPShort},
		{"length beyond end", change(pli, 3, 9), ErrRTCPShort},
		{"version 1", change(sr, 0, 0x40), ErrRTCPVersion},
		{"rtp", packet(0x80, 1, 2, 3, 4), ErrRTCPShort},
		{"type 191", change(pli, 1, 191), ErrRTCPType},
		{"type 224", change(pli, 1, 224), ErrRTCPType},
		{"second packet of version 0", append(append([]byte(nil), pli...), 0, 201, 0, 0), ErrRTCPVersion},
	}
	for _, c := range cases {
		if c.name == "rtp" {
			c.err = ErrRTCPType // payload type 96 with marker is 224
		}
		t.Run(c.name, func(t *testing.T) {
			if err := CheckCompound(c.in); !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
		})
	}
}

func TestB097_Classify_EveryFirstByte(t *testing.T) {
	for b := range 256 {
		want := Unknown
		switch {
		case b <= 3:
			want = STUN
		case b >= 16 && b <= 19:
			want = ZRTP
		case b >= 20 && b <= 63:
			want = DTLS
		case b >= 64 && b <= 79:
			want = TURN
		case b >= 128 && b <= 191:
			want = Media
		}
		if got := Classify(byte(b)); got != want {
			t.Errorf("%d is %s, want %s", b, got, want)
		}
	}
}

func TestB091_IsRTCP_SecondByte64To95(t *testing.T) {
	for b := range 256 {
		pt := b & 0x7f
		if got := IsRTCP([]byte{0x80, byte(b)}); got != (pt >= 64 && pt <= 95) {
			t.Errorf("second byte %d: %v", b, got)
		}
	}
	if IsRTCP([]byte{0x80}) || IsRTCP(nil) {
		t.Error("too short for RTCP")
	}
}

func FuzzCheckCompound(f *testing.F) {
	f.Add(report(f))
	f.Add(marshal(f, &pionrtcp.Goodbye{Sources: []uint32{1}, Reason: "bye"}))
	f.Add([]byte{0xa1, 201, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 4})
	f.Fuzz(func(t *testing.T, b []byte) {
		if CheckCompound(b) != nil {
			return
		}
		if len(b) < rtcpMinBytes || len(b)%wordBytes != 0 || b[1] < 192 || b[1] > 223 {
			t.Fatalf("accepted % x", b)
		}
	})
}
