package b2bua_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/testlab/memnet"
	sip "gatehouse/internal/testlab/wire"
	"gatehouse/sip/transport"
)

// secureConfig is a border that speaks TLS on both sides; TARGETS are the
// carrier's addresses.
const secureConfig = `
node: gw1
zones:
  inside:
    listen: [udp://10.0.0.1:5060, tls://10.0.0.1:5061]
    tls: {certificate: sbc.pem, key_file: sbc.key}
    trust: full
    media: {address: 10.0.0.1, ports: 16384-32767}
  outside:
    listen: [udp://203.0.113.10:5060, tcp://203.0.113.10:5060, tls://203.0.113.10:5061, wss://203.0.113.10:443]
    tls: {certificate: sbc.pem, key_file: sbc.key}
    media: {address: 203.0.113.10, ports: 16384-32767}
peers:
  pbx: {zone: inside, address: "sips:pbx.example", source: [10.0.0.20]}
  carrier: {zone: outside, address: TARGETS, source: [203.0.113.0/24]}
routes:
  - {name: out, from: pbx, to: [carrier]}
`

// secureCall is a call of a PBX on TLS to a carrier on TLS.
type secureCall struct {
	*rig
	t       *testing.T
	pbx     *station
	carrier *station
	side    dialogSide
}

// secured starts a rig with the carrier at these targets, whose certificate is
// of the given names, and runs a test in its bubble.
func secured(t *testing.T, targets, name string, test func(c *secureCall)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		r := newRig(t, n.Host(), strings.ReplaceAll(secureConfig, "TARGETS", targets))
		r.net, r.wire = n, newWire(n)
		r.dns.targets("trunk.example", "tls 203.0.113.20:5061")
		c := &secureCall{rig: r, t: t, pbx: r.station(t, transport.TLS, "10.0.0.20:5061", true, r.papers.client("sbc.example")),
			carrier: r.station(t, transport.TLS, "203.0.113.20:5061", true, r.papers.server(strings.Fields(name)...)),
			side: dialogSide{via: "SIP/2.0/TLS 10.0.0.20:5061", from: "<sips:100@pbx.example>;tag=a1", to: "<sips:+13125550100@sbc.example>", callID: "tls-1",
				contact: "sips:100@10.0.0.20:5061", target: "sips:+13125550100@sbc.example"}}
		c.pbx.connect(netip.MustParseAddr("10.0.0.20"), "10.0.0.1:5061")
		test(c)
		c.checkEmpty(t)
		if got := len(c.cdrs.list()); got != 1 {
			t.Errorf("%d records, want 1", got)
		}
		c.noClearText()
	})
}

// noClearText fails when anything readable left for the carrier's side.
func (c *secureCall) noClearText() {
	c.t.Helper()
	for _, p := range c.wire.since(0) {
		if strings.Contains(string(p.Data), "SIP/2.0") {
			c.t.Errorf("in clear from %s to %s:\n%s", p.Src, p.Dst, p.Data)
		}
	}
}

// call sends the INVITE of the PBX.
func (c *secureCall) call() {
	c.t.Helper()
	c.pbx.say(c.side.request("INVITE", audioBody("10.0.0.20")))
	c.pbx.hear("SIP/2.0 100")
}

// refused hears the refusal of the INVITE and acknowledges it.
func (c *secureCall) refused(status string) sip.Message {
	c.t.Helper()
	m := c.pbx.hear("SIP/2.0 " + status)
	c.side.to = m.Get("To")
	ack := c.side.request("ACK", "")
	c.pbx.say(strings.Replace(ack, "branch=z9hG4bK-ACK-1", "branch=z9hG4bK-INVITE-1", 1))
	return m
}

func TestSIPS_OtherDomainAtTheSameAddress_ItsConnectionEndsAlone(t *testing.T) {
	secured(t, `[{uri: "sips:trunk.example", priority: 1}, {uri: "sips:other.example", priority: 2}]`, "trunk.example other.example", func(c *secureCall) {
		c.dns.targets("other.example", "tls 203.0.113.20:5061")
		c.call()
		c.carrier.say(sip.Reply(c.carrier.hear("INVITE sips:+13125550100@trunk.example"), "503 Service Unavailable", "b1", nil, ""))
		c.carrier.hear("ACK ")
		invite := c.carrier.hear("INVITE sips:+13125550100@other.example")
		c.carrier.mu.Lock()
		first := c.carrier.lines[0]
		c.carrier.mu.Unlock()
		first.close()
		time.Sleep(time.Second)
		c.pbx.nothing()
		c.carrier.say(sip.Reply(invite, "486 Busy Here", "b2", nil, ""))
		c.carrier.hear("ACK ")
		c.refused("486")
	})
}

