package sdp

import (
	"net/netip"
	"strconv"
)

// usualBytes is room for the description of a call with one audio line.
const usualBytes = 512

// AppendTo writes the description strictly as RFC 8866 §9 has it, with CRLF. Control bytes that would break a line
// never get out, whatever the model holds.
func (s *Session) AppendTo(b []byte) []byte {
	if b == nil {
		b = make([]byte, 0, usualBytes)
	}
	w := writer{b: b}
	w.line("v=", "0")
	w.origin(&s.Origin)
	w.line("s=", orDash(s.Name))
	w.conn(s.Conn)
	w.bandwidth(s.Bandwidth)
	timing := s.Timing
	if timing == "" {
		timing = unbounded
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
func (w *writer) text(parts ...string) {
	for _, s := range parts {
		from := 0
		for i := range len(s) {
			if c := s[i]; c == '\r' || c == '\n' || c == 0 {
				w.b = append(w.b, s[from:i]...)
				from = i + 1
			}
		}
		w.b = append(w.b, s[from:]...)
	}
}

func (w *writer) number(n uint64) { w.b = strconv.AppendUint(w.b, n, 10) }

func (w *writer) end() { w.b = append(w.b, '\r', '\n') }

func (w *writer) line(parts ...string) {
	w.text(parts...)
	w.end()
}

// addr appends "IN IP4 host" or "IN IP6 host".
func (w *writer) addr(a Addr) {
	if !a.IP.IsValid() {
		host, addrType := canonicalHost(a.Host)
		w.text("IN ", addrType, " ", host)
		return
	}
	addrType := "IN IP4 "
	ip := a.IP.Unmap().WithZone("")
	if ip.Is6() {
		addrType = "IN IP6 "
	}
	w.text(addrType)
	w.b = ip.AppendTo(w.b)
}

func (w *writer) origin(o *Origin) {
	host := o.Addr
	if host == "" {
		host = "0.0.0.0"
	}
	w.text("o=", orDash(o.User), " ")
	w.number(o.SessID)
	w.text(" ")
	w.number(o.Version)
	w.text(" ")
	w.addr(Addr{Host: host})
	w.end()
}

func (w *writer) conn(a Addr) {
	if a == (Addr{}) {
		return
	}
	w.text("c=")
	w.addr(a)
	w.end()
}

func (w *writer) bandwidth(list []Bandwidth) {
	for _, b := range list {
		w.text("b=", b.Type, ":")
		w.number(b.Value)
		w.end()
	}
}

func (w *writer) attrs(list []Attr) {
	for _, a := range list {
		if a.Value == "" {
			w.line("a=", a.Key)
		} else {
			w.line("a=", a.Key, ":", a.Value)
		}
	}
}

func (w *writer) media(m *Media, session Addr) {
	w.text("m=", m.Kind, " ")
	w.number(uint64(m.Port))
	w.text(" ", m.Proto)
	for _, f := range m.Formats {
		w.text(" ", f)
	}
	w.end()
	if conn := (Addr{IP: m.Addr, Host: m.HostName}); conn != session {
		w.conn(conn)
	}
	w.bandwidth(m.Bandwidth)
	for i := range m.Codecs {
		w.codec(&m.Codecs[i])
	}
	for _, fb := range m.RTCPFB {
		w.line("a=rtcp-fb:* ", fb)
	}
	w.millis("a=ptime:", m.PTime)
	w.millis("a=maxptime:", m.MaxPTime)
	w.rtcp(m.RTCP, m.Addr)
	if m.Mux {
		w.line("a=rtcp-mux")
	}
	w.attrs(m.Attrs)
	w.line("a=", m.Direction.String())
}

func (w *writer) millis(attr string, n int) {
	if n > 0 {
		w.text(attr)
		w.number(uint64(n))
		w.end()
	}
}

func (w *writer) codec(c *Codec) {
	if c.Name != "" {
		w.text("a=rtpmap:")
		w.number(uint64(c.PT))
		w.text(" ", c.Name, "/")
		w.number(uint64(c.ClockHz))
		if c.Channels > 1 {
			w.text("/")
			w.number(uint64(c.Channels))
		}
		w.end()
	}
	for _, f := range c.Fmtp {
		w.ofFormat("a=fmtp:", c.PT, f)
	}
	for _, fb := range c.RTCPFB {
		w.ofFormat("a=rtcp-fb:", c.PT, fb)
	}
}

func (w *writer) ofFormat(attr string, pt uint8, value string) {
	w.text(attr)
	w.number(uint64(pt))
	w.line(" ", value)
}

// rtcp writes a=rtcp, with the address only when it is not the media address (RFC 3605 §2.1).
func (w *writer) rtcp(at netip.AddrPort, media netip.Addr) {
	if at.Port() == 0 {
		return
	}
	w.text("a=rtcp:")
	w.number(uint64(at.Port()))
	if at.Addr().IsValid() && at.Addr() != media {
		w.text(" ")
		w.addr(Addr{IP: at.Addr()})
	}
	w.end()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
