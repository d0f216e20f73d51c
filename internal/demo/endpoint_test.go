package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/testlab"
	"gatehouse/internal/testlab/ladder"
	"gatehouse/sip/transport"
)

const testTimeout = 20 * time.Second

// open starts an endpoint that is closed with the test.
func open(t *testing.T, name string) *Endpoint {
	t.Helper()
	e, err := Listen(name, netip.AddrPortFrom(loopback, 0), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// freeAddr gives an address nobody listens on.
func freeAddr(t *testing.T) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// against plays a scripted peer A at addr against an endpoint.
func against(t *testing.T, e *Endpoint, addr netip.AddrPort, script string) {
	t.Helper()
	s, err := ladder.Parse(t.Name(), fmt.Appendf(nil, "peer A %s -> %s\n%s", addr, e.Addr(), script))
	if err != nil {
		t.Fatal(err)
	}
	s.Play(t, transport.SystemNet(), nil)
}

const inviteHead = `A> Via: SIP/2.0/UDP ${local};branch=${branch};rport
A> From: <sip:a@${local}>;tag=a1
A> To: <sip:b@${remote}>
A> Call-ID: c1
A> CSeq: 1 INVITE
A> Contact: <sip:a@${local}>
`

func TestEndpoint_Callee_AnswersByRFC(t *testing.T) {
	testlab.NoLeaks(t)
	e := open(t, "B")
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	answered := make(chan error, 1)
	go func() {
		c, err := e.Accept(ctx)
		if err != nil {
			answered <- err
			return
		}
		c.Ring(180, nil)
		answered <- c.Answer(ctx, []byte("v=0\r\n"))
	}()
	against(t, e, freeAddr(t), `A> INVITE sip:b@${remote} SIP/2.0
A> Record-Route: <sip:${local};lr>
`+inviteHead+`<A SIP/2.0 100 Trying
<A ...
<A SIP/2.0 180 Ringing
<A To: ${*};tag=${tag:word}
<A ...
<A SIP/2.0 200 OK
<A Via: SIP/2.0/UDP ${*};received=127.0.0.1;rport=${:port}
<A To: ${*};tag=${tag}
<A Record-Route: <sip:${*};lr>
<A Contact: <sip:${*}>
<A Content-Type: application/sdp
<A ...
<A
<A v=0
# The INVITE again, then the 200 again by itself until ACK.
resend A
again A
again A
again A
A> ACK ${next_url} SIP/2.0
A> Via: SIP/2.0/UDP ${local};branch=${branch}
A> ${last 200 From}
A> ${last 200 To}
A> ${last Call-ID}
A> CSeq: 1 ACK
quiet 1200ms
# A re-INVITE with no handler, and an old CSeq.
A> INVITE ${next_url} SIP/2.0
A> Via: SIP/2.0/UDP ${local};branch=${branch};rport
A> ${last 200 From}
A> ${last 200 To}
A> ${last Call-ID}
A> CSeq: 5 INVITE
A> Contact: <sip:a@${local}>
<A SIP/2.0 488 Not Acceptable Here
<A ...
A> ACK ${next_url} SIP/2.0
A> Via: SIP/2.0/UDP ${local};branch=${branch 1}
A> ${last 200 From}
A> ${last 200 To}
A> ${last Call-ID}
A> CSeq: 5 ACK
A> UPDATE ${next_url} SIP/2.0
A> Via: SIP/2.0/UDP ${local};branch=${branch};rport
A> ${last 200 From}
A> ${last 200 To}
A> ${last Call-ID}
A> CSeq: 4 UPDATE
<A SIP/2.0 500 ${*}
<A ...
A> INFO ${next_url} SIP/2.0
A> Via: SIP/2.0/UDP ${local};branch=${branch};rport
A> ${last 200 From}
A> ${last 200 To}
A> ${last Call-ID}
A> CSeq: 6 INFO
<A SIP/2.0 405 Method Not Allowed
<A Allow: ${*}
<A ...
A> BYE ${next_url} SIP/2.0
A> Via: SIP/2.0/UDP ${local};branch=${branch};rport
A> ${last 200 From}
A> ${last 200 To}
A> ${last Call-ID}
A> CSeq: 7 BYE
<A SIP/2.0 200 OK
<A ...
resend A
again A
A> BYE ${next_url} SIP/2.0
A> Via: SIP/2.0/UDP ${local};branch=${branch};rport
A> ${last 200 From}
A> ${last 200 To}
A> ${last Call-ID}
A> CSeq: 8 BYE
<A SIP/2.0 481 ${*}
<A ...
`)
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

func TestEndpoint_CancelledWhileRinging_487(t *testing.T) {
	testlab.NoLeaks(t)
	e := open(t, "B")
	against(t, e, freeAddr(t), `A> INVITE sip:b@${remote} SIP/2.0
`+inviteHead+`<A SIP/2.0 100 Trying
<A ...
A> CANCEL sip:b@${remote} SIP/2.0
A> Via: SIP/2.0/UDP ${local};branch=z9hG4bK-other
A> ${sent INVITE From}
A> ${sent INVITE To}
A> Call-ID: c1
A> CSeq: 1 CANCEL
<A SIP/2.0 481 ${*}
<A ...
A> CANCEL sip:b@${remote} SIP/2.0
A> ${sent INVITE Via}
A> ${sent INVITE From}
A> ${sent INVITE To}
A> Call-ID: c1
A> CSeq: 1 CANCEL
<A SIP/2.0 200 OK
<A CSeq: 1 CANCEL
<A To: ${*};tag=${tag:word}
<A ...
<A SIP/2.0 487 Request Terminated
<A CSeq: 1 INVITE
<A To: ${*};tag=${tag}
<A ...
again A
A> ACK sip:b@${remote} SIP/2.0
A> ${sent INVITE Via}
A> ${sent INVITE From}
A> ${last 487 To}
A> Call-ID: c1
A> CSeq: 1 ACK
quiet 1200ms
`)
	c, err := e.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	<-c.Ended()
	if err := c.Answer(t.Context(), nil); err == nil {
		t.Error("a cancelled call was answered")
	}
}

func TestEndpoint_OutsideDialog_Answered(t *testing.T) {
	testlab.NoLeaks(t)
	e := open(t, "B")
	against(t, e, freeAddr(t), `bytes A 0102
A> OPTIONS sip:b@${remote} SIP/2.0
A> Via: SIP/2.0/UDP 192.0.2.1:9;branch=${branch};rport
A> From: <sip:a@x>;tag=1
A> To: <sip:b@x>
A> Call-ID: o1
A> CSeq: 1 OPTIONS
<A SIP/2.0 200 OK
<A Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE
<A ...
A> REGISTER sip:x SIP/2.0
A> Via: SIP/2.0/UDP ${local};branch=${branch}
A> From: <sip:a@x>;tag=1
A> To: <sip:b@x>
A> Call-ID: o1
A> CSeq: 2 REGISTER
<A SIP/2.0 405 Method Not Allowed
<A ...
`)
	if e.Malformed() != 1 {
		t.Errorf("malformed %d", e.Malformed())
	}
}

// scripted starts a call to a scripted callee and gives the call.
func scripted(t *testing.T, addr netip.AddrPort) (*Endpoint, *Call) {
	t.Helper()
	e := open(t, "A")
	c, err := e.Invite(t.Context(), addr, "a", "sip:b@"+addr.String(), []byte("v=0\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return e, c
}

const replyHead = `A> ${last INVITE Via}
A> ${last INVITE From}
A> ${last INVITE To};tag=b1
A> ${last INVITE Call-ID}
A> ${last INVITE CSeq}
`

func TestEndpoint_Caller_DialogFollowsRFC(t *testing.T) {
	testlab.NoLeaks(t)
	addr := freeAddr(t)
	e, c := scripted(t, addr)
	hung := make(chan error, 1)
	go func() {
		if _, err := c.Answered(t.Context()); err != nil {
			hung <- err
			return
		}
		hung <- c.Bye(t.Context())
	}()
	// The callee is slow to listen: the INVITE comes by its retransmission.
	against(t, e, addr, `<A INVITE sip:b@${*} SIP/2.0
<A From: <sip:a@${*}>;tag=${from:word}
<A To: <sip:b@${*}>
<A CSeq: 1 INVITE
<A Max-Forwards: 70
<A Via: SIP/2.0/UDP ${*};branch=z9hG4bK${*};rport
<A ...
<A
<A v=0
A> SIP/2.0 183 Session Progress
`+replyHead+`quiet 1200ms
A> SIP/2.0 200 OK
`+replyHead+`A> Record-Route: <sip:${local};lr>, <sip:far.example;lr>
A> Contact: "x" <sip:target@192.0.2.9:9;transport=udp>;q=1
<A ACK sip:target@192.0.2.9:9;transport=udp SIP/2.0
<A Route: <sip:far.example;lr>
<A Route: <sip:${*};lr>
<A To: <sip:b@${*}>;tag=b1
<A From: <sip:a@${*}>;tag=${from}
<A CSeq: 1 ACK
<A ...
repeats ignore
resend A
<A BYE sip:target@192.0.2.9:9;transport=udp SIP/2.0
<A CSeq: 2 BYE
<A ...
A> SIP/2.0 200 OK
A> ${last BYE Via}
A> ${last BYE From}
A> ${last BYE To}
A> ${last BYE Call-ID}
A> ${last BYE CSeq}
quiet 600ms
`)
	if err := <-hung; err != nil {
		t.Error(err)
	}
	if codes := fmt.Sprint(c.Codes()); codes != "[183]" {
		t.Errorf("provisional %s", codes)
	}
}

func TestEndpoint_CallerRefused_ACKInTransaction(t *testing.T) {
	testlab.NoLeaks(t)
	addr := freeAddr(t)
	e, c := scripted(t, addr)
	against(t, e, addr, `<A INVITE ${*}
<A Via: ${via:any}
<A ...
A> SIP/2.0 404 Not Found
`+replyHead+`<A ACK sip:b@${*} SIP/2.0
<A Via: ${via}
<A To: ${*};tag=b1
<A ...
resend A
again A
`)
	_, err := c.Answered(t.Context())
	var refused *Refused
	if !errors.As(err, &refused) || refused.Code != 404 || !strings.Contains(err.Error(), "404 Not Found") {
		t.Errorf("error %v", err)
	}
	<-c.Ended()
	if err := c.Cancel(t.Context()); err == nil {
		t.Error("a call with a final response was cancelled")
	}
}

func TestEndpoint_CallerCancels_AfterProvisional(t *testing.T) {
	testlab.NoLeaks(t)
	addr := freeAddr(t)
	e, c := scripted(t, addr)
	cancelled := make(chan error, 1)
	go func() { cancelled <- c.Cancel(t.Context()) }()
	against(t, e, addr, `repeats ignore
<A INVITE ${uri:any} SIP/2.0
<A Via: ${via:any}
<A ...
quiet 700ms
A> SIP/2.0 180 Ringing
`+replyHead+`<A CANCEL ${uri} SIP/2.0
<A Via: ${via}
<A To: <sip:b@${*}>
<A CSeq: 1 CANCEL
<A ...
A> SIP/2.0 200 OK
A> ${last CANCEL Via}
A> ${last CANCEL From}
A> ${last CANCEL To}
A> ${last CANCEL Call-ID}
A> ${last CANCEL CSeq}
A> SIP/2.0 487 Request Terminated
`+replyHead+`<A ACK ${*}
<A ...
`)
	if err := <-cancelled; err != nil {
		t.Error(err)
	}
	if _, err := c.Answered(t.Context()); err == nil {
		t.Error("a cancelled call counts as answered")
	}
}

func TestEndpoint_OffersCross_491(t *testing.T) {
	testlab.NoLeaks(t)
	a, b := open(t, "A"), open(t, "B")
	c, err := a.Invite(t.Context(), b.Addr(), "a", "sip:b@"+b.Addr().String(), []byte("v=0\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := b.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Answer(t.Context(), []byte("v=0\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Answered(t.Context()); err != nil {
		t.Fatal(err)
	}
	// B answers A's offer only after it made one itself, which A must refuse.
	crossed := make(chan error, 1)
	d.OnOffer(func([]byte) []byte {
		b.spawn(func() {
			_, err := d.Reinvite(t.Context(), []byte("v=2\r\n"))
			crossed <- err
		})
		return []byte("v=1\r\n")
	})
	c.OnOffer(func([]byte) []byte { return []byte("v=3\r\n") })
	c.mu.Lock()
	c.pending = true // as while an INVITE of its own is open
	c.mu.Unlock()
	if _, err := d.Reinvite(t.Context(), []byte("v=2\r\n")); err == nil || !strings.Contains(err.Error(), "491") {
		t.Errorf("crossing offer: %v", err)
	}
	c.mu.Lock()
	c.pending = false
	c.mu.Unlock()
	answer, err := c.Reinvite(t.Context(), []byte("v=9\r\n"))
	if err != nil || string(answer) != "v=1\r\n" {
		t.Errorf("answer %q, %v", answer, err)
	}
	if err := <-crossed; err != nil && !strings.Contains(err.Error(), "491") {
		t.Errorf("B's own offer: %v", err)
	}
}

func TestEndpoint_Closed_CallsEnd(t *testing.T) {
	testlab.NoLeaks(t)
	e, c := scripted(t, freeAddr(t))
	for range 2 {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.Answered(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("error %v", err)
	}
	if _, err := e.Accept(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("error %v", err)
	}
	if _, err := e.Invite(t.Context(), e.Addr(), "a", "sip:b@x", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("error %v", err)
	}
}
