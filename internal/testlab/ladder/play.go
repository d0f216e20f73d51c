package ladder

import (
	"bytes"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/testlab/leak"
	"gatehouse/sip/transport"
)

var update = flag.Bool("update", false, "rewrite the expected messages of ladder files")

// Play plays the script's peers on a network where the system already
// listens. settle, when not nil, is called after each message sent and before
// each check, and returns once the system has nothing left to do at this
// instant (synctest.Wait in a bubble).
func (s *Script) Play(t testing.TB, n transport.Net, settle func()) {
	t.Helper()
	if err := s.play(n, settle, *update); err != nil {
		t.Fatal(err)
	}
}

// player is one run of a script.
type player struct {
	script        *Script
	peers         map[string]*peer
	order         []*peer
	vars          map[string]string
	settle        func()
	timeout       time.Duration
	ignoreRepeats bool
	update        bool
	changes       []rewrite
	trace         strings.Builder
	start         time.Time
}

func (s *Script) play(n transport.Net, settle func(), update bool) error {
	if settle == nil {
		settle = func() {}
	}
	p := &player{script: s, peers: map[string]*peer{}, vars: map[string]string{}, settle: settle,
		timeout: defaultTimeout, update: update, start: time.Now()}
	defer func() {
		for _, who := range p.order {
			who.close()
		}
	}()
	for _, spec := range s.peers {
		who, err := openPeer(spec, n)
		if err != nil {
			return fmt.Errorf("%s: %w", s.file, err)
		}
		p.peers[spec.name] = who
		p.order = append(p.order, who)
	}
	for i := range s.steps {
		st := &s.steps[i]
		if err := p.step(st); err != nil {
			return fmt.Errorf("%s:%d: %w\n\nthe ladder so far:\n%s", s.file, st.line+1, err, p.trace.String())
		}
	}
	if err := p.leftovers(p.order); err != nil {
		return fmt.Errorf("%s: at the end: %w\n\nthe ladder:\n%s", s.file, err, p.trace.String())
	}
	if len(p.changes) == 0 {
		return nil
	}
	return s.save(p.changes)
}

func (p *player) step(st *step) error {
	who := p.peers[st.peer]
	switch st.kind {
	case stepSend:
		raw, err := p.expand(who, st.text)
		if err != nil {
			return err
		}
		return p.send(who, raw)
	case stepResend:
		if len(who.sent) == 0 {
			return fmt.Errorf("%s has sent nothing yet", st.peer)
		}
		return p.send(who, who.sent[len(who.sent)-1].raw)
	case stepBytes:
		return p.send(who, []byte(st.text[0]))
	case stepDisconnect:
		who.disconnect()
		p.settle()
		return nil
	case stepExpect:
		return p.expect(st, who)
	case stepAgain:
		return p.again(who)
	case stepWait:
		time.Sleep(st.dur)
		p.settle()
		return nil
	case stepQuiet:
		return p.quiet(st, who)
	case stepSet:
		p.vars[st.text[0]] = st.text[1]
		return nil
	case stepTimeout:
		p.timeout = st.dur
		return nil
	case stepIgnoreRepeats:
		p.ignoreRepeats = true
		return nil
	case stepForbid:
		who.forbid = append(who.forbid, st.text...)
		return nil
	default:
		return fmt.Errorf("step kind %d", st.kind)
	}
}

func (p *player) send(who *peer, raw []byte) error {
	m := readMessage(raw)
	p.note(who, "->", &m)
	if err := who.send(raw); err != nil {
		return err
	}
	who.sent = append(who.sent, m)
	p.settle()
	return nil
}

func (p *player) expect(st *step, who *peer) error {
	m, err := p.receive(who, p.timeout)
	if err != nil {
		return fmt.Errorf("waiting for %q: %w", st.text[0], err)
	}
	diff := match(st.text, m, p.vars)
	if diff == "" {
		return nil
	}
	if p.update && !slices.Contains(st.text, anyLines) {
		p.changes = append(p.changes, rewrite{step: st, text: p.template(m)})
		return nil
	}
	return fmt.Errorf("%s received another message than expected:\n%s\n\nthe message:\n%s", who.spec.name, diff, visible(m.raw))
}

func (p *player) again(who *peer) error {
	m, err := p.receive(who, p.timeout)
	if err != nil {
		return fmt.Errorf("waiting for a repeat: %w", err)
	}
	if !repeated(who.received[:len(who.received)-1], m) {
		return fmt.Errorf("%s received no repeat but\n%s", who.spec.name, visible(m.raw))
	}
	return nil
}

// receive takes the next message of a peer and checks where it came from.
func (p *player) receive(who *peer, timeout time.Duration) (*message, error) {
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	for {
		select {
		case a := <-who.arrivals:
			m := readMessage(a.raw)
			if p.ignoreRepeats && repeated(who.received, &m) {
				continue
			}
			return p.accept(who, a, m)
		case <-deadline.C:
			if err := who.failure(); err != nil {
				return nil, fmt.Errorf("%s cannot receive: %w", who.spec.name, err)
			}
			return nil, fmt.Errorf("%s received nothing within %s", who.spec.name, timeout)
		}
	}
}

func (p *player) accept(who *peer, a arrival, m message) (*message, error) {
	p.note(who, "<-", &m)
	who.received = append(who.received, m)
	if a.from.IsValid() && a.from != who.spec.remote {
		return nil, fmt.Errorf("%s received a message from %s, not %s:\n%s", who.spec.name, a.from, who.spec.remote, visible(m.raw))
	}
	if found := leak.Scan([][]byte{m.raw}, who.forbid); len(found) > 0 {
		return nil, fmt.Errorf("%s received what it must not see: %s\n%s", who.spec.name, found[0], visible(m.raw))
	}
	return &who.received[len(who.received)-1], nil
}

func repeated(before []message, m *message) bool {
	return slices.ContainsFunc(before, func(b message) bool { return bytes.Equal(b.raw, m.raw) })
}

func (p *player) quiet(st *step, who *peer) error {
	watched := p.order
	if who != nil {
		watched = []*peer{who}
	}
	if err := p.leftovers(watched); err != nil {
		return err
	}
	time.Sleep(st.dur)
	return p.leftovers(watched)
}

// leftovers fails when a peer holds a message nobody expected.
func (p *player) leftovers(watched []*peer) error {
	p.settle()
	for _, who := range watched {
		for len(who.arrivals) > 0 {
			a := <-who.arrivals
			m := readMessage(a.raw)
			if p.ignoreRepeats && repeated(who.received, &m) {
				continue
			}
			if _, err := p.accept(who, a, m); err != nil {
				return err
			}
			return fmt.Errorf("%s received a message nobody expected:\n%s", who.spec.name, visible(m.raw))
		}
		if err := who.failure(); err != nil {
			return fmt.Errorf("%s cannot receive: %w", who.spec.name, err)
		}
	}
	return nil
}

func (p *player) note(who *peer, arrow string, m *message) {
	fmt.Fprintf(&p.trace, "%10.3fs  %s %s  %s\n", time.Since(p.start).Seconds(), who.spec.name, arrow, visible([]byte(m.start)))
}

// visible shows a message with its control bytes escaped, lines kept.
func visible(raw []byte) string {
	lines := strings.Split(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\n")
	for i, l := range lines {
		q := fmt.Sprintf("%q", l)
		lines[i] = strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
	}
	return strings.Join(lines, "\n")
}
