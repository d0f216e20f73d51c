package app

import (
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/testlab/wire"
	"gatehouse/sip/transport"
)

// admin asks the site's API.
func (e *edge) admin(t *testing.T, method, path string, into any) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+e.App.admin.Addr().String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode
}

// garbage is a message whose end cannot be known.
const garbage = "OPTIONS sip:x SIP/2.0\r\nContent-Length: nonsense\r\n\r\n"

// misbehave opens a connection from an address and sends garbage until it is closed.
func misbehave(t *testing.T, from netip.Addr, to netip.AddrPort) {
	t.Helper()
	c := dialFrom(t, from, to)
	defer c.Close()
	if _, err := c.Write([]byte(garbage)); err != nil {
		return
	}
	drain(t, c)
}

func dialFrom(t *testing.T, from netip.Addr, to netip.AddrPort) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), Timeout: soon}
	c, err := d.DialContext(t.Context(), "tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// drain reads to the end of a connection.
func drain(t *testing.T, c net.Conn) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(soon)); err != nil {
		t.Fatal(err)
	}
	for b := make([]byte, 1024); ; {
		if _, err := c.Read(b); err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() { //nolint:errorlint // of a socket of ours
				t.Fatal("the connection stays open")
			}
			return
		}
	}
}

// banning bans after three offences and has an API.
func banning(text string) string {
	return text + "admin: {listen: 127.0.0.1:0}\nsecurity: {ban: {after: 3, for: 10m}}\n"
}

func TestBan_OffencesOverTCP_ShutOutUntilTheAPILetsIn(t *testing.T) {
	e := openEdge(t, "    unknown: reject\n", banning)
	at := e.at(t, wire.TCP, false)
	bad := netip.MustParseAddr("127.0.0.77")
	answered(t, e.client(t, wire.TCP, bad, ""), at)
	for range 3 {
		misbehave(t, bad, at)
	}
	var list struct{ Bans []admin.Ban }
	if code := e.admin(t, "GET", "/api/v1/bans", &list); code != 200 || len(list.Bans) != 1 || list.Bans[0].Source != bad.String() || list.Bans[0].Reason == "" ||
		list.Bans[0].Offences < 3 || list.Bans[0].DryRun || !list.Bans[0].Until.After(time.Now().Add(5*time.Minute)) {
		t.Fatalf("%d %+v", code, list)
	}
	// A banned source is closed before it is read, and its datagrams are not answered.
	c := dialFrom(t, bad, at)
	drain(t, c)
	_ = c.Close()
	quiet := e.client(t, wire.UDP, bad, "")
	if err := quiet.Send(e.at(t, wire.UDP, false), options(quiet, at)); err != nil {
		t.Fatal(err)
	}
	answered(t, e.client(t, wire.UDP, netip.MustParseAddr("127.0.0.78"), ""), e.at(t, wire.UDP, false)) // one reader: the other was handled
	if quiet.Seen() != 0 {
		t.Error("a banned source got an answer")
	}
	if s := e.admit.stats(); s.Bans != 1 || s.Verdicts["banned"] < 2 {
		t.Errorf("%+v", s)
	}
	var status map[string]string
	if code := e.admin(t, "DELETE", "/api/v1/bans/"+bad.String(), &status); code != 200 {
		t.Fatalf("unban: %d", code)
	}
	answered(t, e.client(t, wire.TCP, bad, ""), at)
	if code := e.admin(t, "DELETE", "/api/v1/bans/"+bad.String(), &status); code != 404 {
		t.Errorf("unban again: %d", code)
	}
	if lines := strings.Count(e.logged(t), `"source banned"`); lines != 1 {
		t.Errorf("the ban is in the log %d times", lines)
	}
}

