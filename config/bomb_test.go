package config_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"gatehouse/config"
)

const (
	// bombTime and bombBytes bound one load. The slowest takes 0.1 s; the rest is for loaded machines and the race detector.
	bombTime  = 5 * time.Second
	bombBytes = 100 << 20
	// mostSeparators stays just below the limit of the package strict.
	mostSeparators = 59_900
)

// bombs are files made to cost more than they weigh.
func bombs() map[string][]byte {
	repeat := func(head, unit, tail string) []byte {
		n := (1<<20 - len(head) - len(tail)) / len(unit)
		if s := strings.Count(unit, "\n") + strings.Count(unit, ",") + strings.Count(unit, "["); s > 0 {
			n = min(n, mostSeparators/s) // as many as come through to the parser
		}
		return []byte(head + strings.Repeat(unit, n) + tail)
	}
	var laughs strings.Builder
	laughs.WriteString("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&laughs, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	var wide strings.Builder
	wide.WriteString("zones: &z {a: {listen: &l [" + strings.TrimSuffix(strings.Repeat("x, ", 1000), ", ") + "]}}\npeers:\n")
	for i := range 5000 {
		fmt.Fprintf(&wide, "  p%d: {source: *l}\n", i)
	}
	var merges strings.Builder
	merges.WriteString("peers:\n  p0: &p0 {zone: a}\n")
	for i := 1; i < 1000; i++ {
		fmt.Fprintf(&merges, "  p%d: &p%d {<<: [*p%d, *p%d]}\n", i, i, i-1, i-1)
	}
	var names strings.Builder
	names.WriteString("peers:\n")
	for i := range 5000 {
		fmt.Fprintf(&names, "  a-rather-long-name-of-a-peer-%d: {}\n", i)
	}
	names.WriteString("routes:\n")
	for i := range 5000 {
		fmt.Fprintf(&names, "- {from: b-rather-long-name-of-a-peer-%d, to: c-rather-long-name-of-a-peer-%d}\n", i, i)
	}
	var routes strings.Builder
	routes.WriteString("peers: {a: {}, b: {}}\nroutes:\n")
	for i := range 8000 {
		fmt.Fprintf(&routes, "- {from: a, called: [\"%d*\", \"*%d\", \"*%d*\"], to: b}\n", i, i, 100000+i)
	}
	var callers strings.Builder
	callers.WriteString("zones: {z: {}}\npeers:\n")
	var list []string
	for i := range 9000 {
		fmt.Fprintf(&callers, "  p%d: {zone: z}\n", i)
		list = append(list, fmt.Sprintf("p%d", i))
	}
	fmt.Fprintf(&callers, "routes:\n- {from: &l [%s], to: *l}\n- {from: *l, to: *l}\n", strings.Join(list, ","))
	var shared strings.Builder
	shared.WriteString("zones: {z: {}}\npeers:\n")
	for i := range 7000 {
		fmt.Fprintf(&shared, "  p%d: {zone: z, address: sip:10.0.0.1, match: {prefix: \"%d\"}}\n", i, i)
	}
	var denied strings.Builder
	denied.WriteString("zones:\n  z:\n    acl:\n      deny:\n")
	for i := range 15000 {
		fmt.Fprintf(&denied, "      - 10.%d.%d.0/24\n", i>>8, i&255)
	}
	denied.WriteString("      allow:\n")
	for i := range 15000 {
		fmt.Fprintf(&denied, "      - 10.%d.%d.7\n", i>>8, i&255)
	}
	denied.WriteString("peers:\n")
	for i := range 7000 {
		fmt.Fprintf(&denied, "  p%d: {zone: z, address: sip:10.%d.%d.8}\n", i, i>>8, i&255)
	}
	return map[string][]byte{
		"shared source":     []byte(shared.String()),
		"denied sources":    []byte(denied.String()),
		"callers":           []byte(callers.String()),
		"billion laughs":    []byte(laughs.String()),
		"wide aliases":      []byte(wide.String()),
		"merge chain":       []byte(merges.String()),
		"open brackets":     repeat("", "[", ""),
		"open braces":       repeat("", "{", ""),
		"nested maps":       repeat("", "{a: ", ""),
		"nested dashes":     repeat("", "- ", ""),
		"deep keys":         repeat("", "? ", ""),
		"short entries":     repeat("zones: [", "a,", "]"),
		"empty lines":       repeat("node: a", "\n", ""),
		"dashes":            repeat("", "-\n", ""),
		"comments":          repeat("node: a\n", "#\n", ""),
		"long comment":      repeat("node: a\n#", "x", "\n"),
		"comment each":      repeat("", "a: b # c\n", ""),
		"keys":              repeat("", "a:\n", ""),
		"one line keys":     repeat("", "a: b: ", "\n"),
		"anchors":           repeat("", "- &a b\n", ""),
		"aliases":           repeat("- &a b\n", "- *a\n", ""),
		"unknown keys":      repeat("", "abcdefgh: {}\n", ""),
		"long text":         repeat("node: ", "a", "\n"),
		"quoted":            repeat("node: \"", "\\n", "\"\n"),
		"open quote":        repeat("node: \"", "a\n", ""),
		"block text":        repeat("node: |\n", " a\n", ""),
		"folded text":       repeat("node: >\n", " a\n\n", ""),
		"directives":        repeat("", "%TAG ! tag:x,2000:\n", ""),
		"documents":         repeat("", "---\n", ""),
		"huge numbers":      repeat("node: 0x", "f", "\n"),
		"huge decimals":     repeat("node: 1e", "9", "\n"),
		"duration":          repeat("media: {timeout: ", "1h", "}"),
		"tabs":              repeat("a: ", "\t", "b\n"),
		"question marks":    repeat("", "?\n", ""),
		"colons":            repeat("", ":\n", ""),
		"unknown names":     []byte(names.String()),
		"many routes":       []byte(routes.String()),
		"colon words":       repeat("", "a:b ", ""),
		"many lines":        bytes.Repeat([]byte("\n"), 60_001),
		"too large":         bytes.Repeat([]byte("a: b\n"), 1<<18),
		"many small routes": repeat("peers: {a: {}, b: {}}\nroutes:\n", "- {from: a, to: b}\n", ""),
	}
}

func TestLoad_HostileFiles_CostLittle(t *testing.T) {
	for name, data := range bombs() {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			start := time.Now()
			c, _, err := config.Load("bomb.yaml", data)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if err == nil || c != nil {
				t.Errorf("loaded")
			}
			if n := len(mistakes(err)); n == 0 || n > 1001 {
				t.Errorf("%d mistakes: %.200v", n, err)
			}
			used := after.TotalAlloc - before.TotalAlloc
			t.Logf("%v, %d MB, %d mistakes, first %.100v", took, used>>20, len(mistakes(err)), mistakes(err)[0])
			if took > bombTime || used > bombBytes {
				t.Errorf("took %v and %d MB", took, used>>20)
			}
		})
	}
}

func TestLoad_ManyLines_AreRefusedBeforeParsing(t *testing.T) {
	_, _, err := config.Load("t.yaml", bombs()["many lines"])
	if err == nil || !strings.Contains(err.Error(), "more than 60000 lines and list entries") {
		t.Errorf("got %v", err)
	}
}
