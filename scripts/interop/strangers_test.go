//go:build interop

package interop

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/testlab/wire"
)

// hush is how long nothing must come for a thing to count as unanswered: an answer takes less than a millisecond.
const hush = 700 * time.Millisecond

// strangerRequests are what somebody unknown sends to get more back than it cost: the shortest forms of every kind of request that is
// answered, and of several kinds of mistake.
func strangerRequests(method, id string) map[string]string {
	short := func(method, cseq, via, from, to, more string) string {
		return method + " sip:a SIP/2.0\r\nv:" + via + "\r\nf:" + from + "\r\nt:" + to + "\r\ni:" + id + "\r\nCSeq:" + cseq + "\r\n" + more + "\r\n"
	}
	via, from := "SIP/2.0/UDP a;branch=z9hG4bK"+id+";rport", "<sip:a>;tag=1"
	return map[string]string{
		"short":          short(method, "1 "+method, via, from, "<sip:a>", ""),
		"RFC 2543":       short(method, "1 "+method, "SIP/2.0/UDP a;rport", from, "<sip:a>", ""),
		"hop limit":      short(method, "1 "+method, via, from, "<sip:a>", "Max-Forwards:0\r\n"),
		"require":        short(method, "1 "+method, via, from, "<sip:a>", "Require:x\r\n"),
		"no from":        short(method, "1 "+method, via, "", "<sip:a>", ""),
		"two to":         short(method, "1 "+method, via, from, "<sip:a>\r\nt:<sip:b>", ""),
		"cseq":           short(method, "1 X", via, from, "<sip:a>", ""),
		"version":        strings.Replace(short(method, "1 "+method, via, from, "<sip:a>", ""), "sip:a SIP/2.0", "sip:a SIP/3.0", 1),
		"unknown method": short("X", "1 X", via, from, "<sip:a>", ""),
		"body":           short(method, "1 "+method, via, from, "<sip:a>", "c:a/b\r\nl:1\r\n") + "x",
		"many vias":      short(method, "1 "+method, via+"\r\nv:SIP/2.0/UDP b;branch=z9hG4bKb\r\nv:SIP/2.0/UDP c;branch=z9hG4bKc", from, "<sip:a>", ""),
		"long":           short(method, "1 "+method, via, from, "<sip:a>", "Max-Forwards:70\r\nm:<sip:a>\r\nUser-Agent:"+strings.Repeat("Softphone ", 60)+"\r\nl:0\r\n"),
	}
}

// Whoever forges the address of a victim gets nothing out of us: no answer is larger than its request, and no request is answered twice.
func TestAmplification_Strangers_NeverGetMoreThanTheySent(t *testing.T) {
	t.Parallel()
	for _, unknown := range []string{"reject", "drop"} {
		t.Run(unknown, func(t *testing.T) {
			t.Parallel()
			p := newPlan(t)
			p.OutsideOptions = "    unknown: " + unknown + "\n"
			startBorder(t, p)
			type attempt struct {
				what string
				raw  string
				to   netip.AddrPort
				from *agent // a source of its own: what comes back is for this request
			}
			var attempts []attempt
			for _, to := range []netip.AddrPort{p.sip(p.Outside), p.sip(p.Inside)} {
				for _, method := range []string{"OPTIONS", "REGISTER", "INVITE", "BYE", "MESSAGE", "SUBSCRIBE"} {
					for name, raw := range strangerRequests(method, unique("x")) {
						a := newAgent(t, sipPort(host(t)))
						a.send(to, raw)
						attempts = append(attempts, attempt{what: method + " " + name, raw: raw, to: to, from: a})
					}
				}
			}
			// Repeats of a refused INVITE would come 500 ms after it (RFC 3261 §17.2.1).
			idle(t, 3*hush, "", func() bool { return false })
			sent, received := 0, 0
			for _, at := range attempts {
				got := 0
				for _, m := range at.from.Received() {
					got += len(m.Raw)
				}
				if n := at.from.Seen(); n > 1 {
					t.Errorf("%s: answered %d times", at.what, n)
				}
				if got > len(at.raw) {
					t.Errorf("%s: %d bytes for %d", at.what, got, len(at.raw))
				}
				if got != 0 && unknown == "drop" && at.to == p.sip(p.Outside) {
					t.Errorf("%s: answered by a zone that drops strangers", at.what)
				}
				sent, received = sent+len(at.raw), received+got
			}
			t.Logf("%d bytes for %d", received, sent)
			if unknown == "reject" && received == 0 {
				t.Error("nobody was answered: the test has shown nothing")
			}
		})
	}
}

