package call

import (
	"strings"

	"gatehouse/b2bua/content"
	"gatehouse/b2bua/crossing"
	"gatehouse/b2bua/path"
	"gatehouse/sip/msg"
	"gatehouse/sip/token"
	"gatehouse/sip/uri"
)

// fullMaxForwards is the hop limit of requests of ours that continue nobody
// else's (RFC 3261 §8.1.1.6); requests in a dialog may start at it as well
// (RFC 7332 §3).
const fullMaxForwards = 70

// outgoing is what a request of ours says beyond its leg's dialog.
type outgoing struct {
	method      msg.Method
	seq         uint32
	maxForwards int
	contact     bool // the request refreshes the target
	capable     bool // Allow and Supported are due (RFC 3261 §13.2.1)
	headers     []crossing.Header
	body        []byte // SDP
}

// startRequest builds a request of the leg for the given path. Its branch is
// fresh; credentials and routes are the dialog's own.
func (l *Leg) buildRequest(h path.Hop, o outgoing) (raw []byte, branch string, err error) {
	env := l.call.env
	target, routes := l.dlg.Routing()
	branch = env.Branch(l.call.Number, l.call.Slot, l.part)
	b := env.Builder()
	b.Request(o.method.String(), target)
	via := h.Via(branch)
	b.Header("Via", via[:]...)
	b.HeaderInt("Max-Forwards", int64(o.maxForwards))
	for _, r := range routes {
		b.Header("Route", r)
	}
	b.Header("From", l.dlg.LocalParty, ";tag=", l.dlg.LocalTag)
	if l.dlg.RemoteTag == "" {
		b.Header("To", l.dlg.RemoteParty)
	} else {
		b.Header("To", l.dlg.RemoteParty, ";tag=", l.dlg.RemoteTag)
	}
	b.Header("Call-ID", l.dlg.CallID)
	b.Header("CSeq", utoa(o.seq), " ", o.method.String())
	l.writeCommon(b, o.contact, o.capable, o.headers)
	if o.body != nil {
		b.Body(content.SDPType, o.body)
	}
	raw, err = b.Bytes()
	return raw, branch, err
}

// writeCommon writes the headers requests and responses of a leg share.
func (l *Leg) writeCommon(b *msg.Builder, contact, capable bool, headers []crossing.Header) {
	if contact {
		b.Header("Contact", "<", l.contact, ">")
	}
	if capable {
		b.Header("Allow", methodsAllowed)
		b.Header("Supported", "")
	}
	b.Header("Session-ID", l.call.sessions.Header(l.role == roleUAS))
	for _, h := range headers {
		b.Header(h.Name, h.Value)
	}
}

// reply is a response of ours to a request on a leg.
type reply struct {
	code    int
	dialog  bool // dialog-forming: Contact and Record-Route are due
	capable bool
	headers []crossing.Header
	body    []byte
}

// buildReply builds a response to the INVITE that head came from.
func (l *Leg) buildReply(head *msg.ReplyHead, r reply) ([]byte, error) {
	b := l.call.env.Builder()
	head.Start(b, r.code, "", l.dlg.LocalTag)
	if r.dialog {
		for _, rr := range l.routes {
			b.Header("Record-Route", rr)
		}
	}
	l.writeCommon(b, r.dialog, r.capable, r.headers)
	if r.body != nil {
		b.Body(content.SDPType, r.body)
	}
	return b.Bytes()
}

// initialDialog sets up the dialog of a B leg before its INVITE: everything
// in it is ours or the target's (RFC 3261 §8.1.1), except the users of x. A
// service URN stays the request URI and goes to the target by its route
// (RFC 5031 §4.2, RFC 6881 §9.2).
func (l *Leg) initialDialog(h path.Hop, x *crossing.Set) {
	c := l.call
	l.dlg.CallID = l.mint(token.CallID)
	l.dlg.LocalTag = l.mint(token.Tag)
	at := l.of.URI
	scheme := "sip"
	if l.sips {
		scheme = "sips"
	}
	target := uri.URI{Scheme: scheme, User: c.in.user, Host: at.Host, Port: at.Port}
	var params []string
	if c.in.userParam {
		params = append(params, "user=phone")
	}
	if t := path.TransportParam(at.Transport(), l.sips); t != "" {
		params = append(params, "transport="+t)
	}
	l.dlg.LocalParty = x.Caller.Write(scheme, h.Host)
	if c.in.service != "" {
		target.Params = strings.Join(append(params, "lr"), ";")
		l.dlg.RouteSet = []string{"<" + target.String() + ">"}
		l.dlg.RemoteTarget = c.in.service
		l.dlg.RemoteParty = "<" + c.in.service + ">"
		return
	}
	called := x.Called
	if called.User == "" {
		called.User = c.in.user
	}
	l.dlg.RemoteParty = called.Write(scheme, hostOf(at))
	target.Params = strings.Join(params, ";")
	l.dlg.RemoteTarget = target.String()
}

// hostOf writes the host of a URI as it stands in a URI, without the port.
func hostOf(u uri.URI) string {
	if a, ok := u.Addr(); ok && a.Is6() {
		return "[" + u.Host + "]"
	}
	return u.Host
}
