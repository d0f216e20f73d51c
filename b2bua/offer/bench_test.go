package offer

import (
	"runtime"
	"strings"
	"testing"

	"gatehouse/media/sdp"
)

// benchCall runs one ordinary setup: two descriptions read, two built, the relay's orders derived.
func benchCall(tb testing.TB, offered, answered []byte) (a, b *Leg) {
	a, b = NewLeg(1), NewLeg(2)
	fail := func(err error) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	s, err := sdp.Parse(offered)
	fail(err)
	fail(a.Offered(s))
	_, err = b.BuildOffer(a, at(ourB, 30000, b.OfferLines(a)))
	fail(err)
	s, err = sdp.Parse(answered)
	fail(err)
	fail(b.Answered(s))
	_, err = a.BuildAnswer(b, at(ourA, 20000, a.AnswerLines(b)))
	fail(err)
	if len(Streams(a, b)) != 1 {
		tb.Fatal("no stream")
	}
	a.Commit()
	b.Commit()
	return a, b
}

func benchBodies() (offered, answered []byte) {
	head := func(addr string) string {
		return "v=0\r\no=phone 1 1 IN IP4 " + addr + "\r\ns=-\r\nc=IN IP4 " + addr + "\r\nt=0 0\r\n"
	}
	return []byte(head(addrA) + strings.Join(append(pcmuOffer, "a=ptime:20", "a=sendrecv"), "\r\n") + "\r\n"),
		[]byte(head(addrB) + strings.Join(append(pcmuAnswer, "a=ptime:20", "a=sendrecv"), "\r\n") + "\r\n")
}

func BenchmarkSetup(b *testing.B) {
	offered, answered := benchBodies()
	b.ReportAllocs()
	for b.Loop() {
		benchCall(b, offered, answered)
	}
}

// maxHeldBytes bounds what the descriptions of one held call keep in memory, both legs.
const maxHeldBytes = 6 << 10

func TestHeldCall_Memory_IsBounded(t *testing.T) {
	const calls = 500
	offered, answered := benchBodies()
	legs := make([]*Leg, 0, 2*calls)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range calls {
		a, b := benchCall(t, offered, answered)
		legs = append(legs, a, b)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if per := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / calls; per > maxHeldBytes {
		t.Fatalf("%d bytes a call", per)
	} else {
		t.Logf("%d bytes a call", per)
	}
	runtime.KeepAlive(legs)
}
