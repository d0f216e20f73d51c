package demo

import (
	"net/netip"
	"slices"
	"strings"

	"gatehouse/sip/msg"
	"gatehouse/sip/uri"
)

// dialog is one side's state of a dialog, RFC 3261 §12.
type dialog struct {
	callID      string
	localTag    string
	local       string // From or To value of ours without the tag
	remote      string // the other side's, with its tag once known
	target      string // remote target
	routes      []string
	localSeq    uint32
	remoteSeq   uint32
	hop         netip.AddrPort // where to send when the next URI is no literal address
	established bool
}

// learn takes what a response or request of the other side says of the dialog.
func (d *dialog) learn(in *inbound) {
	if ct, ok := in.Contact(); ok {
		d.target = string(ct.URI)
	}
}

// routeSet reads Record-Route: in order for the callee, reversed for the
// caller (RFC 3261 §12.1.1, §12.1.2).
func routeSet(in *inbound, reverse bool) []string {
	var out []string
	for v := range in.Values(msg.HeaderRecordRoute) {
		out = append(out, string(v))
	}
	if reverse {
		slices.Reverse(out)
	}
	return out
}

// next is where a request in the dialog goes: the first route, else the remote
// target. Only loose routing is spoken.
func (d *dialog) next() netip.AddrPort {
	next := d.target
	if len(d.routes) > 0 {
		na, err := msg.ParseNameAddr([]byte(d.routes[0]))
		if err != nil {
			return d.hop
		}
		next = string(na.URI)
	}
	u, err := uri.Parse(next)
	if err != nil {
		return d.hop
	}
	a, ok := u.Addr()
	if !ok {
		return d.hop
	}
	port := u.Port
	if port == 0 {
		port = defaultSIPPort
	}
	return netip.AddrPortFrom(a, port)
}

// head writes the start of a request inside the dialog.
func (e *Endpoint) head(b *msg.Builder, d *dialog, method, branch string, seq uint32) {
	b.Request(method, d.target)
	b.Header("Via", "SIP/2.0/", e.carrier.via(), " ", e.addr.String(), ";branch=", branch, ";rport")
	b.Header("Max-Forwards", "70")
	for _, r := range d.routes {
		b.Header("Route", r)
	}
	b.Header("From", d.local, ";tag=", d.localTag)
	b.Header("To", d.remote)
	b.Header("Call-ID", d.callID)
	b.Header("CSeq", utoa(seq), " ", method)
}

// build makes a request inside the dialog.
func (e *Endpoint) build(d *dialog, method string, seq uint32, body []byte) (request, error) {
	branch := "z9hG4bK" + randomText(8)
	var b msg.Builder
	e.head(&b, d, method, branch, seq)
	if method != "ACK" {
		b.Header("Contact", e.contact())
		b.Header("Allow", allowed)
	}
	if len(body) > 0 {
		b.Body(sdpType, body)
	}
	raw, err := b.Bytes()
	return request{method: method, branch: branch, raw: raw, to: d.next()}, err
}

// follow builds the CANCEL or the non-2xx ACK of an INVITE: same branch,
// request URI and routes (RFC 3261 §9.1, §17.1.1.3). remote is the To value.
func (e *Endpoint) follow(d *dialog, r request, method string, seq uint32, remote string) (request, error) {
	copied := *d
	copied.remote = remote
	var b msg.Builder
	e.head(&b, &copied, method, r.branch, seq)
	raw, err := b.Bytes()
	return request{method: method, branch: r.branch, raw: raw, to: r.to}, err
}

const (
	sdpType = "application/sdp"
	// allowed is what an endpoint understands.
	allowed = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE"
)

// withoutTag cuts a tag off a From or To value.
func withoutTag(n msg.NameAddr) string {
	var b strings.Builder
	if len(n.Display) > 0 {
		b.Write(n.Display)
		b.WriteByte(' ')
	}
	b.WriteString("<" + string(n.URI) + ">")
	return b.String()
}
