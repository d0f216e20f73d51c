package log

import (
	"bytes"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

func TestLevelSet_Unknown_RefusedAndNothingChanges(t *testing.T) {
	for name, least := range map[string]zerolog.Level{
		"": zerolog.InfoLevel, "debug": zerolog.DebugLevel, "info": zerolog.InfoLevel, "warn": zerolog.WarnLevel, "error": zerolog.ErrorLevel,
	} {
		l := at(t, name)
		if err := l.Set("loud"); err == nil || !strings.Contains(err.Error(), `"loud"`) {
			t.Errorf("error %v", err)
		}
		for lvl := zerolog.DebugLevel; lvl <= zerolog.PanicLevel; lvl++ {
			if l.Sample(lvl) != (lvl >= least) {
				t.Errorf("at %q, %v passes: %v", name, lvl, l.Sample(lvl))
			}
		}
	}
}

// Every logger made of the first one must follow the level, also those made before it changed.
func TestLevel_Changed_EveryLoggerFollows(t *testing.T) {
	var out bytes.Buffer
	level := at(t, "info")
	base := New(&out, level)
	child := base.With().Str("call", "c1").Logger()
	noise := NewBurst(level, 1000, time.Hour).Logger(child)
	lines := func() int {
		out.Reset()
		for _, l := range []zerolog.Logger{base, child, noise} {
			l.Debug().Msg("x")
			l.Info().Msg("x")
			l.Warn().Msg("x")
			l.Error().Msg("x")
		}
		return bytes.Count(out.Bytes(), []byte{'\n'})
	}
	for _, c := range []struct {
		name string
		want int
	}{{"info", 9}, {"error", 3}, {"debug", 12}, {"warn", 6}} {
		if err := level.Set(c.name); err != nil {
			t.Fatal(err)
		}
		if got := lines(); got != c.want {
			t.Errorf("%s: %d lines, want %d", c.name, got, c.want)
		}
	}
}

func TestLevel_DisabledDebug_Allocs(t *testing.T) {
	level := at(t, "info")
	base := New(io.Discard, level).With().Str("call", "c1").Logger()
	noise := NewBurst(level, 1, time.Hour).Logger(base)
	src := netip.MustParseAddrPort("[2001:db8::1]:5060")
	for name, l := range map[string]*zerolog.Logger{"child": &base, "noise": &noise} {
		if n := testing.AllocsPerRun(1000, func() {
			l.Debug().Str("src", "x").Int("code", 400).Msg("not wanted")
			if e := l.Debug(); e.Enabled() {
				e.Str("src", src.String()).Msg("not wanted")
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations for lines that are not logged", name, n)
		}
	}
}

func BenchmarkDisabledDebug(b *testing.B) {
	l := New(io.Discard, at(b, "info")).With().Str("call", "c1").Logger()
	b.ReportAllocs()
	for b.Loop() {
		l.Debug().Str("src", "x").Int("code", 400).Msg("not wanted")
	}
}
