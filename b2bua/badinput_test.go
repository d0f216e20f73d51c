package b2bua_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// hostile runs fn with a probe in a bubble and then checks that the border
// came through: no panic, nothing left, OPTIONS answered.
func hostile(t *testing.T, fn func(p *probe)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t)
		fn(p)
		p.alive(p.v4)
		p.finish()
		p.alive(p.v4)
	})
}

// harmless sends one message and wants a refusal or silence, and nothing for
// the B side; the next OPTIONS is answered.
func (p *probe) harmless(name string, raw []byte, codes ...int) {
	p.t.Helper()
	o := p.send(p.v4, raw)
	ok := len(o.finals) == 0 && !o.trying && len(o.calls) == 0
	for _, code := range codes {
		ok = ok || len(o.finals) == 1 && o.finals[0] == code && len(o.calls) == 0
	}
	if !ok {
		p.t.Errorf("%s: outcome %+v, want silence or one of %v", name, o, codes)
	}
	p.alive(p.v4)
}

// draft is a request that a test damages: header lines by name.
type draft struct {
	method, uri string
	lines       []string
	body        string
}

var draftMethods = []string{"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "REGISTER", "PRACK", "UPDATE", "INFO", "SUBSCRIBE", "NOTIFY", "MESSAGE", "REFER", "PUBLISH", "FOO"}

// mandatory are the headers every request must have (RFC 3261 §8.1.1), and
// Contact, which an INVITE must have.
var mandatory = []string{"Via", "From", "To", "Call-ID", "CSeq", "Max-Forwards", "Contact"}

func newDraft(method string, n int) *draft {
	return &draft{method: method, uri: "sip:+15550100@10.0.0.1", body: strings.ReplaceAll(plainOffer, "\n", "\r\n") + "\r\n", lines: []string{
		fmt.Sprintf("Via: SIP/2.0/UDP 10.0.0.20:5060;branch=z9hG4bKbad%d;rport", n),
		"Max-Forwards: 70", fmt.Sprintf("From: <sip:100@10.0.0.20>;tag=f%d", n), "To: <sip:+15550100@10.0.0.1>",
		fmt.Sprintf("Call-ID: bad%d", n), "CSeq: 1 " + method, "Contact: <sip:100@10.0.0.20:5060>", "Content-Type: application/sdp",
	}}
}

func (d *draft) without(names ...string) *draft {
	var kept []string
	for _, l := range d.lines {
		drop := false
		for _, n := range names {
			drop = drop || strings.HasPrefix(l, n+":")
		}
		if !drop {
			kept = append(kept, l)
		}
	}
	d.lines = kept
	return d
}

func (d *draft) with(line string) *draft {
	d.lines = append(d.lines, line)
	return d
}

func (d *draft) raw() []byte {
	return []byte(d.method + " " + d.uri + " SIP/2.0\r\n" + strings.Join(d.lines, "\r\n") +
		fmt.Sprintf("\r\nContent-Length: %d\r\n\r\n%s", len(d.body), d.body))
}

func TestBadInput_MandatoryHeadersMissing_AreRefused(t *testing.T) {
	hostile(t, func(p *probe) {
		n := 0
		for _, method := range draftMethods {
			for i, one := range mandatory {
				for _, two := range mandatory[i:] {
					n++
					// Max-Forwards is no must for a receiver, and Contact only in an INVITE: what
					// is left is refused for its method, or has no dialog, or is an OPTIONS.
					codes := []int{400}
					switch method {
					case "BYE", "CANCEL":
						codes = []int{400, 481}
					case "OPTIONS":
						codes = []int{400, 200}
					case "INVITE":
					default:
						codes = []int{400, 405, 501}
					}
					d := newDraft(method, n).without(one, two)
					if method == "INVITE" && one == "Max-Forwards" && two == one {
						continue // a good call
					}
					if one == "From" || two == "From" || one == "To" || two == "To" || one == "Call-ID" || two == "Call-ID" || one == "CSeq" || two == "CSeq" {
						codes = []int{400}
					}
					p.harmless(method+" without "+one+" and "+two, d.raw(), codes...)
				}
			}
		}
	})
}

func TestBadInput_SecondSingleton_IsRefused(t *testing.T) {
	hostile(t, func(p *probe) {
		for i, line := range []string{"From: <sip:x@y>;tag=2", "f: <sip:x@y>;tag=2", "To: <sip:x@y>", "t: <sip:x@y>", "Call-ID: other", "i: other",
			"CSeq: 2 INVITE", "CSeq: 1 INVITE", "Max-Forwards: 69", "Content-Length: 5", "l: 5", "Content-Type: text/plain", "c: application/sdp"} {
			p.harmless(line, newDraft("INVITE", i).with(line).raw(), 400)
		}
	})
}

func TestBadInput_BytesThatDoNotBelong_AreRefused(t *testing.T) {
	hostile(t, func(p *probe) {
		n := 0
		try := func(name string, change func(string) string, codes ...int) {
			n++
			p.harmless(name, []byte(change(string(newDraft("INVITE", n).raw()))), codes...)
		}
		for c := range 256 {
			b := string([]byte{byte(c)})
			if c < ' ' && c != '\t' || c == 0x7f {
				// A carriage return or a line feed makes other lines, all of them bad.
				try(fmt.Sprintf("%#x in a value", c), func(s string) string { return strings.Replace(s, "To: <sip:", "To: a"+b+"b <sip:", 1) }, 400)
			}
			if !strings.ContainsAny(b, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~:") {
				try(fmt.Sprintf("%#x in a name", c), func(s string) string { return strings.Replace(s, "Contact:", "X"+b+"Y: z\r\nContact:", 1) }, 400, 405)
			}
		}
		for _, uri := range []string{"", "sip:", "sip:@", "<sip:a@b>", "sip:a@b c", "sip:a@b\x00", "sip:a@[::1", "sip:a@b:99999", "sip:a@b?Route=%3Csip:x%3E", "sip:%@b"} {
			try("URI "+uri, func(s string) string { return strings.Replace(s, "sip:+15550100@10.0.0.1 ", uri+" ", 1) }, 400, 404, 416)
		}
		for _, line := range []string{"CSeq: INVITE", "CSeq: 1", "CSeq: -1 INVITE", "CSeq: 4294967296 INVITE", "CSeq: 1 OPTIONS", "CSeq: 1 INVITE x", "CSeq: 99999999999999999999 INVITE"} {
			try(line, func(s string) string { return strings.Replace(s, "CSeq: 1 INVITE", line, 1) }, 400)
		}
		for _, line := range []string{"From: ", "From: sip:", "From: <sip:a@b", "From: \"x <sip:a@b>", "From: <>", "From: a, b <sip:a@b>"} {
			try(line, func(s string) string { return strings.Replace(s, "From: <sip:100@10.0.0.20>", line, 1) }, 400)
		}
		for _, line := range []string{"Contact: *", "Contact: ", "Contact: <>", "Contact: \"", "Contact: <sip:a@b>, ", "Contact: sip:a@b?x=y"} {
			try(line, func(s string) string { return strings.Replace(s, "Contact: <sip:100@10.0.0.20:5060>", line, 1) }, 400)
		}
	})
}

func TestBadInput_LengthsThatLie_AreRefused(t *testing.T) {
	hostile(t, func(p *probe) {
		for i, length := range []string{"-1", "99999", "4294967296", "99999999999999999999999999", "1e3", "0x10", "", "5 5", "+5"} {
			raw := strings.Replace(string(newDraft("INVITE", i).raw()), "Content-Length: ", "Content-Length: "+length+";", 1)
			p.harmless("length "+length, []byte(raw), 400)
			raw = strings.Split(string(newDraft("INVITE", 100+i).raw()), "Content-Length: ")[0] + "Content-Length: " + length + "\r\n\r\nv=0\r\n"
			p.harmless("length "+length+" alone", []byte(raw), 400)
		}
	})
}

func TestBadInput_LargestMessages_AreRefusedOrCarried(t *testing.T) {
	hostile(t, func(p *probe) {
		long := strings.Repeat("x", 65000)
		p.harmless("64 KB of one header", newDraft("INVITE", 1).with("X: "+long).raw(), 400, 413, 513)
		p.harmless("64 KB of headers", newDraft("INVITE", 2).with(strings.Repeat("X: y\r\n", 10000)+"Z: z").raw(), 400, 413, 513)
		p.harmless("64 KB of Vias", newDraft("INVITE", 3).with("Via: "+strings.Repeat("SIP/2.0/UDP h;branch=z9hG4bKx, ", 2000)+"SIP/2.0/UDP h").raw(), 400, 413, 483, 513)
		p.harmless("64 KB of body", (&draft{"INVITE", "sip:+1@10.0.0.1", newDraft("INVITE", 4).lines, "v=0\r\n" + long[:64000]}).raw(), 400)
		p.harmless("64 KB of spaces", newDraft("INVITE", 5).with("X: "+strings.Repeat(" ", 64000)).raw(), 400, 413, 513)
		p.harmless("64 KB of folding", newDraft("INVITE", 6).with("X: y"+strings.Repeat("\r\n ", 20000)).raw(), 400, 413, 513)
		p.harmless("64 KB of user", (&draft{"INVITE", "sip:" + long[:60000] + "@10.0.0.1", newDraft("INVITE", 7).lines, ""}).raw(), 400, 404, 413, 414, 513)
		p.harmless("64 KB of zeros", make([]byte, 65507))
		p.harmless("64 KB of quotes", []byte("INVITE sip:a SIP/2.0\r\nTo: "+strings.Repeat("\"", 60000)))
		p.harmless("64 KB of line ends", bytes.Repeat([]byte("\r\n"), 32000))
	})
}

func TestBadInput_HostileSDP_IsRefusedQuickly(t *testing.T) {
	head := "v=0\r\no=x 1 1 IN IP4 10.0.0.20\r\ns=-\r\nc=IN IP4 10.0.0.20\r\nt=0 0\r\n"
	audioLine := "m=audio 4000 RTP/AVP 0\r\n"
	hostile(t, func(p *probe) {
		for name, body := range map[string]string{
			"2500 m-lines":       head + strings.Repeat("m=audio 4000 RTP/AVP 0\r\n", 2500),
			"17 m-lines":         head + strings.Repeat(audioLine, 17),
			"65 codecs":          head + "m=audio 4000 RTP/AVP" + strings.Repeat(" 96", 65) + "\r\n",
			"20000 codecs":       head + "m=audio 4000 RTP/AVP" + strings.Repeat(" 0", 20000) + "\r\n",
			"more than 32 KB":    head + audioLine + strings.Repeat("a=x:y\r\n", 6000),
			"one line of 60 KB":  head + audioLine + "a=" + strings.Repeat("x", 60000) + "\r\n",
			"no m-line at all":   head,
			"port too large":     head + "m=audio 70000 RTP/AVP 0\r\n",
			"negative port":      head + "m=audio -1 RTP/AVP 0\r\n",
			"NUL bytes":          head + "m=audio 4000 RTP/AVP 0\x00\r\n",
			"only line ends":     strings.Repeat("\r\n", 10000),
			"binary":             string(bytes.Repeat([]byte{0xff, 0, 0x80}, 5000)),
			"huge numbers":       strings.Replace(head, "1 1 IN", "99999999999999999999999 99999999999999999999999 IN", 1) + audioLine,
			"nonsense addresses": strings.ReplaceAll(head, "10.0.0.20", "999.1.1.1") + audioLine,
		} {
			d := newDraft("INVITE", len(name)*1000+len(body)%1000)
			d.body = body
			o := p.send(p.v4, d.raw())
			// Either refused for its form or for its content, or understood after all: then
			// what goes on is clean, which finish checks.
			if len(o.finals) == 1 && (o.finals[0] == 400 || o.finals[0] == 488 || o.finals[0] == 413) || len(o.calls) == 1 && len(o.calls[0]) < 2000 {
				p.alive(p.v4)
				continue
			}
			t.Errorf("%s: outcome %+v", name, o)
		}
	})
}

func TestBadInput_MultipartBombs_AreRefusedQuickly(t *testing.T) {
	deep := "x"
	for i := range 200 {
		deep = fmt.Sprintf("Content-Type: multipart/mixed;boundary=b%d\r\n\r\n--b%d\r\n%s\r\n--b%d--", i, i, deep, i)
	}
	hostile(t, func(p *probe) {
		n := 0
		for name, c := range map[string][2]string{
			"200 deep":        {"multipart/mixed;boundary=o", "--o\r\n" + deep + "\r\n--o--\r\n"},
			"5000 parts":      {"multipart/mixed;boundary=o", strings.Repeat("--o\r\n\r\nx\r\n", 5000) + "--o--\r\n"},
			"10000 dashes":    {"multipart/mixed;boundary=--", strings.Repeat("----\r\n", 10000)},
			"same boundaries": {"multipart/mixed;boundary=o", strings.Repeat("--o\r\nContent-Type: multipart/mixed;boundary=o\r\n\r\n", 800) + "--o--"},
			"near boundaries": {"multipart/mixed;boundary=oooooooooooooooo", strings.Repeat("--ooooooooooooooox\r\n", 3000)},
			"part of headers": {"multipart/mixed;boundary=o", "--o\r\n" + strings.Repeat("A: b\r\n", 9000) + "\r\n--o--"},
			"quote only":      {"multipart/mixed;boundary=\"", "--\"\r\n"},
			"long boundary":   {"multipart/mixed;boundary=" + strings.Repeat("o", 8000), "--o\r\n"},
		} {
			n++
			d := newDraft("INVITE", n).without("Content-Type").with("Content-Type: " + c[0])
			d.body = c[1]
			p.harmless(name, d.raw(), 400, 413, 513)
		}
	})
}

func TestBadInput_RequestsForNothing_HaveNoEffect(t *testing.T) {
	hostile(t, func(p *probe) {
		for i, toTag := range []string{"", "x", strings.Repeat("a", 26), strings.Repeat("z", 26), strings.Repeat("a", 5000), "malformed"} {
			for k, method := range draftMethods {
				if method == "INVITE" && toTag == "" || method == "OPTIONS" && toTag == "" {
					continue
				}
				d := newDraft(method, 100*i+k)
				if toTag != "" {
					d.without("To").with("To: <sip:+15550100@10.0.0.1>;tag=" + toTag)
				}
				p.harmless(method+" with tag "+toTag, d.raw(), 481, 405, 501)
			}
		}
		d := newDraft("CANCEL", 9999).without("Via").with("Via: SIP/2.0/UDP 10.0.0.20:5060;branch=z9hG4bK")
		p.harmless("CANCEL with a bare branch", d.raw(), 481)
		d = newDraft("ACK", 9998).without("Via").with("Via: SIP/2.0/UDP 10.0.0.20:5060")
		p.harmless("ACK without a branch", d.raw())
	})
}

func TestB021_ResponsesThatAreNotOurs_AreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t)
		b := p.listen(addrB)
		good := p.call()
		via := func(change func(string) string) string {
			head, rest, _ := strings.Cut(good, "Via: ")
			value, tail, _ := strings.Cut(rest, "\r\n")
			return head + "Via: " + change(value) + "\r\n" + tail
		}
		flipped := func(s string) string { // one character of the token
			i := strings.Index(s, "z9hG4bK") + 12
			return s[:i] + string(rune('a'+(s[i]-'a'+1)%26)) + s[i+1:]
		}
		bad := map[string]string{
			"foreign sent-by":      via(func(s string) string { return strings.Replace(s, "203.0.113.10", "203.0.113.99", 1) }),
			"sent-by of the zone":  via(func(s string) string { return strings.Replace(s, "203.0.113.10", "10.0.0.1", 1) }),
			"other port":           via(func(s string) string { return strings.Replace(s, ":5060", ":5061", 1) }),
			"second Via below":     via(func(s string) string { return s + "\r\nVia: SIP/2.0/UDP 203.0.113.20;branch=z9hG4bKx" }),
			"second Via in a list": via(func(s string) string { return s + ", SIP/2.0/UDP 203.0.113.20;branch=z9hG4bKx" }),
			"second Via on top":    via(func(s string) string { return "SIP/2.0/UDP 203.0.113.20;branch=z9hG4bKx\r\nVia: " + s }),
			"forged branch":        via(flipped),
			"cut branch":           via(func(s string) string { return s[:strings.Index(s, "z9hG4bK")+20] }),
			"no branch":            via(func(s string) string { return strings.Split(s, ";")[0] }),
			"other method":         strings.Replace(good, "1 INVITE", "1 BYE", 1),
			"other transaction":    via(func(s string) string { return strings.Replace(s, ";rport", "7;rport", 1) }),
			"no CSeq":              strings.Replace(good, "CSeq:", "X:", 1),
			"short body":           strings.Replace(good, "Content-Length: ", "Content-Length: 9", 1),
			"status 99":            strings.Replace(good, "200 OK", "99 Low", 1),
			"status 700":           strings.Replace(good, "200 OK", "700 High", 1),
			"status 2":             strings.Replace(good, "200 OK", "2 OK", 1),
		}
		for name, raw := range bad {
			before := p.r.wire.count()
			p.from(b, raw)
			if sent := p.r.wire.since(before + 1); len(sent) != 0 {
				t.Errorf("%s: the border sent %q", name, sent[0].Data)
			}
			p.alive(p.v4)
		}
		// Nothing of that harmed the call: the good one answers it.
		before := p.r.wire.count()
		p.from(b, good)
		if sent := p.r.wire.since(before + 1); len(sent) != 2 {
			t.Errorf("the good response made %d messages, want the ACK and the 200", len(sent))
		}
		time.Sleep(time.Minute)
		p.finish()
	})
}

