//go:build interop

package interop

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"gatehouse/internal/testlab/wire"
)

// dialog is one agent's end of a call.
type dialog struct {
	a                     *agent
	border                netip.AddrPort
	callID, local, remote string // local and remote as From and To of our requests, tags included
	target                string // the border's Contact
	cseq                  int
	branch                string // of the last request we sent
	invite                wire.Message
	answer                wire.Message // the 2xx, on the calling side
}

// via, max-forwards and the dialog's own headers for one request.
func (d *dialog) headers(method string, cseq int, extra []string) []string {
	d.branch = unique("z9hG4bK")
	return append([]string{d.a.via(d.branch), "Max-Forwards: 70", "From: " + d.local,
		"To: " + d.remote, "Call-ID: " + d.callID, fmt.Sprintf("CSeq: %d %s", cseq, method)}, extra...)
}

func (d *dialog) contact() string { return d.a.contact() }

const sdpType = "Content-Type: application/sdp"

// dial sends an INVITE through the border.
func (a *agent) dial(border netip.AddrPort, sdp string, extra ...string) *dialog {
	a.t.Helper()
	return a.dialNumber(border, "+13125551212", sdp, extra...)
}

func (a *agent) dialNumber(border netip.AddrPort, number, sdp string, extra ...string) *dialog {
	a.t.Helper()
	d := &dialog{a: a, border: border, callID: unique("call") + "@" + a.addr.Addr().String(), cseq: 1, target: "sip:" + number + "@" + border.String(),
		local:  "\"Alice\" <sip:+13125550100@" + a.host + ">;tag=" + unique("a"),
		remote: "<sip:" + number + "@" + border.String() + ">"}
	a.send(border, wire.Compose("INVITE "+d.target+" SIP/2.0", d.headers("INVITE", 1, append([]string{d.contact(), sdpType}, extra...)), sdp))
	return d
}

// established waits for the 200 to the INVITE and acknowledges it.
func (d *dialog) established() *dialog {
	d.a.t.Helper()
	m := d.a.final(d.branch)
	if m.Code() != 200 {
		d.a.t.Fatalf("INVITE answered %q", m.Start)
	}
	d.answer, d.remote, d.target = m, m.Get("To"), wire.URIOf(m.Get("Contact"))
	d.ack()
	return d
}

func (d *dialog) ack() {
	d.a.send(d.border, wire.Compose("ACK "+d.target+" SIP/2.0", d.headers("ACK", d.cseq, nil), ""))
}

// request sends a request within the dialog and returns its final response.
func (d *dialog) request(method, sdp string, extra ...string) wire.Message {
	d.a.t.Helper()
	d.cseq++
	extra = append([]string{d.contact()}, extra...)
	if sdp != "" {
		extra = append(extra, sdpType)
	}
	d.a.send(d.border, wire.Compose(method+" "+d.target+" SIP/2.0", d.headers(method, d.cseq, extra), sdp))
	return d.a.final(d.branch)
}

// reinvite offers and acknowledges the answer.
func (d *dialog) reinvite(sdp string) wire.Message {
	d.a.t.Helper()
	m := d.request("INVITE", sdp)
	if m.Code() == 200 {
		d.ack()
	}
	return m
}

// takeInvite waits for a call from the border, not looking before from, and rings.
func (a *agent) takeInvite(from int) *dialog {
	a.t.Helper()
	return a.ring(a.request(from, "INVITE"))
}

// takeNumber waits for the call to a number, and rings.
func (a *agent) takeNumber(number string) *dialog {
	a.t.Helper()
	m, ok := a.First(0, answerWithin, func(m wire.Message) bool { return strings.HasPrefix(m.Start, "INVITE sip:"+number+"@") })
	if !ok {
		a.t.Fatalf("%s %s: no call to %s", a.Proto(), a.addr, number)
	}
	return a.ring(m)
}

// ring starts the callee's side of a call. What it says goes back the way the call came.
func (a *agent) ring(m wire.Message) *dialog {
	a.t.Helper()
	d := &dialog{a: a, border: m.From, callID: m.Get("Call-ID"), local: m.Get("To") + ";tag=" + unique("b"), remote: m.Get("From"),
		target: wire.URIOf(m.Get("Contact")), invite: m}
	a.send(m.From, wire.Reply(m, "180 Ringing", wire.Param(d.local, "tag"), []string{d.contact()}, ""))
	return d
}

// accept answers the call and waits for the ACK.
func (d *dialog) accept(sdp string, extra ...string) *dialog {
	d.a.t.Helper()
	from := d.a.Seen()
	d.a.send(d.border, wire.Reply(d.invite, "200 OK", wire.Param(d.local, "tag"), append([]string{d.contact(), sdpType}, extra...), sdp))
	d.a.request(from, "ACK")
	return d
}

// end answers a BYE.
func (d *dialog) end() wire.Message {
	d.a.t.Helper()
	m := d.a.request(0, "BYE")
	d.a.send(d.border, wire.Reply(m, "200 OK", "", nil, ""))
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
	from := carrier.Seen()
	d := pbx.dial(b.sip(b.Inside), offer)
	far := carrier.takeInvite(from).accept(answer)
	return talking{b: b, caller: d.established(), callee: far}
}

// hangUp ends the call from the caller's side.
func (c talking) hangUp(t *testing.T) {
	t.Helper()
	from := c.callee.a.Seen()
	c.caller.cseq++
	c.caller.a.send(c.caller.border, wire.Compose("BYE "+c.caller.target+" SIP/2.0", c.caller.headers("BYE", c.caller.cseq, nil), ""))
	m := c.caller.a.final(c.caller.branch)
	if m.Code() != 200 {
		t.Fatalf("BYE answered %q", m.Start)
	}
	bye := c.callee.a.request(from, "BYE")
	c.callee.a.send(bye.From, wire.Reply(bye, "200 OK", "", nil, ""))
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