// Somebody forges the trunk's address and sends garbage in its name: the trunk stays in service, both ways.
func TestSpoof_GarbageInTheTrunksName_TrunkStaysInService(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	p.More = "security: {ban: {after: 3, for: 10m}, strangers: {rate: 5, burst: 5, total: 50}}\n"
	b := startBorder(t, p)
	pbx, carrier := newAgent(t, p.PBX), newAgent(t, p.Carrier)
	liar := newAgent(t, netip.AddrPortFrom(p.Carrier.Addr(), 5999))
	for i := range 500 {
		raw := strings.Repeat("x", 10+i)
		if i%2 == 0 {
			raw = strangerRequests("REGISTER", unique("spoof"))["two to"]
		}
		liar.send(p.sip(p.Outside), raw)
	}
	connect(t, b, pbx, carrier, audioSDP(p.PBX.Addr(), 7000), audioSDP(p.Carrier.Addr(), 7000)).hangUp(t)
	d := carrier.dial(p.sip(p.Outside), audioSDP(p.Carrier.Addr(), 7002))
	far := pbx.takeInvite(0).accept(audioSDP(p.PBX.Addr(), 7002))
	talking{b: b, caller: d.established(), callee: far}.hangUp(t)
	if bans := b.bans(); len(bans) != 0 {
		t.Errorf("banned for what others sent: %v", bans)
	}
	b.settled()
}

// Garbage over UDP proves nothing about who sent it: a stranger's address is demoted, never banned.
func TestSpoof_GarbageInAStrangersName_BansNobody(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	p.OutsideOptions = "    unknown: reject\n"
	p.More = "security: {ban: {after: 3, for: 10m}}\n"
	b := startBorder(t, p)
	victim := newAgent(t, sipPort(host(t)))
	for range 50 {
		victim.send(p.sip(p.Outside), strings.Repeat("x", 100))
	}
	conn := dialTCP(t, victim.addr.Addr(), p.sip(p.Outside))
	askOver(t, conn, p.sip(p.Outside))
	// A stranger may be left without an answer for a while; it is not shut out.
	_ = conn.SetReadDeadline(time.Now().Add(hush))
	if _, err := conn.Read(make([]byte, 1)); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the victim's own connection was ended: %v", err)
	}
	if bans := b.bans(); len(bans) != 0 {
		t.Errorf("banned for what anybody could have sent: %v", bans)
	}
}

// ban is one entry of GET /api/v1/bans.
type ban struct {
	Source   string    `json:"source"`
	Reason   string    `json:"reason"`
	Until    time.Time `json:"until"`
	Offences int       `json:"offences"`
	DryRun   bool      `json:"dry_run"`
}

