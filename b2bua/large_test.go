package b2bua_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/testlab/memnet"
	"gatehouse/sip/resolve"
	"gatehouse/sip/transport"
)

// peerD is the TCP side of the carrier, at the very address of its UDP one.
const peerD = `
peer D tcp 203.0.113.20:5060 -> 203.0.113.10:5060
`

// onD turns a fragment of the carrier's UDP side into one of its TCP side.
func onD(fragment string) string {
	s := peerPrefix.ReplaceAllStringFunc(fragment, func(p string) string { return strings.Replace(p, "B", "D", 1) })
	return strings.ReplaceAll(s, "SIP/2.0/UDP 203", "SIP/2.0/TCP 203")
}

// long is a line that makes the INVITE of A, and so that of B, larger than
// udp_max lets a datagram be.
var long = "A> Subject: " + strings.Repeat("x", 1200) + "\n"

// largeInvite is an INVITE of A that is too large, up to its 100.
var largeInvite = inviteHead + long + sdpA + "\n<A SIP/2.0 100 Trying\n<A ...\n"

// inviteAtB is what the carrier's UDP side receives of it.
var inviteAtB = strings.SplitN(invite, "<A !Contact\n", 2)[1]

// dials counts the connections tried to an address.
func (w *wire) dials(to string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, p := range w.all {
		if p.Proto == transport.TCP && p.Dst.String() == to && len(p.Data) == 0 {
			n++
		}
	}
	return n
}

func TestB022_LargeRequest_GoesByTCPWithItsVia(t *testing.T) {
	play(t, both(nothingLeft(t), tried(t, "carrier 203.0.113.20:5060;tcp 200"), func(r *rig) {
		p := r.wire.sent(addrB, "INVITE")
		if len(p) != 1 || p[0].Proto != transport.TCP {
			t.Fatalf("%d INVITEs, the first by %v", len(p), p[0].Proto)
		}
		// The Contact stays the one of the UDP listener, which has TCP beside it (RFC 3261 §18.1.1).
		if c := headers(p[0], "Contact")[0]; strings.Contains(c, "transport=") {
			t.Errorf("Contact %s", c)
		}
		if len(p[0].Data) <= 1300 {
			t.Errorf("only %d bytes", len(p[0].Data))
		}
	}), peers, peerD, largeInvite, onD(inviteAtB), onD(ring), onD(okB)+onD(sdpB), "\n<B ACK sip:b@203.0.113.20:5060 SIP/2.0\n<B ...\n", answerAtA, ackA, endA)
}

func TestB022_LargeRequest_CancelAndACKOfARefusalGoByTCPToo(t *testing.T) {
	play(t, nothingLeft(t), peers, peerD, largeInvite, onD(inviteAtB), onD(ring), cancelA, cancelled, onD(cancelAtB), "repeats ignore\n", onD(okCancelB), onD(terminatedB))
}

func TestB022_TCPRefused_GoesByUDPAtOnceAsANewTransaction(t *testing.T) {
	play(t, both(nothingLeft(t), tried(t, "carrier 203.0.113.20:5060;udp 200"), penalties(t), func(r *rig) {
		if n := r.wire.dials(addrB); n != 1 {
			t.Errorf("%d connections tried", n)
		}
	}), peers, largeInvite, "timeout 1ms\n", inviteAtB, ring, answer, ackA, endA)
}

func TestB022_TCPSilentForTheWholeRingTimeout_GoesByUDP(t *testing.T) {
	config := changed(t, "carrier: {zone: outside, ", "carrier: {zone: outside, sip: {ring_timeout: 10s}, ")
	play(t, both(nothingLeft(t), tried(t, "carrier 203.0.113.20:5060;tcp 408", "carrier 203.0.113.20:5060;udp 200")), config, peers, peerD,
		largeInvite, onD("<B INVITE ${*}\n<B ...\n"), "timeout 11s\n", inviteAtB, ring, answer, ackA, endA)
}

// blackHole swallows everything that is TCP.
func blackHole(n *memnet.Network) {
	n.Filter = func(p memnet.Packet) memnet.Verdict { return memnet.Verdict{Drop: p.Proto == transport.TCP} }
}

func TestB022_CancelWhileTCPIsTried_NothingGoesByUDP(t *testing.T) {
	playWith(t, func(r *rig) { r.net.Update(blackHole) }, both(nothingLeft(t), func(r *rig) { r.wire.checkCount(t, addrB, "INVITE", 0) }), peers, largeInvite, "wait 1s\n", cancelA, cancelled, "quiet B 40s\n")
}

