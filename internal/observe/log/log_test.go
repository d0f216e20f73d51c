package log

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"gatehouse/internal/testlab"
)

func at(t testing.TB, name string) *Level {
	t.Helper()
	var l Level
	if err := l.Set(name); err != nil {
		t.Fatal(err)
	}
	return &l
}

func TestNew_Line_HasFixedKeys(t *testing.T) {
	var out bytes.Buffer
	l := New(&out, at(t, "info"))
	l.Debug().Msg("not this")
	l.Info().Str("call", "c1").Msg("ready")
	var line map[string]string
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v in %q", err, out.String())
	}
	if line["msg"] != "ready" || line["level"] != "info" || line["call"] != "c1" {
		t.Errorf("line %v", line)
	}
	if _, err := time.Parse(timeFormat, line["time"]); err != nil {
		t.Error(err)
	}
}

func TestWire_HostileText_OneVisibleLine(t *testing.T) {
	for in, want := range map[string]string{
		"friendly-scanner":       "friendly-scanner",
		"a\r\nb":                 `a\x0d\x0ab`,
		"\x1b[31mred\x07\x00":    `\x1b[31mred\x07\x00`,
		"evil\u202egpj.exe":      `evil\u202egpj.exe`,
		"a\u2066b\u200fc\u2028d": `a\u2066b\u200fc\u2028d`,
		"caf\u00e9 \u4e2d":       "café 中",
		"\xff\xfe":               `\xff\xfe`,
		`back\slash`:             `back\\slash`,
		"\U000e0001tag":          `\U000e0001tag`,
		"\u0085\u00ad\ufeff":     `\u0085\u00ad\ufeff`,
		"":                       "",
	} {
		if got := Wire(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	if got := Wire([]byte("bytes\n")); got != `bytes\x0a` {
		t.Errorf("got %q", got)
	}
}

func TestWire_LongText_Capped(t *testing.T) {
	if exact := strings.Repeat("x", MaxWireBytes); Wire(exact) != exact {
		t.Error("a text of just the limit was cut")
	}
	for _, unit := range []string{"x", "\x00", "é", "中", "\U000e0001", `\`} {
		got := Wire(strings.Repeat(unit, 1000))
		if len(got) > MaxWireBytes || len(got) < MaxWireBytes-16 || !strings.HasSuffix(got, "...") {
			t.Errorf("%q: %d bytes, %q", unit, len(got), got)
		}
	}
}

func FuzzWire(f *testing.F) {
	f.Add([]byte("a\x1b\u202e\xff"))
	f.Add(bytes.Repeat([]byte("\xe2\x80"), 200))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := Wire(b)
		if len(s) > MaxWireBytes {
			t.Fatalf("%d bytes", len(s))
		}
		for _, r := range s {
			if !unicode.IsPrint(r) || r == unicode.ReplacementChar && !bytes.ContainsRune(b, r) {
				t.Fatalf("%q holds %q", s, r)
			}
		}
	})
}

func TestBurst_Flood_SampledAndCounted(t *testing.T) {
	var out bytes.Buffer
	level := at(t, "info")
	base := New(&out, level)
	now := time.Unix(1000, 0)
	b := NewBurst(level, 3, time.Second)
	b.now = func() time.Time { return now }
	l, other := b.Logger(base), b.Logger(base.With().Str("src", "x").Logger())
	for range 10_000 {
		l.Debug().Msg("below the level")
		l.Warn().Msg("bad message")
		other.Warn().Msg("bad message")
	}
	if n := strings.Count(out.String(), "\n"); n != 3 {
		t.Errorf("%d lines in the first second", n)
	}
	out.Reset()
	now = now.Add(time.Second)
	l.Warn().Msg("bad message")
	l.Warn().Msg("bad message")
	if got := out.String(); strings.Count(got, "suppressed") != 1 || !strings.Contains(got, `"suppressed":19997`) {
		t.Errorf("then %s", got)
	}
}

// gate is an output that blocks until it is opened.
type gate struct {
	open chan struct{}
	out  bytes.Buffer
	err  error
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	if g.err != nil {
		return 0, g.err
	}
	return g.out.Write(p)
}

func TestWriter_OutputBlocks_NeverWaitsAndSaysWhatIsMissing(t *testing.T) {
	testlab.NoLeaks(t)
	g := &gate{open: make(chan struct{})}
	w := NewWriter(g)
	line := []byte(strings.Repeat("x", 1023) + "\n")
	const lines = 3 * queuedBytes / 1024
	for range lines {
		if n, err := w.Write(line); n != len(line) || err != nil {
			t.Fatalf("write %d, %v", n, err)
		}
	}
	close(g.open)
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	dropped := w.Dropped()
	whole := uint64(bytes.Count(g.out.Bytes(), line))
	if dropped == 0 || whole+dropped != lines {
		t.Errorf("%d written, %d dropped of %d", whole, dropped, lines)
	}
	if !strings.Contains(g.out.String(), fmt.Sprintf(`"dropped":%d`, dropped)) {
		t.Error("the log does not tell that lines are missing")
	}
	if _, err := w.Write(line); err != nil || w.Dropped() != dropped+1 {
		t.Errorf("a line after Close: %v, %d dropped", err, w.Dropped())
	}
}

func TestWriter_CloseWhileOutputHangs_GivesUpInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{}), err: errors.New("no space left on device")}
		w := NewWriter(g)
		_, _ = w.Write([]byte("x\n"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		close(g.open)
		synctest.Wait()
		if w.Dropped() != 1 {
			t.Errorf("dropped %d", w.Dropped())
		}
	})
}
