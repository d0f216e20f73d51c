package b2bua_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"gatehouse/internal/testlab/ladder"
	"gatehouse/internal/testlab/memnet"
)

// play runs a ladder put together from fragments against a fresh border and
// then calls after, still inside the bubble.
func play(t *testing.T, after func(*rig), parts ...string) {
	t.Helper()
	playWith(t, nil, after, parts...)
}

// playWith is play for tests that do something to the border as well: before
// runs first, and may leave goroutines of the bubble behind.
func playWith(t *testing.T, before, after func(*rig), parts ...string) {
	t.Helper()
	text := strings.Join(parts, "\n")
	s, err := ladder.Parse(t.Name(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		w := newWire(n)
		r := newRig(t, n.Host(), s.Config)
		r.wire, r.net = w, n
		if before != nil {
			before(r)
		}
		s.Play(t, n.Host(), synctest.Wait)
		if after != nil {
			after(r)
		}
	})
}

// The fragments. A is the PBX inside, B the carrier outside, C a second one.
const (
	peers = `
peer A 10.0.0.20:5060 -> 10.0.0.1:5060
peer B 203.0.113.20:5060 -> 203.0.113.10:5060
`
	peerC = `
peer C 203.0.113.30:5060 -> 203.0.113.10:5060
`
	sdpA = `A> Content-Type: application/sdp
A>
A> v=0
A> o=pbx 11 1 IN IP4 10.0.0.20
A> s=inner
A> c=IN IP4 10.0.0.20
A> t=0 0
A> m=audio 4000 RTP/AVP 0 8 101
A> a=rtpmap:101 telephone-event/8000
A> a=fmtp:101 0-16
A> a=ptime:20
`
	sdpB = `B> Content-Type: application/sdp
B>
B> v=0
B> o=carrier 7 7 IN IP4 203.0.113.20
B> s=-
B> c=IN IP4 203.0.113.20
B> t=0 0
B> m=audio 6000 RTP/AVP 0 101
B> a=rtpmap:101 telephone-event/8000
B> a=fmtp:101 0-15
`
	// inviteHead lets a test add headers and a body of its own.
	inviteHead = `
A> INVITE sip:+13125550100@10.0.0.1 SIP/2.0
A> Via: SIP/2.0/UDP ${local};branch=${branch};rport
A> Max-Forwards: 70
A> From: "Reception" <sip:100@10.0.0.20>;tag=a1
A> To: <sip:+13125550100@10.0.0.1>
A> Call-ID: call-1@10.0.0.20
A> CSeq: 1 INVITE
A> Contact: <sip:100@${local}>
`
	invite = inviteHead + sdpA + `
<A SIP/2.0 100 Trying
<A ...
<A !Contact
<B INVITE sip:+13125550100@203.0.113.20:5060 SIP/2.0
<B From: "Reception" <sip:100@203.0.113.10>;tag=${btag:token}
<B Call-ID: ${bcall:token}
<B Via: SIP/2.0/UDP 203.0.113.10:5060;branch=${bbranch:word};rport
<B Contact: <sip:${bcontact:token}@203.0.113.10:5060>
<B ...
`
	replyB = `B> ${last INVITE Via}
B> ${last INVITE From}
B> ${last INVITE To};tag=b1
B> ${last INVITE Call-ID}
B> ${last INVITE CSeq}
`
	ring = `
B> SIP/2.0 180 Ringing
` + replyB + `B> Contact: <sip:b@${local}>

<A SIP/2.0 180 Ringing
<A To: <sip:+13125550100@10.0.0.1>;tag=${atag:token}
<A ...
`
	okB = `
B> SIP/2.0 200 OK
` + replyB + `B> Contact: <sip:b@${local}>
`
	answer = okB + sdpB + `
<B ACK sip:b@203.0.113.20:5060 SIP/2.0
<B ...
<A SIP/2.0 200 OK
<A To: <sip:+13125550100@10.0.0.1>;tag=${atag:token}
<A Contact: <sip:${acontact:token}@10.0.0.1:5060>
<A ...
`
	ackA = `
A> ACK ${next_url} SIP/2.0
A> Via: SIP/2.0/UDP ${local};branch=${branch}
A> Max-Forwards: 70
A> From: "Reception" <sip:100@10.0.0.20>;tag=a1
A> To: <sip:+13125550100@10.0.0.1>;tag=${atag}
A> Call-ID: call-1@10.0.0.20
A> CSeq: 1 ACK
`
	// refusalACK acknowledges a final refusal of A's INVITE.
	refusalACK = `
A> ACK sip:+13125550100@10.0.0.1 SIP/2.0
A> ${sent INVITE Via}
A> Max-Forwards: 70
A> From: "Reception" <sip:100@10.0.0.20>;tag=a1
A> ${last To}
A> Call-ID: call-1@10.0.0.20
A> CSeq: 1 ACK
`
	byeA = `
A> BYE sip:${acontact}@10.0.0.1:5060 SIP/2.0
A> Via: SIP/2.0/UDP ${local};branch=${branch}
A> Max-Forwards: 70
A> From: "Reception" <sip:100@10.0.0.20>;tag=a1
A> To: <sip:+13125550100@10.0.0.1>;tag=${atag}
A> Call-ID: call-1@10.0.0.20
A> CSeq: 5 BYE
`
	endA = byeA + `
<A SIP/2.0 200 OK
<A CSeq: 5 BYE
<A ...
<B BYE sip:b@203.0.113.20:5060 SIP/2.0
<B ...
` + okByeB
	okByeB = `
B> SIP/2.0 200 OK
B> ${last BYE Via}
B> ${last BYE From}
B> ${last BYE To}
B> ${last BYE Call-ID}
B> ${last BYE CSeq}
`
	okByeA = `
A> SIP/2.0 200 OK
A> ${last BYE Via}
A> ${last BYE From}
A> ${last BYE To}
A> ${last BYE Call-ID}
A> ${last BYE CSeq}
`
	byeB = `
B> BYE ${next_url} SIP/2.0
B> Via: SIP/2.0/UDP ${local};branch=${branch}
B> Max-Forwards: 70
B> From: <sip:+13125550100@203.0.113.20>;tag=b1
B> To: "Reception" <sip:100@203.0.113.10>;tag=${btag}
B> Call-ID: ${bcall}
B> CSeq: 90 BYE
`
	cancelA = `
A> CANCEL sip:+13125550100@10.0.0.1 SIP/2.0
A> ${sent INVITE Via}
A> Max-Forwards: 70
A> From: "Reception" <sip:100@10.0.0.20>;tag=a1
A> To: <sip:+13125550100@10.0.0.1>
A> Call-ID: call-1@10.0.0.20
A> CSeq: 1 CANCEL
`
	cancelled = `
<A SIP/2.0 200 OK
<A CSeq: 1 CANCEL
<A ...
<A SIP/2.0 487 Request Terminated
<A CSeq: 1 INVITE
<A ...
` + refusalACK
	// established is a whole call up to the ACK of the caller.
	established = peers + invite + ring + answer + ackA
)

// nothingLeft checks that a call left nothing behind, a while after its end.
func nothingLeft(t *testing.T) func(*rig) {
	t.Helper()
	return func(r *rig) {
		t.Helper()
		r.checkEmpty(t)
		if got := len(r.cdrs.list()); got != 1 {
			t.Errorf("%d records, want 1", got)
		}
	}
}
