package token

// Sizes of a token. A value beyond its field is cut to the field by AppendTo: the caller keeps its counters inside.
const (
	Len = 26 // characters: 128 bits in groups of 5, the last 2 bits zero

	MaxKind   = 1<<kindBits - 1
	MaxNode   = 1<<nodeBits - 1
	MaxNumber = 1<<numberBits - 1

	kindBits   = 4
	nodeBits   = 12
	slotBits   = 8
	numberBits = 48
	partBits   = 16
	checkBits  = 40 // zero when sealed, so anything else was not sealed with this key

	blockLen = 16 // one AES block in bytes
	wordBits = 64
)
