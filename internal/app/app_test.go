package app

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/config"
	"gatehouse/internal/demo"
	"gatehouse/internal/testlab"
	"gatehouse/sip/transport"
)

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// site is a gateway in this process with the plan of the demo, and the text of
// its file.
type site struct {
	*App
	plan demo.Plan
	dir  string // of the file and of what it names
	text string
	mu   sync.Mutex // guards text against a reload from another goroutine
	log  lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (s *site) set(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = text
}

func (s *site) load() (*config.Config, []config.Issue, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := filepath.Join(s.dir, "site.yaml")
	if err := os.WriteFile(path, []byte(s.text), 0o600); err != nil {
		return nil, nil, err
	}
	return config.LoadFile(path)
}

func open(t *testing.T) *site {
	t.Helper()
	return openText(t, func(text string) string { return text })
}

// openText opens a site whose file is changed first.
func openText(t *testing.T, change func(string) string) *site {
	t.Helper()
	return openPlan(t, func(*demo.Plan) {}, change)
}

// openPlan opens one whose plan is changed before that.
func openPlan(t *testing.T, plans func(*demo.Plan), change func(string) string) *site {
	t.Helper()
	testlab.NoLeaks(t)
	plan, err := demo.Choose(loopback)
	if err != nil {
		t.Fatal(err)
	}
	plans(&plan)
	dir := t.TempDir()
	s := &site{plan: plan, dir: dir, text: demo.Config(plan, filepath.Join(dir, "cdr.jsonl"), "debug")}
	s.text = change(s.text)
	if s.App, err = New(Options{Load: s.load, Log: &s.log, DrainTime: 5 * time.Second}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// pair is a call between two endpoints through the site.
func (s *site) pair(t *testing.T, ctx context.Context) (caller, callee *demo.Call) {
	t.Helper()
	pbx, err := demo.Listen("pbx", s.plan.PBX, nil)
	if err != nil {
		t.Fatal(err)
	}
	trunk, err := demo.Listen("trunk", s.plan.Trunk, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(pbx.Close(), trunk.Close()); err != nil {
			t.Error(err)
		}
	})
	body := []byte("v=0\r\no=x 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n")
	if caller, err = pbx.Invite(ctx, s.plan.Inside, "100", "sip:+15550100@"+s.plan.Inside.String(), body); err != nil {
		t.Fatal(err)
	}
	if callee, err = trunk.Accept(ctx); err != nil {
		t.Fatal(err)
	}
	if err := callee.Answer(ctx, body); err != nil {
		t.Fatal(err)
	}
	if _, err := caller.Answered(ctx); err != nil {
		t.Fatal(err)
	}
	return caller, callee
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestNew_AddressInUse_NamesItAndLeavesNothingOpen(t *testing.T) {
	s := open(t)
	_, err := New(Options{Load: s.load, Log: io.Discard})
	if err == nil || !strings.Contains(err.Error(), s.plan.Inside.String()) {
		t.Errorf("second gateway on the same address: %v", err)
	}
}

func TestReload_NewListener_OpensAndTheOldOneOutlivesItsCalls(t *testing.T) {
	s := open(t)
	ctx := within(t)
	caller, callee := s.pair(t, ctx)
	other, err := demo.Choose(loopback)
	if err != nil {
		t.Fatal(err)
	}
	s.set(strings.Replace(s.text, "udp://"+s.plan.Inside.String(), "udp://"+other.Inside.String(), 1))
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	if l := s.listen.current.Load().Find("inside", transport.UDP, false); l == nil || l.Addr() != other.Inside {
		t.Errorf("listener inside after the reload: %v", l)
	}
	// The call was set up through the old listener, and ends through it.
	if err := caller.Bye(ctx); err != nil {
		t.Errorf("BYE through the retired listener: %v", err)
	}
	select {
	case <-callee.Ended():
	case <-ctx.Done():
		t.Error("the BYE did not cross")
	}
}

func TestReload_BadFile_ChangesNothing(t *testing.T) {
	s := open(t)
	before := s.engine.Snapshot()
	taken, err := demo.Listen("squatter", s.plan.Trunk, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := taken.Close(); err != nil {
			t.Error(err)
		}
	})
	for name, text := range map[string]string{
		"unknown key":     s.text + "nonsense: 1\n",
		"not YAML":        "node: [",
		"address taken":   strings.Replace(s.text, "udp://"+s.plan.Inside.String(), "udp://"+s.plan.Trunk.String(), 1),
		"needs a restart": strings.Replace(s.text, "node: demo", "node: other", 1),
	} {
		t.Run(name, func(t *testing.T) {
			old := s.text
			s.set(text)
			defer s.set(old)
			if err := s.Reload(); err == nil {
				t.Fatal("the reload was accepted")
			}
			if s.engine.Snapshot() != before || s.reloadOK.Load() {
				t.Error("a refused reload changed the policy, or is not reported")
			}
		})
	}
	if err := s.Reload(); err != nil || !s.reloadOK.Load() {
		t.Errorf("the good file afterwards: %v", err)
	}
}

func TestRun_Drain_RefusesNewCallsAndEndsLiveOnes(t *testing.T) {
	s := open(t)
	ctx := within(t)
	_, callee := s.pair(t, ctx)
	s.o.DrainTime = 200 * time.Millisecond
	run, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(run, nil, nil) }()
	stop()
	select {
	case <-callee.Ended():
	case <-ctx.Done():
		t.Error("the drain did not end the call")
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if log := s.log.String(); !strings.Contains(log, `"msg":"ready"`) || !strings.Contains(log, `"msg":"stopped"`) {
		t.Errorf("log:\n%s", log)
	}
}

func TestRun_SecondSignal_StopsAtOnce(t *testing.T) {
	s := open(t)
	ctx := within(t)
	s.pair(t, ctx)
	s.o.DrainTime = time.Hour
	run, stop := context.WithCancel(context.Background())
	now := make(chan struct{}, 1)
	done := make(chan error, 1)
	go func() { done <- s.Run(run, nil, now) }()
	stop()
	now <- struct{}{}
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-ctx.Done():
		t.Error("still draining")
	}
}

func TestGateway_Calls_ShowBothLegs(t *testing.T) {
	s := open(t)
	ctx := within(t)
	s.pair(t, ctx)
	calls, err := gateway{s.App}.Calls(ctx)
	if err != nil || len(calls) != 1 || len(calls[0].Legs) != 2 || calls[0].State != "up" || calls[0].Answer == nil {
		t.Fatalf("%+v, %v", calls, err)
	}
	if _, ok, err := (gateway{s.App}).Call(ctx, calls[0].ID); !ok || err != nil {
		t.Errorf("call by its id: %v, %v", ok, err)
	}
	if got := s.mediaStats().PortsInUse; got["inside"] != 2 || got["outside"] != 2 {
		t.Errorf("ports in use %v", got)
	}
}

func TestDemo_Once_CarriesAudioBothWays(t *testing.T) {
	testlab.NoLeaks(t)
	var out bytes.Buffer
	if err := Demo(within(t), &out, true); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"INVITE", "CDR", "audio both ways", "yes"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

// talking ends the demo once its first words are out.
type talking struct{ end func() }

func (w talking) Write(p []byte) (int, error) {
	w.end()
	return len(p), nil
}

func TestDemo_GoesOn_InterruptedIsNoError(t *testing.T) {
	testlab.NoLeaks(t)
	for name, at := range map[string]time.Duration{"in a call": time.Second, "between calls": 0} {
		ctx, cancel := context.WithCancel(within(t))
		if at > 0 {
			time.AfterFunc(at, cancel)
		}
		if err := Demo(ctx, talking{cancel}, false); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
	}
	ctx, cancel := context.WithTimeout(within(t), time.Second)
	defer cancel()
	if err := Demo(ctx, io.Discard, true); err == nil {
		t.Error("one call that was cut short is a success")
	}
}

func TestRecords_WithoutFile_AreLeftOut(t *testing.T) {
	recorder{}.Record(nil)
	if _, err := os.Stat("cdr.jsonl"); err == nil {
		t.Error("a record file appeared")
	}
}
