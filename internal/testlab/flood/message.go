package flood

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
)

// Kind is what a datagram holds.
type Kind uint8

// The kinds of datagrams.
const (
	Options  Kind = iota
	Register      // as a registration scanner sends it
	Invite        // with a session description
	Damaged       // an INVITE with some bytes changed and its end cut off
	Noise         // random bytes
	kinds
)

// Everything is all kinds, in equal parts.
func Everything() []Kind { return []Kind{Options, Register, Invite, Damaged, Noise} }

// String names the kind for messages of tests.
func (k Kind) String() string {
	switch k {
	case Options:
		return "OPTIONS"
	case Register:
		return "REGISTER"
	case Invite:
		return "INVITE"
	case Damaged:
		return "damaged INVITE"
	case Noise:
		return "noise"
	case kinds:
	}
	return "unknown"
}

// serialMark stands in a template wherever messages must differ; it is as long as the serial number written over it.
const serialMark = "################"

// template is one message with the places of its serial number.
type template struct {
	kind  Kind
	text  []byte
	marks []int
}

func newTemplate(k Kind, to netip.AddrPort) template {
	method := k.String()
	if k == Damaged || k == Noise {
		method = Invite.String()
	}
	headers := []string{
		method + " sip:1000@" + to.String() + " SIP/2.0", "Via: SIP/2.0/UDP flood.example:5060;branch=z9hG4bK" + serialMark + ";rport", "Max-Forwards: 70",
		"From: <sip:1000@" + to.String() + ">;tag=" + serialMark, "To: <sip:1000@" + to.String() + ">", "Call-ID: " + serialMark + "@flood.example",
		"CSeq: 1 " + method, "Contact: <sip:1000@flood.example:5060>", "User-Agent: Softphone/1.0",
	}
	body := ""
	if method == Invite.String() {
		body = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\n" +
			"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\n"
		headers = append(headers, "Content-Type: application/sdp")
	}
	text := strings.Join(headers, "\r\n") + fmt.Sprintf("\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	t := template{kind: k, text: []byte(text)}
	for at := 0; ; {
		i := bytes.Index(t.text[at:], []byte(serialMark))
		if i < 0 {
			return t
		}
		t.marks = append(t.marks, at+i)
		at += i + len(serialMark)
	}
}

const hexDigits = "0123456789abcdef"

// write makes the message with this number in buf, which is as large as any template.
func (t template) write(buf []byte, serial uint64, random *rand.Rand) []byte {
	out := append(buf[:0], t.text...)
	for _, at := range t.marks {
		for i, v := at+len(serialMark)-1, serial; i >= at; i, v = i-1, v>>4 {
			out[i] = hexDigits[v&15]
		}
	}
	switch t.kind {
	case Damaged:
		for range 1 + random.IntN(8) {
			out[random.IntN(len(out))] = byte(random.Uint32())
		}
		return out[:1+random.IntN(len(out))]
	case Noise:
		out = out[:1+random.IntN(len(out))]
		for i := range out {
			out[i] = byte(random.Uint32())
		}
		return out
	case Options, Register, Invite, kinds:
	}
	return out
}
