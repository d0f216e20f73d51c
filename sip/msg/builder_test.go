package msg

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/sip/grammar"
	"gatehouse/sip/uri"
)

func TestBuilder_Request_ExactBytes(t *testing.T) {
	var b Builder
	for range 2 {
		b.Reset()
		b.Request("INVITE", "sip:bob@h")
		b.Header("Via", "SIP/2.0/UDP ", "h", ";branch=", "z9hG4bK1")
		b.HeaderBytes("Subject", []byte("täb\there"))
		b.HeaderInt("Max-Forwards", 70)
		b.Header("Supported")
		b.Body("application/sdp", []byte("v=0\r\n\x00"))
		got, err := b.Bytes()
		want := "INVITE sip:bob@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nSubject: täb\there\r\nMax-Forwards: 70\r\n" +
			"Supported:\r\nContent-Type: application/sdp\r\nContent-Length: 6\r\n\r\nv=0\r\n\x00"
		if err != nil || string(got) != want || cap(got) != len(got) {
			t.Errorf("%v, cap %d of %d\n%q\nwant\n%q", err, cap(got), len(got), got, want)
		}
	}
}

func TestBuilder_WithoutBody_EndsWithLengthZero(t *testing.T) {
	var b Builder
	b.Response(299, "")
	b.Header("X-A", "1")
	first, err := b.Bytes()
	if err != nil || string(first) != "SIP/2.0 299 OK\r\nX-A: 1\r\nContent-Length: 0\r\n\r\n" {
		t.Fatalf("%q %v", first, err)
	}
	b.Header("X-B", "2")
	second, err := b.Bytes()
	if err != nil || !strings.Contains(string(second), "X-A: 1\r\nX-B: 2\r\nContent-Length: 0\r\n\r\n") {
		t.Errorf("%q %v", second, err)
	}
	if strings.Contains(string(first), "X-B") {
		t.Error("the first message changed")
	}
}

func TestBuilder_Misuse_SticksAsError(t *testing.T) {
	ok := func(b *Builder) { b.Request("INVITE", "sip:a@h") }
	for name, use := range map[string]func(b *Builder){
		"nothing":               func(*Builder) {},
		"header first":          func(b *Builder) { b.Header("A", "b"); ok(b) },
		"two start lines":       func(b *Builder) { ok(b); ok(b) },
		"request then response": func(b *Builder) { ok(b); b.Response(200, "") },
		"method with space":     func(b *Builder) { b.Request("IN VITE", "sip:a@h") },
		"empty method":          func(b *Builder) { b.Request("", "sip:a@h") },
		"uri with space":        func(b *Builder) { b.Request("INVITE", "sip:a@h SIP/2.0") },
		"uri with bracket":      func(b *Builder) { b.Request("INVITE", "<sip:a@h>") },
		"empty uri":             func(b *Builder) { b.Request("INVITE", "") },
		"code 99":               func(b *Builder) { b.Response(99, "") },
		"code 700":              func(b *Builder) { b.Response(700, "") },
		"reason with CRLF":      func(b *Builder) { b.Response(200, "OK\r\nX: y") },
		"value with LF":         func(b *Builder) { ok(b); b.Header("A", "b", "\n") },
		"value with CR":         func(b *Builder) { ok(b); b.HeaderBytes("A", []byte("b\r")) },
		"value with NUL":        func(b *Builder) { ok(b); b.Header("A", "\x00") },
		"value with DEL":        func(b *Builder) { ok(b); b.Header("A", "\x7f") },
		"name with colon":       func(b *Builder) { ok(b); b.Header("A:", "b") },
		"name with space":       func(b *Builder) { ok(b); b.Header("A ", "b") },
		"empty name":            func(b *Builder) { ok(b); b.Header("", "b") },
		"int with bad name":     func(b *Builder) { ok(b); b.HeaderInt("A\r\n", 1) },
		"own content length":    func(b *Builder) { ok(b); b.HeaderInt("l", 1) },
		"two content types":     func(b *Builder) { ok(b); b.Header("c", "a/b"); b.Body("a/b", nil) },
		"body without type":     func(b *Builder) { ok(b); b.Body("", []byte("x")) },
		"two bodies":            func(b *Builder) { ok(b); b.Body("a/b", []byte("x")); b.Body("", nil) },
		"header after body":     func(b *Builder) { ok(b); b.Body("a/b", nil); b.Header("A", "b") },
		"body first":            func(b *Builder) { b.Body("", nil) },
		"type with CRLF":        func(b *Builder) { ok(b); b.Body("a/b\r\nX: y", []byte("x")) },
		"header too large":      func(b *Builder) { ok(b); b.Header("A", strings.Repeat("x", MaxHeaderBytes)) },
		"message too large":     func(b *Builder) { ok(b); b.Body("a/b", make([]byte, MaxMessageBytes)) },
		"tag with CRLF": func(b *Builder) {
			var m Message
			_ = m.Parse(with(), Datagram)
			h := NewReplyHead(&m, testSource)
			h.Start(b, 200, "", "x\r\n")
		},
	} {
		var b Builder
		use(&b)
		b.Header("More", "x")
		out, err := b.Bytes()
		if name == "nothing" {
			var fresh Builder
			out, err = fresh.Bytes()
		}
		if err == nil || out != nil {
			t.Errorf("%s: %q", name, out)
		}
		b.Reset()
		b.Request("BYE", "sip:a@h")
		if _, err := b.Bytes(); err != nil {
			t.Errorf("%s: the error outlives Reset: %v", name, err)
		}
	}
	var b Builder
	ok(&b)
	b.Body("a/b", make([]byte, MaxMessageBytes))
	if _, err := b.Bytes(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("oversize gives %v", err)
	}
}

