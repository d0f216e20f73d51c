package log

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestNew_HostileText_LineActsOnNothingAndReadsTheSame(t *testing.T) {
	for _, text := range []string{
		"\x1b[31mred\x1b[0m\x07\x00\x7f", "a\r\nb", "\u009b31mred\u0085", "evil\u202egpj.exe", "a\u2066b\u200fc\u2028d\u00ad\ufeff",
		"\U000e0001tag\U0010ffff", "café 中 😀", `back\slash "quoted"`, "\ufffd",
	} {
		var out bytes.Buffer
		l := New(&out, at(t, "info"))
		l.Warn().Str("cause", text).Err(errors.New(text)).Interface("panic", text).Msg(text)
		line, whole := strings.CutSuffix(out.String(), "\n")
		if bad := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }); !whole || bad >= 0 {
			t.Errorf("%q: line %q, at %d", text, line, bad)
		}
		var got map[string]string
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		if got["cause"] != text || got["error"] != text || got["panic"] != text || got["msg"] != text {
			t.Errorf("%q reads as %q", text, got)
		}
	}
}

// A line as it usually is must cost nothing more.
func TestVisible_PlainLine_Allocs(t *testing.T) {
	v, line := visible{io.Discard}, []byte(`{"level":"info","call":"c1","msg":"call started"}`+"\n")
	if n := testing.AllocsPerRun(1000, func() { _, _ = v.Write(line) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestVisible_OutputFails_IsReported(t *testing.T) {
	g := &gate{open: make(chan struct{}), err: errors.New("broken")}
	close(g.open)
	for _, line := range []string{"plain\n", "\u202e\n"} {
		if n, err := (visible{g}).Write([]byte(line)); n != 0 || !errors.Is(err, g.err) {
			t.Errorf("%q: %d, %v", line, n, err)
		}
	}
}

func FuzzNew(f *testing.F) {
	f.Add("a\x1b\u202e\xff\U000e0001")
	f.Add(strings.Repeat("\xe2\x80", 9))
	var out bytes.Buffer
	l := New(&out, at(f, "debug"))
	f.Fuzz(func(t *testing.T, text string) {
		out.Reset()
		l.Debug().Str("cause", text).Msg("x")
		line, whole := strings.CutSuffix(out.String(), "\n")
		if !whole || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Fatalf("line %q", line)
		}
		var got map[string]string
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		if utf8.ValidString(text) && got["cause"] != text {
			t.Fatalf("%q reads as %q", text, got["cause"])
		}
	})
}
