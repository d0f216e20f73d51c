package demo

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// The directions of RFC 8866 §6.7.
const (
	directionBoth = "sendrecv"
	directionSend = "sendonly"
	directionRecv = "recvonly"
	directionNone = "inactive"
)

// payloadPCMU and payloadPCMA are the static types of G.711 (RFC 3551 §6).
const (
	payloadPCMU = 0
	payloadPCMA = 8
)

// session is what an endpoint reads of a session description.
type session struct {
	audio     netip.AddrPort
	formats   []uint8
	direction string
}

var errNoAudio = errors.New("no audio line")

// writeSDP makes an offer or answer with one G.711 stream. version rises with
// each description of one session (RFC 3264 §8).
func writeSDP(id, version uint64, audio netip.AddrPort, formats []uint8, direction string) []byte {
	family := "IP4"
	if audio.Addr().Is6() {
		family = "IP6"
	}
	var list, maps strings.Builder
	for _, f := range formats {
		fmt.Fprintf(&list, " %d", f)
		if f == payloadPCMU {
			maps.WriteString("a=rtpmap:0 PCMU/8000\r\n")
		} else {
			maps.WriteString("a=rtpmap:8 PCMA/8000\r\n")
		}
	}
	return fmt.Appendf(nil, "v=0\r\no=- %d %d IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\nm=audio %d RTP/AVP%s\r\n%sa=ptime:20\r\na=%s\r\n",
		id, version, family, audio.Addr(), family, audio.Addr(), audio.Port(), list.String(), maps.String(), direction)
}

// readSDP reads the first audio stream of a description.
func readSDP(b []byte) (session, error) {
	s := session{direction: directionBoth}
	var addr netip.Addr
	var port uint16
	inAudio, found := false, false
	for line := range strings.Lines(string(b)) {
		kind, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), "=")
		if !ok {
			continue
		}
		switch {
		case kind == "m":
			inAudio = !found && strings.HasPrefix(value, "audio ")
			if !inAudio {
				continue
			}
			found = true
			var err error
			if port, s.formats, err = readAudioLine(value); err != nil {
				return s, err
			}
		case kind == "c" && (inAudio || !found):
			words := strings.Fields(value)
			if len(words) != 3 {
				return s, fmt.Errorf("c= line %q", value)
			}
			var err error
			if addr, err = netip.ParseAddr(words[2]); err != nil {
				return s, fmt.Errorf("c= line %q: %w", value, err)
			}
		case kind == "a" && (inAudio || !found):
			switch value {
			case directionBoth, directionSend, directionRecv, directionNone:
				s.direction = value
			}
		}
	}
	if !found {
		return s, errNoAudio
	}
	s.audio = netip.AddrPortFrom(addr, port)
	return s, nil
}

func readAudioLine(value string) (port uint16, formats []uint8, err error) {
	words := strings.Fields(value)
	if len(words) < 4 {
		return 0, nil, fmt.Errorf("m= line %q", value)
	}
	n, err := strconv.ParseUint(words[1], 10, 16)
	if err != nil {
		return 0, nil, fmt.Errorf("m= line %q: %w", value, err)
	}
	for _, w := range words[3:] {
		f, err := strconv.ParseUint(w, 10, 7)
		if err != nil {
			return 0, nil, fmt.Errorf("m= line %q: %w", value, err)
		}
		formats = append(formats, uint8(f))
	}
	return uint16(n), formats, nil
}

// mirrored is the direction an answer gives to an offer it fully accepts.
func mirrored(direction string) string {
	switch direction {
	case directionSend:
		return directionRecv
	case directionRecv:
		return directionSend
	}
	return direction
}
