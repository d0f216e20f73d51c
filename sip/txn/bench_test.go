package txn

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/sip/msg"
)

// BenchmarkInvite is one call as both tables of a bridge see it: INVITE out with 100, 180 and 200 back at the client,
// INVITE in with the same responses at the server, and the end of both 64*T1 later. Parsing the responses is not counted.
func BenchmarkInvite(b *testing.B) { benchmarkInvite(b, 200) }

// BenchmarkInviteRefused is the same with 486: the ACK of the client is made, that of the server absorbed.
func BenchmarkInviteRefused(b *testing.B) { benchmarkInvite(b, 486) }

func benchmarkInvite(b *testing.B, final int) {
	inv := with(b, request("INVITE", branch), "Content-Length: 0\r\n\r\n", "Content-Type: application/sdp\r\nContent-Length: 200\r\n\r\n"+strings.Repeat("v=0\r\n", 40))
	raw, request, ack := []byte(inv), parse(b, inv), parse(b, request("ACK", branch))
	responses := make([]*msg.Message, 0, 3)
	for _, code := range []int{100, 180, final} {
		responses = append(responses, parse(b, reply(b, inv, code, "t")))
	}
	client, server := NewTable(), NewTable()
	out := make([]Event, 0, 8)
	tm := DefaultTimers()
	now := t0
	b.ReportAllocs()
	for b.Loop() {
		_, out = client.NewClient(msg.INVITE, branch, raw, false, tm, nil, nil, now, out[:0])
		_, _, out = server.Request(request, peerAddr, now, out[:0])
		if server.Merged(request) {
			b.Fatal("merged")
		}
		s := server.NewServer(request, peerAddr, false, tm, nil, nil, now)
		for _, r := range responses {
			out = server.Respond(s, r.Status(), raw, now, out[:0])
			_, _, out = client.Response(r, now, out[:0])
		}
		_, _, out = server.Request(ack, peerAddr, now, out[:0])
		now = now.Add(time.Minute)
		out = client.Advance(now, out[:0])
		out = server.Advance(now, out[:0])
		if client.Len()+server.Len() != 0 {
			b.Fatal("left over")
		}
	}
}

// BenchmarkRequest is a non-INVITE request the same way.
func BenchmarkRequest(b *testing.B) {
	text := request("BYE", branch)
	raw, bye := []byte(text), parse(b, text)
	response := parse(b, reply(b, text, 200, "t"))
	client, server := NewTable(), NewTable()
	out := make([]Event, 0, 8)
	tm := DefaultTimers()
	now := t0
	b.ReportAllocs()
	for b.Loop() {
		_, out = client.NewClient(msg.BYE, branch, raw, false, tm, nil, nil, now, out[:0])
		s := server.NewServer(bye, peerAddr, false, tm, nil, nil, now)
		out = server.Respond(s, 200, raw, now, out[:0])
		_, _, out = client.Response(response, now, out[:0])
		now = now.Add(time.Minute)
		out = client.Advance(now, out[:0])
		out = server.Advance(now, out[:0])
	}
}

// BenchmarkRetransmission is a repeat that is absorbed in a table with many other transactions.
func BenchmarkRetransmission(b *testing.B) {
	t := NewTable()
	text := request("INVITE", branch)
	inv := parse(b, text)
	for i := range 50_000 {
		other := parse(b, strings.ReplaceAll(text, branch, branch+"."+strconv.Itoa(i)))
		t.NewServer(other, peerAddr, false, DefaultTimers(), nil, nil, t0)
	}
	t.NewServer(inv, peerAddr, false, DefaultTimers(), nil, nil, t0)
	out := make([]Event, 0, 8)
	b.ReportAllocs()
	for b.Loop() {
		_, _, out = t.Request(inv, peerAddr, t0, out[:0])
	}
}