func TestSIPS_Call_IsSIPSOnBothLegsAndTLSOnly(t *testing.T) {
	for _, targets := range []string{`"sips:trunk.example"`, `"sip:trunk.example"`, `"sip:trunk.example;transport=tls"`,
		`[{uri: "sip:203.0.113.30:5060", priority: 1}, {uri: "sip:trunk.example;transport=tls", priority: 2}]`} {
		t.Run(targets, func(t *testing.T) {
			secured(t, targets, "trunk.example", func(c *secureCall) {
				c.call()
				invite := c.carrier.hear("INVITE sips:+13125550100@trunk.example SIP/2.0")
				if got := invite.Get("Contact"); !strings.HasPrefix(got, "<sips:") || !strings.HasSuffix(got, "@203.0.113.10:5061>") {
					t.Errorf("Contact %s", got)
				}
				if got := invite.Get("Via"); !strings.HasPrefix(got, "SIP/2.0/TLS 203.0.113.10:5061;") {
					t.Errorf("Via %s", got)
				}
				if from, to := invite.Get("From"), invite.Get("To"); !strings.HasPrefix(from, "<sips:100@203.0.113.10>") || to != "<sips:+13125550100@trunk.example>" {
					t.Errorf("From %s, To %s", from, to)
				}
				c.carrier.say(ok(invite, "sips:b@203.0.113.20:5061", audioBody("203.0.113.20")))
				answered := c.pbx.hear("SIP/2.0 200")
				c.carrier.hear("ACK sips:b@203.0.113.20:5061")
				c.side.to, c.side.target = answered.Get("To"), sip.URIOf(answered.Get("Contact"))
				if !strings.HasPrefix(c.side.target, "sips:") || !strings.HasSuffix(c.side.target, "@10.0.0.1:5061") {
					t.Errorf("Contact %s", c.side.target)
				}
				c.pbx.say(c.side.request("ACK", ""))
				c.pbx.say(c.side.request("BYE", ""))
				c.pbx.hear("SIP/2.0 200")
				c.carrier.say(sip.Reply(c.carrier.hear("BYE sips:b@203.0.113.20:5061"), "200 OK", "", nil, ""))
				// One connection carried it all: the Contact is an address, but who is
				// there has proved to be of the trunk's domain (RFC 5922 §7.2).
				if n := c.wire.dials("203.0.113.20:5061"); n != 1 {
					t.Errorf("%d connections", n)
				}
			})
		})
	}
}

func TestSIPS_IdentityWanted_IsTheDomainBeforeResolution(t *testing.T) {
	var asked []string
	secured(t, `"sips:trunk.example"`, "trunk.example", func(c *secureCall) {
		client := c.set.client
		c.set.client = func(zone, peer, domain string) *transport.ClientTLS {
			asked = append(asked, fmt.Sprint(zone, " ", peer, " ", domain))
			return client(zone, peer, domain)
		}
		c.call()
		c.carrier.say(sip.Reply(c.carrier.hear("INVITE "), "486 Busy Here", "b1", nil, ""))
		c.carrier.hear("ACK ")
		c.refused("486")
	})
	if !slices.Equal(asked, []string{"outside carrier trunk.example"}) {
		t.Errorf("asked for %q", asked)
	}
}

func TestSIPS_NoSecureTarget_480AndNothingLeaves(t *testing.T) {
	for _, targets := range []string{`"sip:203.0.113.20:5060"`, `"sip:203.0.113.20:5060;transport=tcp"`, `"sip:trunk.example:5060"`} {
		t.Run(targets, func(t *testing.T) {
			secured(t, targets, "trunk.example", func(c *secureCall) {
				c.call()
				m := c.refused("480 Temporarily Unavailable")
				if got := m.Get("Warning"); got != `380 gatehouse "SIPS Not Allowed"` {
					t.Errorf("Warning %q", got)
				}
				if rec := c.cdrs.list()[0]; len(rec.Attempts) != 1 || rec.Attempts[0].Code != 480 || rec.Cause != "no secure target" {
					t.Errorf("record %+v", rec)
				}
			})
		})
	}
}

