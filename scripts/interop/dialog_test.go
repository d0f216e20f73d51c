//go:build interop

package interop

import (
	"fmt"
	"net/netip"
	"testing"
)

// dialog is one agent's end of a call.
type dialog struct {
	a                     *agent
	border                netip.AddrPort
	callID, local, remote string // local and remote as From and To of our requests, tags included
	target                string // the border's Contact
	cseq                  int
	branch                string // of the last request we sent
	invite                message
	answer                message // the 2xx, on the calling side
}

// via, max-forwards and the dialog's own headers for one request.
func (d *dialog) headers(method string, cseq int, extra []string) []string {
	d.branch = unique("z9hG4bK")
	return append([]string{"Via: SIP/2.0/UDP " + d.a.addr.String() + ";branch=" + d.branch + ";rport", "Max-Forwards: 70", "From: " + d.local,
		"To: " + d.remote, "Call-ID: " + d.callID, fmt.Sprintf("CSeq: %d %s", cseq, method)}, extra...)
}

func (d *dialog) contact() string { return "Contact: <sip:agent@" + d.a.addr.String() + ">" }

const sdpType = "Content-Type: application/sdp"

// dial sends an INVITE through the border.
func (a *agent) dial(border netip.AddrPort, sdp string, extra ...string) *dialog {
	a.t.Helper()
	d := &dialog{a: a, border: border, callID: unique("call") + "@" + a.addr.Addr().String(), cseq: 1, target: "sip:+13125551212@" + border.String(),
		local:  "\"Alice\" <sip:+13125550100@" + a.addr.String() + ">;tag=" + unique("a"),
		remote: "<sip:+13125551212@" + border.String() + ">"}
	a.send(border, compose("INVITE "+d.target+" SIP/2.0", d.headers("INVITE", 1, append([]string{d.contact(), sdpType}, extra...)), sdp))
	return d
}

// established waits for the 200 to the INVITE and acknowledges it.
func (d *dialog) established() *dialog {
	d.a.t.Helper()
	m := d.a.final(d.branch)
	if m.code() != 200 {
		d.a.t.Fatalf("INVITE answered %q", m.start)
	}
	d.answer, d.remote, d.target = m, m.get("To"), uriOf(m.get("Contact"))
	d.ack()
	return d
}

func (d *dialog) ack() {
	d.a.send(d.border, compose("ACK "+d.target+" SIP/2.0", d.headers("ACK", d.cseq, nil), ""))
}

// request sends a request within the dialog and returns its final response.
func (d *dialog) request(method, sdp string, extra ...string) message {
	d.a.t.Helper()
	d.cseq++
	extra = append([]string{d.contact()}, extra...)
	if sdp != "" {
		extra = append(extra, sdpType)
	}
	d.a.send(d.border, compose(method+" "+d.target+" SIP/2.0", d.headers(method, d.cseq, extra), sdp))
	return d.a.final(d.branch)
}

// reinvite offers and acknowledges the answer.
func (d *dialog) reinvite(sdp string) message {
	d.a.t.Helper()
	m := d.request("INVITE", sdp)
	if m.code() == 200 {
		d.ack()
	}
	return m
}

// takeInvite waits for a call from the border, not looking before from, and rings.
func (a *agent) takeInvite(border netip.AddrPort, from int) *dialog {
	a.t.Helper()
	m := a.request(from, "INVITE")
	d := &dialog{a: a, border: border, callID: m.get("Call-ID"), local: m.get("To") + ";tag=" + unique("b"), remote: m.get("From"),
		target: uriOf(m.get("Contact")), invite: m}
	a.send(border, reply(m, "180 Ringing", param(d.local, "tag"), []string{d.contact()}, ""))
	return d
}

// accept answers the call and waits for the ACK.
func (d *dialog) accept(sdp string, extra ...string) *dialog {
	d.a.t.Helper()
	from := d.a.seen()
	d.a.send(d.border, reply(d.invite, "200 OK", param(d.local, "tag"), append([]string{d.contact(), sdpType}, extra...), sdp))
	d.a.request(from, "ACK")
	return d
}

// end answers a BYE.
func (d *dialog) end() message {
	d.a.t.Helper()
	m := d.a.request(0, "BYE")
	d.a.send(d.border, reply(m, "200 OK", "", nil, ""))
	return m
}

// talking is a call between two agents through a border.
type talking struct {
	b              *border
	caller, callee *dialog
}

// connect sets a call up with these two descriptions.
func connect(t *testing.T, b *border, pbx, carrier *agent, offer, answer string) talking {
	t.Helper()
	from := carrier.seen()
	d := pbx.dial(b.sip(b.Inside), offer)
	far := carrier.takeInvite(b.sip(b.Outside), from).accept(answer)
	return talking{b: b, caller: d.established(), callee: far}
}

// hangUp ends the call from the caller's side.
func (c talking) hangUp(t *testing.T) {
	t.Helper()
	from := c.callee.a.seen()
	c.caller.cseq++
	c.caller.a.send(c.caller.border, compose("BYE "+c.caller.target+" SIP/2.0", c.caller.headers("BYE", c.caller.cseq, nil), ""))
	m := c.caller.a.final(c.caller.branch)
	if m.code() != 200 {
		t.Fatalf("BYE answered %q", m.start)
	}
	bye := c.callee.a.request(from, "BYE")
	c.callee.a.send(c.callee.border, reply(bye, "200 OK", "", nil, ""))
}

// audioSDP describes one audio stream.
func audioSDP(a netip.Addr, port uint16) string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN %[1]s %[2]s\r\ns=-\r\nc=IN %[1]s %[2]s\r\nt=0 0\r\nm=audio %[3]d RTP/AVP 0 101\r\n"+
		"a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\n", family(a), a, port)
}

func family(a netip.Addr) string {
	if a.Is4() {
		return "IP4"
	}
	return "IP6"
}
