package b2bua_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/testlab/memnet"
	sip "gatehouse/internal/testlab/wire"
	"gatehouse/sip/resolve"
	"gatehouse/sip/transport"
)

// browserConfig is a border with WebSocket callers outside and a PBX inside.
const browserConfig = `
node: gw1
zones:
  inside:
    listen: [udp://10.0.0.1:5060, tcp://10.0.0.1:5060]
    trust: full
    media: {address: 10.0.0.1, ports: 16384-32767}
  web:
    listen: [ws://203.0.113.10:8080]
    websocket: {origins: ["*"]}
    media: {address: 203.0.113.10, ports: 16384-32767}
peers:
  pbx: {zone: inside, address: "sip:10.0.0.20:5060;transport=tcp"}
  users: {zone: web, address: "sip:users.example;transport=ws", source: [198.51.100.0/24]}
  others: {zone: web, address: "sip:others.example;transport=ws", source: [192.0.2.0/24]}
routes:
  - {name: in, from: users, to: [pbx]}
`

const webListener = "203.0.113.10:8080"

// webCall is a call of a browser to the PBX.
type webCall struct {
	*rig
	t        *testing.T
	caller   *station
	pbx      *station
	side     dialogSide
	invite   sip.Message // as the PBX got it
	original string
}

// browse starts a rig and a call that has reached the PBX, and runs the rest of
// a test in its bubble.
func browse(t *testing.T, rest func(c *webCall)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		r := newRig(t, n.Host(), browserConfig)
		r.net, r.wire = n, newWire(n)
		c := &webCall{rig: r, t: t, caller: r.station(t, transport.WS, "198.51.100.5:0", false, nil), pbx: r.station(t, transport.TCP, "10.0.0.20:5060", true, nil),
			side: dialogSide{via: "SIP/2.0/WS df7jal23.invalid", from: "<sip:alice@web.example>;tag=a1", to: "<sip:200@web.example>", callID: "web-1",
				contact: "sip:alice@df7jal23.invalid;transport=ws", target: "sip:200@web.example"}}
		c.caller.connect(netip.MustParseAddr("198.51.100.5"), webListener)
		c.original = c.side.request("INVITE", audioBody("198.51.100.5"))
		c.caller.say(c.original)
		c.caller.hear("SIP/2.0 100")
		c.invite = c.pbx.hear("INVITE sip:200@10.0.0.20:5060")
		rest(c)
		c.checkEmpty(t)
		if got := len(c.cdrs.list()); got != 1 {
			t.Errorf("%d records, want 1", got)
		}
	})
}

// ring lets the PBX ring and the caller hear it.
func (c *webCall) ring() {
	c.t.Helper()
	c.pbx.say(sip.Reply(c.invite, "180 Ringing", "b1", []string{"Contact: <sip:pbx@10.0.0.20:5060;transport=tcp>"}, ""))
	c.side.to = c.caller.hear("SIP/2.0 180").Get("To")
}

// answer lets the PBX answer, up to the ACK of the caller.
func (c *webCall) answer() {
	c.t.Helper()
	c.pbx.say(ok(c.invite, "sip:pbx@10.0.0.20:5060;transport=tcp", audioBody("10.0.0.20")))
	got := c.caller.hear("SIP/2.0 200")
	c.pbx.hear("ACK ")
	c.side.to, c.side.target = got.Get("To"), sip.URIOf(got.Get("Contact"))
	if want := "@203.0.113.10:8080;transport=ws"; !strings.HasSuffix(c.side.target, want) {
		c.t.Errorf("Contact %s, want %s", c.side.target, want)
	}
	c.caller.say(c.side.request("ACK", ""))
}

// comeBack connects the caller again.
func (c *webCall) comeBack(from string) {
	c.t.Helper()
	c.caller.connect(netip.MustParseAddr(from), webListener)
}

// byeOfPBX ends the call from inside; the caller hears it or not.
func (c *webCall) byeOfPBX(heard bool) {
	c.t.Helper()
	c.pbx.say(sip.Compose("BYE "+sip.URIOf(c.invite.Get("Contact"))+" SIP/2.0", []string{"Via: SIP/2.0/TCP 10.0.0.20:5060;branch=z9hG4bK-bye", "Max-Forwards: 70",
		"From: " + c.invite.Get("To") + ";tag=b1", "To: " + c.invite.Get("From"), "Call-ID: " + c.invite.Get("Call-ID"), "CSeq: 77 BYE"}, ""))
	c.pbx.hear("SIP/2.0 200")
	if heard {
		c.caller.say(sip.Reply(c.caller.hear("BYE sip:alice@df7jal23.invalid;transport=ws"), "200 OK", "", nil, ""))
	} else {
		c.caller.nothing()
	}
}