func TestSIPS_SecureHopFails_480AndNeverInClear(t *testing.T) {
	for name, tc := range map[string]struct{ certificate, targets string }{
		"certificate of somebody else": {"evil.example", `"sips:trunk.example"`},
		"nobody there":                 {"trunk.example", `"sips:203.0.113.99:5061"`},
		"clear address behind it":      {"evil.example", `[{uri: "sips:trunk.example", priority: 1}, {uri: "sip:203.0.113.20:5060", priority: 2}]`},
	} {
		t.Run(name, func(t *testing.T) {
			secured(t, tc.targets, tc.certificate, func(c *secureCall) {
				c.call()
				time.Sleep(time.Minute)
				c.refused("480 Temporarily Unavailable")
				c.carrier.nothing()
			})
		})
	}
}

func TestTLS_FailedHop_TheClearTargetsBehindItAreNotTried(t *testing.T) {
	// A name that offers TLS first and UDP after it: whoever can break the one
	// must not get to read the other.
	secured(t, `"sip:trunk.example"`, "evil.example", func(c *secureCall) {
		c.dns.targets("trunk.example", "tls 203.0.113.20:5061", "udp 203.0.113.20:5060", "tcp 203.0.113.20:5060")
		c.side.from, c.side.to = "<sip:100@pbx.example>;tag=a1", "<sip:+13125550100@sbc.example>"
		c.side.contact, c.side.target = "sip:100@10.0.0.20:5061;transport=tls", "sip:+13125550100@sbc.example"
		c.call()
		c.refused("500")
		if rec := c.cdrs.list()[0]; len(rec.Attempts) != 1 {
			t.Errorf("attempts %+v", rec.Attempts)
		}
	})
}

func TestSIPS_ContactThatIsNotSIPS_400(t *testing.T) {
	secured(t, `"sips:trunk.example"`, "trunk.example", func(c *secureCall) {
		c.side.contact = "sip:100@10.0.0.20:5061"
		c.pbx.say(c.side.request("INVITE", audioBody("10.0.0.20")))
		c.refused("400")
	})
}

func TestSIPS_ContactOfTheCaller_MakesItsDialogSIPSAndNotTheOther(t *testing.T) {
	// RFC 3261 §12.1.1: our Contact must be sips as well; the request was not,
	// so the far side is called as configured.
	secured(t, `"sip:trunk.example;transport=tls"`, "trunk.example", func(c *secureCall) {
		c.side.to, c.side.target = "<sip:+13125550100@sbc.example>", "sip:+13125550100@sbc.example"
		c.call()
		invite := c.carrier.hear("INVITE sip:+13125550100@trunk.example;transport=tls SIP/2.0")
		c.carrier.say(ok(invite, "sips:b@203.0.113.20:5061", audioBody("203.0.113.20")))
		c.carrier.hear("ACK ")
		answered := c.pbx.hear("SIP/2.0 200")
		c.side.to, c.side.target = answered.Get("To"), sip.URIOf(answered.Get("Contact"))
		if !strings.HasPrefix(c.side.target, "sips:") {
			t.Errorf("Contact %s", c.side.target)
		}
		c.pbx.say(c.side.request("ACK", ""))
		c.pbx.say(c.side.request("BYE", ""))
		c.pbx.hear("SIP/2.0 200")
		c.carrier.say(sip.Reply(c.carrier.hear("BYE "), "200 OK", "", nil, ""))
	})
}

