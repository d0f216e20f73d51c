package sdp

import (
	"net/netip"
	"strconv"
	"strings"
)

// attrReader sorts the attributes of one m-line into the model.
type attrReader struct {
	m          *Media
	rtp        bool
	directed   bool      // a direction was taken; the first one counts
	mapped     [128]bool // rtpmap taken; the first one counts
	candidates int
}

// read takes one attribute. What is malformed or speaks of a format that is not on the line is dropped.
func (r *attrReader) read(a Attr) {
	if d, ok := parseDirection(a.Key); ok {
		if !r.directed {
			r.m.Direction, r.directed = d, true
		}
		return
	}
	key := strings.ToLower(a.Key)
	if key == "candidate" {
		r.candidates++
	}
	if r.rtp && r.readRTP(key, a.Value) {
		return
	}
	r.m.Attrs = append(r.m.Attrs, a)
}

// readRTP takes the attributes that only RTP lines have; false when it is none of them.
func (r *attrReader) readRTP(key, value string) bool {
	switch key {
	case "rtpmap":
		r.rtpmap(value)
	case "fmtp":
		if c, rest := r.codec(value); c != nil && rest != "" {
			c.Fmtp = append(c.Fmtp, rest)
		}
	case "rtcp-fb":
		if rest, all := strings.CutPrefix(value, "*"); all {
			if rest = strings.TrimSpace(rest); rest != "" {
				r.m.RTCPFB = append(r.m.RTCPFB, rest)
			}
		} else if c, rest := r.codec(value); c != nil && rest != "" {
			c.RTCPFB = append(c.RTCPFB, rest)
		}
	case "ptime":
		setMillis(&r.m.PTime, value)
	case "maxptime":
		setMillis(&r.m.MaxPTime, value)
	case "rtcp":
		r.rtcp(value)
	case "rtcp-mux":
		r.m.Mux = true
	default:
		return false
	}
	return true
}

// codec finds the codec whose payload type leads the value and gives what follows.
func (r *attrReader) codec(value string) (*Codec, string) {
	word, rest, _ := strings.Cut(value, " ")
	pt, ok := payloadType(word)
	if !ok {
		return nil, ""
	}
	for i := range r.m.Codecs {
		if r.m.Codecs[i].PT == pt {
			return &r.m.Codecs[i], strings.TrimSpace(rest)
		}
	}
	return nil, ""
}

// rtpmap reads "<payload type> <encoding name>/<clock rate>[/<parameters>]" (RFC 8866 §6.6). Without a clock rate the
// payload type keeps its static meaning.
func (r *attrReader) rtpmap(value string) {
	c, rest := r.codec(value)
	if c == nil || r.mapped[c.PT] {
		return
	}
	name, rest, _ := strings.Cut(rest, "/")
	rate, rest, _ := strings.Cut(rest, "/")
	clock, err := strconv.ParseUint(strings.TrimSpace(rate), 10, 32)
	if !isVisible(name) || err != nil || clock == 0 {
		return
	}
	r.mapped[c.PT] = true
	c.Name, c.ClockHz, c.Channels = name, uint32(clock), 1
	if rest == "" {
		return
	}
	channels, _, _ := strings.Cut(rest, "/")
	if n, err := strconv.ParseUint(strings.TrimSpace(channels), 10, 8); err == nil && n > 1 {
		c.Channels = uint8(n)
	}
}

// rtcp reads "<port> [IN IP4|IP6 <address>]" (RFC 3605 §2.1). A host name there is not resolved: the media address is
// taken, which is where it points in practice.
func (r *attrReader) rtcp(value string) {
	words := appendWords(make([]string, 0, usualWords), value)
	if len(words) == 0 {
		return
	}
	port, err := strconv.ParseUint(words[0], 10, 16)
	if err != nil || port == 0 {
		return
	}
	addr := r.m.Addr
	if len(words) > 1 {
		if a, err := netip.ParseAddr(words[len(words)-1]); err == nil {
			addr = a.Unmap().WithZone("")
		}
	}
	r.m.RTCP = netip.AddrPortFrom(addr, uint16(port))
}

// setMillis reads a packet time; some peers write fractions, which are cut.
func setMillis(to *int, value string) {
	whole, _, _ := strings.Cut(value, ".")
	if n, err := strconv.Atoi(whole); err == nil && n > 0 && n <= maxPTimeMs {
		*to = n
	}
}

func payloadType(word string) (uint8, bool) {
	n, err := strconv.ParseUint(word, 10, 7)
	return uint8(n), err == nil
}
