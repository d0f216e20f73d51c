package sdp

import (
	"net/netip"
	"strconv"
)

// AppendTo writes the description strictly as RFC 8866 §9 has it, with CRLF. Control bytes that would break a line
// never get out, whatever the model holds.
func (s *Session) AppendTo(b []byte) []byte {
	w := writer{b: b}
	w.line("v=", "0")
	w.origin(&s.Origin)
	w.line("s=", orDash(s.Name))
	w.conn(s.Conn)
	w.bandwidth(s.Bandwidth)
	timing := s.Timing
	if timing == "" {
		timing = "0 0"
	}
	w.line("t=", timing)
	if s.HasDirection {
		w.line("a=", s.Direction.String())
	}
	w.attrs(s.Attrs)
	for i := range s.Media {
		w.media(&s.Media[i], s.Conn)
	}
	return w.b
}

type writer struct{ b []byte }

// text appends without the bytes that end a line or a C string.
func (w *writer) text(s string) {
	for i := range len(s) {
		if c := s[i]; c != '\r' && c != '\n' && c != 0 {
			w.b = append(w.b, c)
		}
	}
}

func (w *writer) line(parts ...string) {
	for _, p := range parts {
		w.text(p)
	}
	w.b = append(w.b, '\r', '\n')
}

func (w *writer) origin(o *Origin) {
	host := o.Addr
	if host == "" {
		host = "0.0.0.0"
	}
	w.line("o=", orDash(o.User), " ", strconv.FormatUint(o.SessID, 10), " ", strconv.FormatUint(o.Version, 10), " ", netHost(host))
}

func (w *writer) conn(a Addr) {
	switch {
	case a.IP.IsValid():
		w.line("c=", netHost(a.IP.String()))
	case a.Host != "":
		w.line("c=", netHost(a.Host))
	}
}

func (w *writer) bandwidth(list []Bandwidth) {
	for _, b := range list {
		w.line("b=", b.Type, ":", strconv.FormatUint(b.Value, 10))
	}
}

func (w *writer) attrs(list []Attr) {
	for _, a := range list {
		w.attr(a.Key, a.Value)
	}
}

func (w *writer) attr(key, value string) {
	if value == "" {
		w.line("a=", key)
		return
	}
	w.line("a=", key, ":", value)
}

func (w *writer) media(m *Media, session Addr) {
	w.text("m=" + m.Kind + " " + strconv.Itoa(int(m.Port)) + " " + m.Proto)
	for _, f := range m.Formats {
		w.text(" " + f)
	}
	w.line()
	if conn := (Addr{IP: m.Addr, Host: m.HostName}); conn != session {
		w.conn(conn)
	}
	w.bandwidth(m.Bandwidth)
	for i := range m.Codecs {
		w.codec(&m.Codecs[i])
	}
	for _, fb := range m.RTCPFB {
		w.attr("rtcp-fb", "* "+fb)
	}
	if m.PTime > 0 {
		w.attr("ptime", strconv.Itoa(m.PTime))
	}
	if m.MaxPTime > 0 {
		w.attr("maxptime", strconv.Itoa(m.MaxPTime))
	}
	w.rtcp(m.RTCP, m.Addr)
	if m.Mux {
		w.attr("rtcp-mux", "")
	}
	w.attrs(m.Attrs)
	w.line("a=", m.Direction.String())
}

func (w *writer) codec(c *Codec) {
	pt := strconv.Itoa(int(c.PT))
	if c.Name != "" {
		value := pt + " " + c.Name + "/" + strconv.FormatUint(uint64(c.ClockHz), 10)
		if c.Channels > 1 {
			value += "/" + strconv.Itoa(int(c.Channels))
		}
		w.attr("rtpmap", value)
	}
	for _, f := range c.Fmtp {
		w.attr("fmtp", pt+" "+f)
	}
	for _, fb := range c.RTCPFB {
		w.attr("rtcp-fb", pt+" "+fb)
	}
}

// rtcp writes a=rtcp, with the address only when it is not the media address (RFC 3605 §2.1).
func (w *writer) rtcp(at netip.AddrPort, media netip.Addr) {
	if at.Port() == 0 {
		return
	}
	port := strconv.Itoa(int(at.Port()))
	if !at.Addr().IsValid() || at.Addr() == media {
		w.attr("rtcp", port)
		return
	}
	w.attr("rtcp", port+" "+netHost(at.Addr().String()))
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
