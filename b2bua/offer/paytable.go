package offer

import (
	"gatehouse/media/profile"
	"gatehouse/media/sdp"
)

// binding says which codec a payload type number stands for.
type binding struct {
	pt  uint8
	key string
}

// paytable is every number that was ever used on one m-line of one leg. A number that we gave a codec keeps it for the
// life of the session (RFC 3264 §8.3.2), refused offers included.
type paytable []binding

// Ranges of payload type numbers (RFC 3551 §6, RFC 5761 §4).
const (
	dynamicFirst   = 96 // to 127: dynamic
	unassigned     = 35 // to 63: unassigned, used when the dynamic ones are gone
	unassignedLast = 63
	rtcpFirst      = 64 // to 95: would look like RTCP on a shared port
	rtcpLast       = 95
)

// likeRTCP says that packets of that type cannot share a port with RTCP.
func likeRTCP(pt uint8) bool { return pt >= rtcpFirst && pt <= rtcpLast }

// bind notes a number the peer gave to a codec. A peer that rebinds a number is in the wrong, but its packets mean what
// it says.
func (t *paytable) bind(pt uint8, key string) {
	for i := range *t {
		if (*t)[i].pt == pt {
			(*t)[i].key = key
			return
		}
	}
	*t = append(*t, binding{pt, key})
}

// bindFree notes a number the peer answered with, unless we gave it to another codec before.
func (t *paytable) bindFree(pt uint8, key string) {
	if _, bound := t.boundTo(pt); !bound {
		*t = append(*t, binding{pt, key})
	}
}

func (t paytable) boundTo(pt uint8) (key string, ok bool) {
	for _, b := range t {
		if b.pt == pt {
			return b.key, true
		}
	}
	return "", false
}

// assign chooses our number for a codec in one offer, and binds it: the one it had, else the preferred one, else a free
// dynamic one. used are the numbers of the offer so far.
func (t *paytable) assign(c *codec, used *[profile.PayloadTypes]bool, mux bool) (uint8, bool) {
	fits := func(pt uint8) bool {
		if used[pt] || (mux && likeRTCP(pt)) {
			return false
		}
		static, ok := sdp.StaticCodec(pt)
		return !ok || base(&static) == base(&c.Codec)
	}
	take := func(pt uint8) (uint8, bool) {
		used[pt] = true
		t.bind(pt, c.key)
		return pt, true
	}
	if key, ok := t.boundTo(c.PT); ok && key == c.key && fits(c.PT) {
		return take(c.PT)
	}
	for _, b := range *t {
		if b.key == c.key && fits(b.pt) {
			return take(b.pt)
		}
	}
	if _, bound := t.boundTo(c.PT); !bound && fits(c.PT) {
		return take(c.PT)
	}
	for _, r := range [2][2]uint8{{dynamicFirst, profile.PayloadTypes - 1}, {unassigned, unassignedLast}} {
		for pt := r[0]; pt <= r[1]; pt++ {
			if _, bound := t.boundTo(pt); !bound && fits(pt) {
				return take(pt)
			}
		}
	}
	return 0, false
}
