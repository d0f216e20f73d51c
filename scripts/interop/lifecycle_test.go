//go:build interop

package interop

import (
	"bytes"
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/testlab/wire"
)

// stage is a border with both agents and one call up.
func stage(t *testing.T, p plan) (*border, *agent, *agent, talking) {
	t.Helper()
	b := startBorder(t, p)
	pbx, carrier := newAgent(t, p.PBX), newAgent(t, p.Carrier)
	call := connect(t, b, pbx, carrier, audioSDP(p.PBX.Addr(), 7000), audioSDP(p.Carrier.Addr(), 7000))
	// Its answer shows that the ACK before it was taken: only now may the border end the call (RFC 3261 §15).
	if m := call.caller.request("OPTIONS", ""); m.Code() != 200 {
		t.Fatalf("OPTIONS in the call: %q", m.Start)
	}
	return b, pbx, carrier, call
}

func TestReload_GoodFile_NewCallsFollowLiveOnesStay(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	b, pbx, carrier, call := stage(t, p)
	moved := p
	moved.Carrier = sipPort(host(t))
	other := newAgent(t, moved.Carrier)
	writeFile(t, b.config, moved.yaml())
	b.signal(syscall.SIGHUP)
	// The gauge may have been 1 before: a call that goes the new way is the proof.
	eventually(t, 5*time.Second, "a call goes the new way", func() bool {
		d := pbx.dial(p.sip(p.Inside), audioSDP(p.PBX.Addr(), 7002))
		m, ok := other.First(0, 300*time.Millisecond, func(m wire.Message) bool { return m.Method() == "INVITE" })
		if ok {
			other.send(p.sip(p.Outside), wire.Reply(m, "486 Busy Here", "x", nil, ""))
			if got := pbx.final(d.branch); got.Code() != 486 {
				t.Errorf("the new call got %q", got.Start)
			}
			return true
		}
		// It went the old way: end it there.
		if m, ok := carrier.First(0, time.Second, func(m wire.Message) bool { return m.Method() == "INVITE" && m.Get("Call-ID") != call.callee.callID }); ok {
			carrier.send(p.sip(p.Outside), wire.Reply(m, "486 Busy Here", "x", nil, ""))
		}
		return false
	})
	if got := b.metric("gatehouse_config_last_reload_successful"); got != 1 {
		t.Errorf("gatehouse_config_last_reload_successful %v", got)
	}
	if m := call.caller.request("OPTIONS", ""); m.Code() != 200 {
		t.Errorf("OPTIONS in the call that was up: %q", m.Start)
	}
	call.hangUp(t)
	b.settled()
}

func TestReload_BadFile_ChangesNothingAndIsReported(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	b, pbx, carrier, call := stage(t, p)
	writeFile(t, b.config, strings.Replace(p.yaml(), "trust: full", "trust: perhaps", 1))
	b.signal(syscall.SIGHUP)
	eventually(t, 5*time.Second, "the reload is reported as failed", func() bool { return b.metric("gatehouse_config_last_reload_successful") == 0 })
	eventually(t, time.Second, "the log says what is wrong", func() bool { return b.out.has("perhaps") })
	second := connect(t, b, pbx, carrier, audioSDP(p.PBX.Addr(), 7002), audioSDP(p.Carrier.Addr(), 7002))
	second.hangUp(t)
	writeFile(t, b.config, p.yaml())
	b.signal(syscall.SIGHUP)
	eventually(t, 5*time.Second, "a good file mends it", func() bool { return b.metric("gatehouse_config_last_reload_successful") == 1 })
	call.hangUp(t)
	b.settled()
}

func TestDrain_SIGTERM_RefusesNewCallsAndWaitsForOld(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	b, pbx, carrier, call := stage(t, p)
	b.signal(syscall.SIGTERM)
	eventually(t, 5*time.Second, "a new call is refused with 503", func() bool {
		from := carrier.Seen()
		d := pbx.dial(p.sip(p.Inside), audioSDP(p.PBX.Addr(), 7002))
		m, ok := pbx.First(0, time.Second, func(m wire.Message) bool { return m.Code() >= 200 && wire.Param(m.Get("Via"), "branch") == d.branch })
		if !ok {
			if m, ok := carrier.First(from, time.Second, func(m wire.Message) bool { return m.Method() == "INVITE" }); ok {
				carrier.send(p.sip(p.Outside), wire.Reply(m, "486 Busy Here", "x", nil, ""))
			}
		}
		return ok && m.Code() == 503
	})
	if b.gone() {
		t.Fatal("it left while a call was up")
	}
	if m := call.caller.request("OPTIONS", ""); m.Code() != 200 {
		t.Errorf("OPTIONS in the call that is up: %q", m.Start)
	}
	call.hangUp(t)
	b.exits(t, 10*time.Second)
}

