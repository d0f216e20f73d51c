package token

import "encoding/binary"

// alphabet is base32 of RFC 4648 §6 in lower case: safe in a tag, a branch, a Call-ID and the user part of a URI.
const alphabet = "abcdefghijklmnopqrstuvwxyz234567"

const (
	charBits  = 5
	charMask  = 1<<charBits - 1
	caseBit   = 0x20
	firstOf2  = 26                 // value of '2'
	tailBits  = Len*charBits - 128 // 2 bits after the block, always zero
	tailMask  = 1<<tailBits - 1    // of the last character
	tailChars = 1                  // characters holding the tail
)

// expand writes the 16 bytes at b[:16] as 26 characters over b[:26].
func expand(b []byte) {
	hi, lo := binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
	_ = b[Len-1]
	b[Len-1] = alphabet[lo<<tailBits&charMask]
	lo = lo>>(charBits-tailBits) | hi<<(wordBits-charBits+tailBits)
	hi >>= charBits - tailBits
	for i := Len - 1 - tailChars; i >= 0; i-- {
		b[i] = alphabet[lo&charMask]
		lo = lo>>charBits | hi<<(wordBits-charBits)
		hi >>= charBits
	}
}

// collapse reads 26 characters into the two halves of a block. Letters may be of either case: RFC 3261 §7.3.1 lets
// whoever carries our token change it.
func collapse(text []byte) (hi, lo uint64, ok bool) {
	if len(text) != Len {
		return 0, 0, false
	}
	for _, c := range text[:Len-tailChars] {
		v, good := value(c)
		if !good {
			return 0, 0, false
		}
		hi = hi<<charBits | lo>>(wordBits-charBits)
		lo = lo<<charBits | v
	}
	v, good := value(text[Len-1])
	if !good || v&tailMask != 0 {
		return 0, 0, false // one text per block: set tail bits would be a second spelling
	}
	hi = hi<<(charBits-tailBits) | lo>>(wordBits-charBits+tailBits)
	lo = lo<<(charBits-tailBits) | v>>tailBits
	return hi, lo, true
}

func value(c byte) (uint64, bool) {
	if l := c | caseBit; l >= 'a' && l <= 'z' {
		return uint64(l - 'a'), true
	}
	if c >= '2' && c <= '7' {
		return uint64(c-'2') + firstOf2, true
	}
	return 0, false
}
