package token

import (
	"bytes"
	"crypto/aes"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

var (
	keyA = [16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	keyB = [16]byte{16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}
)

func newSealer(t testing.TB, key [16]byte, previous ...[16]byte) *Sealer {
	t.Helper()
	s, err := NewSealer(key, previous...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func anyToken(t *rapid.T) Token {
	return Token{
		Kind:   Kind(rapid.IntRange(0, MaxKind).Draw(t, "kind")),
		Node:   uint16(rapid.IntRange(0, MaxNode).Draw(t, "node")),
		Slot:   rapid.Uint8().Draw(t, "slot"),
		Number: rapid.Uint64Range(0, MaxNumber).Draw(t, "number"),
		Part:   rapid.Uint16().Draw(t, "part"),
	}
}

func TestSealer_AnyToken_OpensAsItWasSealed(t *testing.T) {
	s := newSealer(t, keyA)
	rapid.Check(t, func(t *rapid.T) {
		want := anyToken(t)
		text := s.AppendTo([]byte("z9hG4bK"), want)
		if string(text[:7]) != "z9hG4bK" || len(text) != 7+Len {
			t.Fatalf("appended %q", text)
		}
		if got := s.String(want); got != string(text[7:]) {
			t.Fatalf("String gives %q, AppendTo %q", got, text[7:])
		}
		before := bytes.Clone(text)
		if got, ok := s.Open(text[7:], want.Kind); !ok || got != want {
			t.Fatalf("opened %+v %v, sealed %+v", got, ok, want)
		}
		if !bytes.Equal(before, text) {
			t.Fatal("Open changed the text")
		}
	})
}

// The layout and the alphabet are a contract between the nodes of a cluster: the reference here is written another way.
func TestSealer_Layout_IsTheContract(t *testing.T) {
	tok := Token{Kind: Branch, Node: 0xabc, Slot: 0xde, Number: 0x123456789abc, Part: 0xf00d}
	plain := []byte{0x2a, 0xbc, 0xde, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xf0, 0x0d, 0, 0, 0, 0, 0}
	c, err := aes.NewCipher(keyA[:])
	if err != nil {
		t.Fatal(err)
	}
	sealed := make([]byte, 16)
	c.Encrypt(sealed, plain)
	want := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sealed))
	if got := newSealer(t, keyA).String(tok); got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func TestSealer_UpperCase_Opens(t *testing.T) {
	s := newSealer(t, keyA)
	want := Token{Kind: Tag, Node: 7, Slot: 8, Number: 9, Part: 10}
	if got, ok := s.Open([]byte(strings.ToUpper(s.String(want))), Tag); !ok || got != want {
		t.Fatalf("opened %+v %v", got, ok)
	}
}

func TestSealer_Keys_CurrentAndPreviousOpen(t *testing.T) {
	tok := Token{Kind: Contact, Number: 1 << 40}
	old, other := newSealer(t, keyB), newSealer(t, keyA)
	changed := newSealer(t, keyA, keyB)
	if _, ok := other.Open([]byte(old.String(tok)), Contact); ok {
		t.Error("a token of another key opened")
	}
	if got, ok := changed.Open([]byte(old.String(tok)), Contact); !ok || got != tok {
		t.Errorf("a token of the previous key: %+v %v", got, ok)
	}
	if got, ok := changed.Open([]byte(other.String(tok)), Contact); !ok || got != tok {
		t.Errorf("a token of the current key: %+v %v", got, ok)
	}
	if changed.String(tok) != other.String(tok) {
		t.Error("not sealed with the current key")
	}
}

func TestSealer_ForgedText_Refused(t *testing.T) {
	s := newSealer(t, keyA, keyB)
	tok := Token{Kind: Tag, Node: 1, Slot: 2, Number: 3, Part: 4}
	good := s.String(tok)
	for name, text := range map[string]string{
		"empty": "", "short": good[:Len-1], "long": good + "a", "digit 1": "1" + good[1:], "digit 8": "8" + good[1:],
		"control that looks like a digit": "\x12" + good[1:], "high byte": "\xe1" + good[1:], "at sign": "@" + good[1:],
		"tail bits set": good[:Len-1] + string(alphabet[indexOf(t, good[Len-1])|1]), "all a": strings.Repeat("a", Len), "all 7": strings.Repeat("7", Len),
	} {
		if got, ok := s.Open([]byte(text), Tag); ok {
			t.Errorf("%s: opened %+v", name, got)
		}
	}
	for _, k := range []Kind{0, Branch, CallID, Contact, Nonce, Registration, 15, 16 + Tag} {
		if _, ok := s.Open([]byte(good), k); ok {
			t.Errorf("opened as %v", k)
		}
	}
	for i := range Len {
		for _, c := range []byte(alphabet) {
			text := []byte(good)
			if text[i] == c {
				continue
			}
			text[i] = c
			if got, ok := s.Open(text, Tag); ok {
				t.Fatalf("character %d as %c: opened %+v", i, c, got)
			}
		}
	}
}

func indexOf(t *testing.T, c byte) int {
	t.Helper()
	i := strings.IndexByte(alphabet, c)
	if i < 0 {
		t.Fatalf("%q is not in the alphabet", c)
	}
	return i
}

func TestSealer_FieldsTooBig_AreCutAndStayApart(t *testing.T) {
	s := newSealer(t, keyA)
	big := Token{Kind: Tag | 0xf0, Node: 0xffff, Slot: 1, Number: 1<<63 | 5, Part: 6}
	want := Token{Kind: Tag, Node: MaxNode, Slot: 1, Number: 5, Part: 6}
	if got, ok := s.Open([]byte(s.String(big)), Tag); !ok || got != want {
		t.Fatalf("opened %+v %v, want %+v", got, ok, want)
	}
}

func TestSealer_CountingNumbers_LookUnrelated(t *testing.T) {
	s := newSealer(t, keyA)
	const n = 2000
	var counts [32]int
	seen := map[string]bool{}
	for i := range uint64(n) {
		text := s.String(Token{Kind: Tag, Number: i})
		if seen[text] {
			t.Fatalf("%q twice", text)
		}
		seen[text] = true
		counts[indexOf(t, text[0])]++
	}
	for i, c := range counts { // 62.5 expected, 7.8 of standard deviation
		if c < 20 || c > 110 {
			t.Errorf("first character %c %d times of %d", alphabet[i], c, n)
		}
	}
}

func TestNewSealer_ZeroKey_Refused(t *testing.T) {
	if _, err := NewSealer([16]byte{}); err == nil {
		t.Error("an all-zero key was taken")
	}
	if _, err := NewSealer(keyA, keyB, [16]byte{}); err == nil || !strings.Contains(err.Error(), "key 2") {
		t.Errorf("an all-zero previous key: %v", err)
	}
}

func TestSealer_HotPaths_DoNotAllocate(t *testing.T) {
	s := newSealer(t, keyA, keyB)
	buf := make([]byte, 0, Len)
	tok := Token{Kind: Tag, Number: 77}
	text := []byte(newSealer(t, keyB).String(tok))
	if raceEnabled {
		t.Skip("sync.Pool drops items on purpose under the race detector")
	}
	if n := testing.AllocsPerRun(1000, func() { buf = s.AppendTo(buf[:0], tok) }); n != 0 {
		t.Errorf("AppendTo: %v allocations", n)
	}
	if n := testing.AllocsPerRun(1000, func() {
		if _, ok := s.Open(text, Tag); !ok {
			t.Error("did not open")
		}
	}); n != 0 {
		t.Errorf("Open: %v allocations", n)
	}
}

func TestSealer_ManyGoroutines_DoNotMixTokens(t *testing.T) {
	s := newSealer(t, keyA)
	var wg sync.WaitGroup
	for g := range uint16(4) {
		wg.Go(func() {
			for i := range uint64(2000) {
				want := Token{Kind: Branch, Part: g, Number: i}
				if got, ok := s.Open([]byte(s.String(want)), Branch); !ok || got != want {
					t.Errorf("opened %+v %v, want %+v", got, ok, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestKind_String_NamesEach(t *testing.T) {
	want := map[Kind]string{Tag: "tag", Branch: "branch", CallID: "call-id", Contact: "contact", Nonce: "nonce", Registration: "registration", 0: "kind(0)", 9: "kind(9)"}
	for k, name := range want {
		if k.String() != name {
			t.Errorf("%d is %q, want %q", k, k, name)
		}
	}
}

func FuzzOpen(f *testing.F) {
	s := newSealer(f, keyA, keyB)
	f.Add([]byte(s.String(Token{Kind: Tag, Number: 5})))
	f.Add([]byte(strings.Repeat("7", Len)))
	f.Add([]byte("z9hG4bK"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, text []byte) {
		for k := range Kind(16) {
			tok, ok := s.Open(text, k)
			if ok && !strings.EqualFold(s.String(tok), string(text)) && !strings.EqualFold(newSealer(t, keyB).String(tok), string(text)) {
				t.Fatalf("%q opened as %+v, which is written otherwise", text, tok)
			}
		}
		if hi, lo, ok := collapse(text); ok { // base32 alone: one text for each block
			var b [Len]byte
			binary.BigEndian.PutUint64(b[:], hi)
			binary.BigEndian.PutUint64(b[8:], lo)
			expand(b[:])
			if !strings.EqualFold(string(b[:]), string(text)) {
				t.Fatalf("%q comes back as %q", text, b)
			}
		}
	})
}

func BenchmarkAppendTo(b *testing.B) {
	s := newSealer(b, keyA)
	buf := make([]byte, 0, Len)
	b.ReportAllocs()
	for i := range uint64(b.N) {
		buf = s.AppendTo(buf[:0], Token{Kind: Branch, Number: i})
	}
}

func BenchmarkOpen(b *testing.B) {
	s := newSealer(b, keyA)
	text := []byte(s.String(Token{Kind: Branch, Number: 5}))
	b.ReportAllocs()
	for b.Loop() {
		s.Open(text, Branch)
	}
}