// hostile draws text that wants to become a header of its own.
func hostile() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		pieces := rapid.SliceOfN(rapid.SampledFrom([]string{
			"\r", "\n", "\r\n", "\x00", "\t", " ", ":", "\x7f", "\x0b", "a", "X-Evil: 1", "\r\n\r\n", "é", "\xff", "\"", "\\", "%0d%0a", "\u2028",
		}), 0, 4).Draw(t, "pieces")
		return strings.Join(pieces, "")
	})
}

func TestSecurity08_AnyBuilderInput_NeverWritesAnotherLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.Just("X-Name"), hostile()).Draw(t, "name")
		parts := rapid.SliceOfN(hostile(), 0, 3).Draw(t, "parts")
		value := strings.Join(parts, "")
		reason := rapid.OneOf(rapid.Just("OK"), hostile()).Draw(t, "reason")
		var b Builder
		b.Response(200, reason)
		b.Header(name, parts...)
		b.HeaderBytes(name, []byte(value))
		out, err := b.Bytes()
		legal := grammar.IsToken(name) && !grammar.HasUnsafe(value) && !grammar.HasUnsafe(reason) && len(value) > -1
		if legal != (err == nil) {
			t.Fatalf("name %q, value %q, reason %q: %v", name, value, reason, err)
		}
		if err != nil {
			return
		}
		if n := bytes.Count(out, []byte("\n")); n != 5 || bytes.Count(out, []byte("\r\n")) != 5 || bytes.IndexByte(out, 0) >= 0 {
			t.Fatalf("%d lines: %q", n, out)
		}
	})
}

func TestSecurity08_AnyEdit_NeverWritesAnotherLine(t *testing.T) {
	raw := with()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.Just("X-Name"), rapid.Just("Subject"), hostile()).Draw(t, "name")
		parts := rapid.SliceOfN(hostile(), 0, 3).Draw(t, "parts")
		value := strings.Join(parts, "")
		var m Message
		if err := m.Parse(raw, Datagram); err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "add") {
			m.Add(name, parts...)
		} else {
			m.Set(name, parts...)
		}
		out, err := m.AppendTo(nil)
		if grammar.HasUnsafe(value) || !grammar.IsToken(name) {
			if err == nil {
				t.Fatalf("%q: %q written", name, value)
			}
			return
		}
		if err == nil && bytes.Count(out, []byte("\r\n")) != bytes.Count(raw, []byte("\r\n"))+1 {
			t.Fatalf("%q: %q makes\n%s", name, value, out)
		}
	})
}

func TestSecurity08_AnyRequestURI_StaysWithinItsLine(t *testing.T) {
	raw := with()
	rapid.Check(t, func(t *rapid.T) {
		target := rapid.SampledFrom([]string{"sip:", "sip:a@h", "tel:+1", "urn:x", "<sip:a@h>", ""}).Draw(t, "scheme") + hostile().Draw(t, "rest")
		var m Message
		if err := m.Parse(raw, Datagram); err != nil {
			t.Fatal(err)
		}
		m.SetRequestURI(target)
		out, err := m.AppendTo(nil)
		if legal := uri.CheckRequest(target) == nil; legal != (err == nil) {
			t.Fatalf("%q: %v", target, err)
		}
		if err != nil {
			return
		}
		_, rest, _ := strings.Cut(string(raw), "\r\n")
		if string(out) != "INVITE "+target+" SIP/2.0\r\n"+rest {
			t.Fatalf("%q makes\n%q", target, out)
		}
	})
}

// What a reply repeats of a request, however it was damaged, is no line of its own and holds no control byte.
func TestSecurity08_AnyDamagedRequest_ReplyHoldsNoControlByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := invite1K()
		for range rapid.IntRange(1, 4).Draw(t, "times") {
			at := rapid.IntRange(0, len(raw)).Draw(t, "at")
			raw = slices.Insert(raw, at, []byte(hostile().Draw(t, "text"))...)
		}
		var m Message
		_ = m.Parse(raw, Datagram)
		h := NewReplyHead(&m, testSource)
		var b Builder
		h.Start(&b, 400, "", "tag")
		out, err := b.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.SplitSeq(out, []byte("\r\n")) {
			if grammar.HasUnsafe(line) {
				t.Fatalf("%q", out)
			}
		}
		var r Message
		if err := r.Parse(out, Datagram); err == nil && h.Answerable() && r.Count(HeaderOther) > 0 {
			t.Fatalf("a header field of its own: %q", out)
		}
	})
}

func TestStatusText_EveryCode_IsSafeText(t *testing.T) {
	for code := minStatus; code <= maxStatus; code++ {
		if text := StatusText(code); text == "" || text == "Unknown" || grammar.HasUnsafe(text) {
			t.Errorf("%d: %q", code, text)
		}
	}
	for code, want := range map[int]string{487: "Request Terminated", 599: "Server Failure", 9: "Unknown"} {
		if got := StatusText(code); got != want {
			t.Errorf("%d: %q, want %q", code, got, want)
		}
	}
}
