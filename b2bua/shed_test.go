package b2bua_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/testlab/memnet"
	"gatehouse/sip/token"
)

// TestB050_ShardBehind_NewCallsAreShedEmergencyLastAndDialogsNever holds up the
// one shard in the middle of a call and lets a peer send on: calls are refused
// without state before the lane is full, emergency calls when it is, and what
// belongs to a dialog waits for its turn. Real time: a shard that waits for its
// turn is not idle to a bubble.
func TestB050_ShardBehind_NewCallsAreShedEmergencyLastAndDialogsNever(t *testing.T) {
	const lane, ordinary = 2048, 2048 - 2048/8
	n := memnet.New()
	w := newWire(n)
	r := newRig(t, n.Host(), "")
	peer := func(addr string) func(to, raw string) {
		c, err := n.Host().ListenUDP(netip.MustParseAddrPort(addr))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return func(to, raw string) {
			if _, err := c.WriteToUDPAddrPort([]byte(raw), netip.MustParseAddrPort(to)); err != nil {
				t.Fatal(err)
			}
		}
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); !ok(); runtime.Gosched() {
			if time.Now().After(end) {
				t.Fatalf("%s: not in time", what)
			}
		}
	}
	refused := func() int { return len(w.sent(addrB, "SIP/2.0 503")) }

	gate := make(chan struct{})
	release := sync.OnceFunc(func() { close(gate) })
	t.Cleanup(release)
	r.media.mu.Lock()
	r.media.gate = gate
	r.media.mu.Unlock()
	inside, outside := peer(addrA), peer(addrB)
	inside("10.0.0.1:5060", shedRequest("INVITE", "sip:+1@10.0.0.1", addrA, "first", "", ""))
	until("the shard is held up", r.media.waiting)

	const us = "203.0.113.10:5060"
	call := func(id, more string) { outside(us, shedRequest("INVITE", "sip:100@203.0.113.10", addrB, id, "", more)) }
	for i := range ordinary {
		call(fmt.Sprint("call", i), "")
	}
	call("one-too-many", "")
	until("the call after the last is refused", func() bool { return refused() == 1 })
	for i := range lane - ordinary {
		call(fmt.Sprint("sos", i), "Resource-Priority: esnet.0\r\n")
	}
	call("sos-too-many", "Priority: emergency\r\n")
	until("the emergency call after the last is refused", func() bool { return refused() == 2 })

	sealer, err := token.NewSealer([16]byte{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	tag := sealer.String(token.Token{Kind: token.Tag, Node: 1, Number: 7})
	outside(us, shedRequest("BYE", "sip:x@203.0.113.10", addrB, "dialog", tag, ""))
	call("behind-it", "")
	until("the BYE was read", func() bool { return refused() == 3 })

	release()
	until("the BYE has its answer", func() bool { return len(w.sent(addrB, "SIP/2.0 481")) == 1 })
	until("every call that was taken has its 100", func() bool { return len(w.sent(addrB, "SIP/2.0 100")) == lane })
	var ids []string
	for _, p := range w.sent(addrB, "SIP/2.0 503") {
		_, id, _ := strings.Cut(string(p.Data), "Call-ID: ")
		ids = append(ids, id[:strings.Index(id, "\r\n")])
		if strings.Contains(string(p.Data), "Retry-After") {
			t.Error("503 with Retry-After to a peer that knows no overload control")
		}
	}
	if got := strings.Join(ids, " "); got != "one-too-many sos-too-many behind-it" {
		t.Errorf("refused: %s", got)
	}
}

// shedRequest is a request of a peer at an address.
func shedRequest(method, uri, from, id, toTag, more string) string {
	if toTag != "" {
		toTag = ";tag=" + toTag
	}
	return fmt.Sprintf("%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s;rport\r\nMax-Forwards: 70\r\nFrom: <sip:1@%s>;tag=f\r\nTo: <%s>%s\r\nCall-ID: %s\r\nCSeq: 1 %s\r\n"+
		"Contact: <sip:1@%s>\r\n%sContent-Length: 0\r\n\r\n", method, uri, from, id, from, uri, toTag, id, method, from, more)
}
