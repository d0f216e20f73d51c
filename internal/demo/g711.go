package demo

import "math/bits"

const (
	// mulawBias and mulawClip are the constants of ITU-T G.711's mu-law, in
	// 16-bit sample units.
	mulawBias = 0x84
	mulawClip = 32635
)

// encodePCMU codes one 16-bit sample as G.711 mu-law.
func encodePCMU(sample int16) byte {
	v, sign := int(sample), byte(0)
	if v < 0 {
		v, sign = -v, 0x80
	}
	v = min(v, mulawClip) + mulawBias
	exponent := bits.Len(uint(v)) - 8 // the bias keeps v at 8 bits or more
	mantissa := v >> (exponent + 3) & 0x0f
	return ^(sign | byte(exponent)<<4 | byte(mantissa))
}

// decodePCMU gives the 16-bit sample of a mu-law byte.
func decodePCMU(b byte) int16 {
	b = ^b
	exponent, mantissa := int(b>>4&7), int(b&0x0f)
	v := (mantissa<<3+mulawBias)<<exponent - mulawBias
	if b&0x80 != 0 {
		return int16(-v)
	}
	return int16(v)
}

// decodePCMA gives the 16-bit sample of a G.711 A-law byte.
func decodePCMA(b byte) int16 {
	b ^= 0x55
	exponent, mantissa := int(b>>4&7), int(b&0x0f)
	v := mantissa<<4 + 8
	if exponent > 0 {
		v = (v + 0x100) << (exponent - 1)
	}
	if b&0x80 == 0 {
		return int16(-v)
	}
	return int16(v)
}
