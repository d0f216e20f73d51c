package demo

import (
	"bufio"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"gatehouse/config"
	"gatehouse/internal/demo/papers"
	"gatehouse/internal/testlab"
)

func papersFor(t *testing.T) *papers.Papers {
	t.Helper()
	p, err := papers.New(loopback)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func securedEndpoint(t *testing.T, name string, p *papers.Papers, l *Ladder) *Endpoint {
	t.Helper()
	e, err := ListenTLS(name, netip.AddrPortFrom(loopback, 0), p, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func TestListenTLS_Call_NothingIsRepeatedAndBothHangUp(t *testing.T) {
	testlab.NoLeaks(t)
	p, ladder := papersFor(t), NewLadder("a", "", "b")
	a, b := securedEndpoint(t, "a", p, ladder), securedEndpoint(t, "b", p, ladder)
	offer := writeSDP(1, 1, netip.MustParseAddrPort("127.0.0.1:4000"), []uint8{payloadPCMU}, directionBoth)
	caller, err := a.Invite(t.Context(), b.Addr(), "100", "sip:200@"+b.Addr().String()+";transport=tls", offer)
	if err != nil {
		t.Fatal(err)
	}
	callee, err := b.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if via := string(callee.Received().TopVia().Transport); via != "TLS" {
		t.Errorf("Via says %s", via)
	}
	if ct, ok := callee.Received().Contact(); !ok || !strings.Contains(string(ct.URI), "transport=tls") {
		t.Errorf("Contact %s", ct.URI)
	}
	if err := callee.Answer(t.Context(), offer); err != nil {
		t.Fatal(err)
	}
	if _, err := caller.Answered(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The callee reaches the caller by its Contact, over a connection of its own.
	if err := callee.Bye(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-caller.Ended()
	seen := map[string]int{}
	for _, e := range ladder.Entries() {
		if e.Way == Sent {
			seen[e.Label]++
		}
	}
	for label, n := range seen {
		// The answer is repeated on every transport until its ACK comes (RFC 3261 §13.3.1.4), which a slow machine may let take its time.
		if n != 1 && !strings.HasPrefix(label, "200 OK (INVITE)") && label != "ACK" {
			t.Errorf("%s was sent %d times", label, n)
		}
	}
}

func TestListenTLS_WithoutOurCertificate_NobodyGetsThrough(t *testing.T) {
	testlab.NoLeaks(t)
	e := securedEndpoint(t, "e", papersFor(t), nil)
	other := papersFor(t)
	for name, c := range map[string]*tls.Config{
		"none":              {InsecureSkipVerify: true},
		"another authority": {InsecureSkipVerify: true, Certificates: other.Client(loopback).Certificates},
	} {
		conn, err := tls.Dial("tcp", e.Addr().String(), c)
		if err == nil { // TLS 1.3 tells a client late
			_, err = conn.Read(make([]byte, 1))
			_ = conn.Close()
		}
		if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := tls.Dial("tcp", e.Addr().String(), other.Client(loopback)); err == nil {
		t.Error("a certificate of another authority was believed")
	}
	plain, err := net.Dial("tcp", e.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = plain.Close()
}

func TestCut_Stream_OneMessageAtATime(t *testing.T) {
	first, second := "OPTIONS sip:a SIP/2.0\r\nl : 4\r\n\r\nbody", "BYE sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n"
	r := bufio.NewReader(iotest.OneByteReader(strings.NewReader("\r\n\r\n" + first + "\r\n" + second)))
	for _, want := range []string{first, second} {
		if got, err := cut(r); err != nil || string(got) != want {
			t.Errorf("got %q, %v", got, err)
		}
	}
	for _, bad := range []string{"", "OPTIONS", "a\r\nl: -1\r\n\r\n", "a\r\nl: x\r\n\r\n", "a\r\nl: 70000\r\n\r\n", "a\r\nl: 9\r\n\r\nshort",
		strings.Repeat("X: y\r\n", maxMessage/6+1) + "\r\n"} {
		if got, err := cut(bufio.NewReader(strings.NewReader(bad))); err == nil {
			t.Errorf("%.20q gives %.20q", bad, got)
		}
	}
}

func TestConfig_Papers_LoadsWithTLSOutside(t *testing.T) {
	plan, err := Choose(loopback)
	if err != nil {
		t.Fatal(err)
	}
	plan.Papers = t.TempDir()
	if err := papersFor(t).Save(plan.Papers); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(plan.Papers, "demo.yaml")
	if err := os.WriteFile(path, []byte(Config(plan, "", "")), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, err := config.LoadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if l := c.Zones[1].Listen[0]; l.Transport != config.TLS || l.Addr != plan.Outside || !c.Zones[1].TLS.RequireClient {
		t.Errorf("zone %+v", c.Zones[1])
	}
}