func TestTLS_PlainSIPOverTLS_ContactSaysTheTransport(t *testing.T) {
	secured(t, `"sip:trunk.example;transport=tls"`, "trunk.example", func(c *secureCall) {
		c.side.from, c.side.to = "<sip:100@pbx.example>;tag=a1", "<sip:+13125550100@sbc.example>"
		c.side.contact, c.side.target = "sip:100@10.0.0.20:5061;transport=tls", "sip:+13125550100@sbc.example"
		c.call()
		invite := c.carrier.hear("INVITE sip:+13125550100@trunk.example;transport=tls SIP/2.0")
		if got := invite.Get("Contact"); !strings.HasPrefix(got, "<sip:") || !strings.HasSuffix(got, "@203.0.113.10:5061;transport=tls>") {
			t.Errorf("Contact %s", got)
		}
		c.carrier.say(ok(invite, "sip:b@203.0.113.20:5061;transport=tls", audioBody("203.0.113.20")))
		c.carrier.hear("ACK ")
		answered := c.pbx.hear("SIP/2.0 200")
		c.side.to, c.side.target = answered.Get("To"), sip.URIOf(answered.Get("Contact"))
		if !strings.HasPrefix(c.side.target, "sip:") || !strings.HasSuffix(c.side.target, "@10.0.0.1:5061;transport=tls") {
			t.Errorf("Contact %s", c.side.target)
		}
		c.pbx.say(c.side.request("ACK", ""))
		c.pbx.say(c.side.request("BYE", ""))
		c.pbx.hear("SIP/2.0 200")
		c.carrier.say(sip.Reply(c.carrier.hear("BYE "), "200 OK", "", nil, ""))
	})
}

func TestSIPS_ResolverThatGivesClearTargets_NoneIsUsed(t *testing.T) {
	secured(t, `"sips:trunk.example"`, "trunk.example", func(c *secureCall) {
		c.dns.targets("trunk.example", "udp 203.0.113.20:5060", "tcp 203.0.113.20:5060")
		c.call()
		c.refused("480")
	})
}

// TestSIPS_ContactInADialogInClear_IsNotReachedInClear: the far side asks for
// TLS where there is none, so its requests do not leave at all.
func TestSIPS_ContactInADialogInClear_IsNotReachedInClear(t *testing.T) {
	play(t, both(nothingLeft(t), func(r *rig) {
		for _, method := range []string{"ACK", "BYE"} {
			r.wire.checkCount(t, addrB, method, 0)
		}
	}), peers, invite, strings.Replace(okB, "<sip:b@${local}>", "<sips:b@203.0.113.20:5061>", 1)+sdpB, answerAtA, ackA, byeA, `
<A SIP/2.0 200 OK
<A ...
`)
}

func TestTLS_CallerCalledBack_MustProveWhoItWas(t *testing.T) {
	// Its Contact is an address; the certificate it came with names a domain.
	for certificate, reached := range map[string]bool{"pbx.example": true, "evil.example": false} {
		t.Run(certificate, func(t *testing.T) {
			secured(t, `"sips:trunk.example"`, "trunk.example", func(c *secureCall) {
				c.pbx.hangup()
				c.pbx.tls, c.pbx.shows = c.papers.known("sbc.example", "pbx.example"), c.papers.server(certificate)
				c.pbx.connect(netip.MustParseAddr("10.0.0.20"), "10.0.0.1:5061")
				c.call()
				invite := c.carrier.hear("INVITE ")
				c.carrier.say(ok(invite, "sips:b@203.0.113.20:5061", audioBody("203.0.113.20")))
				c.carrier.hear("ACK ")
				answered := c.pbx.hear("SIP/2.0 200")
				c.side.to, c.side.target = answered.Get("To"), sip.URIOf(answered.Get("Contact"))
				c.pbx.say(c.side.request("ACK", ""))
				c.pbx.hangup()
				c.carrier.say(sip.Compose("BYE "+sip.URIOf(invite.Get("Contact"))+" SIP/2.0", []string{"Via: SIP/2.0/TLS 203.0.113.20:5061;branch=z9hG4bK-bye", "Max-Forwards: 70",
					"From: " + invite.Get("To") + ";tag=b1", "To: " + invite.Get("From"), "Call-ID: " + invite.Get("Call-ID"), "CSeq: 77 BYE"}, ""))
				c.carrier.hear("SIP/2.0 200")
				if !reached {
					c.pbx.nothing()
					return
				}
				c.pbx.say(sip.Reply(c.pbx.hear("BYE sips:100@10.0.0.20:5061"), "200 OK", "", nil, ""))
			})
		})
	}
}
