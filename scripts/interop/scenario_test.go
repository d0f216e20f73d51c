//go:build interop

package interop

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A SIPp scenario is a list of steps. Writing them here and not as XML files keeps each message in one place.
type step struct {
	xml     string
	request string // the method of a request it sends
}

// inviteBranch in a message becomes SIPp's name of the branch that the last INVITE sent had: a CANCEL and the ACK of a refusal repeat it.
const inviteBranch = "{invite_branch}"

// scenario renders steps.
func scenario(name string, steps ...step) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<scenario name=%q>\n", name)
	invite := 0
	for i, s := range steps {
		if s.request == "INVITE" {
			invite = i
		}
		b.WriteString(strings.ReplaceAll(s.xml, inviteBranch, fmt.Sprintf("[branch-%d]", i-invite)))
		b.WriteByte('\n')
	}
	// SIPp refuses a variable that is only written: they all count as read here.
	var names []string
	for _, m := range assigned.FindAllStringSubmatch(b.String(), -1) {
		if !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
	}
	if len(names) != 0 {
		fmt.Fprintf(&b, "<Reference variables=%q/>\n", strings.Join(names, ","))
	}
	b.WriteString("</scenario>\n")
	return b.String()
}

var assigned = regexp.MustCompile(`assign_to="(\w+)"`)

const sippSDP = `v=0
o=%s 53655765 2353687637 IN IP[media_ip_type] [media_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP %s
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=%s
`

func sdpOf(user, formats, direction string) string {
	return fmt.Sprintf(sippSDP, user, formats, direction)
}

func withBody(head, sdp string) string {
	if sdp == "" {
		return head + "Content-Length: 0\n\n"
	}
	return head + "Content-Type: application/sdp\nContent-Length: [len]\n\n" + sdp
}

func send(method, text string, attributes string) step {
	return step{xml: "<send" + attributes + "><![CDATA[\n" + text + "]]></send>", request: method}
}

const resent = ` retrans="500"`

// The caller's side.

const callerHead = `Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=%s
%sFrom: "Chicago Caller" <sip:+13125550100@[local_ip]:[local_port]>;tag=[pid]c[call_number]
To: <sip:+1312555[call_number]@[remote_ip]:[remote_port]>%s
Call-ID: [call_id]
CSeq: %d %s
Max-Forwards: 70
%s`

const callerContact = "Contact: <sip:caller@[local_ip]:[local_port];transport=[transport]>\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS\n"

func callerInvite(headers string) step {
	head := fmt.Sprintf(callerHead, "[branch]", "", "", 1, "INVITE", callerContact+headers)
	return send("INVITE", "INVITE sip:+1312555[call_number]@[remote_ip]:[remote_port] SIP/2.0\n"+withBody(head, sdpOf("pbx", "0 101", "sendrecv")), resent)
}

func callerReInvite(cseq int, direction string) step {
	head := fmt.Sprintf(callerHead, "[branch]", "[routes]\n", "[peer_tag_param]", cseq, "INVITE", callerContact)
	return send("INVITE", "INVITE [next_url] SIP/2.0\n"+withBody(head, sdpOf("pbx", "0 101", direction)), resent)
}

// callerAck acknowledges a 2xx, in the dialog.
func callerAck(cseq int) step {
	head := fmt.Sprintf(callerHead, "[branch]", "[routes]\n", "[peer_tag_param]", cseq, "ACK", "")
	return send("ACK", "ACK [next_url] SIP/2.0\n"+withBody(head, ""), "")
}

// callerAckRefusal acknowledges a refusal of the first INVITE, in its transaction.
func callerAckRefusal() step {
	head := fmt.Sprintf(callerHead, inviteBranch, "", "[peer_tag_param]", 1, "ACK", "")
	return send("ACK", "ACK sip:+1312555[call_number]@[remote_ip]:[remote_port] SIP/2.0\n"+withBody(head, ""), "")
}

func callerCancel() step {
	head := fmt.Sprintf(callerHead, inviteBranch, "", "", 1, "CANCEL", "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\n")
	return send("CANCEL", "CANCEL sip:+1312555[call_number]@[remote_ip]:[remote_port] SIP/2.0\n"+withBody(head, ""), resent)
}

