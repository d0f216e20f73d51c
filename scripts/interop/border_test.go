//go:build interop

package interop

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	readyWithin = 10 * time.Second
	exitWithin  = 10 * time.Second
)

// plan says how a border is set up; newPlan fills in addresses nobody else uses.
type plan struct {
	Inside, Outside netip.Addr // ours, one each side
	SIPPort         uint16     // of both
	PBX, Carrier    netip.AddrPort
	Transport       string // of the peers' addresses: "" (udp) or "tcp"
	OutsideTrust    string
	OutsideListen   []string // listeners beside udp and tcp
	OutsideOptions  string   // YAML lines of the outside zone, indented by four
	CarrierAddress  string   // YAML in place of the address made of Carrier
	CarrierOptions  string   // YAML lines of the carrier, indented by four
	PeerOptions     string   // YAML lines of both peers, indented by four
	MediaOptions    string   // inside of media: {...}
	Ports           string   // of each zone
	More            string   // YAML lines of the top level
}

func newPlan(t *testing.T) plan {
	t.Helper()
	return plan{Inside: host(t), Outside: host(t), SIPPort: 5060, PBX: sipPort(host(t)), Carrier: sipPort(host(t)),
		OutsideTrust: "none", MediaOptions: "timeout: 60s", Ports: "16384-32767"}
}

// yaml writes the configuration of a plan: two zones, two peers, two routes.
func (p plan) yaml() string {
	var b strings.Builder
	zone := func(name string, a netip.Addr, trust string, listen []string, options string) {
		listen = append([]string{"udp://" + p.sip(a).String(), "tcp://" + p.sip(a).String()}, listen...)
		fmt.Fprintf(&b, "  %s:\n    listen: [\"%s\"]\n    trust: %s\n    media: {address: \"%s\", ports: %s}\n%s",
			name, strings.Join(listen, `", "`), trust, a, p.Ports, options)
	}
	peer := func(name, zone string, a netip.AddrPort, address, options string) {
		if address == "" {
			address = `"sip:` + a.String() + `"`
			if p.Transport != "" {
				address = `"sip:` + a.String() + ";transport=" + p.Transport + `"`
			}
		}
		fmt.Fprintf(&b, "  %s:\n    zone: %s\n    address: %s\n    source: [\"%s/%d\"]\n%s%s",
			name, zone, address, a.Addr(), a.Addr().BitLen(), p.PeerOptions, options)
	}
	b.WriteString("node: interop\nzones:\n")
	zone("inside", p.Inside, "full", nil, "")
	zone("outside", p.Outside, p.OutsideTrust, p.OutsideListen, p.OutsideOptions)
	b.WriteString("peers:\n")
	peer("pbx", "inside", p.PBX, "", "")
	peer("carrier", "outside", p.Carrier, p.CarrierAddress, p.CarrierOptions)
	b.WriteString("routes:\n  - {name: outbound, from: pbx, to: [carrier]}\n  - {name: inbound, from: carrier, to: [pbx]}\n")
	return b.String() + p.services()
}

// services are the parts of a configuration that every border of these tests has.
func (p plan) services() string {
	return fmt.Sprintf("media: {%s}\nadmin: {listen: \"127.0.0.1:%d\"}\ncdr: {file: cdr.jsonl}\nlog: {level: info}\n%s", p.MediaOptions, p.adminPort(), p.More)
}

// sip is where we listen for SIP on one of our addresses.
func (p plan) sip(a netip.Addr) netip.AddrPort { return netip.AddrPortFrom(a, p.SIPPort) }

// adminPort is below the ports the kernel gives away by itself, and follows from an address that is the test's own.
func (p plan) adminPort() int {
	own := p.Inside
	if own.Is6() {
		own = p.Outside
	}
	a := own.As4()
	return 10000 + (int(a[2])<<8+int(a[3]))%20000
}

// border is one running gatehouse.
type border struct {
	plan
	t      *testing.T
	dir    string
	config string
	cmd    *exec.Cmd
	out    *tail
	exited chan struct{}
}

// startBorder starts the binary with a plan and waits until it is ready. When the test ends, the process is stopped, and a panic in its log or
// a race fails the test.
func startBorder(t *testing.T, p plan) *border {
	t.Helper()
	return startWith(t, p, p.yaml())
}

