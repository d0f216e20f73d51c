package txn

import (
	"testing"
	"time"

	"gatehouse/sip/msg"

	"pgregory.net/rapid"
)

// world is a caller and a callee, each a table with a small user on top, on a network that loses, repeats and delays.
type world struct {
	t        *rapid.T
	now      time.Time
	a, b     *Table
	reliable bool
	packets  []packet

	call   *Client // the caller's INVITE
	caller verdicts
	acked  bool

	invite    *Server // the callee's
	head      msg.ReplyHead
	answer    int           // final response of the callee
	answerAt  time.Time     // when it gives it
	repeatIn  time.Duration // of its 2xx
	repeatAt  time.Time
	repeatEnd time.Time
	gotACK    bool
	created   int // INVITE server transactions
}

type packet struct {
	at   time.Time
	toB  bool
	text string
}

func (w *world) send(toB bool, raw []byte) {
	copies := 1
	if !w.reliable {
		copies = rapid.SampledFrom([]int{1, 1, 1, 1, 0, 0, 2}).Draw(w.t, "copies")
	}
	for range copies {
		delay := rapid.IntRange(1, 900).Draw(w.t, "delay")
		w.packets = append(w.packets, packet{w.now.Add(time.Duration(delay) * time.Millisecond), toB, string(raw)})
	}
}

func (w *world) transmit(toB bool, ev []Event) {
	for _, e := range ev {
		if e.Kind == Transmit {
			w.send(toB, e.Raw)
		}
	}
}

// caller's events: only those of the INVITE count, not those of its CANCEL.
func (w *world) callerEvents(ev []Event) {
	w.transmit(true, ev)
	for _, e := range ev {
		if e.Client == w.call {
			w.caller.events(w.t, []Event{e})
		}
	}
}

func (w *world) respond(code int) {
	var b msg.Builder
	w.head.Start(&b, code, "", "callee")
	raw, err := b.Bytes()
	if err != nil {
		w.t.Fatal(err)
	}
	w.transmit(false, w.b.Respond(w.invite, code, raw, w.now, nil))
}

func (w *world) arriveA(text string) {
	m := parseRapid(w.t, text)
	c, deliver, ev := w.a.Response(m, w.now, nil)
	w.callerEvents(ev)
	if !deliver || c != w.call || m.Status() < 200 {
		return
	}
	if m.Status() >= 300 {
		w.caller.refused++
		return
	}
	w.caller.ok++
	w.acked = true
	w.send(true, []byte(request("ACK", "z9hG4bKack2xx")))
}

func (w *world) arriveB(text string) {
	m := parseRapid(w.t, text)
	s, d, ev := w.b.Request(m, peerAddr, w.now, nil)
	w.transmit(false, ev)
	switch {
	case d == Absorbed:
	case d == Pass:
		w.gotACK = w.gotACK || s == nil
	case m.Method() == msg.INVITE && w.b.Merged(m):
		w.t.Fatal("a repeat is merged")
	case m.Method() == msg.INVITE:
		w.created++
		w.head = msg.NewReplyHead(m, peerAddr)
		w.invite = w.b.NewServer(m, peerAddr, w.reliable, DefaultTimers(), nil, nil, w.now)
		w.respond(100)
		w.answerAt = w.now.Add(time.Duration(rapid.IntRange(0, 60_000).Draw(w.t, "answer in")) * time.Millisecond)
	case m.Method() == msg.CANCEL:
		w.cancelled(m)
	}
}

func (w *world) cancelled(m *msg.Message) {
	s := w.b.NewServer(m, peerAddr, w.reliable, DefaultTimers(), nil, nil, w.now)
	code := 481
	if inv := w.b.FindInvite(m, peerAddr); inv != nil {
		code = 200
		if inv.LastCode() < 200 {
			w.answer, w.answerAt = 487, w.now
		}
	}
	head := msg.NewReplyHead(m, peerAddr)
	var b msg.Builder
	head.Start(&b, code, "", "callee")
	raw, _ := b.Bytes()
	w.transmit(false, w.b.Respond(s, code, raw, w.now, nil))
}

// tick lets everything due at now happen.
func (w *world) tick() {
	w.callerEvents(w.a.Advance(w.now, nil))
	w.transmit(false, w.b.Advance(w.now, nil))
	if w.invite != nil && !w.answerAt.IsZero() && !w.answerAt.After(w.now) {
		w.answerAt = time.Time{}
		w.respond(w.answer)
		if w.answer < 300 {
			w.repeatIn, w.repeatAt, w.repeatEnd = defaultT1, w.now.Add(defaultT1), w.now.Add(giveUp*defaultT1)
		}
	}
	if !w.repeatAt.IsZero() && !w.repeatAt.After(w.now) {
		w.repeatIn = min(2*w.repeatIn, defaultT2)
		w.repeatAt = w.now.Add(w.repeatIn)
		if w.gotACK || w.repeatAt.After(w.repeatEnd) {
			w.repeatAt = time.Time{}
		} else {
			w.respond(w.answer)
		}
	}
	for {
		due := -1
		for i, p := range w.packets {
			if !p.at.After(w.now) && (due < 0 || p.at.Before(w.packets[due].at)) {
				due = i
			}
		}
		if due < 0 {
			return
		}
		p := w.packets[due]
		w.packets = append(w.packets[:due], w.packets[due+1:]...)
		if p.toB {
			w.arriveB(p.text)
		} else {
			w.arriveA(p.text)
		}
	}
}

// Two tables on a bad network: one INVITE makes one call at the callee while the transactions live, the caller learns
// one outcome, and both tables come back to nothing. On a good network the outcome is the callee's.
func TestTables_BadNetwork_OneOutcomeAndNothingLeft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{t: t, now: t0, a: NewTable(), b: NewTable(), reliable: rapid.Bool().Draw(t, "reliable")}
		w.answer = rapid.SampledFrom([]int{200, 200, 302, 486, 603}).Draw(t, "answer")
		cancelAt := t0.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "cancel at")) * time.Second)
		raw := []byte(request("INVITE", branch))
		var ev []Event
		w.call, ev = w.a.NewClient(msg.INVITE, branch, raw, w.reliable, DefaultTimers(), nil, nil, w.now, nil)
		w.callerEvents(ev)
		const step, bound = 50 * time.Millisecond, 300 * time.Second
		for ; w.now.Before(t0.Add(bound)); w.now = w.now.Add(step) {
			w.tick()
			if w.now.After(cancelAt) {
				_, ev := w.a.Cancel(w.call, nil, nil, w.now, nil)
				w.callerEvents(ev)
			}
			if w.a.Len()+w.b.Len()+len(w.packets) == 0 {
				break
			}
		}
		v := w.caller
		if w.a.Len() != 0 || w.b.Len() != 0 || len(w.b.merged) != 0 || v.ended != 1 {
			t.Fatalf("left: %d and %d, %+v", w.a.Len(), w.b.Len(), v)
		}
		if v.refused+v.failed > 1 || (v.ok > 0) == (v.refused+v.failed > 0) {
			t.Fatalf("the caller was told %+v", v)
		}
		if w.reliable && (v.failed > 0 || w.created != 1 || (v.ok > 0) != (w.answer == 200) || w.gotACK != w.acked) {
			t.Fatalf("nothing was lost, the callee gave %d, and the caller was told %+v (ACK %v)", w.answer, v, w.gotACK)
		}
	})
}
