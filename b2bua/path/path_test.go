package path

import (
	"context"
	"crypto/tls"
	"net/netip"
	"strings"
	"testing"

	"gatehouse/internal/testlab/memnet"
	"gatehouse/sip/msg"
	"gatehouse/sip/transport"
)

type deaf struct{}

func (deaf) Receive(in *transport.Inbound)        { in.Release() }
func (deaf) SendFailed(string, msg.Method, error) {}
func (deaf) ConnLost(*transport.Conn, error)      {}

// hopOn is a hop on a listener of that transport.
func hopOn(t *testing.T, p transport.Proto) Hop {
	t.Helper()
	s, err := transport.New(transport.Options{Net: memnet.New().Host(), Handler: deaf{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	l, err := s.Listen(transport.ListenSpec{Zone: "z", Proto: p, Addr: netip.MustParseAddrPort("192.0.2.1:5070"), TLS: func() *tls.Config { return &tls.Config{} }})
	if err != nil {
		t.Fatal(err)
	}
	return Hop{Dest: transport.Dest{Listener: l, Addr: netip.MustParseAddrPort("198.51.100.7:5080")}, Host: "sbc.example", SentBy: "sbc.example:5070"}
}

func TestHop_ContactAndVia_SayHowItIsReached(t *testing.T) {
	for p, want := range map[transport.Proto]struct{ via, sip, sips string }{
		transport.UDP: {"SIP/2.0/UDP", "sip:u@sbc.example:5070", "sips:u@sbc.example:5070"},
		transport.TCP: {"SIP/2.0/TCP", "sip:u@sbc.example:5070;transport=tcp", "sips:u@sbc.example:5070"},
		transport.TLS: {"SIP/2.0/TLS", "sip:u@sbc.example:5070;transport=tls", "sips:u@sbc.example:5070"},
		transport.WS:  {"SIP/2.0/WS", "sip:u@sbc.example:5070;transport=ws", "sips:u@sbc.example:5070;transport=ws"},
		transport.WSS: {"SIP/2.0/WSS", "sip:u@sbc.example:5070;transport=ws", "sips:u@sbc.example:5070;transport=ws"},
	} {
		t.Run(p.String(), func(t *testing.T) {
			h := hopOn(t, p)
			via := h.Via("z9hG4bKb")
			if got := strings.Join(via[:], ""); got != want.via+" sbc.example:5070;branch=z9hG4bKb;rport" {
				t.Errorf("Via %s", got)
			}
			if got := h.Contact("u", false); got != want.sip {
				t.Errorf("Contact %s, want %s", got, want.sip)
			}
			if got := h.Contact("u", true); got != want.sips {
				t.Errorf("sips Contact %s, want %s", got, want.sips)
			}
			if h.Name() != "198.51.100.7:5080;"+p.String() || h.Target().Transport != p.String() || h.Target().Addr != h.Dest.Addr {
				t.Errorf("name %s, target %+v", h.Name(), h.Target())
			}
		})
	}
}

func TestHop_Via_OffersTheConnectionWhenWeShowACertificate(t *testing.T) {
	h := hopOn(t, transport.TLS)
	h.Dest.TLS = &transport.ClientTLS{Name: "n", Domain: "d", Config: func() *tls.Config { return &tls.Config{Certificates: make([]tls.Certificate, 1)} }}
	via := h.Via("z9hG4bKb")
	if got := strings.Join(via[:], ""); got != "SIP/2.0/TLS sbc.example:5070;branch=z9hG4bKb;rport;alias" {
		t.Errorf("Via %s", got)
	}
}

const sent = "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKold;rport\r\nMax-Forwards: 70\r\nRoute: <sip:p;lr>\r\n" +
	"From: \"A  B\" <sip:a@c>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: x\r\nCSeq: 7 INVITE\r\nX-Odd:   as it was \r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n"

func TestReroute_OnlyTheViaChanges(t *testing.T) {
	h := hopOn(t, transport.TCP)
	got, err := Reroute([]byte(sent), h, "z9hG4bKnew")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(sent, "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKold;rport", "SIP/2.0/TCP sbc.example:5070;branch=z9hG4bKnew;rport", 1)
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestReroute_WhatIsNoRequestOrCannotBeWritten_IsAnError(t *testing.T) {
	h := hopOn(t, transport.TCP)
	if _, err := Reroute([]byte("nonsense"), h, "z9hG4bKnew"); err == nil {
		t.Error("nonsense was rerouted")
	}
	if _, err := Reroute([]byte(sent), h, "z9hG4bK\r\nEvil: 1"); err == nil {
		t.Error("a header was smuggled in")
	}
}
