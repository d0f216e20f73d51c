package b2bua_test

import (
	"fmt"
	"strings"
	"testing"
)

// hiding headers: everything of the leak list that a message can carry, with a
// place for a canary. None of it may be seen on the other side.
var hidingHeaders = []string{
	"Via: SIP/2.0/UDP %s:5062;branch=z9hG4bKx;received=10.66.0.9",
	"Record-Route: <sip:${local};lr;x=%s>",
	"P-Asserted-Identity: <sip:boss@%s>",
	"P-Preferred-Identity: <sip:boss@%s>",
	"Remote-Party-ID: <sip:boss@%s>",
	"P-Charging-Vector: icid-value=1;icid-generated-at=%s",
	"P-Charging-Function-Addresses: ccf=%s",
	"P-Access-Network-Info: 3GPP-UTRAN;%s",
	"P-Visited-Network-ID: \"%s\"",
	"P-Called-Party-ID: <sip:x@%s>",
	"P-Served-User: <sip:x@%s>",
	"Path: <sip:%s;lr>",
	"Service-Route: <sip:%s;lr>",
	"P-Associated-URI: <sip:x@%s>",
	"Diversion: <sip:x@%s>;reason=unconditional",
	"History-Info: <sip:x@%s>;index=1",
	"Call-Info: <http://%s/icon>;purpose=icon",
	"Alert-Info: <http://%s/ring>",
	"Error-Info: <http://%s/err>",
	"Reply-To: <sip:x@%s>",
	"Referred-By: <sip:x@%s>",
	"Target-Dialog: a@%s;local-tag=1;remote-tag=2",
	"In-Reply-To: a@%s",
	"Warning: 399 %s \"inner\"",
	"Server: thing (%s)",
	"User-Agent: thing (%s)",
	"Organization: %s",
	"Reason: SIP;cause=480;text=\"%s\"",
	"Authentication-Info: nextnonce=\"%s\"",
	"Geolocation: <sip:%s>",
	"X-Trace: %s",
	"P-Early-Media: sendrecv;%s",
	"Info-Package: %s",
	"Content-ID: <1@%s>",
}

// hidingSDP are the session-level and media-level lines of the leak list.
const hidingSDP = `v=0
o=%[1]s 123454321 777777 IN IP4 10.66.0.1
s=%[1]s
i=%[1]s
u=http://%[1]s/
e=x@%[1]s
p=+99 %[1]s
c=IN IP4 10.66.0.2
b=AS:64
t=0 0
a=tool:%[1]s
a=group:BUNDLE %[1]s
m=audio 4000 RTP/AVP 0
i=%[1]s
a=rtcp:4009 IN IP4 10.66.0.3
a=candidate:1 1 UDP 1 10.66.0.4 4000 typ srflx raddr 10.66.0.5 rport 4000
a=remote-candidates:1 10.66.0.6 4000
a=ssrc:1 cname:%[1]s
a=msid:%[1]s a
a=label:%[1]s
a=mid:%[1]s
a=ice-ufrag:%[1]s
a=x-private:%[1]s
a=sendrecv
`

func prefixed(who, text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(who + "> " + line)
	}
	return b.String()
}

// plant writes the hiding headers with canaries for one side, and the forbid
// directives for the other.
func plant(who, other string) (headers, forbid string) {
	var h, f strings.Builder
	for i, text := range hidingHeaders {
		canary := fmt.Sprintf("canary%d%s.inner.example", i, strings.ToLower(who))
		fmt.Fprintf(&h, "%s> %s\n", who, fmt.Sprintf(text, canary))
		fmt.Fprintf(&f, "forbid %s %s\n", other, canary)
	}
	return h.String(), f.String()
}

func leakBody(who, canary string) string {
	return who + "> Content-Type: application/sdp\n" + who + ">\n" + prefixed(who, fmt.Sprintf(hidingSDP, canary))
}

// neverCrosses are values of the fragments themselves that name one side.
const neverCrosses = `
forbid B 10.0.0.20
forbid B 10.0.0.1
forbid B call-1@
forbid B sdpcanarya
forbid B 123454321
forbid B 777777
forbid B 10.66.0.1
forbid B 10.66.0.2
forbid B 10.66.0.3
forbid B 10.66.0.4
forbid B 10.66.0.5
forbid B 10.66.0.6
forbid B 10.66.0.9
forbid A 203.0.113.20
forbid A 203.0.113.10
forbid A sdpcanaryb
forbid A 123454321
forbid A 777777
forbid A 10.66.0.1
forbid A 10.66.0.2
forbid A 10.66.0.3
forbid A 10.66.0.4
forbid A 10.66.0.5
forbid A 10.66.0.6
forbid A phrasecanary
`