func (b *border) bans() []ban {
	b.t.Helper()
	code, text := b.get("/api/v1/bans")
	var answer struct {
		Bans []ban `json:"bans"`
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || code != 200 {
		b.t.Fatalf("/api/v1/bans: %d %s", code, text)
	}
	return answer.Bans
}

// What a scanner sends from where nobody is known: not one byte comes back, whichever tool it says it is.
func TestScanner_Stranger_HearsNothing(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	startBorder(t, p)
	scanner := newAgent(t, sipPort(host(t)))
	to := p.sip(p.Outside)
	for _, tool := range []string{"friendly-scanner", "sipvicious", "VaxSIPUserAgent/3.5", "sippts", "Cisco/SIPGateway"} {
		for _, method := range methods {
			head := append(headersFor(scanner, method, unique("scan")), "User-Agent: "+tool)
			scanner.send(to, wire.Compose(method+" sip:100@"+to.String()+" SIP/2.0", head, ""))
		}
	}
	conn := dialTCP(t, scanner.addr.Addr(), to)
	askOver(t, conn, to)
	if answer := hearOver(conn, hush); answer != "" {
		t.Errorf("over TCP: %q", answer)
	}
	if n := scanner.Seen(); n != 0 {
		t.Errorf("answered %d times:%s", n, scanner.transcript())
	}
}

// dialTCP connects from an address.
func dialTCP(t *testing.T, from netip.Addr, to netip.AddrPort) net.Conn {
	t.Helper()
	d := net.Dialer{Timeout: answerWithin, LocalAddr: &net.TCPAddr{IP: from.AsSlice()}}
	conn, err := d.Dial("tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// askOver sends a request that is well-formed; that it was written says nothing about its being read.
func askOver(t *testing.T, conn net.Conn, to netip.AddrPort) {
	t.Helper()
	host := conn.LocalAddr().String()
	_, err := io.WriteString(conn, wire.Compose("OPTIONS sip:"+to.String()+" SIP/2.0", []string{
		"Via: SIP/2.0/TCP " + host + ";branch=" + unique("z9hG4bK") + ";rport", "Max-Forwards: 70", "From: <sip:x@" + host + ">;tag=" + unique("t"),
		"To: <sip:" + to.String() + ">", "Call-ID: " + unique("ask"), "CSeq: 1 OPTIONS"}, ""))
	if err != nil {
		t.Fatal(err)
	}
}

// hearOver is what comes within a time; nothing when the connection ends or is silent.
func hearOver(conn net.Conn, within time.Duration) string {
	_ = conn.SetReadDeadline(time.Now().Add(within))
	buf := make([]byte, 4096)
	n, _ := conn.Read(buf)
	return string(buf[:n])
}

// admitted tells whether a stranger at an address is served over TCP.
func admitted(t *testing.T, from netip.Addr, to netip.AddrPort) bool {
	t.Helper()
	d := net.Dialer{Timeout: answerWithin, LocalAddr: &net.TCPAddr{IP: from.AsSlice()}}
	conn, err := d.Dial("tcp", to.String())
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, wire.Compose("OPTIONS sip:"+to.String()+" SIP/2.0", []string{
		"Via: SIP/2.0/TCP " + from.String() + ";branch=" + unique("z9hG4bK") + ";rport", "Max-Forwards: 70", "From: <sip:x@" + from.String() + ">;tag=" + unique("t"),
		"To: <sip:" + to.String() + ">", "Call-ID: " + unique("ask"), "CSeq: 1 OPTIONS"}, ""))
	return strings.HasPrefix(hearOver(conn, hush), "SIP/2.0 ")
}

// offend sends one request that no parser takes, over a connection of its own.
func offend(t *testing.T, from netip.Addr, to netip.AddrPort) {
	t.Helper()
	d := net.Dialer{Timeout: answerWithin, LocalAddr: &net.TCPAddr{IP: from.AsSlice()}}
	conn, err := d.Dial("tcp", to.String())
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, wire.Compose("REGISTER sip:a SIP/2.0", []string{"Via: SIP/2.0/TCP a;branch=" + unique("z9hG4bK"), "From: <sip:a>;tag=1",
		"To: <sip:a>", "To: <sip:b>", "Call-ID: " + unique("offence"), "CSeq: 1 REGISTER"}, ""))
	hearOver(conn, answerWithin) // its refusal, or the end
}

const (
	banAfter = 5
	banFor   = 3 * time.Second
)

func banPlan(t *testing.T, more string) plan {
	t.Helper()
	p := newPlan(t)
	p.OutsideOptions = "    unknown: reject\n"
	p.More = fmt.Sprintf("security: {ban: {after: %d, for: %s%s}}\n", banAfter, banFor, more)
	return p
}

// Who offends over TCP is who it says it is: it is shut out after so many offences, for so long, and everybody else is not.
func TestBan_TCPOffender_IsShutOutAndComesBack(t *testing.T) {
	t.Parallel()
	p := banPlan(t, "")
	b := startBorder(t, p)
	to := p.sip(p.Outside)
	bad, good := host(t), host(t)
	for range banAfter - 1 {
		offend(t, bad, to)
	}
	if !admitted(t, bad, to) || len(b.bans()) != 0 {
		t.Errorf("shut out before its %d offences: %v", banAfter, b.bans())
	}
	offend(t, bad, to)
	eventually(t, answerWithin, "a ban", func() bool { return len(b.bans()) == 1 })
	if admitted(t, bad, to) {
		t.Error("a banned source is served")
	}
	if !admitted(t, good, to) {
		t.Error("somebody else is not served")
	}
	got := b.bans()[0]
	if got.Source != bad.String() || got.Reason == "" || got.Offences < banAfter || time.Until(got.Until) > banFor || got.DryRun {
		t.Errorf("ban %+v", got)
	}
	out, err := exec.Command(gatehouse(t), "bans", "--api", b.url("")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), bad.String()) || !strings.Contains(string(out), got.Reason) {
		t.Errorf("gatehouse bans: %v\n%s", err, out)
	}
	eventually(t, banFor+answerWithin, "it is served again", func() bool { return admitted(t, bad, to) })
	if bans := b.bans(); len(bans) != 0 {
		t.Errorf("bans after their time: %v", bans)
	}
}