func TestB015_WebSocketCallerGone_TargetIsCancelledAfterAGrace(t *testing.T) {
	browse(t, func(c *webCall) {
		c.ring()
		c.caller.hangup()
		time.Sleep(30*time.Second - time.Millisecond)
		c.pbx.nothing()
		time.Sleep(time.Millisecond)
		cancel := c.pbx.hear("CANCEL ")
		c.pbx.say(sip.Reply(cancel, "200 OK", "b1", nil, ""))
		c.pbx.say(sip.Reply(c.invite, "487 Request Terminated", "b1", nil, ""))
		c.pbx.hear("ACK ")
		if rec := c.cdrs.list()[0]; rec.Code != 487 || rec.Cause != "caller's connection is gone" || rec.HangupBy != "users" {
			c.t.Errorf("record: %d %s by %s", rec.Code, rec.Cause, rec.HangupBy)
		}
	})
}

func TestB015_WebSocketCallerComesBackInTime_TheAnswerTakesTheNewConnection(t *testing.T) {
	browse(t, func(c *webCall) {
		c.ring()
		c.caller.hangup()
		time.Sleep(20 * time.Second)
		c.comeBack("198.51.100.77") // another address of the same peer
		c.caller.say(c.side.request("OPTIONS", ""))
		c.caller.hear("SIP/2.0 200")
		time.Sleep(40 * time.Second)
		c.pbx.nothing()
		c.answer()
		c.byeOfPBX(true)
	})
}

func TestB015_SomebodyElseWithTheTagsOfTheCall_DoesNotTakeItOver(t *testing.T) {
	browse(t, func(c *webCall) {
		c.ring()
		c.caller.hangup()
		c.comeBack("192.0.2.9") // of another peer in the same zone
		c.caller.say(c.side.request("OPTIONS", ""))
		c.caller.hear("SIP/2.0 200")
		time.Sleep(30 * time.Second)
		cancel := c.pbx.hear("CANCEL ")
		c.pbx.say(sip.Reply(cancel, "200 OK", "b1", nil, ""))
		c.pbx.say(sip.Reply(c.invite, "487 Request Terminated", "b1", nil, ""))
		c.pbx.hear("ACK ")
		c.caller.nothing()
	})
}

func TestB015_AfterTheAnswer_LossOfTheConnectionEndsNothing(t *testing.T) {
	browse(t, func(c *webCall) {
		c.ring()
		c.answer()
		c.caller.hangup()
		time.Sleep(2 * time.Minute) // more would be the PBX's connection too
		c.pbx.nothing()
		if s := c.engine.Stats(context.Background()); s.Calls != 1 || s.Dialogs != 2 {
			c.t.Errorf("%d calls, %d dialogs", s.Calls, s.Dialogs)
		}
		// Nobody can be told, but the other side gets its answer.
		c.byeOfPBX(false)
	})
}

func TestB015_AfterTheAnswer_SilentMediaEndsIt(t *testing.T) {
	browse(t, func(c *webCall) {
		c.ring()
		c.answer()
		c.caller.hangup()
		c.media.fallSilent()
		c.pbx.say(sip.Reply(c.pbx.hear("BYE "), "200 OK", "", nil, ""))
	})
}

func TestB015_ReinviteOnANewConnection_TakesTheDialogWithIt(t *testing.T) {
	browse(t, func(c *webCall) {
		c.ring()
		c.answer()
		c.caller.hangup()
		time.Sleep(time.Minute)
		c.comeBack("198.51.100.5")
		c.caller.say(c.side.request("INVITE", strings.Replace(audioBody("198.51.100.5"), "o=- 1 1", "o=- 1 2", 1)))
		c.caller.hear("SIP/2.0 100")
		c.pbx.say(ok(c.pbx.hear("INVITE "), "sip:pbx@10.0.0.20:5060;transport=tcp", strings.Replace(audioBody("10.0.0.20"), "o=- 1 1", "o=- 1 2", 1)))
		c.pbx.hear("ACK ")
		c.caller.hear("SIP/2.0 200")
		c.caller.say(c.side.request("ACK", ""))
		c.byeOfPBX(true)
	})
}

func TestB015_DialogOnAWebSocket_StaysOnItWhateverItsContactSays(t *testing.T) {
	// RFC 7118 §5: the Contact of a browser resolves nowhere.
	browse(t, func(c *webCall) {
		c.ring()
		c.answer()
		c.byeOfPBX(true)
		for _, q := range c.dns.queries {
			if strings.Contains(q.Host, "invalid") {
				c.t.Errorf("asked for %s", q.Host)
			}
		}
	})
}

func TestB015_SecondConnectionWhileTheFirstIsOpen_MovesAWebSocketDialog(t *testing.T) {
	browse(t, func(c *webCall) {
		c.ring()
		c.answer()
		c.comeBack("198.51.100.5")
		c.caller.say(c.side.request("OPTIONS", ""))
		c.caller.hear("SIP/2.0 200")
		// The old one may go now: nothing is lost with it.
		c.caller.mu.Lock()
		first := c.caller.lines[0]
		c.caller.lines = c.caller.lines[1:]
		c.caller.mu.Unlock()
		first.close()
		c.byeOfPBX(true)
	})
}

