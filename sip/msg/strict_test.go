package msg

import (
	"strings"
	"testing"
)

func TestParse_ControlBytes_OnlyInQuotedPairs(t *testing.T) {
	for c := range 256 {
		b := string([]byte{byte(c)})
		control := c < ' ' && c != '\t' || c == 0x7f
		want := 0
		if control {
			want = 400
		}
		wantCode(t, with("Subject: a"+b+"b"), Datagram, want)
		wantCode(t, with("Subject: eight byte words and a"+b+"tail"), Datagram, want)
		wantCode(t, with("Subject: "+b), Datagram, want)
		if c == '"' || c == '\\' {
			continue
		}
		wantCode(t, replaced("From", `From: "x`+b+`" <sip:a@h>;tag=1`), Datagram, want)
		if c == '\r' || c == '\n' {
			want = 400
		} else {
			want = 0
		}
		wantCode(t, replaced("From", `From: "x\`+b+`" <sip:a@h>;tag=1`), Datagram, want)
		if control {
			wantCode(t, with(`Subject: \`+b), Datagram, 400)
		}
	}
}

func TestParse_LineEnds_OnlyCRLF(t *testing.T) {
	good := string(with())
	wantCode(t, []byte(strings.ReplaceAll(good, "\r\n", "\n")), Datagram, 400)
	wantCode(t, []byte(strings.ReplaceAll(good, "\r\n", "\r")), Datagram, 400)
	for i := range strings.Count(good, "\r\n") - 1 {
		at := 0
		for range i + 1 {
			at += strings.Index(good[at:], "\r\n") + 2
		}
		wantCode(t, []byte(good[:at-2]+"\n"+good[at:]), Datagram, 400)
		wantCode(t, []byte(good[:at-2]+"\r"+good[at:]), Datagram, 400)
		wantCode(t, []byte(good[:at-2]+"\r\r\n"+good[at:]), Datagram, 400)
	}
	wantCode(t, with("Subject: a\n b"), Datagram, 400)
	wantCode(t, with("Subject: a\rX: b"), Datagram, 400)
	wantCode(t, []byte("\r\n\r\n"+good), Datagram, 0)
	wantCode(t, []byte("\n"+good), Datagram, 400)
	wantCode(t, []byte(strings.TrimSuffix(good, "\r\n")), Datagram, 400)
	wantCode(t, []byte(strings.TrimSuffix(good, "\r\n\r\n")), Datagram, 400)
	wantCode(t, []byte(strings.Replace(good, "\r\nVia", "\r\n Via", 1)), Datagram, 400)
}

func TestParse_BareLF_StillReadableForTheReply(t *testing.T) {
	raw := []byte(strings.ReplaceAll(string(with()), "\r\n", "\n"))
	var m Message
	err := m.Parse(raw, Datagram)
	out := string(replyTo(t, &m, err.(*Error))) //nolint:errorlint // Parse gives it bare
	for _, want := range []string{"Via: ", "From: ", "To: ", "Call-ID: ", "CSeq: 314159 INVITE\r\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in the reply", want)
		}
	}
}

func TestParse_StartLine_Verdicts(t *testing.T) {
	for line, code := range map[string]int{
		"INVITE sip:a@h SIP/2.0":             0,
		"INVITE sip:a@h sip/2.0":             0,
		"NEW.method sip:a@h SIP/2.0":         400, // CSeq says INVITE
		"INVITE  sip:a@h SIP/2.0":            400,
		"INVITE sip:a@h  SIP/2.0":            400,
		"INVITE sip:a@h SIP/2.0 ":            400,
		" INVITE sip:a@h SIP/2.0":            400,
		"INVITE\tsip:a@h SIP/2.0":            400,
		"INVITE sip:a@h\tSIP/2.0":            400,
		"INVITE sip:a@h SIP/3.0":             505,
		"INVITE sip:a@h SIP/2.1":             505,
		"INVITE sip:a@h SIP/2.00":            505,
		"INVITE sip:a@h SIP/10.0":            505,
		"INVITE sip:a@h SIP/2":               400,
		"INVITE sip:a@h SIP/x.0":             400,
		"INVITE sip:a@h SIP/.":               400,
		"INVITE sip:a@h HTTP/1.1":            400,
		"INVITE sip:a@h":                     400,
		"INVITE":                             400,
		"":                                   400,
		"INV(ITE sip:a@h SIP/2.0":            400,
		"INVITE <sip:a@h> SIP/2.0":           400,
		"INVITE sip:a@h?Route=%3Cx SIP/2.0":  400,
		"INVITE sip:a@h; lr SIP/2.0":         400,
		"INVITE a@h SIP/2.0":                 400,
		"INVITE tel:+15551212 SIP/2.0":       0,
		"INVITE urn:service:sos SIP/2.0":     0,
		"INVITE http://x.example/?a SIP/2.0": 0,
		"SIP/2.0 200 OK":                     0,
		"SIP/2.0 200 ":                       0,
		"SIP/2.0 200":                        0,
		"sip/2.0 699 Über":                   0,
		"SIP/2.0 100  Two":                   0,
		"SIP/2.0  200 OK":                    400,
		"SIP/2.0 99 X":                       400,
		"SIP/2.0 099 X":                      400,
		"SIP/2.0 700 X":                      400,
		"SIP/2.0 0200 X":                     400,
		"SIP/2.0 +20 X":                      400,
		"SIP/2.0 4294967496 X":               400,
		"SIP/2.0 200OK":                      400,
		"SIP/2.0 200 a\x01":                  400,
		"SIP/7.0 200 OK":                     505,
		"SIP/2.0":                            400,
	} {
		head := inviteLines()
		head[0] = line
		if line == "" {
			head[0] = ":"
		}
		wantCode(t, message(head, ""), Datagram, code)
	}
	head := inviteLines()
	head[0] = "INVITE sip:" + strings.Repeat("a", MaxHeaderBytes) + "@h SIP/2.0"
	wantCode(t, message(head, ""), Datagram, 414)
}

func TestParse_TypedHeaders_Verdicts(t *testing.T) {
	for line, code := range map[string]int{
		"CSeq: 0 INVITE":                         0,
		"CSeq: 4294967295\tINVITE":               0,
		"CSeq: 4294967296 INVITE":                400,
		"CSeq: 18446744073709551617 INVITE":      400,
		"CSeq: -1 INVITE":                        400,
		"CSeq: 1":                                400,
		"CSeq: INVITE":                           400,
		"CSeq: 1INVITE":                          400,
		"CSeq: 1 invite":                         400,
		"CSeq: 1 INVITE x":                       400,
		"CSeq: 1 BYE":                            400,
		"Max-Forwards: 0":                        0,
		"Max-Forwards: 255":                      0,
		"Max-Forwards: 256":                      400,
		"Max-Forwards: 300":                      400,
		"Max-Forwards: -1":                       400,
		"Max-Forwards: ":                         400,
		"Max-Forwards: 7,7":                      400,
		"Call-ID: ":                              400,
		"Call-ID: a b":                           400,
		"Call-ID: a,b":                           400,
		"Call-ID: é":                             400,
		"Contact: *":                             0,
		"Contact: *, <sip:a@h>":                  400,
		"Contact: <sip:a@h>\r\nContact: *":       400,
		"Contact: *;expires=0":                   400,
		"Contact: ":                              400,
		"Contact: <sip:a@h>,":                    400,
		"Contact: a@h":                           400,
		"Contact: <mailto:a@h>":                  0,
		"Contact: <sip:a@h?x=y>;q=0.5":           0,
		"Contact: sip:a@h;q=0.5":                 0,
		"Contact: sip:a@h?x=y":                   400,
		"Contact: <sip:a@h>;expires=1;=":         400,
		`Contact: <sip:a@h>;+sip.instance="<x>"`: 0,
		`Contact: <sip:a@h>;x="`:                 400,
	} {
		name, _, _ := strings.Cut(line, ":")
		wantCode(t, replaced(name, line), Datagram, code)
	}
}

func TestParse_Limits_ExactlyAtAndBeyond(t *testing.T) {
	fill := func(total int) []byte {
		head := inviteLines()
		for len(head)-1 < total {
			head = append(head, "X-A: y")
		}
		return message(head, "")
	}
	wantCode(t, fill(MaxHeaders), Datagram, 0)
	wantCode(t, fill(MaxHeaders+1), Datagram, 400)
	long := func(total int) []byte { return with("X-A: " + strings.Repeat("y", total-len("X-A: \r\n"))) }
	wantCode(t, long(MaxHeaderBytes), Datagram, 0)
	wantCode(t, long(MaxHeaderBytes+1), Datagram, 400)
	folded := "X-A: a" + strings.Repeat("\r\n "+strings.Repeat("y", 1000), 9)
	wantCode(t, with(folded), Datagram, 400)

	via := "SIP/2.0/UDP h;branch=z9hG4bK1"
	oneLine := "Via: " + strings.Repeat(via+",", MaxVias-1) + via
	wantCode(t, replaced("Via", oneLine), Datagram, 0)
	wantCode(t, replaced("Via", oneLine+","+via), Datagram, 400)
	wantCode(t, replaced("Via", oneLine+"\r\nv: "+via), Datagram, 400)

	head := append(inviteLines()[:8], "Content-Length: 60000")
	wantCode(t, message(head, strings.Repeat("b", 60000)), Stream, 0)
	wantCode(t, message(inviteLines()[:8], strings.Repeat("b", MaxMessageBytes)), Datagram, 513)
}

func TestParse_OversizeMessage_StillAnswerable(t *testing.T) {
	raw := message(inviteLines()[:8], strings.Repeat("b", MaxMessageBytes))
	var m Message
	err := m.Parse(raw, Datagram)
	out := string(replyTo(t, &m, err.(*Error))) //nolint:errorlint // Parse gives it bare
	if !strings.HasPrefix(out, "SIP/2.0 513 ") || !strings.Contains(out, "Call-ID: a84b") {
		t.Errorf("reply %q", out)
	}
}
