package txn

import (
	"fmt"
	"testing"
	"time"

	"gatehouse/sip/msg"

	"pgregory.net/rapid"
)

// verdicts counts what the user of one transaction was told.
type verdicts struct {
	ok, refused, failed, ended int // 2xx, other finals, timeouts and transport failures, Terminated
}

func (v *verdicts) events(t *rapid.T, ev []Event) {
	for _, e := range ev {
		switch e.Kind {
		case Timeout, TransportFailed:
			v.failed++
		case Terminated:
			v.ended++
		case Transmit:
			if v.ended > 0 {
				t.Fatalf("%s sent after the end", first(e.Raw))
			}
			if len(e.Raw) == 0 {
				t.Fatal("nothing to transmit")
			}
		}
	}
	if v.ended > 1 {
		t.Fatal("terminated twice")
	}
}

// A client transaction in any sequence of responses, failures, CANCELs and waits tells its user at most one outcome, and
// is gone in bounded time once nothing more comes and a ringing call was cancelled.
func TestClient_AnyInterleaving_OneOutcomeAndAnEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		method := rapid.SampledFrom([]string{"INVITE", "BYE", "CANCEL", "FOO"}).Draw(t, "method")
		reliable := rapid.Bool().Draw(t, "reliable")
		raw := request(method, branch)
		req := parseRapid(t, raw)
		tb, now := NewTable(), t0
		var v verdicts
		c, ev := tb.NewClient(req.Method(), branch, []byte(raw), reliable, DefaultTimers(), nil, nil, now, nil)
		v.events(t, ev)
		mine := func(ev []Event) (own []Event) { // events of the CANCEL's transaction are not ours
			for _, e := range ev {
				if e.Client == c {
					own = append(own, e)
				}
			}
			return own
		}
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "op") {
			case 0, 1, 2, 3, 4:
				code := rapid.SampledFrom([]int{100, 180, 183, 199, 200, 202, 302, 401, 408, 486, 503, 603}).Draw(t, "code")
				got, deliver, ev := tb.Response(replyRapid(t, req, code), now, nil)
				v.events(t, mine(ev))
				if deliver && got != c {
					t.Fatal("delivered to another")
				}
				switch {
				case !deliver || code < 200:
				case code < 300 && method == "INVITE":
					v.ok++
				default:
					v.refused++
				}
			case 5:
				_, ev := tb.TransportError(branch, req.Method(), now, nil)
				v.events(t, mine(ev))
			case 6:
				x, ev := tb.Cancel(c, nil, nil, now, nil)
				v.events(t, mine(ev))
				if x != nil && (method != "INVITE" || v.ok+v.refused+v.failed > 0 || !c.GotProvisional()) {
					t.Fatal("a CANCEL that must not be sent")
				}
			default:
				now = now.Add(time.Duration(rapid.IntRange(0, 40_000).Draw(t, "ms")) * time.Millisecond)
				v.events(t, mine(tb.Advance(now, nil)))
			}
			if v.refused+v.failed > 1 || (v.ok > 0 && v.refused+v.failed > 0) {
				t.Fatalf("several outcomes: %+v", v)
			}
			if c.Done() != (v.ended == 1) {
				t.Fatalf("done %v, terminated %d times", c.Done(), v.ended)
			}
		}
		if !c.Done() { // the core's ring timeout
			_, ev := tb.Cancel(c, nil, nil, now, nil)
			v.events(t, mine(ev))
		}
		now = now.Add(defaultT1*giveUp + defaultD)
		v.events(t, mine(tb.Advance(now, nil)))
		if !c.Done() || v.ended != 1 || tb.Len() != 0 || tb.deadlines.Len() != 0 {
			t.Fatalf("after the bound: %s, %+v, %d left, %d deadlines", c.State(), v, tb.Len(), tb.deadlines.Len())
		}
		if v.ok+v.refused+v.failed == 0 {
			t.Fatal("ended without an outcome")
		}
	})
}

// A server transaction in any sequence of repeats, responses, ACKs and waits sends one final response to its peer, never
// what RFC 4320 forbids, and is gone in bounded time once answered.
func TestServer_AnyInterleaving_OneFinalAndAnEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		method := rapid.SampledFrom([]string{"INVITE", "OPTIONS", "CANCEL", "FOO"}).Draw(t, "method")
		reliable := rapid.Bool().Draw(t, "reliable")
		invite := method == "INVITE"
		m, ack := parseRapid(t, request(method, branch)), parseRapid(t, request("ACK", branch))
		tb, now := NewTable(), t0
		s := tb.NewServer(m, peerAddr, reliable, DefaultTimers(), nil, nil, now)
		var v verdicts
		final := 0
		sent := func(ev []Event) {
			v.events(t, ev)
			for _, e := range ev {
				switch {
				case e.Kind != Transmit || (invite && e.Code < 200):
				case e.Code < 200 && e.Code != 100, e.Code == 408 && !invite:
					t.Fatalf("%d to %s", e.Code, method)
				case e.Code == 100 && !reliable && now.Sub(t0) < 3500*time.Millisecond:
					t.Fatalf("100 to %s after %v", method, now.Sub(t0))
				case e.Code == 100 && final != 0:
					t.Fatal("100 after the final response")
				case e.Code >= 200 && final != 0 && e.Code != final && (!invite || final >= 300 || e.Code >= 300):
					t.Fatalf("%d after %d", e.Code, final)
				case e.Code >= 200 && final == 0:
					final = e.Code
				}
			}
		}
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 6).Draw(t, "op") {
			case 0:
				got, d, ev := tb.Request(m, peerAddr, now, nil)
				sent(ev)
				if s.Done() != (d == New) || (d == Absorbed && got != s) {
					t.Fatalf("a repeat is %v, done %v", d, s.Done())
				}
			case 1:
				_, d, ev := tb.Request(ack, peerAddr, now, nil)
				sent(ev)
				if pass := !invite || s.Done() || s.State() == "Accepted"; pass != (d == Pass) {
					t.Fatalf("an ACK is %v in %s", d, s.State())
				}
			case 2, 3, 4:
				code := rapid.SampledFrom([]int{100, 180, 199, 200, 204, 302, 408, 486, 503, 603}).Draw(t, "code")
				sent(tb.Respond(s, code, fmt.Appendf(nil, "SIP/2.0 %d x\r\n\r\n", code), now, nil))
			default:
				now = now.Add(time.Duration(rapid.IntRange(0, 40_000).Draw(t, "ms")) * time.Millisecond)
				sent(tb.Advance(now, nil))
			}
		}
		sent(tb.Respond(s, 500, []byte("SIP/2.0 500 x\r\n\r\n"), now, nil))
		now = now.Add(defaultT1 * giveUp)
		sent(tb.Advance(now, nil))
		if !s.Done() || v.ended != 1 || tb.Len() != 0 || tb.deadlines.Len() != 0 || len(tb.merged) != 0 {
			t.Fatalf("after the bound: %s, %+v, %d left, %d deadlines", s.State(), v, tb.Len(), tb.deadlines.Len())
		}
	})
}

func parseRapid(t *rapid.T, raw string) *msg.Message {
	var m msg.Message
	if err := m.Parse([]byte(raw), msg.Datagram); err != nil {
		t.Fatalf("parse: %v\n%s", err, raw)
	}
	return &m
}

func replyRapid(t *rapid.T, request *msg.Message, code int) *msg.Message {
	var b msg.Builder
	h := msg.NewReplyHead(request, peerAddr)
	h.Start(&b, code, "", "tag")
	raw, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return parseRapid(t, string(raw))
}