func TestB015_CallerWhoCameBackAndLosesThatToo_HasAnotherGrace(t *testing.T) {
	browse(t, func(c *webCall) {
		c.ring()
		c.caller.hangup()
		time.Sleep(20 * time.Second)
		c.comeBack("198.51.100.5")
		c.caller.say(c.side.request("OPTIONS", ""))
		c.caller.hear("SIP/2.0 200")
		c.caller.hangup()
		time.Sleep(29 * time.Second)
		c.pbx.nothing()
		time.Sleep(time.Second)
		c.pbx.say(sip.Reply(c.pbx.hear("CANCEL "), "200 OK", "b1", nil, ""))
		c.pbx.say(sip.Reply(c.invite, "487 Request Terminated", "b1", nil, ""))
		c.pbx.hear("ACK ")
	})
}

func TestB015_CallerWhosePeerIsGoneFromTheFile_ComesBackFromItsAddress(t *testing.T) {
	browse(t, func(c *webCall) {
		c.ring()
		c.answer()
		c.caller.hangup()
		c.engine.SetSnapshot(compiled(t, strings.Replace(browserConfig, "source: [198.51.100.0/24]", "source: [198.51.100.200/32]", 1)))
		c.comeBack("198.51.100.5")
		c.caller.say(c.side.request("OPTIONS", ""))
		c.caller.hear("SIP/2.0 200")
		c.byeOfPBX(true)
	})
}

// viaTCP is the caller of the fragments on a stream.
var viaTCP = strings.NewReplacer("peer A 10", "peer A tcp 10", "A> Via: SIP/2.0/UDP", "A> Via: SIP/2.0/TCP", "<A Contact: <sip:${acontact:token}@10.0.0.1:5060>",
	"<A Contact: <sip:${acontact:token}@10.0.0.1:5060;transport=tcp>", "sip:${acontact}@10.0.0.1:5060", "sip:${acontact}@10.0.0.1:5060;transport=tcp")

// TestB015_CallThatFailsAtOnce_IsNotHeldByItsConnection: a trunk's connection
// lives for weeks.
func TestB015_CallThatFailsAtOnce_IsNotHeldByItsConnection(t *testing.T) {
	held := -1
	playWith(t, func(r *rig) {
		r.dns.Penalize(resolve.Target{Addr: netip.MustParseAddrPort(addrB), Transport: "udp"}, time.Hour, true)
		time.AfterFunc(time.Minute, func() { held = r.engine.Remembered(context.Background()) })
	}, both(nothingLeft(t), func(*rig) {
		if held != 0 {
			t.Errorf("%d calls held while the connection was open", held)
		}
	}), viaTCP.Replace(peers), viaTCP.Replace(inviteHead+sdpA), "\n<A SIP/2.0 100 Trying\n<A ...\n", told("500 Server Internal Error"), viaTCP.Replace(refusalACK), "quiet B 70s\n")
}

func TestB015_TCPCallerDropsBeforeTheAnswer_TheAnswerGoesOnANewConnection(t *testing.T) {
	play(t, nothingLeft(t), viaTCP.Replace(peers), viaTCP.Replace(invite), ring, "disconnect A\nquiet B 40s\n", viaTCP.Replace(answer), viaTCP.Replace(ackA), viaTCP.Replace(endA))
}

func TestB015_ConnectionOfTheTargetDropsBeforeAnyResponse_NextTarget(t *testing.T) {
	config := changed(t, `"sip:203.0.113.20:5060"`, `[{uri: "sip:203.0.113.20:5060;transport=tcp", priority: 1}, {uri: "sip:203.0.113.30:5060", priority: 2}]`,
		`second: {zone: outside, address: "sip:203.0.113.30:5060"}`, `second: {zone: outside, address: "sip:203.0.113.40:5060"}`)
	play(t, both(nothingLeft(t), tried(t, "carrier 203.0.113.20:5060;tcp 503", "carrier 203.0.113.30:5060;udp 200"),
		penalties(t, "tcp 203.0.113.20:5060 soft 30s")), config, peers, peerD, peerC, inviteHead+sdpA, "\n<A SIP/2.0 100 Trying\n<A ...\n", onD("<B INVITE ${*}\n<B ...\n"),
		"disconnect D\ntimeout 10ms\n", inviteC, onC(ring), onC(answer), ackA, onC(endA))
}

func TestB015_ByeOnALostConnection_IsOverAtOnce(t *testing.T) {
	// Nobody waits 32 s for the answer of somebody who is gone.
	browse(t, func(c *webCall) {
		c.ring()
		c.answer()
		c.caller.say(c.side.request("BYE", ""))
		c.caller.hear("SIP/2.0 200")
		c.pbx.hear("BYE ")
		c.pbx.hangup()
		if n := c.engine.Pending(context.Background()); n != 0 {
			c.t.Errorf("%d BYEs still wait", n)
		}
	})
}