// startWith is startBorder with a configuration that a plan does not say; it must have the plan's admin listener.
func startWith(t *testing.T, p plan, yaml string) *border {
	t.Helper()
	return startCommand(t, p, yaml, gatehouse(t))
}

// startCommand starts a binary, or one behind a command that starts others (taskset).
func startCommand(t *testing.T, p plan, yaml string, command ...string) *border {
	t.Helper()
	dir := t.TempDir()
	b := &border{plan: p, t: t, dir: dir, config: filepath.Join(dir, "gatehouse.yaml"), out: newTail(), exited: make(chan struct{})}
	writeFile(t, b.config, yaml)
	command = append(command, "run", "-c", b.config)
	b.cmd = exec.Command(command[0], command[1:]...)
	b.cmd.Dir = dir
	b.cmd.Stdout, b.cmd.Stderr = b.out, b.out
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = b.cmd.Wait()
		close(b.exited)
	}()
	t.Cleanup(b.stop)
	eventually(t, readyWithin, "ready", func() bool { return b.out.has(`"ready"`) || b.gone() })
	if b.gone() {
		t.Fatalf("the border did not start:\n%s\n%s", b.out, yaml)
	}
	return b
}

func (b *border) gone() bool {
	select {
	case <-b.exited:
		return true
	default:
		return false
	}
}

// stop ends the process as an operator would twice over, and looks at what it left behind.
func (b *border) stop() {
	if !b.gone() {
		_ = b.cmd.Process.Signal(syscall.SIGTERM)
		// Two signals of a kind are one while the first is not yet taken.
		becomes(exitWithin, func() bool { return b.gone() || b.out.has("drain") })
		_ = b.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-b.exited:
		case <-time.After(exitWithin):
			b.t.Errorf("still there %s after two SIGTERM", exitWithin)
			_ = b.cmd.Process.Kill()
			<-b.exited
		}
	}
	for _, word := range []string{"panic", "DATA RACE", "goroutine 1 ["} {
		if b.out.has(word) {
			b.t.Errorf("%q in the log", word)
		}
	}
	if b.t.Failed() {
		b.t.Logf("log of the border:\n%s", b.out)
	}
}

func (b *border) signal(s os.Signal) {
	b.t.Helper()
	if err := b.cmd.Process.Signal(s); err != nil {
		b.t.Fatal(err)
	}
}

func (b *border) url(path string) string {
	return fmt.Sprintf("http://127.0.0.1:%d%s", b.adminPort(), path)
}

// get reads a page of the admin listener.
func (b *border) get(path string) (int, string) {
	b.t.Helper()
	resp, err := http.Get(b.url(path))
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// metric is the sum of a metric over all its labels.
func (b *border) metric(name string) float64 {
	b.t.Helper()
	_, text := b.get("/metrics")
	sum := 0.0
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), name)
		if !ok || rest == "" || (rest[0] != ' ' && rest[0] != '{') {
			continue
		}
		v, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
		if err != nil {
			b.t.Fatalf("metric %q: %v", lines.Text(), err)
		}
		sum += v
	}
	return sum
}

// cdrs are the call records written so far.
func (b *border) cdrs() []map[string]any {
	b.t.Helper()
	raw, err := os.ReadFile(filepath.Join(b.dir, "cdr.jsonl"))
	if err != nil && !os.IsNotExist(err) {
		b.t.Fatal(err)
	}
	var out []map[string]any
	for line := range bytes.Lines(raw) {
		record := map[string]any{}
		if err := json.Unmarshal(line, &record); err != nil {
			b.t.Fatalf("call record %q: %v", line, err)
		}
		out = append(out, record)
	}
	return out
}

// settled waits until nothing of any call is left: calls, dialogs, ports. Transactions rest longer, by the RFC.
func (b *border) settled() {
	b.t.Helper()
	eventually(b.t, 5*time.Second, "calls, dialogs and ports are back", b.empty)
}

// empty tells whether no call, dialog or port is in use.
func (b *border) empty() bool {
	return b.metric("gatehouse_calls_active") == 0 && b.metric("gatehouse_dialogs_active") == 0 && b.metric("gatehouse_media_ports_in_use") == 0
}

// tail keeps what a process writes.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func newTail() *tail { return &tail{} }

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.Write(p)
}

func (t *tail) has(word string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Contains(t.buf.Bytes(), []byte(word))
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}
