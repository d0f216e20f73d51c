package msg

import "gatehouse/sip/grammar"

// String returns the canonical long name, "" for HeaderOther.
func (id ID) String() string {
	if id >= headerCount {
		return ""
	}
	return names[id]
}

// Identify returns the identity of a header field name in long or compact form and any case; HeaderOther when it
// is not one of ours.
func Identify[S ~string | ~[]byte](name S) ID {
	switch n := len(name); {
	case n == 1:
		return compactForm(name[0])
	case n == 0 || n > maxNameBytes:
		return HeaderOther
	}
	for id := known.first[len(name)][letter(name[0])]; id != HeaderOther; id = known.next[id] {
		if string(name) == names[id] || grammar.EqualFold(name, names[id]) {
			return id
		}
	}
	return HeaderOther
}

// maxNameBytes is the length of the longest name in names, Accept-Resource-Priority.
const maxNameBytes = 24

// letter numbers the first byte of a name, the same for both cases of a letter.
func letter(c byte) byte { return c & 0x1f }

// index finds the names of one length and first letter, of which there are never more than a few: first holds one of
// them, next the one after each.
type index struct {
	first [maxNameBytes + 1][0x1f + 1]ID
	next  [headerCount]ID
}

// known is the index of names. It is never written after start.
var known = newIndex()

func newIndex() (x index) {
	for id := headerCount - 1; id > HeaderOther; id-- {
		head := &x.first[len(names[id])][letter(names[id][0])]
		x.next[id], *head = *head, id
	}
	return x
}