func TestBan_OfPeer_NeverHappens(t *testing.T) {
	e := openEdge(t, "", banning)
	at := e.at(t, wire.TCP, false)
	for range 12 {
		misbehave(t, loopback, at)
	}
	// Nor by what may be forged.
	c, err := net.Dial("udp", e.at(t, wire.UDP, false).String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 12 {
		if _, err := c.Write([]byte("BYE sip:a SIP/2.0\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	for range 12 { // nor whoever reports it
		e.admit.Offend(transport.Offence{Zone: "outside", Source: loopback, Proven: true, Reason: "framing"})
	}
	for _, p := range []wire.Proto{wire.TCP, wire.UDP} {
		if m := answered(t, e.client(t, p, loopback, ""), e.at(t, p, false)); m.Code() != 200 {
			t.Errorf("%s: %d", p, m.Code())
		}
	}
	if s := e.admit.stats(); s.Bans != 0 || s.Verdicts["known"] == 0 {
		t.Errorf("%+v", s)
	}
}

func TestReload_Bans_StayAndRulesChange(t *testing.T) {
	e := openEdge(t, "    unknown: reject\n", banning)
	at := e.at(t, wire.TCP, false)
	bad, next := netip.MustParseAddr("127.0.0.77"), netip.MustParseAddr("127.0.0.79")
	for range 3 {
		misbehave(t, bad, at)
	}
	e.set(strings.Replace(e.text, "after: 3", "after: 1", 1))
	if err := e.Reload(); err != nil {
		t.Fatal(err)
	}
	misbehave(t, next, at)
	if bans := e.gate.Bans(); len(bans) != 2 {
		t.Errorf("%+v", bans)
	}
}

func TestACL_DeniedSource_NotReadAndPeerNeither(t *testing.T) {
	e := openEdge(t, "    unknown: reject\n    acl: {deny: [127.0.0.77/32]}\n", same)
	c := dialFrom(t, netip.MustParseAddr("127.0.0.77"), e.at(t, wire.TCP, false))
	drain(t, c)
	_ = c.Close()
	answered(t, e.client(t, wire.TCP, loopback, ""), e.at(t, wire.TCP, false))
	if n := e.admit.stats().Verdicts["acl"]; n != 1 {
		t.Errorf("%d arrivals denied", n)
	}
}

func TestLimit_Stranger_OverItsRateIsNotRead(t *testing.T) {
	e := openEdge(t, "    unknown: reject\n", func(text string) string {
		return text + "security: {strangers: {rate: 1, burst: 5, total: 1000}}\n"
	})
	stranger := e.client(t, wire.UDP, netip.MustParseAddr("127.0.0.77"), "")
	at := e.at(t, wire.UDP, false)
	for range 50 {
		if err := stranger.Send(at, options(stranger, at)); err != nil {
			t.Fatal(err)
		}
	}
	answered(t, e.client(t, wire.UDP, loopback, ""), at)
	if s := e.admit.stats(); s.Verdicts["limited"] < 40 || s.Verdicts["known"] != 1 {
		t.Errorf("%+v", s)
	}
	if n := e.signallingStats().Drops["denied"]; n < 40 {
		t.Errorf("%d were not read", n)
	}
	if _, ok := stranger.First(0, soon, func(wire.Message) bool { return true }); !ok || stranger.Seen() > 10 {
		t.Errorf("%d answers", stranger.Seen())
	}
}

func TestScanner_Stranger_HearsNothingAndIsBanned(t *testing.T) {
	e := openEdge(t, "    unknown: reject\n", banning)
	at := e.at(t, wire.TCP, false)
	c := e.client(t, wire.TCP, netip.MustParseAddr("127.0.0.77"), "")
	tool := func() string {
		return strings.NewReplacer("Subject: ", "User-Agent: friendly-scanner\r\nSubject: ", "Call-ID: ", "Call-ID: tool-").Replace(options(c, at))
	}
	if err := c.Send(at, tool()); err != nil {
		t.Fatal(err)
	}
	if m := answered(t, c, at); strings.HasPrefix(m.Get("Call-ID"), "tool-") {
		t.Errorf("a scanner got %d", m.Code())
	}
	for range 2 {
		if err := c.Send(at, tool()); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(soon); len(e.gate.Bans()) == 0; {
		if time.Now().After(end) {
			t.Fatal("not banned")
		}
		<-time.After(retireCheck / 50)
	}
	if b := e.gate.Bans(); b[0].Reason != reasonScanner || c.Seen() != 1 {
		t.Errorf("%+v, %d answers", b, c.Seen())
	}
	// A peer may call itself what it likes.
	peer := e.client(t, wire.TCP, loopback, "")
	if err := peer.Send(at, strings.Replace(options(peer, at), "Subject: ", "User-Agent: friendly-scanner\r\nSubject: ", 1)); err != nil {
		t.Fatal(err)
	}
	if m, ok := peer.First(0, soon, func(m wire.Message) bool { return m.Code() == 200 }); !ok {
		t.Errorf("a peer got %d", m.Code())
	}
}
