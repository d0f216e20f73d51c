package b2bua_test

import (
	"bytes"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/testlab/memnet"
)

// wire keeps every packet of a network with the time it was sent: for tests
// about exact times, and about the order of messages to different peers.
type wire struct {
	mu    sync.Mutex
	start time.Time
	all   []memnet.Packet
}

func newWire(n *memnet.Network) *wire {
	w := &wire{start: time.Now()}
	n.Tap = func(p memnet.Packet) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.all = append(w.all, p)
	}
	return w
}

// sent gives the packets to a peer that start with a text.
func (w *wire) sent(to, start string) []memnet.Packet {
	w.mu.Lock()
	defer w.mu.Unlock()
	dst := netip.MustParseAddrPort(to)
	var out []memnet.Packet
	for _, p := range w.all {
		if p.Dst == dst && bytes.HasPrefix(p.Data, []byte(start)) {
			out = append(out, p)
		}
	}
	return out
}

// count is how many packets there were.
func (w *wire) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.all)
}

// since gives the packets from the i-th on.
func (w *wire) since(i int) []memnet.Packet {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.all[i:])
}

// times gives when such packets were sent, counted from the first of them.
func (w *wire) times(to, start string) []time.Duration {
	var out []time.Duration
	sent := w.sent(to, start)
	for _, p := range sent {
		out = append(out, p.At.Sub(sent[0].At))
	}
	return out
}

// order gives the peers that packets starting with a text went to, in order.
func (w *wire) order(start string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, p := range w.all {
		if bytes.HasPrefix(p.Data, []byte(start)) {
			out = append(out, p.Dst.String())
		}
	}
	return out
}

// checkTimes fails unless the packets to a peer that start with a text were
// sent at these times, in seconds counted from the first.
func (w *wire) checkTimes(t *testing.T, to, start string, seconds ...float64) {
	t.Helper()
	var want []time.Duration
	for _, s := range seconds {
		want = append(want, time.Duration(s*float64(time.Second)))
	}
	if got := w.times(to, start); !slices.Equal(got, want) {
		t.Errorf("%q to %s sent at %v, want %v", start, to, got, want)
	}
}

// checkCount fails unless so many packets to a peer start with a text.
func (w *wire) checkCount(t *testing.T, to, start string, want int) {
	t.Helper()
	if got := len(w.sent(to, start)); got != want {
		t.Errorf("%d packets %q to %s, want %d", got, start, to, want)
	}
}

// headers gives the values of the header lines of a name in a packet.
func headers(p memnet.Packet, name string) []string {
	var out []string
	for _, l := range strings.Split(string(p.Data), "\r\n") {
		if n, v, ok := strings.Cut(l, ":"); ok && strings.EqualFold(n, name) {
			out = append(out, strings.TrimSpace(v))
		}
	}
	return out
}

var peerPrefix = regexp.MustCompile(`(?m)^(B>|<B)`)

// onC turns a fragment of the carrier B into the same of the second carrier C.
func onC(fragment string) string {
	s := peerPrefix.ReplaceAllStringFunc(fragment, func(p string) string { return strings.Replace(p, "B", "C", 1) })
	return strings.NewReplacer("203.0.113.20", "203.0.113.30", "btag", "ctag", "bcall", "ccall", "bbranch", "cbranch",
		"tag=b1", "tag=c1", "sip:b@", "sip:c@", "o=carrier 7 7", "o=second 9 9").Replace(s)
}

// dialing turns fragments into the same of a call to another user.
func dialing(user string, parts ...string) string {
	return strings.ReplaceAll(strings.Join(parts, "\n"), "+13125550100", user)
}

// configured makes a script bring its own configuration.
func configured(text string) string {
	return "| " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n| ") + "\n"
}

// changed is the plain configuration with pairs of texts replaced; each old
// one must be there.
func changed(t *testing.T, pairs ...string) string {
	t.Helper()
	return configured(altered(t, pairs...))
}

// altered is the plain configuration as text, with the same replacements.
func altered(t *testing.T, pairs ...string) string {
	t.Helper()
	s := plainConfig
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(s, pairs[i]) {
			t.Fatalf("the plain configuration has no %q", pairs[i])
		}
		s = strings.Replace(s, pairs[i], pairs[i+1], 1)
	}
	return s
}

// trusted is the plain configuration with full trust on both sides.
func trusted(t *testing.T) string {
	t.Helper()
	return changed(t, "    listen: [udp://203.0.113.10:5060", "    trust: full\n    listen: [udp://203.0.113.10:5060")
}

// both checks several things after a call.
func both(checks ...func(*rig)) func(*rig) {
	return func(r *rig) {
		for _, c := range checks {
			c(r)
		}
	}
}

// Where the peers of the fragments are.
const (
	addrA = "10.0.0.20:5060"
	addrB = "203.0.113.20:5060"
	addrC = "203.0.113.30:5060"
)
