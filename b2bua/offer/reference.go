package offer

import (
	"sort"
	"strconv"
	"strings"

	"gatehouse/media/sdp"
)

// renumber maps a payload type as the far peer wrote it to the number on the leg that is told of it.
type renumber func(uint8) (uint8, bool)

// proposed is a far codec together with the number it gets on this leg.
type proposed struct {
	from *codec
	pt   uint8
}

// settle turns proposals into the codecs of a line, rewriting what refers to other numbers and leaving out what cannot
// cross. The renumbering is for the attributes of the line.
func settle(list []proposed) ([]codec, renumber) {
	to := func(pt uint8) (uint8, bool) {
		for _, p := range list {
			if p.from.PT == pt {
				return p.pt, true
			}
		}
		return 0, false
	}
	out := make([]codec, 0, len(list))
	for _, p := range list {
		if c, ok := crossing(p, to); ok {
			out = append(out, codec{Codec: c, key: p.from.key, recv: p.pt, send: p.pt})
		}
	}
	return out, to
}

// crossing gives a codec as another leg is told of it; false when what it refers to does not cross.
func crossing(p proposed, to renumber) (sdp.Codec, bool) {
	c := p.from.Codec
	c.PT = p.pt
	switch strings.ToLower(c.Name) {
	case nameEvent:
		if len(c.Fmtp) == 0 {
			c.Fmtp = []string{eventsDefault}
		}
	case nameRTX:
		return retarget(c, to)
	case nameRED:
		return c, keepsNumbers(c.Fmtp, to)
	}
	return c, true
}

// keepsNumbers says that every payload type in a RED list is the same on this leg: the packets carry them inside
// (RFC 2198 §3), where nobody translates them.
func keepsNumbers(fmtp []string, to renumber) bool {
	for _, f := range fmtp {
		for word := range strings.SplitSeq(f, "/") {
			n, err := strconv.ParseUint(strings.TrimSpace(word), 10, 7)
			if err != nil {
				return false
			}
			if there, ok := to(uint8(n)); !ok || there != uint8(n) {
				return false
			}
		}
	}
	return true
}

// retarget rewrites apt of a retransmission format (RFC 4588 §8.1).
func retarget(c sdp.Codec, to renumber) (sdp.Codec, bool) {
	apt, _ := parameter(c.Fmtp, "apt")
	n, err := strconv.ParseUint(apt, 10, 7)
	if err != nil {
		return c, false
	}
	there, ok := to(uint8(n))
	if !ok {
		return c, false
	}
	var others []string
	for _, f := range c.Fmtp {
		for p := range strings.SplitSeq(f, ";") {
			p = strings.TrimSpace(p)
			if k, _, _ := strings.Cut(p, "="); p != "" && !strings.EqualFold(strings.TrimSpace(k), "apt") {
				others = append(others, p)
			}
		}
	}
	sort.Strings(others)
	c.Fmtp = []string{strings.Join(append([]string{"apt=" + strconv.Itoa(int(there))}, others...), ";")}
	return c, true
}
