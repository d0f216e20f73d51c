package transport

import (
	"crypto/tls"
	"net/netip"
	"time"

	"gatehouse/sip/msg"
	"gatehouse/sip/transport/stream"
)

const (
	codeBadRequest = 400

	// refusalTag is the To tag of every answer to a malformed request. It need not be unique: no dialog or transaction
	// will ever hold it (RFC 3261 §8.2.6.2 wants some tag).
	refusalTag = "malformed"
)

// Dest is where a message goes: out of a listener to an address, or on a connection while that is open, else on a new
// one to Addr.
type Dest struct {
	Listener *Listener
	Addr     netip.AddrPort
	Conn     *Conn
	TLS      *ClientTLS    // TLS, WSS: how a connection we open is secured; without it none is opened
	Host     string        // WS, WSS: authority of the opening handshake; "": the address
	Within   time.Duration // how long opening a connection may take; 0: Limits.DialTimeout
}

// ClientTLS says how a connection we open is secured. Connections are shared only by equal Name and Domain.
type ClientTLS struct {
	Name   string             // of the settings, unique among them
	Domain string             // who must answer (RFC 5922 §7.2)
	Config func() *tls.Config // asked at each dial, so that certificates reload
}

// Alias reports whether a request sent there should carry the alias parameter in its Via (RFC 5923 §5): when we show a
// certificate by which the remote can know who we are, it may send us requests on the connection.
func (d Dest) Alias() bool {
	if d.TLS == nil || d.Listener == nil || d.Listener.proto != TLS {
		return false
	}
	c := d.TLS.Config()
	return c != nil && (len(c.Certificates) > 0 || c.GetClientCertificate != nil)
}

// ReplyDest says where responses to this request go (RFC 3261 §18.2.2, RFC 3581 §4), always leaving by the listener it
// came in by. On a stream that is its connection or, once that is closed, a new one to the source address and the
// sent-by port. On UDP it is the source address with its port when the Via asks for it with rport, else with the
// sent-by port; the maddr of a Known peer takes its place. Differs from RFC 3261 §18.2.2: a maddr of anybody else is
// not obeyed, because it would let a stranger aim our responses at a third party, and no connection is opened to
// anybody else, because a stranger could make us wait for as many as we may open to peers.
func (in *Inbound) ReplyDest() Dest {
	via := in.Msg.TopVia()
	sentBy := netip.AddrPortFrom(in.Source.Addr(), via.Port)
	if via.Port == 0 {
		sentBy = netip.AddrPortFrom(in.Source.Addr(), in.Listener.proto.DefaultPort())
	}
	d := Dest{Listener: in.Listener, Addr: sentBy, Conn: in.Conn}
	switch {
	case in.Listener.proto.Reliable():
		// To a WebSocket client none can be opened (RFC 7118 §5.3).
		if in.Standing != Known || in.Listener.proto.WebSocket() {
			d.Addr = netip.AddrPort{}
		}
	case len(via.MAddr) > 0 && in.Standing == Known:
		if a, ok := maddrOf(via.MAddr, in.Source.Addr()); ok {
			d.Addr = netip.AddrPortFrom(a, sentBy.Port())
		} else if via.HasRPort {
			d.Addr = in.Source
		}
	case via.HasRPort:
		d.Addr = in.Source
	}
	return d
}

// maddrOf reads a maddr that may be sent to: a unicast literal of the source's family. A loopback maddr is for
// loopback sources only.
func maddrOf(v []byte, src netip.Addr) (netip.Addr, bool) {
	if len(v) > 2 && v[0] == '[' && v[len(v)-1] == ']' {
		v = v[1 : len(v)-1]
	}
	a, err := netip.ParseAddr(string(v))
	if err != nil {
		return netip.Addr{}, false
	}
	a = a.Unmap()
	if !unicast(a) || a.Is4() != src.Is4() || a.IsLoopback() != src.IsLoopback() {
		return netip.Addr{}, false
	}
	return a, true
}

// unicast reports an address that one host can have.
func unicast(a netip.Addr) bool {
	return a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// refuse answers a malformed request without keeping state, when it can and may be answered; it does not release in.
func (s *Stack) refuse(in *Inbound, code int, reason string) {
	s.count.parseErrors[codeSlot(code)].Add(1)
	if e := s.noise.Debug(); e.Enabled() {
		e.Str("src", in.Source.String()).Str("zone", in.Listener.zone).Int("code", code).Str("cause", reason).
			Msg("malformed message")
	}
	cause, answer := s.answerable(in)
	if !answer {
		s.count.drop(cause)
		return
	}
	head := msg.NewReplyHead(&in.Msg, in.Source)
	var b msg.Builder
	head.Start(&b, code, reason, refusalTag)
	raw, err := b.Bytes()
	if err != nil {
		// What had to be repeated holds bytes that must not be sent.
		s.count.drop(CauseNotSIP)
		return
	}
	if in.Conn == nil && in.Standing != Known && len(raw) > len(in.buf) {
		s.count.drop(CauseAmplification)
		return
	}
	if in.Conn != nil {
		// Never on a new connection: bad requests must not make us open any.
		err = in.Conn.enqueue(stream.Outgoing{Raw: raw, Method: in.Msg.Method()})
	} else {
		err = s.Send(in.ReplyDest(), raw, "", in.Msg.Method())
	}
	if err == nil {
		s.count.refusals.Add(1)
	}
}

// refuseUnframed answers what could be read of a message that broke its stream, and releases in.
func (s *Stack) refuseUnframed(in *Inbound, code int, reason string) {
	defer s.contain()
	// The error is known already; parsing is for the headers an answer repeats.
	_ = in.Msg.Parse(in.buf, msg.Stream)
	s.refuse(in, code, reason)
	in.Release()
}

// answerable reports whether a malformed message may be answered and, if not, why not.
func (s *Stack) answerable(in *Inbound) (Cause, bool) {
	switch {
	case len(in.Msg.MethodName()) == 0 && in.Msg.Status() == 0:
		return CauseNotSIP, false
	case !in.Msg.IsRequest():
		return CauseResponse, false
	case in.Msg.Method() == msg.ACK:
		return CauseACK, false
	case len(in.Msg.TopVia().Host) == 0:
		return CauseNotSIP, false // no Via that says where to
	case in.Standing == Silent:
		return CauseSilent, false
	}
	return 0, true
}
