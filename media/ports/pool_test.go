package ports

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func epoch() time.Time { return time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC) }

func newPool(t testing.TB, lo, hi uint16) *Pool {
	t.Helper()
	p, err := New(lo, hi, rand.New(rand.NewPCG(1, 2)).IntN)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// take does what the anchor does: a warm pair, else a rested one, else a free one.
func take(t testing.TB, p *Pool, now time.Time) (Pair, bool) {
	t.Helper()
	if pair, ok := p.Take(); ok {
		return pair, true
	}
	pair, ok := p.Ripe(now)
	if !ok {
		pair, ok = p.Draw(now)
	}
	if ok {
		must(t, p.Hold(pair))
	}
	return pair, ok
}

func TestB101_TenPairs_EleventhFailsAndRestedOneReturns(t *testing.T) {
	p, now := newPool(t, 30000, 30019), epoch()
	seen := map[uint16]bool{}
	var pairs []Pair
	for i := range 10 {
		pair, ok := take(t, p, now)
		if !ok || seen[p.RTP(pair)] {
			t.Fatalf("pair %d: %v, port %d", i, ok, p.RTP(pair))
		}
		seen[p.RTP(pair)] = true
		pairs = append(pairs, pair)
	}
	if pair, ok := take(t, p, now); ok {
		t.Fatalf("an eleventh pair: %d", p.RTP(pair))
	}
	must(t, p.Rest(pairs[3], now))
	for _, after := range []time.Duration{0, time.Millisecond, Quarantine - 1} {
		if pair, ok := take(t, p, now.Add(after)); ok {
			t.Fatalf("pair %d again after %v", pair, after)
		}
	}
	if pair, ok := take(t, p, now.Add(Quarantine)); !ok || pair != pairs[3] {
		t.Fatalf("rested pair not given: %v %v", pair, ok)
	}
	if u := p.Usage(); u != (Usage{Busy: 10}) {
		t.Fatalf("%+v", u)
	}
}

func TestB101_FreePairs_AreUsedBeforeAPairRests(t *testing.T) {
	// While warmer pairs are left a pair rests longer than it must.
	p, now := newPool(t, 30000, 30199), epoch()
	for pair, ok := p.Draw(now); ok; pair, ok = p.Draw(now) {
		must(t, p.Stock(pair))
	}
	first, _ := p.Take()
	must(t, p.Rest(first, now))
	for i := range 99 - takeSpread {
		now = now.Add(time.Second)
		if pair, ok := p.Ripe(now); ok {
			must(t, p.Stock(pair))
		}
		pair, ok := p.Take()
		if !ok || pair == first {
			t.Fatalf("take %d gave %d, %v", i, pair, ok)
		}
	}
}

func TestB091_Pairs_EvenRTPAndNextRTCPInsideRange(t *testing.T) {
	for _, r := range [][3]uint16{{30000, 30009, 5}, {30001, 30009, 4}, {30000, 30008, 4}, {30001, 30010, 4}, {65534, 65535, 1}, {1, 3, 1}} {
		t.Run(fmt.Sprint(r), func(t *testing.T) {
			p := newPool(t, r[0], r[1])
			if p.Size() != int(r[2]) {
				t.Fatalf("%d pairs", p.Size())
			}
			for pair, ok := p.Draw(epoch()); ok; pair, ok = p.Draw(epoch()) {
				rtp, rtcp := p.RTP(pair), p.RTCP(pair)
				if rtp%2 != 0 || rtcp != rtp+1 || rtp < r[0] || rtcp > r[1] || !p.Contains(rtp) || !p.Contains(rtcp) {
					t.Fatalf("pair %d/%d", rtp, rtcp)
				}
			}
			if p.Contains(p.first-1) || p.Contains(p.first+uint16(2*p.Size())) && p.first+uint16(2*p.Size()) != 0 {
				t.Fatal("range too wide")
			}
		})
	}
}

func TestNew_RangeWithoutAPair_Refused(t *testing.T) {
	for _, r := range [][2]uint16{{0, 100}, {10, 10}, {11, 12}, {11, 11}, {20, 10}, {65535, 65535}, {0, 0}} {
		if _, err := New(r[0], r[1], rand.IntN); err == nil {
			t.Errorf("range %v accepted", r)
		}
	}
}

func TestDraw_RandomStart_NotSequential(t *testing.T) {
	p := newPool(t, 10000, 29999)
	var last uint16
	inOrder := 0
	for range 1000 {
		pair, _ := p.Draw(epoch())
		if port := p.RTP(pair); port == last+2 {
			inOrder++
		}
		last = p.RTP(pair)
	}
	if inOrder > 20 {
		t.Fatalf("%d of 1000 ports follow the one before", inOrder)
	}
}

func TestTake_AfterQuarantine_NotInOrderOfRelease(t *testing.T) {
	p, now := newPool(t, 10000, 10999), epoch()
	for pair, ok := p.Draw(now); ok; pair, ok = p.Draw(now) {
		must(t, p.Stock(pair))
	}
	order := func() (taken []Pair) {
		for pair, ok := p.Take(); ok; pair, ok = p.Take() {
			taken = append(taken, pair)
		}
		return taken
	}
	first := order()
	for _, pair := range first {
		must(t, p.Rest(pair, now))
	}
	now = now.Add(Quarantine)
	for pair, ok := p.Ripe(now); ok; pair, ok = p.Ripe(now) {
		must(t, p.Stock(pair))
	}
	same := 0
	for i, pair := range order() {
		if pair == first[i] {
			same++
		}
	}
	if same > len(first)/4 {
		t.Fatalf("%d of %d pairs came in the order of the round before", same, len(first))
	}
}

func TestBlock_PortInUse_ComesBackLater(t *testing.T) {
	p, now := newPool(t, 30000, 30001), epoch()
	pair, _ := p.Draw(now)
	must(t, p.Block(pair, now))
	if _, ok := p.Draw(now.Add(BlockedFor - 1)); ok {
		t.Fatal("blocked pair drawn")
	}
	if _, ok := p.Draw(now.Add(BlockedFor)); !ok {
		t.Fatal("blocked pair lost")
	}
}

func TestExtend_Straggler_RestsAnotherQuarantine(t *testing.T) {
	p, now := newPool(t, 30000, 30001), epoch()
	pair, _ := take(t, p, now)
	must(t, p.Rest(pair, now))
	now = now.Add(Quarantine)
	pair, _ = p.Ripe(now)
	must(t, p.Extend(pair, now))
	if _, ok := p.Ripe(now.Add(Quarantine - 1)); ok {
		t.Fatal("ripe too early")
	}
	if _, ok := p.Ripe(now.Add(Quarantine)); !ok {
		t.Fatal("not ripe")
	}
}

func TestPool_WrongState_RefusedAndUnchanged(t *testing.T) {
	p, now := newPool(t, 30000, 30003), epoch()
	pair, _ := take(t, p, now)
	before := p.Usage()
	for name, err := range map[string]error{
		"stock": p.Stock(pair), "hold": p.Hold(pair), "block": p.Block(pair, now), "discard": p.Discard(pair),
		"extend": p.Extend(pair, now), "rest free": p.Rest(1-pair, now), "rest beyond": p.Rest(99, now),
	} {
		if !errors.Is(err, errState) {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, p.Rest(pair, now))
	if err := p.Rest(pair, now); !errors.Is(err, errState) {
		t.Errorf("second rest: %v", err)
	}
	if u := p.Usage(); u.Busy != 0 || u.Resting != 1 || before.Busy != 1 {
		t.Errorf("%+v", u)
	}
}

// model knows only who holds a pair and since when nobody does.
type model struct {
	p     *Pool
	now   time.Time
	busy  map[Pair]bool
	ended map[Pair]time.Time
}

func (m *model) hold(t *rapid.T, pair Pair) {
	if m.busy[pair] {
		t.Fatalf("pair %d given twice", pair)
	}
	if at, ok := m.ended[pair]; ok && m.now.Sub(at) < Quarantine {
		t.Fatalf("pair %d after only %v", pair, m.now.Sub(at))
	}
	m.busy[pair] = true
}

func (m *model) draw(t *rapid.T) {
	pair, ok := m.p.Draw(m.now)
	if !ok {
		return
	}
	var err error
	switch rapid.IntRange(0, 3).Draw(t, "what") {
	case 0:
		err = m.p.Stock(pair)
	case 1:
		err = m.p.Hold(pair)
		m.hold(t, pair)
	case 2:
		err = m.p.Block(pair, m.now)
	case 3:
		err = m.p.Discard(pair)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (m *model) rest(t *rapid.T) {
	if len(m.busy) == 0 {
		return
	}
	pair := rapid.SampledFrom(slices.Sorted(maps.Keys(m.busy))).Draw(t, "pair")
	if err := m.p.Rest(pair, m.now); err != nil {
		t.Fatal(err)
	}
	delete(m.busy, pair)
	m.ended[pair] = m.now
}

func (m *model) ripe(t *rapid.T) {
	pair, ok := m.p.Ripe(m.now)
	if !ok {
		return
	}
	if m.now.Sub(m.ended[pair]) < Quarantine {
		t.Fatalf("pair %d ripe after %v", pair, m.now.Sub(m.ended[pair]))
	}
	var err error
	switch rapid.IntRange(0, 2).Draw(t, "what") {
	case 0:
		err = m.p.Stock(pair)
	case 1:
		err = m.p.Discard(pair)
	case 2:
		err = m.p.Extend(pair, m.now)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestB101_AnyOrder_NoPairHeldTwiceOrLeaked runs random calls against the model.
func TestB101_AnyOrder_NoPairHeldTwiceOrLeaked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 140).Draw(t, "pairs")
		p, err := New(1000, uint16(1000+2*size-1), rand.New(rand.NewPCG(uint64(size), 3)).IntN)
		if err != nil {
			t.Fatal(err)
		}
		m := &model{p: p, now: epoch(), busy: map[Pair]bool{}, ended: map[Pair]time.Time{}}
		t.Repeat(map[string]func(*rapid.T){
			"draw": m.draw, "rest": m.rest, "ripe": m.ripe,
			"take": func(t *rapid.T) {
				if pair, ok := p.Take(); ok {
					m.hold(t, pair)
				}
			},
			"trim": func(t *rapid.T) {
				if pair, ok := p.Trim(); ok {
					if err := p.Discard(pair); err != nil {
						t.Fatal(err)
					}
				}
			},
			"wait": func(t *rapid.T) {
				m.now = m.now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond)
			},
			"": func(t *rapid.T) {
				u := p.Usage()
				if u.Busy != len(m.busy) || u.Free+u.Drawn+u.Warm+u.Busy+u.Resting+u.Blocked != size || u.Drawn != 0 {
					t.Fatalf("%+v with %d busy of %d", u, len(m.busy), size)
				}
			},
		})
	})
}

func TestQuota_Source_LimitedAndReturned(t *testing.T) {
	q := NewQuota(2)
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	if !q.Take(a) || !q.Take(netip.MustParseAddr("::ffff:192.0.2.1")) || q.Take(a) {
		t.Fatal("limit of 2 not kept")
	}
	if !q.Take(b) || !q.Take(netip.Addr{}) {
		t.Fatal("others must not suffer")
	}
	q.Give(a)
	if q.Held(a) != 1 || !q.Take(a) || q.Take(a) {
		t.Fatal("returned pair not available")
	}
	for range 5 {
		q.Give(a)
	}
	if q.Held(a) != 0 || len(q.held) != 1 {
		t.Fatalf("%v left", q.held)
	}
}

func TestQuota_IPv6Host_CountsAsItsNetwork(t *testing.T) {
	q := NewQuota(1)
	if !q.Take(netip.MustParseAddr("2001:db8::1")) || q.Take(netip.MustParseAddr("2001:db8::2")) || !q.Take(netip.MustParseAddr("2001:db8:0:1::1")) {
		t.Fatal("a /64 is one source")
	}
	var none Quota
	if !none.Take(netip.MustParseAddr("2001:db8::1")) {
		t.Fatal("the zero quota limits nothing")
	}
}