// answerTo is B's 200 to a request, with SDP.
func answerTo(request []byte) string {
	var head []string
	for _, l := range strings.Split(string(request), "\r\n") {
		for _, name := range []string{"Via:", "From:", "To:", "Call-ID:", "CSeq:"} {
			if strings.HasPrefix(l, name) {
				if name == "To:" {
					l += ";tag=b1"
				}
				head = append(head, l)
			}
		}
	}
	body := strings.ReplaceAll(strings.ReplaceAll(plainOffer, "\n", "\r\n")+"\r\n", "10.0.0.20", "203.0.113.20")
	return "SIP/2.0 200 OK\r\n" + strings.Join(head, "\r\n") + fmt.Sprintf("\r\nContact: <sip:b@203.0.113.20>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func TestBadInput_AgainstALiveCall_ItGoesOn(t *testing.T) {
	hostile(t, func(p *probe) {
		b := p.listen(addrB)
		head := p.establish(b)
		send := func(method string, n int, change ...string) []byte {
			h := strings.NewReplacer(change...).Replace(strings.Replace(head, "fuzz", fmt.Sprint("live", n), 1))
			return []byte(method + " sip:10.0.0.1 SIP/2.0\r\n" + h + fmt.Sprintf("CSeq: %d %s\r\nContent-Length: 0\r\n\r\n", n, method))
		}
		for i, c := range []struct {
			name string
			raw  []byte
			code int
		}{
			{"BYE with another From tag", send("BYE", 2, "tag=f1", "tag=f2"), 481},
			{"BYE without a From tag", send("BYE", 3, ";tag=f1", ""), 481},
			{"BYE with another Call-ID", send("BYE", 4, "Call-ID: bad1", "Call-ID: bad2"), 481},
			{"BYE with another method in the CSeq", bytes.Replace(send("BYE", 5), []byte("5 BYE"), []byte("5 INVITE"), 1), 400},
			{"BYE with a length that lies", bytes.Replace(send("BYE", 6), []byte("Length: 0"), []byte("Length: 7"), 1), 400},
			{"BYE with a number used before", bytes.Replace(send("BYE", 7), []byte("7 BYE"), []byte("1 BYE"), 1), 500},
			{"BYE that needs what we lack", send("BYE", 8, "Max-Forwards: 70", "Max-Forwards: 70\r\nRequire: x"), 420},
			{"BYE without a number", bytes.Replace(send("BYE", 9), []byte("9 BYE"), []byte("BYE"), 1), 400},
			{"CANCEL of the answered INVITE", send("CANCEL", 1, "live1", "bad1"), 200},
			{"CANCEL of another branch", send("CANCEL", 11), 481},
			{"ACK of nothing", send("ACK", 12), 0},
			{"UPDATE", send("UPDATE", 14), 405},
			{"an unknown method", send("FOO", 15), 501},
			{"REGISTER in a dialog", send("REGISTER", 16), 405},
		} {
			p.harmless(c.name, c.raw, c.code)
			if n := p.r.engine.Active(); n != 1 {
				t.Fatalf("%s (%d): %d calls are active", c.name, i, n)
			}
		}
		if o := p.send(p.v4, send("BYE", 99)); len(o.finals) != 1 || o.finals[0] != 200 || len(o.calls) != 1 || methodOf(o.calls[0]) != "BYE" {
			t.Errorf("BYE: %+v", o)
		}
		if n := p.r.engine.Active(); n != 0 {
			t.Errorf("%d calls are active after the BYE", n)
		}
	})
}

func TestBadInput_RandomBytes_DoNoHarm(t *testing.T) {
	hostile(t, func(p *probe) {
		rng := rand.New(rand.NewPCG(1, 2))
		for range 300 {
			raw := make([]byte, rng.IntN(2000))
			for i := range raw {
				raw[i] = byte(rng.Uint32())
			}
			p.harmless("random", raw, 400)
		}
	})
}

func TestBadInput_DamagedMessages_DoNoHarm(t *testing.T) {
	// Good messages with bytes changed, cut and doubled at random, over UDP and
	// TCP: whatever they become, the border stands.
	hostile(t, func(p *probe) {
		rng := rand.New(rand.NewPCG(3, 4))
		var seeds [][]byte
		for i, method := range draftMethods {
			seeds = append(seeds, newDraft(method, i).raw())
		}
		for _, row := range corpus(p.t, "rfc4475") {
			seeds = append(seeds, row.raw)
		}
		for i := range 2000 {
			raw := damage(rng, seeds[rng.IntN(len(seeds))])
			p.send(p.v4, raw)
			if i%50 == 0 {
				p.stream(p.dial("10.0.0.20", "10.0.0.1:5060"), raw)
				p.alive(p.v4)
			}
		}
	})
}

func damage(rng *rand.Rand, seed []byte) []byte {
	raw := bytes.Clone(seed)
	for range 1 + rng.IntN(4) {
		if len(raw) < 2 {
			break
		}
		i, j := rng.IntN(len(raw)), rng.IntN(len(raw))
		i, j = min(i, j), max(i, j)
		switch rng.IntN(5) {
		case 0:
			raw[i] = byte(rng.Uint32())
		case 1:
			raw[i] = "\r\n\t ;,<>\"@:=%?\\/"[rng.IntN(16)]
		case 2:
			raw = append(raw[:i:i], raw[j:]...)
		case 3:
			raw = append(raw[:j:j], raw[i:]...)
		case 4:
			raw = raw[:j]
		}
	}
	return raw[:min(len(raw), 60000)]
}