// TestB110_PrivateValues_NeverReachTheOtherSide plants a canary in every place
// of the leak list, in every message type, in both directions.
func TestB110_PrivateValues_NeverReachTheOtherSide(t *testing.T) {
	fromA, forbidB := plant("A", "B")
	fromB, forbidA := plant("B", "A")
	// The top Via of a request is the sender's own; the canaries go below.
	responseB := strings.Replace(fromB, "B> Via:", "B> X-Via:", 1)
	play(t, nothingLeft(t), peers, neverCrosses, forbidA, forbidB,
		inviteHead+fromA+leakBody("A", "sdpcanarya"), `
<A SIP/2.0 100 Trying
<A ...
<B INVITE sip:+13125550100@203.0.113.20:5060 SIP/2.0
<B From: "Reception" <sip:100@203.0.113.10>;tag=${btag:token}
<B Call-ID: ${bcall:token}
<B ...

B> SIP/2.0 183 phrasecanary
`+replyB+responseB+"B> Contact: <sip:b@${local}>\n"+leakBody("B", "sdpcanaryb"), `
<A SIP/2.0 183 Session Progress
<A ...

B> SIP/2.0 200 phrasecanary
`+replyB+responseB+"B> Contact: <sip:b@${local}>\n"+leakBody("B", "sdpcanaryb"), `
<B ACK sip:b@203.0.113.20:5060 SIP/2.0
<B ...
<A SIP/2.0 200 OK
<A To: <sip:+13125550100@10.0.0.1>;tag=${atag:token}
<A Contact: <sip:${acontact:token}@10.0.0.1:5060>
<A ...
`, strings.TrimRight(ackA, "\n")+"\n"+fromA, `
A> INVITE sip:${acontact}@10.0.0.1:5060 SIP/2.0
A> Via: SIP/2.0/UDP ${local};branch=${branch}
A> Max-Forwards: 70
A> From: "Reception" <sip:100@10.0.0.20>;tag=a1
A> To: <sip:+13125550100@10.0.0.1>;tag=${atag}
A> Call-ID: call-1@10.0.0.20
A> CSeq: 2 INVITE
A> Contact: <sip:100@${local}>
`+fromA+leakBody("A", "sdpcanarya"), `
<A SIP/2.0 100 Trying
<A ...
<B INVITE sip:b@203.0.113.20:5060 SIP/2.0
<B ...

B> SIP/2.0 488 phrasecanary
`+strings.Replace(replyB, ";tag=b1", "", 1)+responseB, `
<B ACK sip:b@203.0.113.20:5060 SIP/2.0
<B ...
<A SIP/2.0 488 Not Acceptable Here
<A ...
A> ACK sip:${acontact}@10.0.0.1:5060 SIP/2.0
A> ${sent INVITE Via}
A> From: "Reception" <sip:100@10.0.0.20>;tag=a1
A> ${last To}
A> Call-ID: call-1@10.0.0.20
A> CSeq: 2 ACK
`, strings.TrimRight(byeA, "\n")+"\n"+fromA, `
<A SIP/2.0 200 OK
<A ...
<B BYE sip:b@203.0.113.20:5060 SIP/2.0
<B Reason: SIP;cause=480
<B ...

B> SIP/2.0 200 phrasecanary
B> ${last BYE Via}
B> ${last BYE From}
B> ${last BYE To}
B> ${last BYE Call-ID}
B> ${last BYE CSeq}
`+responseB)
}

func TestB110_RefusalAndCancel_ShowNothingOfTheOtherSide(t *testing.T) {
	_, forbidA := plant("B", "A")
	fromB, _ := plant("B", "A")
	responseB := strings.Replace(fromB, "B> Via:", "B> X-Via:", 1)
	for _, tc := range []struct{ code, got string }{
		{"486", "486 Busy Here"}, {"503", "500 Server Internal Error"}, {"401", "403 Forbidden"},
		{"302", "302 Moved Temporarily"}, {"603", "603 Decline"}, {"488", "488 Not Acceptable Here"},
	} {
		t.Run(tc.code, func(t *testing.T) {
			extra := "B> Contact: <sip:elsewhere@203.0.113.77:5099>\n"
			if tc.code == "401" {
				extra = "B> WWW-Authenticate: Digest realm=\"realmcanary.example\", nonce=\"noncecanary\"\n"
			}
			play(t, nothingLeft(t), peers, neverCrosses, forbidA, `
forbid A realmcanary
forbid A noncecanary
forbid A 203.0.113.77
`, invite, "B> SIP/2.0 "+tc.code+" phrasecanary\n"+replyB+extra+responseB, `
<B ACK sip:+13125550100@203.0.113.20:5060 SIP/2.0
<B ...
<A SIP/2.0 `+tc.got+`
<A ...
`, refusalACK)
		})
	}
}

// TestB110_NumberOfAPrivateNetwork_LosesItsContext: the parameters of a user
// part that name the network or the trunk of its side stay there.
func TestB110_NumberOfAPrivateNetwork_LosesItsContext(t *testing.T) {
	const number, local = "sip:+13125550100@10.0.0.1", "sip:+13125550100;tgrp=inner-trunk;trunk-context=inner.example;cic=+1@10.0.0.1;user=phone"
	head := strings.NewReplacer("INVITE "+number, "INVITE "+local, "<"+number+">", "<sip:7042;PHONE-context=inner.example@10.0.0.1;user=phone>",
		"<sip:100@10.0.0.20>;tag", "<sip:100;phone-context=inner.example;ext=5@10.0.0.20;user=phone>;tag").Replace(inviteHead)
	ack := strings.NewReplacer("<sip:100@10.0.0.20>;tag", "<sip:100;phone-context=inner.example;ext=5@10.0.0.20;user=phone>;tag", "ACK "+number, "ACK "+local).Replace(refusalACK)
	play(t, nothingLeft(t), peers, "\nforbid B inner.example inner-trunk\n", head, sdpA, `
<A SIP/2.0 100 Trying
<A ...
<B INVITE sip:+13125550100;cic=+1@203.0.113.20:5060;user=phone SIP/2.0
<B From: "Reception" <sip:100;ext=5@203.0.113.10;user=phone>;tag=${btag:token}
<B To: <sip:7042@203.0.113.20;user=phone>
<B ...
`, "\nB> SIP/2.0 486 Busy Here\n"+replyB, `
<B ACK ${*} SIP/2.0
<B ...
<A SIP/2.0 486 Busy Here
<A ...
`, ack)
}
