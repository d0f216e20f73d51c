package b2bua_test

import "strings"

// The fragments of a re-INVITE of A, and of one of B.
var (
	sdpA2 = strings.Replace(sdpA, "o=pbx 11 1", "o=pbx 11 2", 1)
	sdpB2 = strings.Replace(sdpB, "o=carrier 7 7", "o=carrier 7 8", 1)
)

const (
	reinviteHeadA = `
A> INVITE sip:${acontact}@10.0.0.1:5060 SIP/2.0
A> Via: SIP/2.0/UDP ${local};branch=${branch}
A> Max-Forwards: 70
A> From: "Reception" <sip:100@10.0.0.20>;tag=a1
A> To: <sip:+13125550100@10.0.0.1>;tag=${atag}
A> Call-ID: call-1@10.0.0.20
A> CSeq: 2 INVITE
A> Contact: <sip:100@${local}>
`
	tryingA = `
<A SIP/2.0 100 Trying
<A ...
`
	reinviteAtB = `
<B INVITE sip:b@203.0.113.20:5060 SIP/2.0
<B Via: SIP/2.0/UDP 203.0.113.10:5060;branch=${bbranch2:word};rport
<B From: "Reception" <sip:100@203.0.113.10>;tag=${btag}
<B To: <sip:+13125550100@203.0.113.20>;tag=b1
<B Call-ID: ${bcall}
<B CSeq: 2 INVITE
<B Contact: <sip:${:token}@203.0.113.10:5060>
<B ...
`
	// replyB2 repeats the head of the re-INVITE at B.
	replyB2 = `B> Via: SIP/2.0/UDP 203.0.113.10:5060;branch=${bbranch2};rport
B> From: "Reception" <sip:100@203.0.113.10>;tag=${btag}
B> To: <sip:+13125550100@203.0.113.20>;tag=b1
B> Call-ID: ${bcall}
B> CSeq: 2 INVITE
`
	ackReinviteA = `
A> ACK sip:${acontact}@10.0.0.1:5060 SIP/2.0
A> Via: SIP/2.0/UDP ${local};branch=${branch}
A> Max-Forwards: 70
A> From: "Reception" <sip:100@10.0.0.20>;tag=a1
A> To: <sip:+13125550100@10.0.0.1>;tag=${atag}
A> Call-ID: call-1@10.0.0.20
A> CSeq: 2 ACK
`
	// refusalACK2 acknowledges a final refusal of A's re-INVITE.
	refusalACK2 = `
A> ACK sip:${acontact}@10.0.0.1:5060 SIP/2.0
A> ${sent INVITE Via}
A> Max-Forwards: 70
A> From: "Reception" <sip:100@10.0.0.20>;tag=a1
A> To: <sip:+13125550100@10.0.0.1>;tag=${atag}
A> Call-ID: call-1@10.0.0.20
A> CSeq: 2 ACK
`
	reinviteHeadB = `
B> INVITE sip:${bcontact}@203.0.113.10:5060 SIP/2.0
B> Via: SIP/2.0/UDP ${local};branch=${branch}
B> Max-Forwards: 70
B> From: <sip:+13125550100@203.0.113.20>;tag=b1
B> To: "Reception" <sip:100@203.0.113.10>;tag=${btag}
B> Call-ID: ${bcall}
B> CSeq: 50 INVITE
B> Contact: <sip:b@${local}>
`
	ackReinviteB = `
B> ACK sip:${bcontact}@203.0.113.10:5060 SIP/2.0
B> Via: SIP/2.0/UDP ${local};branch=${branch}
B> Max-Forwards: 70
B> From: <sip:+13125550100@203.0.113.20>;tag=b1
B> To: "Reception" <sip:100@203.0.113.10>;tag=${btag}
B> Call-ID: ${bcall}
B> CSeq: 50 ACK
`
	refusalACK2B = `
B> ACK sip:${bcontact}@203.0.113.10:5060 SIP/2.0
B> ${sent INVITE Via}
B> Max-Forwards: 70
B> From: <sip:+13125550100@203.0.113.20>;tag=b1
B> To: "Reception" <sip:100@203.0.113.10>;tag=${btag}
B> Call-ID: ${bcall}
B> CSeq: 50 ACK
`
	tryingBack = `
<B SIP/2.0 100 Trying
<B CSeq: 50 INVITE
<B ...
`
	reinviteAtA = `
<A INVITE sip:100@10.0.0.20:5060 SIP/2.0
<A Via: SIP/2.0/UDP 10.0.0.1:5060;branch=${abranch2:word};rport
<A From: <sip:+13125550100@10.0.0.1>;tag=${atag}
<A To: "Reception" <sip:100@10.0.0.20>;tag=a1
<A Call-ID: call-1@10.0.0.20
<A CSeq: 1 INVITE
<A ...
`
	// replyA2 repeats the head of the re-INVITE at A.
	replyA2 = `A> Via: SIP/2.0/UDP 10.0.0.1:5060;branch=${abranch2};rport
A> From: <sip:+13125550100@10.0.0.1>;tag=${atag}
A> To: "Reception" <sip:100@10.0.0.20>;tag=a1
A> Call-ID: call-1@10.0.0.20
A> CSeq: 1 INVITE
`
)

var (
	// reinviteA crosses to B.
	reinviteA   = reinviteHeadA + sdpA2 + tryingA + reinviteAtB
	okReinviteB = fromB2("200 OK", "B> Contact: <sip:b@${local}>\n", sdpB2)
	// reinvitedA is B's answer to it, up to the 200 for A.
	reinvitedA = okReinviteB + `
<B ACK sip:b@203.0.113.20:5060 SIP/2.0
<B CSeq: 2 ACK
<B ...
<A SIP/2.0 200 OK
<A CSeq: 2 INVITE
<A ...
`
	// reinviteB crosses to A.
	reinviteB   = reinviteHeadB + sdpB2 + tryingBack + reinviteAtA
	okReinviteA = fromA2("200 OK", "A> Contact: <sip:100@${local}>\n", sdpA2)
	reinvitedB  = okReinviteA + `
<A ACK sip:100@10.0.0.20:5060 SIP/2.0
<A CSeq: 1 ACK
<A ...
<B SIP/2.0 200 OK
<B CSeq: 50 INVITE
<B ...
`
)

// fromB2 is a response of B to our re-INVITE, fromA2 one of A to that at A.
func fromB2(status string, more ...string) string {
	return "\nB> SIP/2.0 " + status + "\n" + replyB2 + strings.Join(more, "")
}

func fromA2(status string, more ...string) string {
	return "\nA> SIP/2.0 " + status + "\n" + replyA2 + strings.Join(more, "")
}

// okFirstB is B's 200 to the first INVITE, after others came.
const okFirstB = `
B> SIP/2.0 200 OK
B> Via: SIP/2.0/UDP 203.0.113.10:5060;branch=${bbranch};rport
B> From: "Reception" <sip:100@203.0.113.10>;tag=${btag}
B> To: <sip:+13125550100@203.0.113.20>;tag=b1
B> Call-ID: ${bcall}
B> CSeq: 1 INVITE
B> Contact: <sip:b@${local}>
` + sdpB
