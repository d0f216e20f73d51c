package offer

import (
	"strconv"
	"strings"

	"gatehouse/media/sdp"
)

// codec is one payload type of one m-line on one leg.
type codec struct {
	sdp.Codec        // as the peer last described it, in the peer's numbers
	key       string // what it is, the same on every leg: name, clock, channels and the parameters that define it
	recv      uint8  // the number the peer sends with by RFC 3264 §5.1, §6.1
	send      uint8  // the number we send with
}

// Encoding names that need a treatment of their own, in lower case.
const (
	nameEvent = "telephone-event"
	nameRTX   = "rtx"
	nameRED   = "red"
	nameOpus  = "opus"
	nameG722  = "g722"
)

// eventsDefault is what a telephone-event without a list stands for: the sixteen DTMF keys (RFC 4733 §7.1.1).
const eventsDefault = "0-15"

// auxiliary says that a codec carries nothing by itself: a line with only such has no common format.
func auxiliary(name string) bool {
	switch strings.ToLower(name) {
	case nameEvent, nameRTX, nameRED, "cn", "ulpfec", "flexfec", "flexfec-03", "parityfec", "tone":
		return true
	}
	return false
}

// usable says that something can flow with the chosen codecs, or that nothing but auxiliary formats was asked for.
func usable(chosen, asked []codec) bool {
	if len(chosen) == 0 {
		return false
	}
	main := func(list []codec) bool {
		for i := range list {
			if !auxiliary(list[i].Name) {
				return true
			}
		}
		return false
	}
	return main(chosen) || !main(asked)
}

// base is the part of an identity that rtpmap gives. Peers disagree on the clock of G722 and the channels of opus,
// which are constants of their formats (RFC 3551 §4.5.2, RFC 7587 §7).
func base(c *sdp.Codec) string {
	name := strings.ToLower(c.Name)
	clock, channels := c.ClockHz, c.Channels
	switch name {
	case nameG722:
		clock = 8000
	case nameOpus:
		channels = 2
	}
	b := append(make([]byte, 0, len(name)+12), name...)
	b = strconv.AppendUint(append(b, '/'), uint64(clock), 10)
	if channels > 1 {
		b = strconv.AppendUint(append(b, '/'), uint64(channels), 10)
	}
	return string(b)
}

// defining lists the format parameters that make two payload types of one name different codecs. Parameters that only
// tune a codec are not in it: they may differ between offer and answer.
func defining(name string) []string {
	switch name {
	case "h264":
		return []string{"packetization-mode", "profile-level-id"}
	case "h265":
		return []string{"profile-id", "tier-flag", "tx-mode"}
	case "amr", "amr-wb":
		return []string{"crc", "interleaving", "octet-align", "robust-sorting"}
	case "vp9":
		return []string{"profile-id"}
	case "av1":
		return []string{"profile", "tier"}
	case "g7221", "siren7", "siren14":
		return []string{"bitrate"}
	case "mp4a-latm", "mpeg4-generic":
		return []string{"config", "mode", "object"}
	}
	return nil
}

// parameter finds a parameter in the format parameters of a codec; names are compared without case.
func parameter(fmtp []string, name string) (string, bool) {
	for _, line := range fmtp {
		for p := range strings.SplitSeq(line, ";") {
			k, v, _ := strings.Cut(p, "=")
			if strings.EqualFold(strings.TrimSpace(k), name) {
				return strings.ToLower(strings.TrimSpace(v)), true
			}
		}
	}
	return "", false
}

// h264ProfileDigits is how much of profile-level-id names the profile; the level after it may differ (RFC 6184 §8.2.2).
const h264ProfileDigits = 4

// identity gives the key of a codec; all are the codecs of its line, for what refers to another one.
func identity(c *sdp.Codec, all []sdp.Codec) string {
	key, name := base(c), strings.ToLower(c.Name)
	if name == nameRTX {
		if apt, ok := parameter(c.Fmtp, "apt"); ok {
			for i := range all {
				if strconv.Itoa(int(all[i].PT)) == apt && !strings.EqualFold(all[i].Name, nameRTX) {
					return key + ";apt=" + identity(&all[i], all)
				}
			}
		}
		return key
	}
	for _, p := range defining(name) {
		v, ok := parameter(c.Fmtp, p)
		if !ok || v == "0" { // zero is the default of every flag among them
			continue
		}
		if p == "profile-level-id" && len(v) > h264ProfileDigits {
			v = v[:h264ProfileDigits]
		}
		key += ";" + p + "=" + v
	}
	return key
}

// identify gives the codecs of a line that can be told apart: those with a name.
func identify(m *sdp.Media) []codec {
	out := make([]codec, 0, len(m.Codecs))
	for i := range m.Codecs {
		c := &m.Codecs[i]
		if c.Name == "" {
			continue
		}
		out = append(out, codec{Codec: *c, key: identity(c, m.Codecs), recv: c.PT, send: c.PT})
	}
	return out
}

// pair is two codecs that are one, by index.
type pair struct{ x, y int }

// common pairs the codecs of two legs, in the order of y, each used once.
func common(x, y []codec) []pair {
	var out []pair
	used := make([]bool, len(x))
	for j := range y {
		for i := range x {
			if !used[i] && x[i].key == y[j].key {
				used[i] = true
				out = append(out, pair{i, j})
				break
			}
		}
	}
	return out
}

// accept reads a peer's answer to what we offered on a line: its codecs in its order, with our numbers to receive and
// its numbers to send (RFC 3264 §6.1), and the identity of the offered codec. The number decides first, then the
// defining parameters, then the name alone; a number without rtpmap means what we offered under it.
func accept(offered []codec, m *sdp.Media) []codec {
	var out []codec
	used := make([]bool, len(offered))
	for i := range m.Codecs {
		a := &m.Codecs[i]
		best := pick(offered, used, a, m.Codecs)
		if best < 0 {
			continue
		}
		used[best] = true
		o := &offered[best]
		c := codec{Codec: *a, key: o.key, recv: o.recv, send: a.PT}
		if c.Name == "" {
			c.Name, c.ClockHz, c.Channels = o.Name, o.ClockHz, o.Channels
		}
		out = append(out, c)
	}
	return out
}

func pick(offered []codec, used []bool, a *sdp.Codec, all []sdp.Codec) int {
	best, rank := -1, 0
	key := ""
	if a.Name != "" {
		key = identity(a, all)
	}
	for i := range offered {
		if used[i] {
			continue
		}
		o, score := &offered[i], 0
		sameNumber := o.recv == a.PT
		switch {
		case a.Name == "" && sameNumber:
			score = 4
		case a.Name == "" || base(a) != base(&o.Codec):
		case sameNumber:
			score = 3
		case key == o.key:
			score = 2
		default:
			score = 1
		}
		if score > rank {
			best, rank = i, score
		}
	}
	return best
}
