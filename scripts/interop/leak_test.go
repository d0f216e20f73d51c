//go:build interop

package interop

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/testlab/leak"
	"gatehouse/internal/testlab/wire"
)

// canary is what nobody on the other side may see, one for each place of a message where an inner name or address can stand.
func canary(place string) string {
	return "canary" + strings.ReplaceAll(place, "-", "") + ".inner.example"
}

// leaky are headers with a canary in each: what SECURITY.md calls the leak list, as far as a caller or callee can send it.
func leaky() []string {
	out := []string{
		"User-Agent: " + canary("User-Agent"), "Server: " + canary("Server"), "Organization: " + canary("Organization"),
		"P-Charging-Vector: icid-value=1;icid-generated-at=" + canary("icid") + ";orig-ioi=" + canary("ioi"),
		"P-Access-Network-Info: 3GPP-UTRAN-TDD;utran-cell-id-3gpp=" + canary("pani"),
		"P-Visited-Network-ID: " + canary("pvni"), "Session-Expires: 1800", "X-Internal: " + canary("x"),
		"Warning: 399 " + canary("warning") + " \"something\"", "Call-Info: <http://" + canary("call-info") + "/x>",
		"Alert-Info: <http://" + canary("alert-info") + "/x>", "Error-Info: <sip:" + canary("error-info") + ">",
		"In-Reply-To: 1@" + canary("in-reply-to"), "Date: Sat, 13 Nov 2010 23:29:00 GMT", "Geolocation: <http://" + canary("geo") + ">",
		"Timestamp: 54", "Accept-Language: en;x=" + canary("language"), "Authorization: Digest realm=\"" + canary("realm") + "\", username=\"u\", uri=\"sip:x\", nonce=\"n\", response=\"00000000000000000000000000000000\"",
		"Reason: SIP;cause=200;text=\"" + canary("reason") + "\"",
	}
	for _, name := range []string{"P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID", "P-Called-Party-ID", "P-Served-User", "P-Associated-URI",
		"Path", "Service-Route", "Diversion", "Reply-To", "Referred-By"} {
		out = append(out, name+": <sip:1@"+canary(name)+">")
	}
	return append(out, "History-Info: <sip:1@"+canary("history-info")+">;index=1")
}

// leakySDP puts a canary or an inner address into every line of a description that may hold one.
func leakySDP(a netip.Addr, port uint16) string {
	return strings.Join([]string{
		"v=0", "o=" + canary("o-user") + " 53655765 2353687637 IN IP4 " + a.String(), "s=" + canary("s"), "i=" + canary("i"), "u=http://" + canary("u"),
		"e=x@" + canary("e"), "p=+1 617 555-6011 (" + canary("p") + ")", "c=IN IP4 " + a.String(), "t=0 0", "a=tool:" + canary("tool"),
		fmt.Sprintf("m=audio %d RTP/AVP 0 101", port), "a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16",
		fmt.Sprintf("a=rtcp:%d IN IP4 %s", port+1, a), "a=candidate:1 1 UDP 2130706431 " + a.String() + " 7000 typ host",
		"a=ssrc:1 cname:" + canary("cname"), "a=msid:" + canary("msid") + " x", "a=label:" + canary("label"), "a=sendrecv", "",
	}, "\r\n")
}

// innerOf is what of one side must not be on the other side's wire.
func innerOf(places []string, addrs ...netip.Addr) []string {
	out := slices.Clone(places)
	for _, a := range addrs {
		out = append(out, a.String())
	}
	return append(out, "inner.example")
}

// A capture of both sides of a call, every message either agent sent with canaries in it: nothing of one side is seen on the other.
func TestLeak_BothDirections_NothingOfOneSideOnTheOther(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	b := startBorder(t, p)
	pbx, carrier := newAgent(t, p.PBX), newAgent(t, p.Carrier)
	d := pbx.dial(p.sip(p.Inside), leakySDP(p.PBX.Addr(), 7000), leaky()...)
	far := carrier.takeInvite(0)
	carrier.send(p.sip(p.Outside), wire.Reply(far.invite, "183 "+canary("phrase"), wire.Param(far.local, "tag"), append(leaky(), far.contact(), sdpType), leakySDP(p.Carrier.Addr(), 7100)))
	far.accept(leakySDP(p.Carrier.Addr(), 7100), leaky()...)
	d.established()
	secrets := []string{d.callID, wire.Param(d.local, "tag")}
	d.reinviteWith(t, far, leaky())
	from := carrier.Seen()
	d.cseq++
	pbx.send(d.border, wire.Compose("BYE "+d.target+" SIP/2.0", d.headers("BYE", d.cseq, leaky()), ""))
	bye := carrier.request(from, "BYE")
	carrier.send(far.border, wire.Reply(bye, "200 OK", "", leaky(), ""))
	pbx.final(d.branch)

	farSecrets := []string{far.callID, wire.Param(far.local, "tag")}
	for _, m := range carrier.Received() {
		leaks(t, "outside", m, innerOf(secrets, p.PBX.Addr(), p.Inside))
	}
	for _, m := range pbx.Received() {
		leaks(t, "inside", m, innerOf(farSecrets, p.Carrier.Addr(), p.Outside))
	}
	b.settled()
}

// reinviteWith offers again with canaries; the far side answers with its own.
func (d *dialog) reinviteWith(t *testing.T, far *dialog, extra []string) {
	t.Helper()
	from := far.a.Seen()
	d.cseq++
	d.a.send(d.border, wire.Compose("INVITE "+d.target+" SIP/2.0", d.headers("INVITE", d.cseq, append([]string{d.contact(), sdpType}, extra...)),
		strings.Replace(leakySDP(d.a.addr.Addr(), 7000), "a=sendrecv", "a=sendonly", 1)))
	branch := d.branch
	again := far.a.request(from, "INVITE")
	far.a.send(far.border, wire.Reply(again, "200 OK", "", append(extra, far.contact(), sdpType),
		strings.Replace(leakySDP(far.a.addr.Addr(), 7100), "a=sendrecv", "a=recvonly", 1)))
	if m := d.a.final(branch); m.Code() != 200 {
		t.Fatalf("re-INVITE answered %q", m.Start)
	}
	d.ack()
}

// leaks looks for the words of one side in a message the other side got, plain and in the disguises the scanner knows.
func leaks(t *testing.T, side string, m wire.Message, words []string) {
	t.Helper()
	for _, f := range leak.Scan([][]byte{[]byte(m.Raw)}, words) {
		t.Errorf("%s sees it: %v in\n%s", side, f, m.Raw)
	}
}