func TestBan_DeletedOverTheAPI_IsOver(t *testing.T) {
	t.Parallel()
	p := banPlan(t, "")
	p.More = strings.Replace(p.More, banFor.String(), "10m", 1)
	b := startBorder(t, p)
	bad, to := host(t), p.sip(p.Outside)
	for range banAfter {
		offend(t, bad, to)
	}
	eventually(t, answerWithin, "a ban", func() bool { return len(b.bans()) == 1 })
	request, err := http.NewRequest(http.MethodDelete, b.url("/api/v1/bans/"+bad.String()), nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil || answer.StatusCode != 200 {
		t.Fatalf("delete: %v %v", answer, err)
	}
	_ = answer.Body.Close()
	if !admitted(t, bad, to) || len(b.bans()) != 0 {
		t.Errorf("shut out still: %v", b.bans())
	}
}

// Nobody who is allowed, and no peer, is shut out; a dry run says what would be and lets everybody in.
func TestBan_AllowedPeersAndDryRun_AreServed(t *testing.T) {
	t.Parallel()
	allowed := host(t)
	for name, tt := range map[string]struct {
		more   string
		source func(p plan) netip.Addr
		listed bool
	}{
		"allowed": {fmt.Sprintf(", allow: [%s/32]", allowed), func(plan) netip.Addr { return allowed }, false},
		"peer":    {"", func(p plan) netip.Addr { return p.Carrier.Addr() }, false},
		"dry run": {", dry_run: true", func(plan) netip.Addr { return host(t) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := banPlan(t, tt.more)
			b := startBorder(t, p)
			source, to := tt.source(p), p.sip(p.Outside)
			for range 3 * banAfter {
				offend(t, source, to)
			}
			if !admitted(t, source, to) {
				t.Error("not served")
			}
			if bans := b.bans(); (len(bans) == 1 && bans[0].DryRun) != tt.listed || len(bans) > 1 {
				t.Errorf("bans %+v", bans)
			}
		})
	}
}

// A zone's list says who may talk to it at all: the others get nothing, over any transport, whatever they send.
func TestACL_Denied_GetsNothing(t *testing.T) {
	t.Parallel()
	p := newPlan(t)
	denied := host(t)
	p.OutsideOptions = fmt.Sprintf("    unknown: reject\n    acl: {deny: [%s/32]}\n", denied)
	startBorder(t, p)
	to := p.sip(p.Outside)
	a := newAgent(t, sipPort(denied))
	for _, method := range methods {
		a.send(to, wire.Compose(method+" sip:100@"+to.String()+" SIP/2.0", headersFor(a, method, unique("acl")), ""))
	}
	if admitted(t, denied, to) {
		t.Error("served over TCP")
	}
	idle(t, hush, "answered over UDP", func() bool { return a.Seen() != 0 })
	if !admitted(t, host(t), to) {
		t.Error("others are not served either")
	}
}
