//go:build interop

package interop

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/testlab/certs"
)

var (
	loopback4 = netip.MustParseAddr("127.0.0.1")
	loopback6 = netip.IPv6Loopback()
)

const (
	talk = 4 * time.Second
	// least is what must be heard of a talk: half a second may go to either end of it, a block is lost where they do not line up.
	least = 2.5
)

// Two baresips without us: the laboratory's own test.
func TestPeers_Baresip_HearEachOther(t *testing.T) {
	t.Parallel()
	for _, addr := range []netip.Addr{loopback4, loopback6} {
		t.Run(addr.String(), func(t *testing.T) {
			t.Parallel()
			alice := startPhone(t, "alice", addr, 11)
			bob := startPhone(t, "bob", addr, 12)
			alice.command("dial", fmt.Sprintf("sip:bob@%s", bob.sip))
			converse(t, alice, bob)
		})
	}
}

// converse waits for the answer, lets them talk, hangs up and compares what was heard.
func converse(t *testing.T, alice, bob *phone) {
	t.Helper()
	alice.says(10*time.Second, "Call established")
	alice.says(10*time.Second, "incoming rtp")
	idle(t, talk, "the call ended", func() bool { return alice.out.has("terminated") || bob.out.has("terminated") })
	alice.command("hangup", "")
	bob.says(10*time.Second, "terminated")
	alice.stop()
	bob.stop()
	alice.hears(bob, least)
	bob.hears(alice, least)
}

func TestTalk_BothWays_AudioArrives(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name            string
		inside, outside func(*testing.T) netip.Addr
		alice, bob      netip.Addr
		ports           string // ::1 is one address: two borders on it share its ports
	}{
		{"IPv4", host, host, loopback4, loopback4, "16384-32767"},
		{"IPv4 to IPv6", host, loopback6Of, loopback4, loopback6, "16384-20479"},
		{"IPv6 to IPv4", loopback6Of, host, loopback6, loopback4, "20480-24575"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPlan(t)
			p.Inside, p.Outside = tt.inside(t), tt.outside(t)
			p.Ports = tt.ports
			if p.Outside.Is6() || p.Inside.Is6() {
				p.SIPPort = freePorts(t, loopback6)
			}
			// A baresip answers for its own user only: the number that is dialled.
			bob := startPhone(t, "13125551212", tt.bob, 22)
			alice := startPhone(t, "alice", tt.alice, 21)
			p.PBX, p.Carrier = alice.sip, bob.sip
			b := startBorder(t, p)
			alice.command("dial", fmt.Sprintf("sip:13125551212@%s", b.sip(p.Inside)))
			converse(t, alice, bob)
			b.settled()
			b.oneCDR("pbx", "carrier", 200)
		})
	}
}

// A phone that speaks TLS, in either direction: baresip checks our certificate and shows its own.
func TestTalk_OverTLS_AudioArrives(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"to the phone", "from the phone"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			papers := newPapers(t)
			p := newTLSPlan(t, papers, ", "+papers.trust("client_ca")+", client_auth: request")
			papers.issue("phone", certs.IP(loopback4.String()))
			// baresip reads certificate and key from one file.
			writeFile(t, papers.path("both.pem"), readFile(t, papers.path("phone.pem"))+readFile(t, papers.path("phone.key")))
			secured := []string{"sip_certificate " + papers.path("both.pem"), "sip_cafile " + papers.path("ca.pem")}
			ca := "    tls: {" + papers.trust("ca") + "}\n"
			toPhone := name == "to the phone"
			var alice, bob, phone *phone
			if toPhone {
				alice, bob = startPhone(t, "alice", loopback4, 31), startPhone(t, "13125551212", loopback4, 32, secured...)
				phone, p.PBX = bob, alice.sip
			} else {
				alice, bob = startPhone(t, "alice", loopback4, 31, secured...), startPhone(t, "13125551212", loopback4, 32)
				phone, p.PBX = alice, bob.sip
			}
			p.Carrier = phone.tls()
			p.CarrierAddress, p.CarrierOptions = fmt.Sprintf("\"sip:%s;transport=tls\"", phone.tls()), ca
			b := startBorder(t, p)
			if toPhone {
				alice.command("dial", fmt.Sprintf("sip:13125551212@%s", b.sip(p.Inside)))
			} else {
				alice.command("dial", fmt.Sprintf("sip:13125551212@%s;transport=tls", tlsAddr(p.Outside)))
			}
			converse(t, alice, bob)
			b.settled()
			b.cdrCount(1)
			record := b.cdrs()[0]
			if record["code"] != float64(200) || !strings.Contains(fmt.Sprint(record["legs"]), "tls") {
				t.Errorf("call record without a leg over TLS: %v", record)
			}
		})
	}
}

func loopback6Of(*testing.T) netip.Addr { return loopback6 }
