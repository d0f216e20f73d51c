//go:build interop

package interop

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/testlab/certs"
	"gatehouse/internal/testlab/wire"
)

const (
	wsPort  = 8080
	wssPort = 8443
)

// newBrowserPlan is a plan whose outside listens on both kinds of WebSocket, for pages of one origin.
func newBrowserPlan(t *testing.T, papers *papers) plan {
	t.Helper()
	p := newPlan(t)
	papers.issue("border", certs.IP(p.Outside.String()))
	p.OutsideListen = []string{"ws://" + netip.AddrPortFrom(p.Outside, wsPort).String(), "wss://" + netip.AddrPortFrom(p.Outside, wssPort).String()}
	p.OutsideOptions = "    " + papers.yaml("border", "") + "\n    websocket: {origins: [\"https://app.example\"]}\n"
	return p
}

// A page of somebody else's cannot use its visitor's browser as a way in; who is no browser has no Origin and is judged by its address alone.
func TestWebSocket_Origin_OnlyAllowedPagesGetIn(t *testing.T) {
	t.Parallel()
	papers := newPapers(t)
	p := newBrowserPlan(t, papers)
	startBorder(t, p)
	pair := papers.issue("browser", certs.IP(p.Carrier.Addr().String()))
	for _, proto := range []wire.Proto{wire.WS, wire.WSS} {
		to := netip.AddrPortFrom(p.Outside, map[wire.Proto]uint16{wire.WS: wsPort, wire.WSS: wssPort}[proto])
		for origin, want := range map[string]bool{"https://app.example": true, "": true, "https://evil.example": false, "http://app.example": false,
			"https://app.example.evil.example": false, "null": false, "https://app.example:444": false} {
			a := openAgent(t, wire.Options{Proto: proto, Addr: netip.AddrPortFrom(p.Carrier.Addr(), 0), Server: papers.server(pair), Client: papers.client(pair), Origin: origin})
			err := a.Connect(to)
			if (err == nil) != want {
				t.Errorf("%s with origin %q: %v", proto, origin, err)
			}
			if want {
				a.options(to, answerWithin)
			}
		}
	}
}

// browser is SIP.js in node, with the WebSocket of npm's ws.
type browser struct {
	t   *testing.T
	in  func(command string)
	out *tail

	mu     sync.Mutex
	events []map[string]any // guarded by mu
}

// browserModules is where scripts/setup puts what package-lock.json names.
const browserModules = "../../.bin/browser"

func startBrowser(t *testing.T, papers *papers, url, origin, target string, media netip.AddrPort) *browser {
	t.Helper()
	modules, err := filepath.Abs(browserModules)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(modules, "node_modules", "sip.js")); err != nil {
		t.Fatalf("no SIP.js (scripts/setup test installs it): %v", err)
	}
	cmd := exec.Command("node", "browser/phone.mjs", modules, url, origin, target, media.String())
	cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+papers.path("ca.pem"))
	b := &browser{t: t, out: newTail()}
	cmd.Stderr = b.out
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("node (scripts/setup test installs it): %v", err)
	}
	b.in = func(command string) {
		t.Helper()
		if _, err := fmt.Fprintln(input, command); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		lines := bufio.NewScanner(output)
		for lines.Scan() {
			event := map[string]any{}
			if json.Unmarshal(lines.Bytes(), &event) != nil {
				event["event"] = "not JSON: " + lines.Text()
			}
			b.mu.Lock()
			b.events = append(b.events, event)
			b.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("browser: %v\n%s", b.events, b.out)
		}
	})
	return b
}

// event waits for the nth event of a kind.
func (b *browser) event(kind string, nth int) map[string]any {
	b.t.Helper()
	var found map[string]any
	eventually(b.t, 10*time.Second, fmt.Sprintf("event %d %s of the browser", nth, kind), func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		n := 0
		for _, e := range b.events {
			if e["event"] == kind {
				if n++; n == nth {
					found = e
					return true
				}
			}
		}
		return false
	})
	return found
}

// A browser's stack calls through the border over a secure WebSocket: answered, held, ended from either side.
func TestWebSocket_SIPJS_CallCrosses(t *testing.T) {
	t.Parallel()
	papers := newPapers(t)
	p := newBrowserPlan(t, papers)
	p.Carrier = netip.AddrPortFrom(loopback4, 5060)
	b := startBorder(t, p)
	pbx, ear := newAgent(t, p.PBX), newEar(t, netip.AddrPortFrom(loopback4, 0))
	url := "wss://" + netip.AddrPortFrom(p.Outside, wssPort).String()
	phone := startBrowser(t, papers, url, "https://app.example", "sip:+13125551212@"+p.Outside.String(), ear.addr)
	phone.event("connected", 1)
	for i := 1; i <= 2; i++ {
		from := pbx.Seen()
		phone.in("call")
		d := pbx.takeInvite(from)
		if i == 1 {
			phone.event("progress", 1)
		}
		d.accept(audioSDP(p.PBX.Addr(), 7000))
		phone.event("established", i)
		if i == 1 {
			holdOf(t, phone, pbx)
			d.cseq = 1
			if m := d.request("BYE", ""); m.Code() != 200 {
				t.Errorf("BYE to the browser: %q", m.Start)
			}
		} else {
			phone.in("bye")
			bye := pbx.request(from, "BYE")
			pbx.send(bye.From, wire.Reply(bye, "200 OK", "", nil, ""))
		}
		phone.event("terminated", i)
	}
	if sdp, _ := phone.event("description", 1)["sdp"].(string); !strings.Contains(sdp, "c=IN IP4 "+p.Outside.String()) || strings.Contains(sdp, p.PBX.Addr().String()) {
		t.Errorf("the browser was told to send to\n%s", sdp)
	}
	b.settled()
}

// holdOf has the browser hold the call: the direction crosses.
func holdOf(t *testing.T, phone *browser, pbx *agent) {
	t.Helper()
	from := pbx.Seen()
	phone.in("hold")
	again := pbx.request(from, "INVITE")
	if !strings.Contains(again.Body, "a=sendonly") {
		t.Errorf("hold crossed as\n%s", again.Raw)
	}
	pbx.send(again.From, wire.Reply(again, "200 OK", "", []string{pbx.contact(), sdpType}, strings.Replace(audioSDP(pbx.addr.Addr(), 7000), "a=sendrecv", "a=recvonly", 1)))
	pbx.request(from, "ACK")
	phone.event("held", 1)
}
