//go:build interop && soak

package interop

import (
	"bufio"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/testlab/flood"
	"gatehouse/internal/testlab/rtpgen"
	"gatehouse/internal/testlab/wire"
)

// The flood and what it may cost: a border on one core, everything else on the other.
const (
	floodRate    = 20000
	floodSources = 10000
	floodCalls   = 50 // a second, of the known peer
	floodGrowth  = 50 * time.Millisecond
	floodMemory  = 64 << 20 // bytes the border may grow by while it lasts
	floodRest    = 24 << 20 // bytes it may have grown by when all is over
)

// givenUp is when the last trace of a message is gone: 64*T1 (RFC 3261 §17), and what a busy machine is late.
const givenUp = 32*time.Second + 5*time.Second

// floodFor is how long the flood lasts: a minute, seconds with -short.
func floodFor() time.Duration {
	if testing.Short() {
		return 5 * time.Second
	}
	return time.Minute
}

// onOneCore keeps this process, with all it starts, on the first core until the test ends; the border is to be started with what is returned.
func onOneCore(t *testing.T) []string {
	t.Helper()
	if runtime.NumCPU() < 2 {
		t.Skip("needs two cores: one for the border, one for those who flood it")
	}
	pin := func(cores string) {
		if out, err := exec.Command("taskset", "-a", "-c", "-p", cores, strconv.Itoa(os.Getpid())).CombinedOutput(); err != nil {
			t.Fatalf("taskset: %v\n%s", err, out)
		}
	}
	pin("0")
	t.Cleanup(func() { pin(fmt.Sprintf("0-%d", runtime.NumCPU()-1)) })
	return []string{"taskset", "-c", "1"}
}

// callerTimed is callerAnswered with a clock from INVITE to 200.
func callerTimed() string {
	invite := callerInvite("")
	invite.xml = strings.Replace(invite.xml, "<send", `<send start_rtd="1"`, 1)
	answer := recvAnswer("sendrecv")
	answer.xml = strings.Replace(answer.xml, "<recv", `<recv rtd="1"`, 1)
	return scenario("caller", invite, maybe(100), maybe(180), maybe(183), answer, callerAck(1), pause(aBit), callerBye(2), recvCode(200))
}

// calleeAtOnce answers without ringing long.
func calleeAtOnce() string {
	return scenario("callee", calleeInvite(), calleeReply(180, "Ringing", newTag, "", ""), calleeReply(200, "OK", newTag, "", sdpOf("pbx", "0 101", "sendrecv")),
		recvRequest("ACK"), recvRequest("BYE"), calleeReply(200, "OK", "", "", ""))
}

// timedCalls places calls from the carrier to the PBX for a time, wants all to complete, and returns how long each took from INVITE to 200,
// in order.
func timedCalls(t *testing.T, p plan, during time.Duration) []time.Duration {
	t.Helper()
	calls := int(during.Seconds() * floodCalls)
	uas := callee(t, calleeAtOnce(), p.PBX, calls)
	uac := caller(t, callerTimed(), p.Carrier, p.sip(p.Outside), calls, "-r", fmt.Sprint(floodCalls), "-trace_rtt", "-rtt_freq", "1")
	uac.waitFor(during + time.Minute)
	uas.waitFor(time.Minute)
	files, err := filepath.Glob(filepath.Join(uac.dir, "*_rtt.csv"))
	if err != nil || len(files) != 1 {
		t.Fatalf("response times: %v %v", files, err)
	}
	var out []time.Duration
	lines := bufio.NewScanner(strings.NewReader(readFile(t, files[0])))
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ";")
		if len(fields) < 2 {
			continue
		}
		if ms, err := strconv.ParseFloat(fields[1], 64); err == nil {
			out = append(out, time.Duration(ms*float64(time.Millisecond)))
		}
	}
	if len(out) < calls {
		t.Fatalf("%d response times of %d calls", len(out), calls)
	}
	slices.Sort(out)
	return out
}

// p99 is the time all but one of a hundred calls took at most.
func p99(sorted []time.Duration) time.Duration { return sorted[(len(sorted)*99+99)/100-1] }

// memory is what the border's process holds of its own, in bytes: its proportional set.
func (b *border) memory() int {
	b.t.Helper()
	n, err := memoryOf(b.cmd.Process.Pid)
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

func memoryOf(pid int) (int, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "Pss:" {
			kb, err := strconv.Atoi(fields[1])
			return kb << 10, err
		}
	}
	return 0, errors.New("no Pss")
}

// watchMemory samples until the function it returns is called, which gives the most there was.
func (b *border) watchMemory() func() int {
	var most int
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			if n, err := memoryOf(b.cmd.Process.Pid); err == nil {
				most = max(most, n)
			}
		}
	}()
	end := sync.OnceValue(func() int { close(stop); <-done; return most })
	b.t.Cleanup(func() { end() })
	return end
}

