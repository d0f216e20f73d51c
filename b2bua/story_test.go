package b2bua_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"gatehouse/media/profile"
)

// The pieces of a ladder whose subject is the SDP: one established call of A
// and B, and exchanges in it by either side.

// side is how one peer of the fragments appears inside its dialog.
type side struct {
	ip, border     string // the peer's address and ours toward it
	uri            string // our Contact, as the peer uses it
	from, to       string
	callID, target string
	originID       string
}

var sides = map[string]side{
	"A": {"10.0.0.20", "10.0.0.1", "sip:${acontact}@10.0.0.1:5060", `"Reception" <sip:100@10.0.0.20>;tag=a1`,
		"<sip:+13125550100@10.0.0.1>;tag=${atag}", "call-1@10.0.0.20", "sip:100@10.0.0.20:5060", "pbx 11"},
	"B": {"203.0.113.20", "203.0.113.10", "sip:${bcontact}@203.0.113.10:5060", "<sip:+13125550100@203.0.113.20>;tag=b1",
		`"Reception" <sip:100@203.0.113.10>;tag=${btag}`, "${bcall}", "sip:b@203.0.113.20:5060", "carrier 7"},
}

// says is a body a peer sends: m-lines and what follows them.
func says(who string, version int, lines ...string) string {
	s := sides[who]
	return prefixed(who, fmt.Sprintf("Content-Type: application/sdp\n\nv=0\no=%s %d IN IP4 %s\ns=-\nc=IN IP4 %s\nt=0 0\n%s\n",
		s.originID, version, s.ip, s.ip, strings.Join(lines, "\n")))
}

// hears is the body a peer must receive from us, word for word.
func hears(who string, version int, lines ...string) string {
	s := sides[who]
	text := fmt.Sprintf("Content-Type: application/sdp\n...\n\nv=0\no=- ${sess%s:num} %d IN IP4 %s\ns=-\nc=IN IP4 %s\nt=0 0\n%s\n",
		who, version, s.border, s.border, strings.Join(lines, "\n"))
	return expected(who, text)
}

// hearsNothing expects a message without a body.
func hearsNothing(who string) string { return expected(who, "Content-Length: 0\n...\n") }

func expected(who, text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimRight("<"+who+" "+line, " \n") + "\n")
	}
	return b.String()
}

// audio is the audio line of a peer with PCMU, held or not.
func audio(who, direction string) []string {
	port := map[string]int{"A": 4000, "B": 6000}[who]
	return []string{fmt.Sprintf("m=audio %d RTP/AVP 0", port), "a=" + direction}
}

// relayed is the audio line as a peer sees it from us.
func relayed(who, direction string) []string {
	return []string{"m=audio ${port" + who + ":port} RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=" + direction}
}

// far is the other peer.
func far(who string) string {
	if who == "A" {
		return "B"
	}
	return "A"
}

// setup is an INVITE of A with a body, up to B receiving it with another.
func setup(offer, crosses string) string {
	return peers + inviteHead + offer + `
<A SIP/2.0 100 Trying
<A ...
<B INVITE sip:+13125550100@203.0.113.20:5060 SIP/2.0
<B From: "Reception" <sip:100@203.0.113.10>;tag=${btag:token}
<B Call-ID: ${bcall:token}
<B Contact: <sip:${bcontact:token}@203.0.113.10:5060>
<B CSeq: ${seqB:num} INVITE
` + crosses
}

// pickUp is B's 200 to it, its ACK, and the 200 A receives.
func pickUp(answer, crosses string) string {
	return okB + answer + "\n<B ACK sip:b@203.0.113.20:5060 SIP/2.0\n<B Content-Length: 0\n<B ...\n" + up(crosses)
}

// up is the 200 A receives.
func up(crosses string) string {
	return `
<A SIP/2.0 200 OK
<A To: <sip:+13125550100@10.0.0.1>;tag=${atag:token}
<A Contact: <sip:${acontact:token}@10.0.0.1:5060>
<A CSeq: 1 INVITE
` + crosses
}

// talking is an established call of PCMU audio, both directions open.
func talking() string {
	return setup(says("A", 1, audio("A", "sendrecv")...), hears("B", 1, relayed("B", "sendrecv")...)) +
		pickUp(says("B", 7, audio("B", "sendrecv")...), hears("A", 1, relayed("A", "sendrecv")...)) + ackA
}

// request is a request of a peer in the dialog; seq is its CSeq number.
func request(who, method string, seq int) string {
	s := sides[who]
	contact := ""
	if method == "INVITE" {
		contact = fmt.Sprintf("Contact: <%s>\n", s.target)
	}
	return "\n" + prefixed(who, fmt.Sprintf("%s %s SIP/2.0\nVia: SIP/2.0/UDP ${local};branch=${branch}\nMax-Forwards: 70\nFrom: %s\nTo: %s\nCall-ID: %s\nCSeq: %d %s\n%s",
		method, s.uri, s.from, s.to, s.callID, seq, method, contact))
}

