package timer

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var t0 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(ms int) time.Time { return t0.Add(time.Duration(ms) * time.Millisecond) }

func TestHeap_Empty_HasNothing(t *testing.T) {
	var h Heap[int]
	if _, ok := h.Next(); ok {
		t.Error("Next on an empty heap")
	}
	if _, ok := h.Pop(t0.Add(time.Hour)); ok {
		t.Error("Pop on an empty heap")
	}
	var e Entry[int]
	h.Stop(&e)
	if h.Len() != 0 || e.Armed() {
		t.Error("Stop armed something")
	}
}

func TestHeap_Pop_InOrderAndOnlyWhatIsDue(t *testing.T) {
	var h Heap[string]
	entries := map[string]*Entry[string]{}
	for name, ms := range map[string]int{"b": 20, "d": 40, "a": 10, "c": 30} {
		e := &Entry[string]{Value: name}
		entries[name] = e
		h.Set(e, at(ms))
	}
	if next, ok := h.Next(); !ok || !next.Equal(at(10)) {
		t.Fatalf("next %v %v", next, ok)
	}
	if _, ok := h.Pop(at(10).Add(-1)); ok {
		t.Fatal("popped 1 ns before its time")
	}
	var got []string
	for {
		e, ok := h.Pop(at(30))
		if !ok {
			break
		}
		if e.Armed() {
			t.Errorf("%s is armed after Pop", e.Value)
		}
		got = append(got, e.Value)
	}
	if !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Fatalf("popped %v at 30 ms", got)
	}
	if h.Len() != 1 || !entries["d"].Armed() {
		t.Fatal("d is not armed any more")
	}
}

func TestHeap_SetAgain_MovesTheEntry(t *testing.T) {
	var h Heap[int]
	var a, b Entry[int]
	h.Set(&a, at(10))
	h.Set(&b, at(20))
	h.Set(&a, at(30))
	if next, _ := h.Next(); !next.Equal(at(20)) || h.Len() != 2 {
		t.Fatalf("next %v, %d armed", next, h.Len())
	}
	h.Set(&a, at(5))
	if e, ok := h.Pop(at(5)); !ok || e != &a {
		t.Fatal("a did not move to the front")
	}
	h.Set(&a, at(1)) // again after Pop, earlier than the first deadline ever set
	if e, ok := h.Pop(at(1)); !ok || e != &a {
		t.Fatal("a could not be armed again")
	}
}

func TestHeap_Stop_NeverFires(t *testing.T) {
	var h Heap[int]
	var a, b Entry[int]
	h.Set(&a, at(10))
	h.Set(&b, at(10))
	h.Stop(&a)
	h.Stop(&a)
	if e, ok := h.Pop(at(99)); !ok || e != &b {
		t.Fatal("b did not fire")
	}
	if _, ok := h.Pop(at(99)); ok {
		t.Fatal("a fired after Stop")
	}
	for _, it := range h.items[:cap(h.items)] {
		if it.e != nil {
			t.Error("an empty heap keeps an entry from being freed")
		}
	}
}

// The monotonic reading of the times given decides, so that a step of the wall clock moves no deadline.
func TestHeap_RealTimes_KeepTheMonotonicReading(t *testing.T) {
	var h Heap[int]
	var e Entry[int]
	now := time.Now()
	h.Set(&e, now.Add(time.Second))
	next, _ := h.Next()
	if next != now.Add(time.Second) {
		t.Fatalf("next %v is not the time that was set", next)
	}
}

func TestHeap_HotPaths_DoNotAllocate(t *testing.T) {
	var h Heap[int]
	es := make([]Entry[int], 64)
	for i := range es {
		h.Set(&es[i], at(i))
	}
	if n := testing.AllocsPerRun(100, func() {
		h.Set(&es[7], at(100))
		h.Stop(&es[9])
		h.Set(&es[9], at(3))
		e, _ := h.Pop(at(200))
		h.Set(e, at(0))
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Against a plain list: any sequence of Set, Stop and Pop gives the same deadlines, and the heap keeps its order.
func TestHeap_AnySequence_AgreesWithAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h Heap[int]
		es := make([]Entry[int], 40)
		model := map[int]int{} // entry -> ms
		for i := range es {
			es[i].Value = i
		}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			i := rapid.IntRange(0, len(es)-1).Draw(t, "entry")
			switch rapid.IntRange(0, 3).Draw(t, "op") {
			case 0, 1:
				ms := rapid.IntRange(-50, 50).Draw(t, "ms")
				h.Set(&es[i], at(ms))
				model[i] = ms
			case 2:
				h.Stop(&es[i])
				delete(model, i)
			case 3:
				now := rapid.IntRange(-60, 60).Draw(t, "now")
				least, found := now+1, false
				for _, ms := range model {
					if ms < least {
						least, found = ms, true
					}
				}
				e, ok := h.Pop(at(now))
				if ok != found {
					t.Fatalf("Pop at %d: %v, the list says %v", now, ok, found)
				}
				if ok {
					if model[e.Value] != least {
						t.Fatalf("popped the deadline %d, least is %d", model[e.Value], least)
					}
					delete(model, e.Value)
				}
			}
			check(t, &h, es, model)
		}
	})
}

func check(t *rapid.T, h *Heap[int], es []Entry[int], model map[int]int) {
	if h.Len() != len(model) {
		t.Fatalf("%d armed, the list has %d", h.Len(), len(model))
	}
	for i := range es {
		if _, armed := model[i]; armed != es[i].Armed() {
			t.Fatalf("entry %d armed %v, the list says %v", i, es[i].Armed(), armed)
		}
	}
	for i, it := range h.items {
		if it.e.place != i+1 || (i > 0 && h.items[(i-1)/arity].at > it.at) {
			t.Fatalf("position %d is out of order", i)
		}
	}
}

// A table with many waiting transactions: each step arms a deadline far away, moves a near one and takes out a due one.
func BenchmarkHeap_100kEntries(b *testing.B) {
	var h Heap[int]
	es := make([]Entry[int], 100_000)
	for i := range es {
		h.Set(&es[i], at(i))
	}
	b.ReportAllocs()
	for i := range b.N {
		e, _ := h.Pop(at(1 << 40))
		h.Set(e, at(100_000+i))
	}
}
