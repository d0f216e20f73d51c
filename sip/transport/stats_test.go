package transport

import "testing"

func TestInbound_LargeBuffer_IsNotKept(t *testing.T) {
	var p inboundPool
	in := p.get(make([]byte, 60_000))
	if cap(in.buf) < 60_000 || cap(in.buf) > 60_000+bufferStepBytes {
		t.Errorf("buffer of %d bytes for 60000", cap(in.buf))
	}
	in.Release()
	if in.buf != nil {
		t.Errorf("a buffer of %d bytes is kept", cap(in.buf))
	}
}

func TestCodeSlot_RoundTrip(t *testing.T) {
	for code := 100; code <= 699; code++ {
		if got := slotCode(codeSlot(code)); got != code {
			t.Errorf("%d becomes %d", code, got)
		}
	}
	for _, code := range []int{-1, 0, 99, 700, 1000} {
		if codeSlot(code) != 0 {
			t.Errorf("%d has a slot", code)
		}
	}
	for c := range numCauses {
		if c.String() == "" || c.String() == "unknown" {
			t.Errorf("cause %d has no name", c)
		}
	}
	for raw, want := range map[string]int{
		"SIP/2.0 183 x": 183, "SIP/2.0 18": 0, "SIP/2.0 1x3 ": 0, "INVITE sip:a SIP/2.0": 0, "": 0,
	} {
		if got := statusOf([]byte(raw)); got != want {
			t.Errorf("%q: %d, want %d", raw, got, want)
		}
	}
}