func callerBye(cseq int) step {
	head := fmt.Sprintf(callerHead, "[branch]", "[routes]\n", "[peer_tag_param]", cseq, "BYE", "")
	return send("BYE", "BYE [next_url] SIP/2.0\n"+withBody(head, ""), resent)
}

// The callee's side: what names the dialog is remembered from the INVITE.

const remember = `<action>
<ereg regexp=".*" search_in="hdr" header="From:" assign_to="caller"/>
<ereg regexp=".*" search_in="hdr" header="To:" assign_to="callee"/>
<ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="cseq"/>
</action>`

func calleeInvite() step {
	return step{xml: `<recv request="INVITE" rrs="true">` + remember + `</recv>`}
}

const (
	newTag         = ";tag=[pid]s[call_number]"
	calleeReplyTop = "[last_Via:]\n[last_Record-Route:]\n[last_From:]\n[last_To:]%s\n[last_Call-ID:]\n%s\n%s"
	calleeContact  = "Contact: <sip:callee@[local_ip]:[local_port];transport=[transport]>\n"
)

// calleeReply answers the last request; the first INVITE gets newTag.
func calleeReply(code int, reason, tag, headers, sdp string) step {
	head := fmt.Sprintf("SIP/2.0 %d %s\n", code, reason) + fmt.Sprintf(calleeReplyTop, tag, "[last_CSeq:]", calleeContact+headers)
	attributes := ""
	if code >= 200 && tag != "" {
		attributes = resent
	}
	return send("", withBody(head, sdp), attributes)
}

// calleeReplyCancel answers a CANCEL, once.
func calleeReplyCancel() step {
	return send("", withBody("SIP/2.0 200 OK\n"+fmt.Sprintf(calleeReplyTop, newTag, "[last_CSeq:]", ""), ""), "")
}

// calleeReply487 ends the INVITE after a CANCEL came: the headers are the CANCEL's except for its CSeq.
func calleeReply487() step {
	return send("", withBody("SIP/2.0 487 Request Terminated\n"+fmt.Sprintf(calleeReplyTop, newTag, "CSeq:[$cseq]", ""), ""), resent)
}

func calleeRequest(method string, cseq int, sdp string) step {
	head := fmt.Sprintf(`%s [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
From:[$callee];tag=[pid]s[call_number]
To:[$caller]
Call-ID: [call_id]
CSeq: %d %s
Max-Forwards: 70
%s`, method, cseq, method, calleeContact)
	attributes := resent
	if method == "ACK" {
		attributes = ""
	}
	return send(method, withBody(head, sdp), attributes)
}

// Both sides.

func recvRequest(method string) step {
	return step{xml: fmt.Sprintf(`<recv request=%q></recv>`, method)}
}

// recvInvite takes a re-INVITE whose SDP has this direction.
func recvInvite(direction string) step {
	return step{xml: `<recv request="INVITE">` + wantDirection(direction) + `</recv>`}
}

func recvCode(code int) step {
	return step{xml: fmt.Sprintf(`<recv response="%d" rrs="true"></recv>`, code)}
}

// recvAnswer takes a 200 whose SDP has this direction.
func recvAnswer(direction string) step {
	return step{xml: `<recv response="200" rrs="true">` + wantDirection(direction) + `</recv>`}
}

// wantDirection fails the call when the body's direction is another one; sendrecv may be left out, it is the default.
func wantDirection(direction string) string {
	if direction == "sendrecv" {
		return `<action><ereg regexp="a=(sendonly|recvonly|inactive)" search_in="body" check_it_inverse="true" assign_to="direction"/></action>`
	}
	return fmt.Sprintf(`<action><ereg regexp="a=%s" search_in="body" check_it="true" assign_to="direction"/></action>`, direction)
}

func maybe(code int) step {
	return step{xml: fmt.Sprintf(`<recv response="%d" optional="true"></recv>`, code)}
}

func pause(ms int) step { return step{xml: fmt.Sprintf(`<pause milliseconds="%d"/>`, ms)} }
