//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/admin"
)

const banFile = `
zones:
  a: {listen: [tcp://127.83.0.1:21080], media: {address: 127.83.0.1, ports: 21000-21019}}
peers:
  x: {zone: a, address: sip:127.83.0.2;transport=tcp}
routes:
  - {from: x, to: x}
security: {ban: {after: 2, for: 10m}}
admin: {listen: 127.83.0.1:21082, token_file: token}
`

// command runs gatehouse to its end and gives what it wrote.
func command(t *testing.T, args ...string) (out, complaint string, ok bool) {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], args...)
	c.Env = append(os.Environ(), asMain+"=1")
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	return stdout.String(), stderr.String(), err == nil
}

// offend sends what cannot be framed from a source, and waits for the end of the connection.
func offend(t *testing.T, from string) {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 10 * time.Second}
	c, err := d.DialContext(t.Context(), "tcp", "127.83.0.1:21080")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = c.Write([]byte("OPTIONS sip:x SIP/2.0\r\nContent-Length: nonsense\r\n\r\n"))
	for b := make([]byte, 256); err == nil; {
		_, err = c.Read(b)
	}
}

func TestBans_RunningGateway_ListedRemovedAndGone(t *testing.T) {
	dir := t.TempDir()
	path, token := filepath.Join(dir, "g.yaml"), filepath.Join(dir, "token")
	for name, text := range map[string]string{path: banFile, token: "a-token-of-enough-length\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lines, _, out := logOf(t)
	program(t, out, "run", "-c", path)
	_ = out.Close()
	until(t, lines, `"ready"`)
	api := []string{"--api", "http://127.83.0.1:21082", "--token-file", token}
	bans := func(args ...string) string {
		t.Helper()
		text, complaint, ok := command(t, append(append([]string{"bans"}, args...), api...)...)
		if !ok {
			t.Fatalf("bans %v: %s", args, complaint)
		}
		return text
	}
	if text := bans(); text != "no source is banned\n" {
		t.Errorf("at first: %q", text)
	}
	for range 2 {
		offend(t, "127.83.0.9")
	}
	table := strings.Split(bans(), "\n")
	if len(table) != 3 || !strings.HasPrefix(table[0], "SOURCE ") || !strings.HasPrefix(table[1], "127.83.0.9 ") || !strings.Contains(table[1], " dropped") {
		t.Errorf("table %q", table)
	}
	var answer struct{ Bans []admin.Ban }
	if text := bans("--json"); json.Unmarshal([]byte(text), &answer) != nil || len(answer.Bans) != 1 || answer.Bans[0].Source != "127.83.0.9" {
		t.Errorf("JSON %s", text)
	}
	if text := bans("remove", "127.83.0.9"); text != "" {
		t.Errorf("remove says %q", text)
	}
	if text := bans(); text != "no source is banned\n" {
		t.Errorf("at the end: %q", text)
	}
	for want, args := range map[string][]string{
		"no such ban":        append([]string{"bans", "remove", "127.83.0.9"}, api...),
		"401":                append([]string{"bans"}, api[:2]...),
		"no such file":       {"bans", "--token-file", filepath.Join(dir, "none")},
		"connection refused": {"bans", "--api", "http://127.83.0.1:21084"},
		"http://HOST:PORT":   {"bans", "--api", "127.83.0.1"},
		"unknown command":    {"bans", "127.83.0.9"},
	} {
		if _, complaint, ok := command(t, args...); ok || !strings.HasPrefix(complaint, "gatehouse: ") || !strings.Contains(complaint, want) {
			t.Errorf("%v says %q, want %q", args, complaint, want)
		}
	}
}

func TestPrintBans_Table_ShowsWhatIsLeftAndSteersNoTerminal(t *testing.T) {
	now := time.Now()
	var out bytes.Buffer
	if err := printBans(&out, []admin.Ban{
		{Source: "2001:db8::/64", Reason: "handshake", Since: now, Until: now.Add(90 * time.Second), Offences: 21, DryRun: true},
		{Source: "\x1b[2J", Reason: "a\tb", Until: now.Add(-time.Second)},
	}, now); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2001:db8::/64", "1m30s", "none (dry run)", `"\x1b[2J"`, `"a\tb"`, " 0s "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
	if strings.ContainsRune(out.String(), 0x1b) {
		t.Error("an escape got through")
	}
}

func TestCheck_BrokenCertificate_ExitOne(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "g.yaml")
	text := strings.NewReplacer("tcp://127.83.0.1:21080]", "tls://127.83.0.1:21080], tls: {certificate: c.pem, key_file: c.key}", ", token_file: token", "", "transport=tcp", "transport=tls").Replace(banFile)
	for name, content := range map[string]string{path: text, filepath.Join(dir, "c.pem"): "no certificate", filepath.Join(dir, "c.key"): "no key"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, _, ok := command(t, "check", path); ok || !strings.Contains(out, path+":3:") || !strings.Contains(out, "certificate") {
		t.Errorf("check says %q", out)
	}
}
