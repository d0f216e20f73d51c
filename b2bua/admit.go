package b2bua

import (
	"gatehouse/b2bua/crossing"
	"gatehouse/policy/engine"
	"gatehouse/sip/grammar"
	"gatehouse/sip/msg"
	"gatehouse/sip/transport"
	"gatehouse/sip/uri"
)

// peerOf is the peer a request comes from, nil when policy knows none.
func (s *shard) peerOf(in *transport.Inbound) *engine.Peer {
	from, called := uri.URI{}, ""
	if u, err := uri.Parse(string(in.Msg.From().URI)); err == nil {
		from = u
	}
	if u, err := uri.Parse(string(in.Msg.RequestURI())); err == nil {
		// A user that cannot be unescaped is nobody's.
		called, _ = calledOf(u)
	}
	return s.e.Snapshot().PeerFor(in.Listener.Zone(), in.Source.Addr(), facts(in, from.Host, called))
}

// facts are what tells apart the peers that share a source.
func facts(in *transport.Inbound, fromHost, called string) engine.Facts {
	f := engine.Facts{FromHost: fromHost, Called: called, Port: in.Listener.Addr().Port()}
	if in.Conn != nil {
		f.Identities = in.Conn.Identities()
	}
	return f
}

// calledOf is who a request URI asks for, as routes name it: the user, or the
// whole URN of an emergency service.
func calledOf(u uri.URI) (string, error) {
	if urn, ok := crossing.Service(u); ok {
		return urn, nil
	}
	return uri.Unescape(u.User)
}

// unknown takes a request from a source no peer claims, unless it names a
// dialog of ours: it gets what its zone says, and no shard spends time on it.
// It is counted, not recorded: a spoofed flood must not fill the disk.
func (e *Engine) unknown(in *transport.Inbound) {
	e.counters.unknownSource.Add(1)
	if in.Standing != transport.Stranger {
		return
	}
	code := 403
	if m := &in.Msg; m.Method() == msg.CANCEL || len(m.ToTag()) > 0 {
		code = 481
	}
	e.refuseStateless(in, code)
}

// isSIPS tells whether a request makes, or would make, a dialog of sips URIs:
// its request URI is one, or the first place our requests would go to
// (RFC 3261 §12.1.1).
func isSIPS(m *msg.Message, u uri.URI) bool {
	if u.Scheme == "sips" {
		return true
	}
	for v := range m.Values(msg.HeaderRecordRoute) {
		na, err := msg.ParseNameAddr(v)
		return err == nil && hasScheme(na.URI, "sips:")
	}
	c, ok := m.Contact()
	return ok && hasScheme(c.URI, "sips:")
}

func hasScheme(u []byte, scheme string) bool {
	return len(u) >= len(scheme) && grammar.EqualFold(u[:len(scheme)], scheme)
}

// inspectSIPS refuses what would break the promise of sips: a request that came
// in clear, or URIs that do not go together (RFC 5630 §5.1.2).
func inspectSIPS(in *transport.Inbound, u uri.URI) *Reject {
	m := &in.Msg
	if !isSIPS(m, u) {
		return nil
	}
	if !in.Listener.Proto().Secure() {
		return reject(480, "sips over a clear transport", crossing.Warning(crossing.WarnSIPSNotAllowed, "SIPS Not Allowed"))
	}
	if c, ok := m.Contact(); ok && u.Scheme == "sips" && hasScheme(c.URI, "sip:") {
		return reject(400, "sips request with a sip Contact")
	}
	return nil
}
