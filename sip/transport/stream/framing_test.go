package stream

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"gatehouse/sip/msg"
)

// feed gives data to a framer in chunks of at most step bytes and collects what comes out.
func feed(f *framer, data []byte, step int) (messages []string, pings int, err *frameError) {
	for len(data) > 0 {
		n := copy(f.space(), data[:min(step, len(data))])
		f.filled(n)
		data = data[n:]
		for {
			raw, ferr := f.next()
			if f.takePing() {
				pings++
			}
			if ferr != nil {
				return messages, pings, ferr
			}
			if raw == nil {
				break
			}
			messages = append(messages, string(raw))
		}
	}
	return messages, pings, nil
}

const optionsHead = "OPTIONS sip:a@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1\r\n"

func withLength(value, body string) string {
	return optionsHead + "Content-Length:" + value + "\r\n\r\n" + body
}

func TestB023Framing_SeveralMessagesAnySegments_CutByContentLength(t *testing.T) {
	want := []string{
		withLength(" 5", "hello"),
		withLength("0", ""),
		optionsHead + "l : 3\r\n\r\nabc",
		optionsHead + "CONTENT-LENGTH:\r\n 4\r\n\r\n\r\n\r\n",
		optionsHead + "Subject: a\r\n Content-Length: 99\r\nl:\t2 \r\n\r\nhi",
	}
	stream := []byte("\r\n" + strings.Join(want, "\r\n"))
	for _, step := range []int{1, 2, 3, 7, 64, 1000, len(stream)} {
		var f framer
		got, _, err := feed(&f, stream, step)
		if err != nil || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Errorf("step %d: err %v\n got %q\nwant %q", step, err, got, want)
		}
		if f.partial() {
			t.Errorf("step %d: bytes left over", step)
		}
	}
}

func TestB023Framing_BadLength_StopsBeforeTheBody(t *testing.T) {
	smuggled := strings.Replace(withLength(" 0", ""), "OPTIONS", "INVITE", 1)
	for _, tc := range []struct {
		name, value string
		code        int
	}{
		{"plus sign", " +5", 400},
		{"minus sign", " -5", 400},
		{"hexadecimal", " 0x5", 400},
		{"list", " 5,5", 400},
		{"two numbers", " 5 5", 400},
		{"parameter", " 5;x", 400},
		{"empty", "", 400},
		{"blank", "  ", 400},
		{"control byte", " \x005", 400},
		{"folded into two numbers", " 5\r\n 5", 400},
		{"two headers, equal", " 5\r\nContent-Length: 5", 400},
		{"two headers, short form", " 5\r\nl: 500", 400},
		{"2^31-1", " 2147483647", 513},
		{"2^32", " 4294967296", 513},
		{"2^32+5", " 4294967301", 513},
		{"2^64", " 18446744073709551616", 513},
		{"2^64+5", " 18446744073709551621", 513},
		{"2^128", " 340282366920938463463374607431768211456", 513},
		{"just too large", " 65535", 513},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, step := range []int{1, 4096} {
				var f framer
				got, _, err := feed(&f, []byte(withLength(tc.value, "hello"+smuggled)), step)
				if err == nil || err.code != tc.code || len(got) != 0 {
					t.Errorf("step %d: got %d messages and error %v, want none and %d", step, len(got), err, tc.code)
				}
			}
		})
	}
	t.Run("missing", func(t *testing.T) {
		var f framer
		got, _, err := feed(&f, []byte(optionsHead+"Content-Length\x01: 5\r\n\r\nhello"+smuggled), 4096)
		if err == nil || err.code != 400 || len(got) != 0 {
			t.Errorf("got %d messages and error %v, want none and 400", len(got), err)
		}
	})
}

func TestFraming_BareLineEnd_IsRefused(t *testing.T) {
	for _, head := range []string{
		"OPTIONS sip:a SIP/2.0\nVia: x\r\nl: 0\r\n\r\n",
		"OPTIONS sip:a SIP/2.0\r\nVia: x\r\n\nl: 0\r\n\r\n",
		"OPTIONS sip:a SIP/2.0\r\nVia: x\rl: 5\r\nl: 0\r\n\r\n",
		"OPTIONS sip:a SIP/2.0\r\nVia: x\r\r\nl: 0\r\n\r\n",
	} {
		var f framer
		got, _, err := feed(&f, []byte(head), 1)
		if err == nil || err.code != 400 || len(got) != 0 {
			t.Errorf("%q: got %q and error %v, want 400", head, got, err)
		}
	}
}

func TestFraming_LargestMessage_PassesAndOneByteMoreDoesNot(t *testing.T) {
	const room = " 65000"
	head := withLength(room, "")
	pad := msg.MaxMessageBytes - len(head) - 65000
	fit := optionsHead + "X: " + strings.Repeat("x", pad-5) + "\r\nContent-Length:" + room + "\r\n\r\n" + strings.Repeat("b", 65000)
	if len(fit) != msg.MaxMessageBytes {
		t.Fatalf("test message has %d bytes", len(fit))
	}
	var f framer
	got, _, err := feed(&f, []byte(fit+fit), 1500)
	if err != nil || len(got) != 2 || got[1] != fit {
		t.Errorf("largest message: %d messages, error %v", len(got), err)
	}
	over := strings.Replace(fit, "X: ", "X: x", 1)
	f = framer{}
	if got, _, err = feed(&f, []byte(over), 1500); err == nil || err.code != 513 || len(got) != 0 {
		t.Errorf("one byte more: %d messages, error %v, want 513", len(got), err)
	}
}

