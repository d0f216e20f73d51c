package token

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
)

var errZeroKey = errors.New("the token key is all zero")

// Sealer writes tokens with its key and opens those of its key and of earlier ones. It is made by NewSealer and safe
// for use by any number of goroutines.
type Sealer struct {
	keys    []cipher.Block // the current key, then the previous ones
	scratch sync.Pool      // *[Len]byte: the cipher is an interface, so a block on the stack would be moved to the heap
}

// NewSealer takes the key tokens are sealed with and those of before a key change, whose tokens still open. An
// all-zero key is refused: it means that no key was loaded.
func NewSealer(key [16]byte, previous ...[16]byte) (*Sealer, error) {
	s := &Sealer{keys: make([]cipher.Block, 0, 1+len(previous))}
	s.scratch.New = func() any { return new([Len]byte) }
	for i, k := range append([][16]byte{key}, previous...) {
		if k == ([16]byte{}) {
			return nil, fmt.Errorf("take token key %d: %w", i, errZeroKey)
		}
		c, err := aes.NewCipher(k[:])
		if err != nil {
			return nil, fmt.Errorf("take token key %d: %w", i, err)
		}
		s.keys = append(s.keys, c)
	}
	return s, nil
}

// AppendTo appends the Len characters of t. It does not allocate when dst has room for them.
func (s *Sealer) AppendTo(dst []byte, t Token) []byte {
	n := len(dst)
	dst = slices.Grow(dst, Len)[:n+Len]
	s.seal(dst[n:], t)
	return dst
}

// String gives the Len characters of t.
func (s *Sealer) String(t Token) string {
	b := s.scratch.Get().(*[Len]byte)
	defer s.scratch.Put(b)
	s.seal(b[:], t)
	return string(b[:])
}

// Open reads text sealed with the current key or a previous one. It is false for any other text, for another length
// and for a token of another kind. The case of the letters does not matter. It does not allocate, and no part of its
// time tells a forger how near he was: the block cipher turns every change into an unrelated block.
func (s *Sealer) Open(text []byte, want Kind) (Token, bool) {
	hi, lo, ok := collapse(text)
	if !ok {
		return Token{}, false
	}
	b := s.scratch.Get().(*[Len]byte)
	defer s.scratch.Put(b)
	for _, k := range s.keys {
		binary.BigEndian.PutUint64(b[:], hi)
		binary.BigEndian.PutUint64(b[8:], lo)
		k.Decrypt(b[:blockLen], b[:blockLen])
		if t, ok := unpack(b[:blockLen]); ok && t.Kind == want {
			return t, true
		}
	}
	return Token{}, false
}

// seal writes t over b, which has Len bytes.
func (s *Sealer) seal(b []byte, t Token) {
	pack(b[:blockLen], t)
	s.keys[0].Encrypt(b[:blockLen], b[:blockLen])
	expand(b)
}

// How the fields share the block: kind, node, slot and the upper part of number fill the first 64 bits; the rest of
// number, part and the zero check the second.
const (
	numberLow  = numberBits - (wordBits - kindBits - nodeBits - slotBits) // bits of number in the second word
	kindShift  = wordBits - kindBits
	nodeShift  = kindShift - nodeBits
	slotShift  = nodeShift - slotBits
	lowShift   = wordBits - numberLow
	checkMask  = 1<<checkBits - 1
	numLowMask = 1<<numberLow - 1
)

func pack(b []byte, t Token) {
	n := t.Number & MaxNumber
	hi := uint64(t.Kind&MaxKind)<<kindShift | uint64(t.Node&MaxNode)<<nodeShift | uint64(t.Slot)<<slotShift | n>>numberLow
	lo := n<<lowShift | uint64(t.Part)<<checkBits
	binary.BigEndian.PutUint64(b, hi)
	binary.BigEndian.PutUint64(b[8:], lo)
}

func unpack(b []byte) (Token, bool) {
	hi, lo := binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
	if lo&checkMask != 0 {
		return Token{}, false
	}
	return Token{
		Kind:   Kind(hi >> kindShift),
		Node:   uint16(hi >> nodeShift & MaxNode),
		Slot:   uint8(hi >> slotShift),
		Number: hi<<numberLow&MaxNumber | lo>>lowShift&numLowMask,
		Part:   uint16(lo >> checkBits),
	}, true
}