// dropped is how many datagrams the kernel threw away because the socket at an address was not read in time.
func dropped(t *testing.T, a netip.AddrPort) int {
	t.Helper()
	want := fmt.Sprintf(": %s:%04X ", hexAddr(a.Addr()), a.Port())
	for line := range strings.Lines(readFile(t, "/proc/net/udp")) {
		if fields := strings.Fields(line); strings.Contains(line, want) {
			n, err := strconv.Atoi(fields[len(fields)-1])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no socket at %s", a)
	return 0
}

const mega = 1 << 20

// collected is when the runtime has collected what is garbage, with nothing to do: it does so every two minutes by itself.
const collected = 150 * time.Second

// rests waits until the heap and the goroutines are about what they were.
func (b *border) rests(before resources) {
	b.t.Helper()
	var now resources
	if !becomes(collected, func() bool {
		now = b.resources()
		return now.heap-before.heap <= floodRest && now.goroutines <= before.goroutines+5
	}) {
		b.t.Errorf("goroutines %v -> %v, heap %.1f -> %.1f MB", before.goroutines, now.goroutines, before.heap/mega, now.heap/mega)
	}
}

// Twenty thousand datagrams a second from ten thousand sources, on the listener a known peer calls through: all calls of the peer complete, as
// quickly as before, and the memory comes back.
func TestFlood_TwentyThousandASecond_KnownPeerKeepsItsCalls(t *testing.T) {
	for _, unknown := range []string{"drop", "reject"} {
		t.Run(unknown, func(t *testing.T) {
			p := newPlan(t)
			p.OutsideOptions = "    unknown: " + unknown + "\n"
			b := startCommand(t, p, p.yaml(), append(onOneCore(t), gatehouse(t))...)
			timedCalls(t, p, min(floodFor(), 5*time.Second)) // the first calls of a process are slower: they are neither run's
			unloaded := timedCalls(t, p, floodFor())
			eventually(t, givenUp, "transactions are back before the flood", func() bool { return b.metric("gatehouse_transactions_active") == 0 })
			before, rest := b.memory(), b.resources()
			most := b.watchMemory()
			began := time.Now()
			f, err := flood.Pour{To: p.sip(p.Outside), From: netip.MustParsePrefix("127.1.0.0/16"), Sources: floodSources, Rate: floodRate}.Start()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _, _ = f.Stop() })
			loaded := timedCalls(t, p, floodFor())
			lasted := time.Since(began)
			tally, err := f.Stop()
			if err != nil {
				t.Error(err)
			}
			peak, lost := most(), dropped(t, p.sip(p.Outside))
			b.settled()
			eventually(t, givenUp, "transactions are back after the flood", func() bool { return b.metric("gatehouse_transactions_active") == 0 })
			b.rests(rest)
			t.Logf("%d calls beside %d datagrams in %s: p99 %s, unloaded %s; memory %d MB, at most %d MB, now %d MB; %d dropped by the kernel, %d answers of %d bytes for %d",
				len(loaded), tally.Sent, lasted.Round(time.Second), p99(loaded), p99(unloaded), before/mega, peak/mega, b.memory()/mega, lost,
				tally.Answered, tally.AnsweredBytes, tally.SentBytes)
			if least := lasted.Seconds() * floodRate * 0.95; float64(tally.Sent) < least {
				t.Errorf("the flood was of %d datagrams, want %.0f", tally.Sent, least)
			}
			if grown := p99(loaded) - p99(unloaded); grown > floodGrowth {
				t.Errorf("p99 of the setup grew by %s to %s, at most %s is allowed", grown, p99(loaded), floodGrowth)
			}
			if peak-before > floodMemory {
				t.Errorf("memory %d -> %d MB", before/mega, peak/mega)
			}
			if tally.AnsweredBytes > tally.SentBytes {
				t.Errorf("strangers got %d bytes for %d", tally.AnsweredBytes, tally.SentBytes)
			}
			if unknown == "drop" && tally.Answered != 0 {
				t.Errorf("strangers were answered %d times, such as\n%s", tally.Answered, f.Sample()[0])
			}
		})
	}
}