func TestB022_TCPBlackHole_GoesByUDPAfterTwoSeconds(t *testing.T) {
	playWith(t, func(r *rig) { r.net.Update(blackHole) }, both(nothingLeft(t), func(r *rig) {
		trying, sent := r.wire.sent(addrA, "SIP/2.0 100")[0], r.wire.sent(addrB, "INVITE")[0]
		if after := sent.At.Sub(trying.At); after != 2*time.Second {
			t.Errorf("by UDP after %v", after)
		}
	}), peers, largeInvite, inviteAtB, ring, answer, ackA, endA)
}

func TestB022_ResetAfterTheRequestWasWritten_GoesByUDP(t *testing.T) {
	play(t, both(nothingLeft(t), tried(t, "carrier 203.0.113.20:5060;udp 200"), func(r *rig) {
		p := r.wire.sent(addrB, "INVITE")
		if len(p) != 2 || p[0].Proto != transport.TCP || p[1].Proto != transport.UDP {
			t.Fatalf("%d INVITEs", len(p))
		}
		for _, name := range []string{"Call-ID", "CSeq", "From", "Contact"} {
			if a, b := headers(p[0], name)[0], headers(p[1], name)[0]; a != b {
				t.Errorf("%s was %s, is %s: it is not the same request", name, a, b)
			}
		}
		if branch(p[0]) == branch(p[1]) {
			t.Error("the branch is the same: it is no transaction of its own")
		}
	}), peers, peerD, largeInvite, onD("<B INVITE ${*}\n<B ...\n"), "disconnect D\ntimeout 10ms\n", inviteAtB, ring, answer, ackA, endA)
}

// The call is for the target by UDP, whatever way its size made it take.
func TestB022_LargeRequest_WhatItsTargetSaysIsSaidOfTheTargetByUDP(t *testing.T) {
	t.Run("503 with Retry-After", func(t *testing.T) {
		play(t, both(nothingLeft(t), penalties(t, "udp 203.0.113.20:5060 hard 2m0s")), twoTargets(t), peers, peerD, peerC, largeInvite, onD(inviteAtB),
			onD(refusedByB("503 Service Unavailable", "B> Retry-After: 120\n")), inviteC, onC(ring), onC(answer), ackA, onC(endA))
	})
	t.Run("any answer forgives", func(t *testing.T) {
		b := resolve.Target{Addr: netip.MustParseAddrPort(addrB), Transport: "udp"}
		playWith(t, func(r *rig) { r.dns.Penalize(b, time.Hour, false) }, both(nothingLeft(t), func(r *rig) {
			if r.dns.Penalized(b) {
				t.Error("still out after it answered")
			}
		}), peers, peerD, largeInvite, onD(inviteAtB), onD(ring), cancelA, cancelled, onD(cancelAtB), "repeats ignore\n", onD(okCancelB), onD(terminatedB))
	})
}

func branch(p memnet.Packet) string {
	_, b, _ := strings.Cut(headers(p, "Via")[0], "branch=")
	b, _, _ = strings.Cut(b, ";")
	return b
}

func TestB022_ConnectionLostAfterAProvisional_TheTransactionGoesOn(t *testing.T) {
	// The far side has the request; what it still says comes on a connection of
	// its own or not at all (RFC 3261 §18.4).
	play(t, both(nothingLeft(t), tried(t, "carrier 203.0.113.20:5060;tcp 200")), peers, peerD, largeInvite, onD(inviteAtB), onD(ring), "disconnect D\nquiet B 5s\n",
		onD(okB)+onD(sdpB), "\n<B ACK sip:b@203.0.113.20:5060 SIP/2.0\n<B ...\n", answerAtA, ackA, endA)
}

// secondCall is the same call again under another Call-ID.
func secondCall(parts ...string) string {
	return strings.NewReplacer("call-1@", "call-2@", "bcall", "bcall2", "btag", "btag2", "bbranch", "bbranch2", "bcontact", "bcontact2",
		"atag", "atag2", "acontact", "acontact2").Replace(strings.Join(parts, "\n"))
}

func TestB022_TargetWithoutTCP_IsRememberedForTenMinutes(t *testing.T) {
	whole := []string{largeInvite, inviteAtB, ring, answer, ackA, endA}
	for wait, dials := range map[string]int{"9m50s": 1, "10m10s": 2} {
		t.Run(wait, func(t *testing.T) {
			play(t, func(r *rig) {
				if n := r.wire.dials(addrB); n != dials {
					t.Errorf("%d connections tried, want %d", n, dials)
				}
			}, append([]string{peers}, append(whole, "wait "+wait+"\n", secondCall(whole...))...)...)
		})
	}
}

