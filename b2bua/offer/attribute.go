package offer

import (
	"strconv"
	"strings"

	"gatehouse/media/profile"
	"gatehouse/media/sdp"
)

// cross gives the attributes that another leg may see: those named here. Everything else is dropped, above all what
// names an address, a key or a person: candidates, fingerprints, crypto, ssrc, msid, mid, group, label, path, tool,
// cname and whatever we do not know (RFC 5853 §3.1.1).
func cross(attrs []sdp.Attr, kind profile.Kind, to renumber) []sdp.Attr {
	var out []sdp.Attr
	for _, a := range attrs {
		switch key := strings.ToLower(a.Key); key {
		case "charset", "content", "framerate", "lang", "orient", "quality", "rtcp-rsize", "sdplang", "silencesupp":
			out = append(out, a)
		case "framesize", "imageattr":
			if b, ok := renumbered(a, to); ok && kind == profile.RTP {
				out = append(out, b)
			}
		case "fmtp": // of an RTP line they belong to the codecs
			if kind == profile.Datagram {
				out = append(out, a)
			}
		default:
			if strings.HasPrefix(key, "t38") && kind == profile.Datagram {
				out = append(out, a)
			}
		}
	}
	return out
}

// renumbered rewrites an attribute whose value begins with a payload type or a star.
func renumbered(a sdp.Attr, to renumber) (sdp.Attr, bool) {
	word, rest, _ := strings.Cut(a.Value, " ")
	if word == "*" {
		return a, true
	}
	n, err := strconv.ParseUint(word, 10, 7)
	if err != nil {
		return a, false
	}
	pt, ok := to(uint8(n))
	return sdp.Attr{Key: a.Key, Value: strconv.Itoa(int(pt)) + " " + rest}, ok
}

// bandwidth gives the b= lines that cross: the registered modifiers (RFC 8866 §5.8, RFC 3890, RFC 3556).
func bandwidth(list []sdp.Bandwidth) []sdp.Bandwidth {
	var out []sdp.Bandwidth
	for _, b := range list {
		switch b.Type {
		case "CT", "AS", "TIAS", "RS", "RR":
			out = append(out, b)
		}
	}
	return out
}