// Five thousand connections that send a byte a second: who comes to call is served at once, and each of them costs little. How many of them the
// border holds at a time follows from the files it may have open; those it cuts come back at once, and that is no less of a burden.
func TestFlood_DrippingConnections_NewCallIsSetUpAtOnce(t *testing.T) {
	const (
		conns       = 5000
		sources     = 200
		calls       = 20
		setupWithin = 200 * time.Millisecond
		memoryEach  = 32 << 10
		memoryOnce  = 4 << 20 // what a heap under load takes beyond that, however few are held
	)
	p := newPlan(t)
	p.Transport = "tcp"
	b := startBorder(t, p)
	pbx, carrier := openAgent(t, wire.Options{Proto: wire.TCP, Addr: p.PBX}), openAgent(t, wire.Options{Proto: wire.TCP, Addr: p.Carrier})
	connect(t, b, pbx, carrier, audioSDP(p.PBX.Addr(), 7000), audioSDP(p.Carrier.Addr(), 7000)).hangUp(t)
	before, base := b.memory(), b.metric("gatehouse_sip_connections")
	d, err := flood.Drip{To: p.sip(p.Outside), From: netip.MustParsePrefix("127.2.0.0/16"), Addresses: sources, Conns: conns}.Start()
	if err != nil {
		t.Fatal(err)
	}
	stop := sync.OnceFunc(func() {
		if err := d.Stop(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	// A second, in which every connection has sent its byte, shows how many are held.
	held, each := 0.0, 0.0
	look := func() bool {
		held = max(held, b.metric("gatehouse_sip_connections"))
		each = max(each, float64(b.memory()-before-memoryOnce)/held)
		return false
	}
	becomes(time.Second, look)
	var took []time.Duration
	for range calls {
		// A caller who was not connected: the connection is part of it.
		carrier.Cut()
		from := pbx.Seen()
		began := time.Now()
		call := carrier.dial(p.sip(p.Outside), audioSDP(p.Carrier.Addr(), 7000))
		far := pbx.takeInvite(from)
		pbx.send(far.border, wire.Reply(far.invite, "200 OK", wire.Param(far.local, "tag"), []string{far.contact(), sdpType}, audioSDP(p.PBX.Addr(), 7000)))
		call.established()
		took = append(took, time.Since(began))
		pbx.request(from, "ACK")
		talking{b: b, caller: call, callee: far}.hangUp(t)
		becomes(200*time.Millisecond, look)
	}
	slices.Sort(took)
	t.Logf("%d connections, %.0f held at a time, %d cut: calls in %s to %s; %.1f KB a connection held", conns, held, d.Cut(), took[0], took[calls-1], each/1024)
	if took[calls-1] > setupWithin {
		t.Errorf("a call took %s, want %s", took[calls-1], setupWithin)
	}
	if each > memoryEach {
		t.Errorf("a connection takes %.0f bytes, want %d", each, memoryEach)
	}
	if d.Open() < conns*9/10 {
		t.Errorf("only %d connections were there to be served", d.Open())
	}
	eventually(t, 15*time.Second, "slow senders are cut", func() bool { return d.Cut() > 0 })
	stop()
	eventually(t, 20*time.Second, "the connections are gone", func() bool { return b.metric("gatehouse_sip_connections") <= base+1 })
}

// Fifty thousand calls that nobody acknowledges, most refused and some answered: what they held is free 64*T1 later (RFC 3261 §17.2.1, §13.3.1.4).
func TestFlood_InvitesNeverAcknowledged_EverythingIsFreed(t *testing.T) {
	// Each answered call holds four sockets of the relay until it ends: more of them than this, and the files of the process run out first.
	refused, answered := 47000, 3000
	if testing.Short() {
		refused, answered = 2000, 500
	}
	p := newPlan(t)
	known := netip.MustParsePrefix("127.3.0.0/16")
	yaml := strings.Replace(p.yaml(), fmt.Sprintf("source: [\"%s/32\"]", p.PBX.Addr()), fmt.Sprintf("source: [\"%s\"]", known), 1)
	b := startWith(t, p, yaml)
	before := b.resources()
	for _, tt := range []struct {
		callee string
		calls  int
		rate   int
	}{{calleeRefuses(486, "Busy Here", ""), refused, 1000}, {calleeAnswers(), answered, 250}} {
		uas := callee(t, tt.callee, p.Carrier, tt.calls)
		f, err := flood.Pour{To: p.sip(p.Inside), From: known, Sources: floodSources, Rate: tt.rate, Kinds: []flood.Kind{flood.Invite},
			Most: uint64(tt.calls)}.Start()
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, 5*time.Minute, "all are sent", func() bool { return f.Tally().Sent == uint64(tt.calls) })
		uas.waitFor(time.Minute)
		tally, err := f.Stop()
		if err != nil {
			t.Fatal(err)
		}
		most := b.metric("gatehouse_transactions_active")
		eventually(t, givenUp, "calls, dialogs and ports are back", b.empty)
		// Whoever does not acknowledge does not answer our BYE either: that one is repeated for 64*T1 of its own.
		eventually(t, givenUp, "transactions are back", func() bool { return b.metric("gatehouse_transactions_active") == 0 })
		t.Logf("%d INVITEs, %d messages back, at most %.0f transactions", tally.Sent, tally.Answered, most)
		if tally.Answered < tally.Sent {
			t.Errorf("%d INVITEs got %d messages", tally.Sent, tally.Answered)
		}
	}
	b.rests(before)
}

// Two thousand handshakes a second that are begun and left: audio that is flowing does not notice, and a peer on the same listener can still call.
func TestFlood_TLSHandshakes_AudioAndCallsGoOn(t *testing.T) {
	const (
		rate     = 2000
		sources  = 200
		calls    = 10
		late     = 5 * time.Millisecond // of a packet in a hundred, beyond what it was before; the flood itself takes turns with who measures
		setup    = time.Second
		audioMS  = 20
		audioRun = 10 * time.Second
	)
	papers := newPapers(t)
	p := withTLSCarrier(newTLSPlan(t, papers, ""), papers)
	b := startCommand(t, p, p.yaml(), append(onOneCore(t), gatehouse(t))...)
	pbx, carrier := newAgent(t, p.PBX), tlsAgent(t, papers, p.Carrier)
	near, far := newEar(t, netip.AddrPortFrom(p.PBX.Addr(), 0)), newEar(t, netip.AddrPortFrom(p.Carrier.Addr(), 0))
	call := connect(t, b, pbx, carrier, audioSDP(near.addr.Addr(), near.addr.Port()), audioSDP(far.addr.Addr(), far.addr.Port()))
	to := mediaAddrs(t, call.caller.answer.Body)[0]
	during := audioRun
	if testing.Short() {
		during = 3 * time.Second
	}
	heard := listenTo(t, far)
	talkFor := func(id uint32) []time.Duration {
		s := &rtpgen.Stream{ID: id, SSRC: 7, FirstSeq: uint16(id * 10000)}
		if err := rtpgen.Pump(t.Context(), near.conn, to, s, int(during/(audioMS*time.Millisecond)), audioMS*time.Millisecond, heard.epoch); err != nil {
			t.Error(err)
		}
		delays := heard.of(id, int(s.Sent()))
		if len(delays) < int(s.Sent()) {
			t.Errorf("%d of %d packets were heard", len(delays), s.Sent())
		}
		return delays
	}
	before := talkFor(1)
	s, err := flood.Shake{To: tlsAddr(p.Outside), From: netip.MustParsePrefix("127.2.0.0/16"), Addresses: sources, Rate: rate}.Start()
	if err != nil {
		t.Fatal(err)
	}
	beside := talkFor(2)
	var longest time.Duration
	for range calls {
		carrier.Cut()
		from, began := pbx.Seen(), time.Now()
		d := carrier.dial(tlsAddr(p.Outside), audioSDP(p.Carrier.Addr(), 7000))
		f := pbx.takeInvite(from).accept(audioSDP(p.PBX.Addr(), 7000))
		d.established()
		longest = max(longest, time.Since(began))
		talking{b: b, caller: d, callee: f}.hangUp(t)
	}
	s.Stop()
	if len(before) == 0 || len(beside) == 0 {
		t.Fatal("nothing was heard")
	}
	t.Logf("beside %d handshakes, %d served: p99 of the delay %s, before %s; calls set up in at most %s", s.Begun(), s.Served(), p99(beside), p99(before), longest)
	if grown := p99(beside) - p99(before); grown > late {
		t.Errorf("audio comes %s later", grown)
	}
	if longest > setup {
		t.Errorf("a call took %s to set up", longest)
	}
	call.hangUp(t)
	b.settled()
}

// heardAudio is what a media socket heard, by stream.
type heardAudio struct {
	t     *testing.T
	epoch time.Time

	mu     sync.Mutex
	delays map[uint32][]time.Duration // guarded by mu
}

func listenTo(t *testing.T, e *ear) *heardAudio {
	t.Helper()
	h := &heardAudio{t: t, epoch: time.Now(), delays: map[uint32][]time.Duration{}}
	go rtpgen.Collect(e.conn, new(rtpgen.Tally), h.epoch, func(b []byte, _ netip.AddrPort) {
		packet, err := rtpgen.Read(b)
		if err != nil {
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.delays[packet.Stamp.Stream] = append(h.delays[packet.Stamp.Stream], time.Since(h.epoch)-packet.Stamp.Sent)
	})
	return h
}

// of gives the delays of a stream in order, once so many packets were heard, or no more come.
func (h *heardAudio) of(id uint32, packets int) []time.Duration {
	becomes(answerWithin, func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.delays[id]) >= packets
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	out := slices.Clone(h.delays[id])
	slices.Sort(out)
	return out
}