// offers is a re-INVITE of a peer that reaches the other one.
func offers(who string, seq int, offer, crosses string) string {
	return request(who, "INVITE", seq) + offer + trying(who) + reaches(far(who), crosses)
}

func trying(who string) string { return fmt.Sprintf("\n<%[1]s SIP/2.0 100 Trying\n<%[1]s ...\n", who) }

func reaches(who, crosses string) string {
	return fmt.Sprintf("\n<%[1]s INVITE %[2]s SIP/2.0\n<%[1]s Contact: <sip:${:token}@%[3]s:5060>\n", who, sides[who].target, sides[who].border) + crosses
}

// replies is a peer's response to the re-INVITE it has.
func replies(who, status, body string) string {
	return "\n" + prefixed(who, fmt.Sprintf("SIP/2.0 %s\n${last INVITE Via}\n${last INVITE From}\n${last INVITE To}\n${last INVITE Call-ID}\n${last INVITE CSeq}\nContact: <%s>\n",
		status, sides[who].target)) + body
}

// settles is what the re-INVITE of who with that number ends with, when the
// other peer agrees with a body: its ACK, and what who gets and acknowledges.
func settles(who string, seq int, answer, crosses string) string {
	o := far(who)
	return replies(o, "200 OK", answer) +
		fmt.Sprintf("\n<%[1]s ACK %[2]s SIP/2.0\n<%[1]s Content-Length: 0\n<%[1]s ...\n", o, sides[o].target) +
		fmt.Sprintf("\n<%[1]s SIP/2.0 200 OK\n<%[1]s CSeq: %[2]d INVITE\n", who, seq) + crosses + request(who, "ACK", seq)
}

// refused is a re-INVITE of who that the other peer refuses.
func refused(who string, seq int, status, got string) string {
	return replies(far(who), status, "") + fmt.Sprintf("\n<%[1]s ACK %[2]s SIP/2.0\n<%[1]s ...\n", far(who), sides[far(who)].target) +
		refusal(who, seq, got)
}

// refusal is a refusal of who's re-INVITE and its ACK.
func refusal(who string, seq int, got string) string {
	s := sides[who]
	return fmt.Sprintf("\n<%[1]s SIP/2.0 %[2]s\n<%[1]s CSeq: %[3]d INVITE\n<%[1]s ...\n\n", who, got, seq) +
		prefixed(who, fmt.Sprintf("ACK %s SIP/2.0\n${sent INVITE Via}\nMax-Forwards: 70\nFrom: %s\nTo: %s\nCall-ID: %s\nCSeq: %d ACK\n", s.uri, s.from, s.to, s.callID, seq))
}

// hangsUp is the BYE of a peer; everything ends by it.
func hangsUp(who string, seq int) string {
	return request(who, "BYE", seq) + fmt.Sprintf("\n<%[1]s SIP/2.0 200 OK\n<%[1]s CSeq: %[2]d BYE\n<%[1]s ...\n", who, seq) + isHungUp(far(who))
}

// isHungUp is a BYE that a peer gets and answers.
func isHungUp(who string, headers ...string) string {
	s := fmt.Sprintf("\n<%s BYE %s SIP/2.0\n", who, sides[who].target)
	for _, h := range append(headers, "...") {
		s += "<" + who + " " + h + "\n"
	}
	return s + "\n" + prefixed(who, "SIP/2.0 200 OK\n${last BYE Via}\n${last BYE From}\n${last BYE To}\n${last BYE Call-ID}\n${last BYE CSeq}\n")
}

// flowsAre checks what the relay was told, one entry for each time: for each
// m-line "<>" both ways, ">" from A to B, "<" from B to A, "-" nothing, "off".
func flowsAre(t *testing.T, want ...string) func(*rig) {
	t.Helper()
	return func(r *rig) {
		t.Helper()
		var got []string
		for _, streams := range r.media.history() {
			var line []string
			for _, s := range streams {
				line = append(line, flowOf(s))
			}
			got = append(got, strings.Join(line, " "))
		}
		if strings.Join(got, ", ") != strings.Join(want, ", ") {
			t.Errorf("the relay was told %q, want %q", got, want)
		}
	}
}

func flowOf(s profile.Stream) string {
	switch {
	case s.Kind == profile.Off:
		return "off"
	case s.A.Sends && s.B.Sends:
		return "<>"
	case s.A.Sends:
		return ">"
	case s.B.Sends:
		return "<"
	default:
		return "-"
	}
}

// lastStreams is what the relay was told last.
func lastStreams(t *testing.T, r *rig) []profile.Stream {
	t.Helper()
	h := r.media.history()
	if len(h) == 0 {
		t.Fatal("the relay was told nothing")
	}
	return h[len(h)-1]
}

// sendsTo fails unless a side's media goes there.
func sendsTo(t *testing.T, s profile.Side, want string) {
	t.Helper()
	if s.RTP != netip.MustParseAddrPort(want) {
		t.Errorf("media goes to %v, want %s", s.RTP, want)
	}
}
