package b2bua

import (
	"testing"
	"time"

	"gatehouse/sip/msg"
	"gatehouse/sip/transport"
	"gatehouse/sip/txn"
)

// counting is a transport that counts what is sent.
type counting struct{ sent int }

func (c *counting) Send(transport.Dest, []byte, string, msg.Method) error {
	c.sent++
	return nil
}

// TestShard_ReservedLaneNeverEmpty_DeadlinesStillPass keeps a shard behind for
// as long as a transaction lives: every event leaves another one behind it.
func TestShard_ReservedLaneNeverEmpty_DeadlinesStillPass(t *testing.T) {
	const step, most = 100 * time.Millisecond, 40 * time.Second
	start := time.Unix(1_700_000_000, 0)
	now, out := start, &counting{}
	e := &Engine{o: Options{Now: func() time.Time { return now }, Sender: out}, stop: make(chan struct{})}
	s := newShard(e)
	raw := []byte("OPTIONS sip:b@203.0.113.20 SIP/2.0\r\n\r\n")
	_, events := s.txns.NewClient(msg.OPTIONS, "z9hG4bK1", raw, false, txn.DefaultTimers(), nil, transport.Dest{}, now, nil)
	s.perform(events)

	var busy func(*shard)
	busy = func(s *shard) {
		if now = now.Add(step); now.Sub(start) > most {
			close(e.stop)
			return
		}
		s.put(s.urgent, event{fn: busy})
	}
	s.put(s.urgent, event{fn: busy})
	s.run()
	// Timer E: 0, 0.5, 1.5, 3.5, 7.5, ... 27.5 s, each later by one event; the last
	// one, at 31.5 s, falls behind Timer F.
	if want := 10; out.sent != want || s.txns.Len() != 0 {
		t.Errorf("sent %d times with %d transactions left, want %d and none", out.sent, s.txns.Len(), want)
	}
}
