package txn

import (
	"hash/maphash"
	"time"

	"gatehouse/sip/msg"
	"gatehouse/sip/timer"
)

// Table owns the transactions of one event loop. It is made by NewTable and used by one goroutine. The methods append
// what has to be done to the out given and return it.
type Table struct {
	clients   map[clientKey]*Client
	servers   map[string]*Server
	merged    map[uint64]*Server // by merge hash, requests outside dialogs only
	deadlines timer.Heap[wake]
	seed      maphash.Seed

	acts    []action    // scratch of one step
	key     []byte      // scratch of one lookup
	msg     msg.Message // scratch: a request of ours that an ACK or CANCEL is made from
	builder msg.Builder
}

// NewTable makes an empty table.
func NewTable() *Table {
	return &Table{
		clients: make(map[clientKey]*Client),
		servers: make(map[string]*Server),
		merged:  make(map[uint64]*Server),
		seed:    maphash.MakeSeed(),
	}
}

// Next is when Advance has to be called; false when no transaction waits for anything.
func (t *Table) Next() (time.Time, bool) { return t.deadlines.Next() }

// Advance runs every deadline that is not after now.
func (t *Table) Advance(now time.Time, out []Event) []Event {
	for {
		e, due := t.deadlines.Pop(now)
		if !due {
			return out
		}
		switch w := e.Value; {
		case w.client != nil:
			_, out = t.stepClient(w.client, w.client.fire(now), nil, now, out)
		default:
			_, out = t.stepServer(w.server, w.server.fire(now), 0, nil, now, out)
		}
	}
}

// Len is the number of live transactions.
func (t *Table) Len() int { return len(t.clients) + len(t.servers) }

// wake says whose deadline an entry of the heap is: one of the two is set.
type wake struct {
	client *Client
	server *Server
}

// schedule holds the two deadlines of a transaction; the nearer one is in the heap.
type schedule struct {
	entry timer.Entry[wake]
	due   [slots]time.Time // zero: not armed
}

// fire gives the input of the deadline that passed and clears it. When both passed, because the loop was held up, the
// end wins: repeating a message just before giving up helps nobody.
func (s *schedule) fire(now time.Time) input {
	if end := s.due[slotEnd]; !end.IsZero() && !end.After(now) {
		s.due[slotEnd] = time.Time{}
		return inExpiry
	}
	s.due[slotRetry] = time.Time{}
	return inRetry
}

// plan brings the heap up to date with the deadlines of s.
func (t *Table) plan(s *schedule) {
	first := s.due[slotEnd]
	if retry := s.due[slotRetry]; !retry.IsZero() && (first.IsZero() || retry.Before(first)) {
		first = retry
	}
	if first.IsZero() {
		t.deadlines.Stop(&s.entry)
		return
	}
	t.deadlines.Set(&s.entry, first)
}

// rest disarms both deadlines for good.
func (t *Table) rest(s *schedule) {
	s.due = [slots]time.Time{}
	t.deadlines.Stop(&s.entry)
}
