package b2bua_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"gatehouse/sip/resolve"
)

// sosConfig routes emergency calls to a carrier of their own.
func sosConfig(t *testing.T) string {
	t.Helper()
	return changed(t, "routes:\n", "routes:\n  - {name: emergency, from: pbx, called: [\"urn:service:sos*\"], to: [second]}\n")
}

// sos is an INVITE of A for an emergency service.
func sos(urn string, more ...string) string {
	return strings.NewReplacer("INVITE sip:+13125550100@10.0.0.1", "INVITE "+urn, "To: <sip:+13125550100@10.0.0.1>", "To: <"+urn+">").Replace(inviteHead) + strings.Join(more, "") + sdpA
}

// toSOS turns fragments of A into those of such a call.
func toSOS(urn string, parts ...string) string {
	return strings.NewReplacer("To: <sip:+13125550100@10.0.0.1>", "To: <"+urn+">", "ACK sip:+13125550100@10.0.0.1", "ACK "+urn, "CANCEL sip:+13125550100@10.0.0.1", "CANCEL "+urn).
		Replace(strings.Join(parts, "\n"))
}

// sosAtC is what the second carrier receives: the URN is the request URI and To,
// the carrier a loose route (RFC 6881 §9.2).
func sosAtC(urn string) string {
	return "\n<C INVITE " + urn + ` SIP/2.0
<C Via: SIP/2.0/UDP 203.0.113.10:5060;branch=${cbranch:word};rport
<C Route: <sip:203.0.113.30:5060;lr>
<C From: "Reception" <sip:100@203.0.113.10>;tag=${ctag:token}
<C To: <` + urn + `>
<C Call-ID: ${ccall:token}
<C ...
`
}

func TestB135_EmergencyService_IsRoutedByItsURNAndKeepsIt(t *testing.T) {
	for in, out := range map[string]string{"urn:service:sos": "urn:service:sos", "urn:service:sos.fire": "urn:service:sos.fire", "URN:Service:SOS.Police": "urn:service:sos.police"} {
		t.Run(in, func(t *testing.T) {
			play(t, both(nothingLeft(t), func(r *rig) {
				if rec := r.cdrs.list()[0]; rec.Called != out || rec.Route != "emergency" {
					t.Errorf("record: %s by %s", rec.Called, rec.Route)
				}
			}), sosConfig(t), peers, peerC, sos(in), "\n<A SIP/2.0 100 Trying\n<A ...\n", sosAtC(out), toSOS(in, onC(ring), onC(answer), ackA, onC(endA)))
		})
	}
}

func TestB135_EmergencyCall_CancelHasItsURNAndRoute(t *testing.T) {
	const urn = "urn:service:sos"
	play(t, nothingLeft(t), sosConfig(t), peers, peerC, sos(urn), "\n<A SIP/2.0 100 Trying\n<A ...\n", sosAtC(urn), toSOS(urn, onC(ring), cancelA, cancelled), `
<C CANCEL urn:service:sos SIP/2.0
<C Route: <sip:203.0.113.30:5060;lr>
<C ...
repeats ignore
`, onC(okCancelB), strings.NewReplacer("ACK sip:+13125550100@203.0.113.30:5060", "ACK "+urn, "To: <sip:+13125550100@203.0.113.30>", "To: <"+urn+">").Replace(onC(terminatedB)))
}

func TestB135_EmergencyCall_IsTriedThoughItsTargetWantsToBeLeftAlone(t *testing.T) {
	const urn = "urn:service:sos"
	playWith(t, func(r *rig) {
		r.dns.Penalize(resolve.Target{Addr: netip.MustParseAddrPort(addrC), Transport: "udp"}, time.Hour, true)
	}, nothingLeft(t), sosConfig(t), peers, peerC, sos(urn), "\n<A SIP/2.0 100 Trying\n<A ...\n", sosAtC(urn), toSOS(urn, onC(ring), onC(answer), ackA, onC(endA)))
}

func TestB135_OtherURNs_AreRefused(t *testing.T) {
	for _, urn := range []string{"urn:service:counseling", "urn:service:sosage", "urn:service:sos.", "urn:service:sos..x", "urn:service:sos.-x", "urn:uuid:1-2", "urn:service:sos." + strings.Repeat("x", 28)} {
		t.Run(urn, func(t *testing.T) {
			play(t, untouched(t, 1), sosConfig(t), peers, sos(urn), "\n<A SIP/2.0 416 Unsupported URI Scheme\n<A ...\n", toSOS(urn, refusalACK))
		})
	}
}

func TestB135_EmergencyWithoutARoute_404(t *testing.T) {
	play(t, both(untouched(t, 1), func(r *rig) {
		if rec := r.cdrs.list()[0]; rec.Called != "urn:service:sos.fire" {
			t.Errorf("record: %s", rec.Called)
		}
	}), peers, sos("urn:service:sos.fire"), "\n<A SIP/2.0 404 Not Found\n<A ...\n", toSOS("urn:service:sos.fire", refusalACK))
}

func TestB135_ResourcePriority_Crosses(t *testing.T) {
	play(t, both(nothingLeft(t), func(r *rig) {
		p := r.wire.sent(addrB, "INVITE")[0]
		if got := strings.Join(headers(p, "Resource-Priority"), "|"); got != "ets.2, wps.3|dsn.flash" {
			t.Errorf("Resource-Priority %q", got)
		}
		if got := headers(p, "Priority"); len(got) != 1 || got[0] != "emergency" {
			t.Errorf("Priority %q", got)
		}
		// It is a header of requests (RFC 4412 §3.1).
		if got := headers(r.wire.sent(addrA, "SIP/2.0 180")[0], "Resource-Priority"); got != nil {
			t.Errorf("180 has Resource-Priority %q", got)
		}
	}), peers, strings.Replace(invite, inviteHead, inviteHead+"A> Resource-Priority: ets.2, wps.3\nA> Resource-Priority: dsn.flash\nA> Priority: emergency\n", 1),
		strings.Replace(ring, "B> Contact", "B> Resource-Priority: ets.0\nB> Contact", 1), answer, ackA, endA)
}
