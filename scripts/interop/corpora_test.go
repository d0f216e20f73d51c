//go:build interop

package interop

import (
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/testlab/wire"
)

const (
	corpora = "../../sip/msg/testdata"
	// pingWithin is how soon the border must answer after whatever came before.
	pingWithin = 500 * time.Millisecond
	// quiet is how long nothing must come for a message to count as discarded: an answer takes less than a millisecond.
	quiet = 300 * time.Millisecond
)

// row is one message of a corpus with the outcomes its RFC accepts.
type row struct {
	name, raw string
	accepted  []string
}

// rows reads the table beside a corpus.
func rows(t *testing.T, corpus string) []row {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(readFile(t, filepath.Join(corpora, corpus+".tsv"))), "\n")
	head := strings.Split(lines[0], "\t")
	accepted := slices.Index(head, "accepted_outcomes")
	if accepted < 0 {
		t.Fatalf("%s.tsv has no column accepted_outcomes: %q", corpus, head)
	}
	var out []row
	for _, line := range lines[1:] {
		cells := strings.Split(line, "\t")
		out = append(out, row{name: cells[0], raw: readFile(t, filepath.Join(corpora, corpus, cells[0])),
			accepted: strings.Split(strings.TrimSpace(cells[accepted]), "|")})
	}
	return out
}

var sentByPort = regexp.MustCompile(`(?im)^(?:via|v)\s*:\s*\S+\s*/\s*\S+\s*/?\s*\S*\s+(?:\[[^\]]*\]|[^\s;:,]+)\s*:\s*(\d+)`)

// listenForReply opens what a reply to a message without rport goes to: our address, with the port its top Via names (RFC 3261 §18.2.2).
func listenForReply(t *testing.T, raw string, own *agent) []*agent {
	t.Helper()
	at := []*agent{own}
	if m := sentByPort.FindStringSubmatch(raw); m != nil {
		if port, err := strconv.ParseUint(m[1], 10, 16); err == nil && uint16(port) != own.addr.Port() {
			at = append(at, newAgent(t, netip.AddrPortFrom(own.addr.Addr(), uint16(port))))
		}
	}
	return at
}

// TestCorpora_EveryMessage_EndsAsItsRFCSays sends each message of RFC 4475 and RFC 5118 to a running border, as the PBX.
func TestCorpora_EveryMessage_EndsAsItsRFCSays(t *testing.T) {
	t.Parallel()
	for _, corpus := range []string{"rfc4475", "rfc5118"} {
		for _, r := range rows(t, corpus) {
			t.Run(corpus+"/"+r.name, func(t *testing.T) {
				t.Parallel()
				r.run(t)
			})
		}
	}
}

func (r row) run(t *testing.T) {
	p := newPlan(t)
	b := startBorder(t, p)
	pbx, carrier := newAgent(t, p.PBX), newAgent(t, p.Carrier)
	stopBusy := busyCallee(carrier)
	defer stopBusy()
	listening := listenForReply(t, r.raw, pbx)
	pbx.send(p.sip(p.Inside), r.raw)
	code := r.finalCode(listening)
	relayed := carrier.Seen() > 0
	t.Logf("final %d, relayed %v, accepted %v", code, relayed, r.accepted)
	if !slices.ContainsFunc(r.accepted, func(outcome string) bool { return fits(outcome, code, relayed) }) {
		t.Errorf("%s: final %d, relayed %v; accepted %v", r.name, code, relayed, r.accepted)
	}
	for _, a := range append(listening, carrier) {
		for _, bad := range a.Malformed() {
			t.Errorf("%s: we sent %s", r.name, bad)
		}
	}
	pbx.options(p.sip(p.Inside), pingWithin)
	if b.gone() {
		t.Error("the border is gone")
	}
}

// finalCode is the code of the final response, 0 for none.
func (r row) finalCode(listening []*agent) int {
	found := 0
	becomes(quiet, func() bool {
		for _, a := range listening {
			for _, m := range a.Received() {
				if m.Code() >= 200 {
					found = m.Code()
				}
			}
		}
		return found != 0
	})
	return found
}

// fits judges one outcome of the tables.
func fits(outcome string, code int, relayed bool) bool {
	switch outcome {
	case "ACCEPT", "ACCEPT-CLEANED", "ACCEPT-STRIPPED":
		return relayed || code/100 == 2
	case "ACCEPT-FIRST-ONLY":
		return !relayed && code/100 == 2
	case "RELAY":
		return relayed
	case "DISCARD", "DISCARD(no tx)":
		return code == 0 && !relayed
	case "2xx":
		return code/100 == 2
	default:
		return outcome == strconv.Itoa(code)
	}
}

// busyCallee answers every INVITE with 486, so that calls of a corpus end, and everything else with 200.
func busyCallee(a *agent) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		next := 0
		for {
			select {
			case <-quit:
				return
			case <-time.After(pollEvery):
			}
			got := a.Received()
			for _, m := range got[next:] {
				if m.Code() == 0 && m.Method() != "ACK" {
					code := map[bool]string{true: "486 Busy Here", false: "200 OK"}[m.Method() == "INVITE"]
					_ = a.Send(viaAddr(m), wire.Reply(m, code, "busy", nil, ""))
				}
			}
			next = len(got)
		}
	}()
	return func() {
		close(quit)
		<-done
	}
}

// viaAddr is where the reply to a request of the border goes: its Via names its own address.
func viaAddr(m wire.Message) netip.AddrPort {
	_, rest, _ := strings.Cut(m.Get("Via"), " ")
	addr, err := netip.ParseAddrPort(strings.TrimSpace(strings.Split(rest, ";")[0]))
	if err != nil {
		return netip.AddrPort{}
	}
	return addr
}
