package b2bua_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/sip/resolve"
)

// The carrier has two addresses here, the second for when the first fails.
const twoAddresses = `[{uri: "sip:203.0.113.20:5060", priority: 1}, {uri: "sip:203.0.113.30:5060", priority: 2}]`

// twoTargets is the plain border with both.
func twoTargets(t *testing.T) string {
	t.Helper()
	return changed(t, `"sip:203.0.113.20:5060"`, twoAddresses, `second: {zone: outside, address: "sip:203.0.113.30:5060"}`,
		`second: {zone: outside, address: "sip:203.0.113.40:5060"}`)
}

// tried checks what the record says of every attempt: peer, target and code.
func tried(t *testing.T, each ...string) func(*rig) {
	t.Helper()
	return func(r *rig) {
		t.Helper()
		var got []string
		for _, a := range r.cdrs.list()[0].Attempts {
			got = append(got, fmt.Sprint(a.Peer, " ", a.Target, " ", a.Code))
		}
		if !slices.Equal(got, each) {
			t.Errorf("attempts\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(each, "\n"))
		}
	}
}

// penalties checks what the resolver was told.
func penalties(t *testing.T, each ...string) func(*rig) {
	t.Helper()
	return func(r *rig) {
		t.Helper()
		if got := r.dns.punished(); !slices.Equal(got, each) {
			t.Errorf("penalties %q, want %q", got, each)
		}
	}
}

func TestB043_503_NextTargetOfTheSamePeerIsTriedAsANewTransaction(t *testing.T) {
	play(t, both(nothingLeft(t), tried(t, "carrier 203.0.113.20:5060;udp 503", "carrier 203.0.113.30:5060;udp 200"), func(r *rig) {
		first, next := r.wire.sent(addrB, "INVITE")[0], r.wire.sent(addrC, "INVITE")[0]
		for _, name := range []string{"Call-ID", "Via", "From"} {
			if a, b := headers(first, name)[0], headers(next, name)[0]; a == b {
				t.Errorf("both attempts have %s %s", name, a)
			}
		}
		if a, b := mediaPort(first.Data), mediaPort(next.Data); a == b {
			t.Errorf("both attempts have media port %s", a)
		}
		// CANCEL and the ACK of a refusal are sent where their INVITE went.
		if got := r.wire.sent(addrC, "ACK sip:+1"); len(got) != 0 {
			t.Errorf("the second target got the ACK of the first's refusal")
		}
	}), twoTargets(t), peers, peerC, invite, refusedByB("503 Service Unavailable"), inviteC, onC(ring), onC(answer), ackA, onC(endA))
}

// mediaPort finds the port of the audio line.
func mediaPort(data []byte) string {
	_, rest, _ := strings.Cut(string(data), "m=audio ")
	port, _, _ := strings.Cut(rest, " ")
	return port
}

func TestB043_OtherServerFailure_NextPeerNotNextTarget(t *testing.T) {
	for _, code := range []string{"408 Request Timeout", "500 Server Internal Error", "504 Server Time-out"} {
		t.Run(code[:3], func(t *testing.T) {
			config := changed(t, `"sip:203.0.113.20:5060"`, `[{uri: "sip:203.0.113.20:5060", priority: 1}, {uri: "sip:203.0.113.40:5060", priority: 2}]`)
			play(t, both(nothingLeft(t), tried(t, "carrier 203.0.113.20:5060;udp "+code[:3], "second 203.0.113.30:5060;udp 200"), penalties(t)),
				config, failover, dialing("7775550100", refusedByB(code)), second)
		})
	}
}

func TestB043_503WithRetryAfter_KeepsTheTargetOutForSoLong(t *testing.T) {
	for value, want := range map[string]string{"120": "hard 2m0s", "7200": "hard 1h0m0s", "18000;duration=3600": "hard 1h0m0s", "60 (busy)": "hard 1m0s", "0": "", "x": "", "-5": ""} {
		t.Run(value, func(t *testing.T) {
			var list []string
			if want != "" {
				list = []string{"udp 203.0.113.20:5060 " + want}
			}
			play(t, both(nothingLeft(t), penalties(t, list...)), twoTargets(t), peers, peerC, invite,
				refusedByB("503 Service Unavailable", "B> Retry-After: "+value+"\n"), inviteC, onC(ring), onC(answer), ackA, onC(endA))
		})
	}
}

func TestB043_SilentTarget_NextOfTheSamePeerAndASoftPenalty(t *testing.T) {
	play(t, both(nothingLeft(t), tried(t, "carrier 203.0.113.20:5060;udp 408", "carrier 203.0.113.30:5060;udp 200"),
		penalties(t, "udp 203.0.113.20:5060 soft 30s")), twoTargets(t), peers, peerC, invite, `
repeats ignore
timeout 33s
`, inviteC, onC(ring), onC(answer), ackA, onC(endA))
}

func TestB043_ProvisionalThenSilence_IsNoReasonForAnotherTarget(t *testing.T) {
	// The ring timeout ends it: somebody is there.
	config := twoTargets(t)
	config = strings.Replace(config, "carrier: {zone: outside, ", "carrier: {zone: outside, sip: {ring_timeout: 45s}, ", 1)
	play(t, both(nothingLeft(t), tried(t, "carrier 203.0.113.20:5060;udp 408"), penalties(t)), config, peers, peerC, invite, ring, `
timeout 46s
`, told("408 Request Timeout"), refusalACK, cancelAtB+"<B Reason: SIP;cause=408\n", okCancelB, terminatedB, `
quiet C 1s
`)
}

func TestB043_RefusedConnection_NextTargetAtOnce(t *testing.T) {
	config := changed(t, `"sip:203.0.113.20:5060"`, `[{uri: "sip:203.0.113.20:5060;transport=tcp", priority: 1}, {uri: "sip:203.0.113.30:5060", priority: 2}]`,
		`second: {zone: outside, address: "sip:203.0.113.30:5060"}`, `second: {zone: outside, address: "sip:203.0.113.40:5060"}`)
	play(t, both(nothingLeft(t), tried(t, "carrier 203.0.113.20:5060;tcp 503", "carrier 203.0.113.30:5060;udp 200"),
		penalties(t, "tcp 203.0.113.20:5060 soft 30s")), config, peers, peerC, inviteHead+sdpA, `
<A SIP/2.0 100 Trying
<A ...
timeout 1ms
`, inviteC, onC(ring), onC(answer), ackA, onC(endA))
}

func TestB043_TargetThatFailedBefore_IsTriedAfterTheOthers(t *testing.T) {
	playWith(t, func(r *rig) {
		r.dns.Penalize(resolve.Target{Addr: netip.MustParseAddrPort(addrB), Transport: "udp"}, time.Minute, false)
	}, both(nothingLeft(t), tried(t, "carrier 203.0.113.30:5060;udp 503", "carrier 203.0.113.20:5060;udp 200")), twoTargets(t), peers, peerC,
		inviteHead+sdpA, "\n<A SIP/2.0 100 Trying\n<A ...\n", inviteC, onC(refusedByB("503 Service Unavailable")), strings.Replace(invite, inviteHead+sdpA, "", 1)[len("\n<A SIP/2.0 100 Trying\n<A ...\n<A !Contact"):],
		ring, answer, ackA, endA)
}

func TestB043_AnswerForgives(t *testing.T) {
	b := resolve.Target{Addr: netip.MustParseAddrPort(addrB), Transport: "udp"}
	playWith(t, func(r *rig) { r.dns.Penalize(b, time.Hour, false) }, both(nothingLeft(t), func(r *rig) {
		if r.dns.Penalized(b) {
			t.Error("still out after it answered")
		}
	}), established, endA)
}

func TestB043_AllTargetsOfAPeerOut_NextPeer(t *testing.T) {
	config := changed(t, `"sip:203.0.113.20:5060"`, `[{uri: "sip:203.0.113.20:5060", priority: 1}, {uri: "sip:203.0.113.50:5060;transport=tcp", priority: 2}]`)
	play(t, both(nothingLeft(t), tried(t, "carrier 203.0.113.20:5060;udp 503", "carrier 203.0.113.50:5060;tcp 503", "second 203.0.113.30:5060;udp 200")),
		config, failover, dialing("7775550100", refusedByB("503 Service Unavailable")), second)
}

// trunk is the border whose carrier is a name.
func trunk(t *testing.T) string {
	t.Helper()
	return changed(t, `"sip:203.0.113.20:5060"`, `"sip:trunk.example", source: [203.0.113.20/32, 203.0.113.30/32]`,
		`second: {zone: outside, address: "sip:203.0.113.30:5060"}`, `second: {zone: outside, address: "sip:203.0.113.40:5060"}`)
}

// named turns fragments about a numeric target into those of trunk.example.
func named(parts ...string) string {
	return strings.NewReplacer("INVITE sip:+13125550100@203.0.113.20:5060", "INVITE sip:+13125550100@trunk.example",
		"INVITE sip:+13125550100@203.0.113.30:5060", "INVITE sip:+13125550100@trunk.example",
		"CANCEL sip:+13125550100@203.0.113.20:5060", "CANCEL sip:+13125550100@trunk.example",
		"CANCEL sip:+13125550100@203.0.113.30:5060", "CANCEL sip:+13125550100@trunk.example",
		"ACK sip:+13125550100@203.0.113.20:5060", "ACK sip:+13125550100@trunk.example",
		"ACK sip:+13125550100@203.0.113.30:5060", "ACK sip:+13125550100@trunk.example",
		"To: <sip:+13125550100@203.0.113.20>", "To: <sip:+13125550100@trunk.example>", "To: <sip:+13125550100@203.0.113.30>", "To: <sip:+13125550100@trunk.example>").Replace(strings.Join(parts, "\n"))
}

func TestB047_Name_TargetsAreTriedInTheOrderOfTheResolver(t *testing.T) {
	playWith(t, func(r *rig) { r.dns.targets("trunk.example", "udp "+addrB, "udp "+addrC) },
		both(nothingLeft(t), tried(t, "carrier 203.0.113.20:5060;udp 503", "carrier 203.0.113.30:5060;udp 200"), func(r *rig) {
			q := r.dns.queries[0]
			if q.Host != "trunk.example" || q.Port != 0 || q.Transport != "" || q.Secure || !slices.Equal(q.Usable, []string{"udp", "tcp"}) || !q.IPv4 || q.IPv6 {
				t.Errorf("asked %+v", q)
			}
		}), trunk(t), peers, peerC, named(invite, refusedByB("503 Service Unavailable"), inviteC, onC(ring), onC(answer), ackA, onC(endA)))
}

func TestB047_Name_CancelGoesWhereItsInviteWent(t *testing.T) {
	playWith(t, func(r *rig) { r.dns.targets("trunk.example", "udp "+addrB, "udp "+addrC) }, both(nothingLeft(t), func(r *rig) {
		r.wire.checkCount(t, addrB, "CANCEL", 0)
	}), trunk(t), peers, peerC, named(invite, refusedByB("503 Service Unavailable"), inviteC, onC(tryingB), cancelA, cancelled, onC(cancelAtB), `
repeats ignore
`, onC(okCancelB), onC(terminatedB)))
}

func TestB047_TooManyTargets_SixteenAreTried(t *testing.T) {
	var list []string
	for i := range 40 {
		list = append(list, fmt.Sprintf("tcp 203.0.113.%d:5060", 100+i))
	}
	playWith(t, func(r *rig) { r.dns.targets("trunk.example", list...) }, both(nothingLeft(t), func(r *rig) {
		if n := len(r.cdrs.list()[0].Attempts); n != 16 {
			t.Errorf("%d attempts", n)
		}
	}), trunk(t), peers, inviteHead+sdpA, "\n<A SIP/2.0 100 Trying\n<A ...\n", told("500 Server Internal Error"), refusalACK)
}

// TestB047_InDialog_ResolvesTheContactNotTheRequestURI: the requests of a dialog
// go where its Contact leads, and to the next target of it while nobody answers.
func TestB047_InDialog_ResolvesTheContactNotTheRequestURI(t *testing.T) {
	contact := strings.NewReplacer("B> Contact: <sip:b@${local}>", "B> Contact: <sip:b@node.example>", "ACK sip:b@203.0.113.20:5060", "ACK sip:b@node.example",
		"BYE sip:b@203.0.113.20:5060", "BYE sip:b@node.example")
	playWith(t, func(r *rig) { r.dns.targets("node.example", "udp "+addrC, "udp "+addrB) }, nothingLeft(t), peers, peerC, invite,
		contact.Replace(ring), contact.Replace(okB)+sdpB, "\n<C ACK sip:b@node.example SIP/2.0\n<C ...\n", answerAtA, ackA, byeA, `
<A SIP/2.0 200 OK
<A ...
<C BYE sip:b@node.example SIP/2.0
<C Via: SIP/2.0/UDP 203.0.113.10:5060;branch=${one:word};rport
<C CSeq: ${seq:num} BYE
<C ...
repeats ignore
timeout 33s
<B BYE sip:b@node.example SIP/2.0
<B CSeq: ${seq} BYE
<B ...
`, okByeB)
}

// answerAtA is the 200 A receives.
const answerAtA = `
<A SIP/2.0 200 OK
<A To: <sip:+13125550100@10.0.0.1>;tag=${atag:token}
<A Contact: <sip:${acontact:token}@10.0.0.1:5060>
<A ...
`

func TestB047_InDialog_TransportError_NextTargetAtOnceByTheSameRequest(t *testing.T) {
	contact := strings.NewReplacer("B> Contact: <sip:b@${local}>", "B> Contact: <sip:b@node.example>", "ACK sip:b@203.0.113.20:5060", "ACK sip:b@node.example",
		"BYE sip:b@203.0.113.20:5060", "BYE sip:b@node.example")
	playWith(t, func(r *rig) { r.dns.targets("node.example", "tcp 203.0.113.77:5060", "udp "+addrB) }, both(nothingLeft(t), func(r *rig) {
		if got := r.dns.punished(); !slices.Contains(got, "tcp 203.0.113.77:5060 soft 30s") {
			t.Errorf("penalties %q", got)
		}
		for _, method := range []string{"ACK", "BYE"} {
			if p := r.wire.sent(addrB, method)[0]; headers(p, "Via")[0][:len("SIP/2.0/UDP 203.0.113.10:5060;")] != "SIP/2.0/UDP 203.0.113.10:5060;" {
				t.Errorf("%s has Via %s", method, headers(p, "Via"))
			}
		}
	}), peers, invite, contact.Replace(ring), "\ntimeout 1ms\n", contact.Replace(answer), ackA, contact.Replace(endA))
}

func TestB043_RingTimeoutShorterThanTimerB_NextOfTheSamePeer(t *testing.T) {
	config := strings.Replace(twoTargets(t), "carrier: {zone: outside, ", "carrier: {zone: outside, sip: {ring_timeout: 10s}, ", 1)
	play(t, both(nothingLeft(t), tried(t, "carrier 203.0.113.20:5060;udp 408", "carrier 203.0.113.30:5060;udp 200"), func(r *rig) {
		if got := r.dns.punished(); len(got) == 0 || got[0] != "udp 203.0.113.20:5060 soft 30s" {
			t.Errorf("penalties %q", got)
		}
	}), config, peers, peerC, invite, "repeats ignore\ntimeout 11s\n", inviteC, onC(ring), onC(answer), ackA, onC(endA))
}

func TestB047_InDialog_PenaltiesDoNotKeepItsRequestsAway(t *testing.T) {
	// A 503 elsewhere must not leave this call without its ACK and BYE.
	there := strings.NewReplacer("B> Contact: <sip:b@${local}>", "B> Contact: <sip:b@203.0.113.30:5060>")
	playWith(t, func(r *rig) {
		r.dns.Penalize(resolve.Target{Addr: netip.MustParseAddrPort(addrC), Transport: "udp"}, time.Hour, true)
	}, nothingLeft(t), peers, peerC, invite, there.Replace(ring), there.Replace(okB)+sdpB, "\n<C ACK sip:b@203.0.113.30:5060 SIP/2.0\n<C ...\n", answerAtA, ackA, byeA, `
<A SIP/2.0 200 OK
<A ...
<C BYE sip:b@203.0.113.30:5060 SIP/2.0
<C ...
`, onC(okByeB))
}

func TestB047_NameThatLeadsToOurselves_IsNotCalled(t *testing.T) {
	playWith(t, func(r *rig) { r.dns.targets("trunk.example", "udp 203.0.113.10:5060", "tcp 203.0.113.10:5060") }, both(nothingLeft(t), func(r *rig) {
		r.wire.checkCount(t, "203.0.113.10:5060", "INVITE", 0)
	}), trunk(t), peers, inviteHead+sdpA, "\n<A SIP/2.0 100 Trying\n<A ...\n", told("500 Server Internal Error"), refusalACK)
}