// exits wants a clean end.
func (b *border) exits(t *testing.T, within time.Duration) {
	t.Helper()
	select {
	case <-b.exited:
	case <-time.After(within):
		t.Fatalf("still there after %s", within)
	}
	if code := b.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestDrain_SecondSIGTERM_EndsCallsAndStops(t *testing.T) {
	t.Parallel()
	b, pbx, carrier, _ := stage(t, newPlan(t))
	b.signal(syscall.SIGTERM)
	eventually(t, 5*time.Second, "drains", func() bool { return b.out.has("drain") })
	b.signal(syscall.SIGTERM)
	pbx.request(0, "BYE")
	carrier.request(0, "BYE")
	b.exits(t, 10*time.Second)
}

// A killed border leaves nothing that keeps the next one from starting.
func TestKill_SIGKILL_NextStartServes(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	b, pbx, carrier, _ := stage(t, p)
	b.signal(syscall.SIGKILL)
	<-b.exited
	next := startBorder(t, p)
	connect(t, next, pbx, carrier, audioSDP(p.PBX.Addr(), 7002), audioSDP(p.Carrier.Addr(), 7002)).hangUp(t)
	next.settled()
}

func TestStart_Twice_SaysWhichAddressIsTaken(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	b := startBorder(t, p)
	second := exec.Command(gatehouse(t), "run", "-c", b.config)
	second.Dir = t.TempDir()
	out, err := second.CombinedOutput()
	exit := new(exec.ExitError)
	if !errors.As(err, &exit) || exit.ExitCode() == 0 {
		t.Fatalf("second start: %v\n%s", err, out)
	}
	if !bytes.Contains(out, []byte("address already in use")) || !bytes.Contains(out, []byte("127.0.0.1")) && !bytes.Contains(out, []byte(p.Inside.String())) {
		t.Errorf("it does not say what is taken:\n%s", out)
	}
	if bytes.Contains(out, []byte("goroutine ")) {
		t.Errorf("a stack instead of a message:\n%s", out)
	}
	pbx := newAgent(t, p.PBX)
	pbx.options(p.sip(p.Inside), pingWithin)
}

// What `check` says about a file with three mistakes, each with its place.
func TestCheck_Mistakes_AllAtOnceWithTheirPlace(t *testing.T) {
	t.Parallel()
	good := filepath.Join(t.TempDir(), "good.yaml")
	p := newPlan(t)
	writeFile(t, good, p.yaml())
	if out, err := exec.Command(gatehouse(t), "check", good).CombinedOutput(); err != nil {
		t.Errorf("a good file: %v\n%s", err, out)
	}
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	text := strings.Replace(p.yaml(), "trust: full", "trust: perhaps", 1)
	text = strings.Replace(text, "zone: outside", "zone: nowhere", 1)
	writeFile(t, bad, text+"unheard_of: 1\n")
	out, err := exec.Command(gatehouse(t), "check", bad).CombinedOutput()
	exit := new(exec.ExitError)
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("exit of check: %v", err)
	}
	for _, word := range []string{"perhaps", "nowhere", "unheard_of"} {
		if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(bad) + `:\d+:\d+: .*` + word).Match(out) {
			t.Errorf("no FILE:LINE:COL line about %s:\n%s", word, out)
		}
	}
}

func TestRun_NoFile_IsAClearError(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(gatehouse(t), "run", "-c", "gone.yaml").CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("gone.yaml")) || bytes.Contains(out, []byte("goroutine ")) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestDemo_Once_HasAudioBothWays(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(gatehouse(t), "demo", "--once")
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, word := range []string{"INVITE", "ACK", "BYE"} {
		if !bytes.Contains(out, []byte(word)) {
			t.Errorf("the ladder has no %s:\n%s", word, out)
		}
	}
}

func TestAdmin_Pages_Answer(t *testing.T) {
	t.Parallel()
	b, _, _, call := stage(t, newPlan(t))
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if code, text := b.get(path); code != 200 {
			t.Errorf("%s: %d %s", path, code, text)
		}
	}
	code, text := b.get("/api/v1/calls")
	if code != 200 || !strings.Contains(text, "pbx") || !strings.Contains(text, "carrier") {
		t.Errorf("/api/v1/calls: %d %s", code, text)
	}
	for _, name := range []string{"gatehouse_calls_active", "gatehouse_dialogs_active", "gatehouse_media_ports_in_use"} {
		if b.metric(name) == 0 {
			t.Errorf("%s is 0 with a call up", name)
		}
	}
	call.hangUp(t)
	b.settled()
}