func TestB022_PinnedOrSwitchedOff_StaysOnUDP(t *testing.T) {
	for name, config := range map[string]string{
		"transport=udp in the URI": changed(t, `"sip:203.0.113.20:5060"`, `"sip:203.0.113.20:5060;transport=udp"`),
		"udp_max: 0":               changed(t, "    listen: [udp://203.0.113.10:5060", "    udp_max: 0\n    listen: [udp://203.0.113.10:5060"),
		"no TCP listener":          changed(t, "listen: [udp://203.0.113.10:5060, tcp://203.0.113.10:5060]", "listen: [udp://203.0.113.10:5060]"),
	} {
		t.Run(name, func(t *testing.T) {
			play(t, both(nothingLeft(t), func(r *rig) {
				if n := r.wire.dials(addrB); n != 0 {
					t.Errorf("%d connections tried", n)
				}
			}), config, peers, largeInvite, "timeout 1ms\n", inviteAtB, ring, answer, ackA, endA)
		})
	}
}

// lateOffer is a call whose offer comes in the 200 and whose answer in the ACK,
// with an ACK that is too large for a datagram.
func lateOffer(ack string) []string {
	codecs := "B> m=audio 6000 RTP/AVP 0"
	var lines strings.Builder
	for i := range 24 {
		lines.WriteString("B> a=rtpmap:" + itoa(96+i) + " codec-with-a-long-name-" + itoa(i) + "/8000\n")
		codecs += " " + itoa(96+i)
	}
	offer := "B> Content-Type: application/sdp\nB>\nB> v=0\nB> o=carrier 7 7 IN IP4 203.0.113.20\nB> s=-\nB> c=IN IP4 203.0.113.20\nB> t=0 0\n" + codecs + "\n" + lines.String()
	answer := strings.NewReplacer("B> o=carrier 7 7 IN IP4 203.0.113.20", "A> o=pbx 1 1 IN IP4 10.0.0.20", "203.0.113.20", "10.0.0.20", "6000", "4000", "B>", "A>").Replace(offer)
	return []string{inviteHead, "\n<A SIP/2.0 100 Trying\n<A ...\n", inviteAtB, ring, okB + offer, answerAtA, ackA[:len(ackA)-1] + "\n" + answer, ack}
}

func itoa(n int) string {
	return string(bytes.TrimLeft([]byte{byte('0' + n/100), byte('0' + n/10%10), byte('0' + n%10)}, "0"))
}

func TestB022_ACKOfA2xx_GoesByTCPToo(t *testing.T) {
	play(t, both(nothingLeft(t), func(r *rig) {
		if p := r.wire.sent(addrB, "ACK"); len(p) != 1 || p[0].Proto != transport.TCP || !strings.HasPrefix(headers(p[0], "Via")[0], "SIP/2.0/TCP ") {
			t.Errorf("%d ACKs", len(p))
		}
	}), append([]string{peers, peerD}, append(lateOffer("\n<D ACK sip:b@203.0.113.20:5060 SIP/2.0\n<D ...\n"), endA)...)...)
}

func TestB022_ACKThatTCPDoesNotTake_GoesByUDPAtOnce(t *testing.T) {
	play(t, both(nothingLeft(t), func(r *rig) {
		if p := r.wire.sent(addrB, "ACK"); len(p) != 1 || p[0].Proto != transport.UDP || !strings.HasPrefix(headers(p[0], "Via")[0], "SIP/2.0/UDP ") {
			t.Errorf("%d ACKs", len(p))
		}
		if n := r.wire.dials(addrB); n != 1 {
			t.Errorf("%d connections tried", n)
		}
	}), append([]string{peers}, append(lateOffer("timeout 10ms\n\n<B ACK sip:b@203.0.113.20:5060 SIP/2.0\n<B ...\n"), endA)...)...)
}

func TestB022_OtherTargetsBehindIt_ComeAfterUDP(t *testing.T) {
	// TCP refused, then UDP, which says nothing: only then the next target.
	playWith(t, nil, both(nothingLeft(t), tried(t, "carrier 203.0.113.20:5060;udp 408", "carrier 203.0.113.30:5060;udp 200")), twoTargets(t), peers, peerC,
		largeInvite, inviteAtB, "repeats ignore\ntimeout 33s\n", inviteC, onC(ring), onC(answer), ackA, onC(endA))
}
