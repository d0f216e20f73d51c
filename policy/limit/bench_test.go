package limit

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

// addr gives the i-th of many IPv4 addresses.
func addr(i int) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(i)+0x0b000000)
	return netip.AddrFrom4(b)
}

// open are rules that stop nobody but do all the work.
func open() Rules {
	return Rules{Rate: 1 << 30, Burst: 1 << 30, Total: 1 << 30, After: 20, For: 10 * time.Minute}
}

func BenchmarkMessage_SourceInTheTable(b *testing.B) {
	g := NewGate(open(), time.Now)
	src := addr(1)
	g.Message(src, false, false)
	b.ReportAllocs()
	for b.Loop() {
		g.Message(src, false, false)
	}
}

func BenchmarkMessage_SourceInTheTableWhileSomeAreBanned(b *testing.B) {
	g := NewGate(open(), time.Now)
	for range 20 {
		g.Offend(addr(2), false, true, "malformed")
	}
	src := addr(1)
	g.Message(src, false, false)
	b.ReportAllocs()
	for b.Loop() {
		g.Message(src, false, false)
	}
}

func BenchmarkMessage_TenThousandSources(b *testing.B) {
	g := NewGate(open(), time.Now)
	srcs := make([]netip.Addr, 10000)
	for i := range srcs {
		srcs[i] = addr(i)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		g.Message(srcs[i], false, false)
		if i++; i == len(srcs) {
			i = 0
		}
	}
}

func BenchmarkMessage_AlwaysNewSource(b *testing.B) {
	g := NewGate(open(), time.Now)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		g.Message(addr(i), false, false)
		i++
	}
}

func BenchmarkMessage_FloodOverTheTotal(b *testing.B) {
	r := open()
	r.Total = 2000
	g := NewGate(r, time.Now)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		g.Message(addr(i), false, false)
		i++
	}
}

func BenchmarkScanner(b *testing.B) {
	ua := []byte("Asterisk PBX 18.20.2~dfsg+~cs6.13.40431414-1 (some vendor, some build)")
	b.ReportAllocs()
	for b.Loop() {
		if Scanner(ua) {
			b.Fatal("taken for a scanner")
		}
	}
}
