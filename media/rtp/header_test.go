package rtp

import (
	"errors"
	"testing"

	pion "github.com/pion/rtp"
)

// packet builds a packet from its first bytes; the rest of the 12 bytes is filled in.
func packet(first byte, tail ...byte) []byte {
	return append([]byte{first, 0x80 | 96, 0x12, 0x34, 0, 0, 0, 100, 0xca, 0xfe, 0xba, 0xbe}, tail...)
}

func TestParse_Bounds_AreChecked(t *testing.T) {
	cases := []struct {
		name       string
		in         []byte
		err        error
		start, end int
	}{
		{"header only", packet(0x80), nil, 12, 12},
		{"payload", packet(0x80, 1, 2, 3), nil, 12, 15},
		{"empty", nil, ErrShort, 0, 0},
		{"eleven bytes", packet(0x80)[:11], ErrShort, 0, 0},
		{"version 1", packet(0x40), ErrVersion, 0, 0},
		{"version 3", packet(0xc0), ErrVersion, 0, 0},
		{"two csrcs", packet(0x82, 1, 1, 1, 1, 2, 2, 2, 2, 9), nil, 20, 21},
		{"csrc cut", packet(0x82, 1, 1, 1, 1, 2, 2, 2), ErrShort, 0, 0},
		{"extension", packet(0x90, 0xbe, 0xde, 0, 1, 0x10, 0xff, 0, 0, 7), nil, 20, 21},
		{"extension of no words", packet(0x90, 0xbe, 0xde, 0, 0), nil, 16, 16},
		{"extension header cut", packet(0x90, 0xbe, 0xde, 0), ErrShort, 0, 0},
		{"extension words cut", packet(0x90, 0xbe, 0xde, 0, 2, 0, 0, 0, 0), ErrShort, 0, 0},
		{"extension of 65535 words", packet(0x90, 0xbe, 0xde, 0xff, 0xff), ErrShort, 0, 0},
		{"padding", packet(0xa0, 7, 7, 0, 2), nil, 12, 14},
		{"padding is all payload", packet(0xa0, 0, 2), nil, 12, 12},
		{"padding 0", packet(0xa0, 7, 0), ErrPadding, 0, 0},
		{"padding 255", packet(0xa0, 7, 255), ErrPadding, 0, 0},
		{"padding into header", packet(0xa0, 7, 3), ErrPadding, 0, 0},
		{"padding on header alone", packet(0xa0), ErrPadding, 0, 0},
		{"padding into extension", packet(0xb0, 0xbe, 0xde, 0, 1, 0, 0, 0, 0, 2), ErrPadding, 0, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h, err := Parse(c.in)
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if err == nil && (h.Start != c.start || h.End != c.end) {
				t.Fatalf("payload %d-%d, want %d-%d", h.Start, h.End, c.start, c.end)
			}
		})
	}
}

func TestParse_Fields_AreRead(t *testing.T) {
	h, err := Parse(packet(0x80, 1))
	if err != nil {
		t.Fatal(err)
	}
	want := Header{Marker: true, PT: 96, Seq: 0x1234, Timestamp: 100, SSRC: 0xcafebabe, Start: 12, End: 13}
	if h != want {
		t.Fatalf("%+v, want %+v", h, want)
	}
}

func TestSetPT_Marker_Stays(t *testing.T) {
	for _, marker := range []byte{0, 0x80} {
		b := packet(0x80)
		b[1] = marker | 96
		SetPT(b, 0xff)
		if b[1] != marker|127 {
			t.Fatalf("%#x", b[1])
		}
	}
}

func TestParse_Allocs_None(t *testing.T) {
	good, bad := packet(0x80, 1, 2), packet(0xa0, 7, 255)
	if n := testing.AllocsPerRun(100, func() {
		_, _ = Parse(good)
		_, _ = Parse(bad)
		_ = CheckCompound(good)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

// FuzzParse holds our bounds against pion/rtp: what we accept it reads the same way.
func FuzzParse(f *testing.F) {
	for _, seed := range [][]byte{packet(0x80, 1), packet(0xa0, 7, 2), packet(0x90, 0xbe, 0xde, 0, 1, 0x10, 0xff, 0, 0, 7), packet(0x8f), packet(0xbf, 255)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := Parse(b)
		if err != nil {
			return
		}
		if h.Start < headerBytes || h.Start > h.End || h.End > len(b) || h.PT > 127 {
			t.Fatalf("%+v of %d bytes", h, len(b))
		}
		var p pion.Header
		n, err := p.Unmarshal(b)
		if err != nil {
			return // pion also reads the extension's elements, which we pass unread
		}
		if n != h.Start || p.PayloadType != h.PT || p.SequenceNumber != h.Seq || p.Timestamp != h.Timestamp || p.SSRC != h.SSRC || p.Marker != h.Marker {
			t.Fatalf("%+v, pion reads %+v with %d header bytes", h, p, n)
		}
	})
}
