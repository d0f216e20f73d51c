// Package sdp is the model of a session description (RFC 8866) as the border sees it: lenient when it reads, strict
// when it writes.
//
// Parse takes whatever a peer sent: any line ends and line order, missing lines, trailing blanks, lines it does not know.
// What a border never lets cross is not in the model at all: i=, u=, e=, p=, k=, r=, z= and the port count of an m-line are
// read and forgotten. AppendTo writes RFC 8866 with CRLF, and Parse gives the same Session back from what AppendTo wrote.
//
// It is a leaf: bytes in, values out; no socket, clock, logger or configuration. A Session that was handed on is
// treated as immutable by everybody. b2bua/offer builds what we send with it; policy looks at it.
package sdp

import (
	"net/netip"
	"strings"
)

// Session is one session description.
type Session struct {
	Origin       Origin
	Name         string // s=; "-" when it was empty or missing
	Conn         Addr   // session level c=; the zero Addr when there was none
	Bandwidth    []Bandwidth
	Timing       string // first t=, its two numbers; "0 0" when missing or unreadable
	Direction    Direction
	HasDirection bool   // a session level direction attribute was there
	Attrs        []Attr // every other session level attribute, in order, uninterpreted
	Media        []Media
}

// Origin is the o= line (RFC 8866 §5.2). Network type is always IN.
type Origin struct {
	User            string
	SessID, Version uint64
	Addr            string // unicast address or host name, as received
}

// Addr is a connection address: a literal, or a host name that was not resolved. The zero Addr is none.
type Addr struct {
	IP   netip.Addr // IPv4-mapped IPv6 is unmapped
	Host string     // set only when IP is not valid
}

// Bandwidth is one b= line (RFC 8866 §5.8).
type Bandwidth struct {
	Type  string // CT, AS, TIAS, RS, RR or X-something
	Value uint64
}

// Attr is one a= line; Value is empty for a property attribute.
type Attr struct {
	Key, Value string
}

// Media is one m= section. Values inherited from the session level are filled in.
type Media struct {
	Kind      string // audio, video, image, application, message, text ...
	Port      uint16 // 0: refused or removed
	Proto     string // as received, such as RTP/AVP or udptl
	Formats   []string
	Addr      netip.Addr     // effective c=; not valid when it is a host name or absent
	HostName  string         // the effective c= when it is a host name
	RTCP      netip.AddrPort // a=rtcp (RFC 3605 §2.1), its address defaulting to Addr; port 0 when not given
	Mux       bool           // a=rtcp-mux (RFC 5761 §5.1.1)
	Direction Direction      // media level, else session level, else sendrecv
	Codecs    []Codec        // RTP profiles only, in format order; static payload types filled in
	RTCPFB    []string       // a=rtcp-fb lines for every format (*), RTP profiles only
	PTime     int            // milliseconds, 0 = none
	MaxPTime  int            // milliseconds, 0 = none
	Bandwidth []Bandwidth
	Attrs     []Attr // every other attribute, in order, uninterpreted
}

// Codec is one RTP payload type with all that is said about it. A dynamic payload type without rtpmap has no Name.
type Codec struct {
	PT       uint8
	Name     string // encoding name as received
	ClockHz  uint32
	Channels uint8    // 1 unless rtpmap says otherwise
	Fmtp     []string // format parameters, without the payload type
	RTCPFB   []string // feedback of this payload type, without the payload type
}

// IsRTP says that the line's profile carries RTP, protected or not.
func (m *Media) IsRTP() bool {
	for part := range strings.SplitSeq(m.Proto, "/") {
		switch strings.ToUpper(part) {
		case "AVP", "AVPF", "SAVP", "SAVPF":
			return true
		}
	}
	return false
}

// Rejected says that the line was refused or removed: port zero (RFC 3264 §6, §8.2).
func (m *Media) Rejected() bool { return m.Port == 0 }

// iceDiscardPort stands for "not known yet" in an ICE description together with 0.0.0.0 (RFC 8839 §4.2.5).
const iceDiscardPort = 9

// OnHold says that the line is held the old way, by an unspecified connection address (RFC 3264 §8.4). The form that
// means trickled candidates, 0.0.0.0 with port 9, is no hold (RFC 8839 §4.2.5).
func (m *Media) OnHold() bool {
	return m.Addr.IsValid() && m.Addr.IsUnspecified() && m.Port != 0 && m.Port != iceDiscardPort
}

// Attr gives the value of the first attribute with that name (compared without case) among the uninterpreted ones.
func (m *Media) Attr(key string) (value string, ok bool) {
	for _, a := range m.Attrs {
		if strings.EqualFold(a.Key, key) {
			return a.Value, true
		}
	}
	return "", false
}