func TestFraming_EndlessHead_Gets513AndBoundedMemory(t *testing.T) {
	for name, filler := range map[string]string{"one line": "x", "many lines": "X: y\r\n"} {
		var f framer
		_, _, err := feed(&f, []byte(optionsHead+"X: "+strings.Repeat(filler, 1<<20/len(filler))), 1500)
		if err == nil || err.code != 513 {
			t.Errorf("%s: error %v, want 513", name, err)
		}
		if cap(f.buf) > maxBufferBytes {
			t.Errorf("%s: buffer of %d bytes", name, cap(f.buf))
		}
		if !bytes.HasPrefix(f.readable(), []byte(optionsHead)) || !bytes.HasSuffix(f.readable(), []byte("\r\n")) {
			t.Errorf("%s: the complete lines are not readable: %.80q", name, f.readable())
		}
	}
}

func TestFraming_ClaimedLength_AllocatesNothing(t *testing.T) {
	// 60 KB is a legal length, 2 GB is not; neither may cost more than what arrived.
	for _, claim := range []string{" 60000", " 2147483647"} {
		data := []byte(withLength(claim, "x"))
		fs := make([]framer, 100)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i := range fs {
			_, _, _ = feed(&fs[i], data, 4096)
		}
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 100*(2*firstBufferBytes) {
			t.Errorf("claim%s: 100 streams allocated %d bytes", claim, grown)
		}
		runtime.KeepAlive(fs)
	}
}

func TestFraming_BufferAfterLargeMessage_IsGivenBack(t *testing.T) {
	var f framer
	if got, _, err := feed(&f, []byte(withLength(" 60000", strings.Repeat("b", 60000))), 1500); err != nil || len(got) != 1 {
		t.Fatalf("%d messages, error %v", len(got), err)
	}
	if f.space(); cap(f.buf) != firstBufferBytes {
		t.Errorf("an idle stream keeps %d bytes", cap(f.buf))
	}
}

func TestFraming_DoubleCRLF_IsAPing(t *testing.T) {
	m := withLength(" 0", "")
	for _, tc := range []struct {
		stream string
		pings  int
	}{
		{"\r\n\r\n", 1},
		{"\r\n", 0},
		{m + "\r\n\r\n" + m, 1},
		{m + "\r\n" + m + "\r\n" + m, 0},
		{"\r\n\r\n\r\n\r\n", 2},
		{withLength(" 4", "\r\n\r\n"), 0},
	} {
		var f framer
		if _, pings, err := feed(&f, []byte(tc.stream), 1); err != nil || pings != tc.pings {
			t.Errorf("%q: %d pings, error %v; want %d", tc.stream, pings, err, tc.pings)
		}
	}
}

// FuzzFraming checks that how a stream is cut into segments never changes what is read from it, that every message is
// exactly what its head says, and that memory stays bounded.
func FuzzFraming(f *testing.F) {
	for _, seed := range []string{
		withLength(" 5", "hello") + "\r\n\r\n" + withLength("0", ""),
		withLength(" 5\r\nl: 6", "hello!"),
		withLength(" +5", "hello"),
		withLength(" 4294967301", "hello"),
		optionsHead + "Content-Length:\r\n\t3\r\n\r\nabc\r\n\r\n",
		"\r\n\n\r\r\n", "a\nb\r\n\r\n", "l:0\r\n\r\nl:1\r\n\r\nx",
	} {
		f.Add([]byte(seed), uint16(1))
		f.Add([]byte(seed), uint16(17))
	}
	f.Fuzz(func(t *testing.T, stream []byte, step uint16) {
		var whole, cut framer
		all, pings, err := feed(&whole, stream, max(len(stream), 1))
		got, cutPings, cutErr := feed(&cut, stream, int(step)+1)
		if (err == nil) != (cutErr == nil) || err != nil && *err != *cutErr {
			t.Fatalf("whole: %v, in segments of %d: %v", err, step+1, cutErr)
		}
		if fmt.Sprintf("%q", all) != fmt.Sprintf("%q", got) {
			t.Fatalf("whole: %q\nin segments of %d: %q", all, step+1, got)
		}
		if (pings == 0) != (cutPings == 0) {
			t.Fatalf("pings: whole %d, in segments %d", pings, cutPings)
		}
		if cap(whole.buf) > maxBufferBytes || cap(cut.buf) > maxBufferBytes {
			t.Fatalf("buffers of %d and %d bytes", cap(whole.buf), cap(cut.buf))
		}
		for _, m := range all {
			checkMessage(t, m)
		}
	})
}

// checkMessage compares the framer's idea of a message with the parser's.
func checkMessage(t *testing.T, raw string) {
	t.Helper()
	head, body, ok := strings.Cut(raw, "\r\n\r\n")
	if !ok || len(raw) > msg.MaxMessageBytes {
		t.Fatalf("%d bytes without head or too long: %.200q", len(raw), raw)
	}
	n, ferr := contentLength([]byte(head + "\r\n\r\n"))
	if ferr != nil || n != len(body) {
		t.Fatalf("body of %d bytes, length %d, error %v", len(body), n, ferr)
	}
	var m msg.Message
	err := m.Parse([]byte(raw), msg.Stream)
	var e *msg.Error
	switch {
	case err == nil && string(m.Body()) != body:
		t.Fatalf("the parser reads another body: %q, not %q", m.Body(), body)
	case err != nil && !errors.As(err, &e):
		t.Fatalf("untyped error %v", err)
	}
}

func BenchmarkFraming(b *testing.B) {
	message := withLength(" 800", strings.Repeat("b", 800))
	b.ReportAllocs()
	b.SetBytes(int64(len(message)))
	var f framer
	for b.Loop() {
		f.filled(copy(f.space(), message))
		if raw, err := f.next(); raw == nil || err != nil {
			b.Fatal(err)
		}
	}
}
