package check

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const good = `zones:
  a: {listen: [udp://10.0.0.1:5060], media: {address: 10.0.0.1, ports: 16384-32767}}
peers:
  x: {zone: a, address: sip:10.0.0.2}
  y: {zone: a, address: sip:10.0.0.3}
routes:
  - {from: x, to: y}
`

func run(t *testing.T, text string) (out string, exit int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "g.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	exit = Run(path, &b)
	return strings.ReplaceAll(b.String(), path, "g.yaml"), exit
}

func TestRun_GoodFile_ExitsZero(t *testing.T) {
	out, exit := run(t, good)
	if exit != 0 || out != "g.yaml: ok, 1 zone, 2 peers, 1 route\n" {
		t.Errorf("exit %d with %q", exit, out)
	}
}

func TestRun_Advice_ExitsZero(t *testing.T) {
	out, exit := run(t, strings.Replace(good, "16384-32767", "16384-16391", 1))
	want := "warning: g.yaml:2:72: zones.a.media.ports: only 8 ports: one stream takes 2, and those just used rest a while\n" +
		"g.yaml: ok, 1 zone, 2 peers, 1 route\n"
	if exit != 0 || out != want {
		t.Errorf("exit %d with %q, want %q", exit, out, want)
	}
}

func TestRun_Mistakes_ExitOneInTheOrderOfTheFile(t *testing.T) {
	out, exit := run(t, "nod: x\n"+strings.Replace(strings.Replace(good, "16384-32767", "16384-16391", 1), "to: y", "to: z", 1))
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if exit != 1 || len(lines) != 3 || !strings.HasPrefix(lines[0], "g.yaml:1:1: nod: unknown key, did you mean node?") ||
		!strings.HasPrefix(lines[1], "warning: g.yaml:3:72: ") || !strings.HasPrefix(lines[2], "g.yaml:8:19: routes[0].to: unknown peer z") {
		t.Errorf("exit %d with\n%s", exit, out)
	}
}

func TestRun_NoFile_ExitsOne(t *testing.T) {
	var b strings.Builder
	if exit := Run(filepath.Join(t.TempDir(), "none.yaml"), &b); exit != 1 || !strings.Contains(b.String(), "no such file") {
		t.Errorf("exit %d with %q", exit, b.String())
	}
}

// broken is an output that takes nothing.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("closed") }

func TestRun_OutputBroken_IsNoSuccess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "g.yaml")
	if err := os.WriteFile(path, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	if exit := Run(path, broken{}); exit != 1 {
		t.Errorf("exit %d", exit)
	}
}
