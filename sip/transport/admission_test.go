package transport_test

import (
	"net/netip"
	"strings"
	"testing"

	"gatehouse/sip/transport"
)

func TestSilent_MalformedGetsNothing_WellFormedIsHandedOver(t *testing.T) {
	inLab(t, transport.Options{Admission: fixed(transport.Silent)}, func(t *testing.T, l *lab) {
		c := l.socket("198.51.100.7:5070")
		send(t, c, without(request("INVITE", viaUDP, ""), "From"))
		send(t, c, "INVITE garbage")
		send(t, c, request("BYE", viaUDP, ""))
		if got, _ := receive(t, c); got != "" {
			t.Errorf("a silent source got %q", got)
		}
		got := l.core.messages()
		if len(got) != 1 || got[0].standing != transport.Silent {
			t.Fatalf("handed over: %+v", got)
		}

		s := l.dial("198.51.100.7")
		say(t, s, "\r\n\r\n"+request("BYE", viaTCP, "")+without(request("INVITE", viaTCP, ""), "From"))
		if text, over := hear(t, s); text != "" || over {
			t.Errorf("a silent stream got %q, closed %v", text, over)
		}
		say(t, s, withLength(request("INVITE", viaTCP, ""), " +0"))
		if text, over := hear(t, s); text != "" || !over {
			t.Errorf("a silent stream got %q, closed %v", text, over)
		}
		if got := l.core.messages(); len(got) != 2 || got[1].standing != transport.Silent {
			t.Errorf("handed over: %+v", got[1:])
		}
		if l.drops(transport.CauseSilent) != 3 {
			t.Errorf("drops %v", l.stack.Stats().Drops)
		}
	})
}

func TestAdmission_IsReadPerMessage(t *testing.T) {
	now := &admit{all: transport.Known}
	inLab(t, transport.Options{Admission: now}, func(t *testing.T, l *lab) {
		s := l.dial("198.51.100.7")
		say(t, s, request("OPTIONS", viaTCP, ""))
		now.all = transport.Stranger
		say(t, s, request("OPTIONS", viaTCP, ""))
		got := l.core.messages()
		if len(got) != 2 || got[0].standing != transport.Known || got[1].standing != transport.Stranger {
			t.Errorf("standings %+v", got)
		}
	})
}

func TestMalformed_AnsweredByItsOwnCode(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"no From":          {without(request("INVITE", viaUDP, ""), "From"), "SIP/2.0 400 "},
		"no To":            {without(request("INVITE", viaUDP, ""), "To"), "SIP/2.0 400 "},
		"no Call-ID":       {without(request("INVITE", viaUDP, ""), "Call-ID"), "SIP/2.0 400 "},
		"no CSeq":          {without(request("INVITE", viaUDP, ""), "CSeq"), "SIP/2.0 400 "},
		"version":          {strings.Replace(request("INVITE", viaUDP, ""), "SIP/2.0\r\n", "SIP/7.0\r\n", 1), "SIP/2.0 505 "},
		"no Via":           {without(request("INVITE", viaUDP, ""), "Via"), ""},
		"unreadable Via":   {request("INVITE", "????", ""), ""},
		"ACK":              {without(request("ACK", viaUDP, ""), "From"), ""},
		"response":         {"SIP/2.0 200 OK\r\n" + without(request("INVITE", viaUDP, ""), "From"), ""},
		"not SIP":          {"\x00\x01\x00\x08garbage", ""},
		"CSeq of another":  {strings.Replace(request("INVITE", viaUDP, ""), "CSeq: 1 INVITE", "CSeq: 1 BYE", 1), "SIP/2.0 400 "},
		"folded into evil": {strings.Replace(request("INVITE", viaUDP, ""), "Call-ID: c1", "Call-ID: c1\x00\r\n x", 1), "SIP/2.0 400 "},
	} {
		t.Run(name, func(t *testing.T) {
			inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
				c := l.socket("198.51.100.7:5070")
				send(t, c, tc.text)
				got, _ := receive(t, c)
				if !strings.HasPrefix(got, tc.want) || tc.want == "" && got != "" {
					t.Errorf("answer %q, want %q", firstLine(got), tc.want)
				}
				if strings.ContainsRune(got, 0) {
					t.Errorf("the answer carries a control byte: %q", got)
				}
				if n := len(l.core.messages()); n != 0 {
					t.Errorf("%d messages were handed over", n)
				}
				if again, _ := receive(t, c); again != "" {
					t.Errorf("answered twice")
				}
			})
		})
	}
}

func TestSecurity05_EveryMandatoryHeaderRemoved_AliveAndNothingHandedOver(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		c := l.socket("198.51.100.7:5070")
		s := l.dial("198.51.100.7")
		names := []string{"Via", "From", "To", "Call-ID", "CSeq"}
		methods := []string{
			"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "REGISTER", "PRACK", "UPDATE", "INFO", "SUBSCRIBE", "NOTIFY",
			"MESSAGE", "REFER", "PUBLISH",
		}
		for _, method := range methods {
			for i, a := range names {
				for _, b := range names[i:] {
					send(t, c, without(without(request(method, viaUDP, ""), a), b))
					if _, over := hear(t, s); over {
						s = l.dial("198.51.100.7")
					}
					say(t, s, without(without(request(method, viaTCP, ""), a), b))
				}
			}
		}
		if n := len(l.core.messages()); n != 0 {
			t.Fatalf("%d messages were handed over", n)
		}
		if n := l.drops(transport.CausePanic); n != 0 {
			t.Fatalf("%d panics", n)
		}
		send(t, c, request("OPTIONS", viaUDP, ""))
		if len(l.core.messages()) != 1 {
			t.Error("no longer alive")
		}
	})
}

func TestStranger_AnswerLargerThanDatagram_IsDropped(t *testing.T) {
	// As little as can be answered: the reply would repeat all of it and more.
	small := "BYE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a;rport\r\nCall-ID: c\r\n\r\n"
	for standing, answered := range map[transport.Standing]bool{transport.Known: true, transport.Stranger: false} {
		inLab(t, transport.Options{Admission: fixed(standing)}, func(t *testing.T, l *lab) {
			c := l.socket("198.51.100.7:5070")
			send(t, c, small)
			if got, _ := receive(t, c); (got != "") != answered {
				t.Errorf("%s: answer %q", standing, got)
			}
			if n := l.drops(transport.CauseAmplification); (n == 0) != answered {
				t.Errorf("%s: %d drops", standing, n)
			}
			// What a phone would really send wrong is answered, to strangers too.
			send(t, c, without(request("INVITE", viaUDP, "v=0\r\n"), "CSeq"))
			if got, _ := receive(t, c); !strings.HasPrefix(got, "SIP/2.0 400 ") {
				t.Errorf("%s: answer %q", standing, got)
			}
		})
	}
}

func TestStranger_BytesOutNeverExceedBytesIn(t *testing.T) {
	inLab(t, transport.Options{Admission: fixed(transport.Stranger)}, func(t *testing.T, l *lab) {
		in, out := 0, 0
		c := l.socket("198.51.100.7:5070")
		whole := request("INVITE", viaUDP, "v=0\r\n")
		for cut := 1; cut < len(whole); cut++ {
			for _, text := range []string{whole[:cut], whole[:cut] + "\r\n\r\n"} {
				if n := len(l.core.messages()); n != 0 && cut < strings.Index(whole, "Call-ID") {
					t.Fatalf("handed over %q", text)
				}
				send(t, c, text)
				got, _ := receive(t, c)
				in, out = len(text), len(got)
				if out > in {
					t.Fatalf("%d bytes in, %d out: %q", in, out, got)
				}
			}
		}
	})
}

func TestPanicInHandler_IsContainedInOneMessage(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		l.core.then = func(in *transport.Inbound) {
			if strings.Contains(string(in.Msg.Raw()), "boom") {
				panic("boom")
			}
		}
		c := l.socket("198.51.100.7:5070")
		s := l.dial("198.51.100.7")
		send(t, c, request("MESSAGE", viaUDP, "boom"))
		say(t, s, request("MESSAGE", viaTCP, "boom"))
		send(t, c, request("MESSAGE", viaUDP, "fine"))
		say(t, s, request("MESSAGE", viaTCP, "fine"))
		if n := len(l.core.messages()); n != 4 {
			t.Errorf("%d messages, want 4", n)
		}
		if n := l.drops(transport.CausePanic); n != 2 {
			t.Errorf("%d panics counted, want 2", n)
		}
	})
}

func TestStats_CountByDirectionMethodAndCode(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		l.core.answerOK(t, l.stack)
		c := l.socket("198.51.100.7:5070")
		s := l.dial("198.51.100.7")
		for range 3 {
			send(t, c, request("OPTIONS", viaUDP, ""))
		}
		say(t, s, request("BYE", viaTCP, ""))
		send(t, c, without(request("INVITE", viaUDP, ""), "To"))
		send(t, c, strings.Replace(request("INVITE", viaUDP, ""), "SIP/2.0\r\n", "SIP/3.0\r\n", 1))
		_, fields, _ := strings.Cut(request("INVITE", viaUDP, ""), "\r\n")
		send(t, c, "SIP/2.0 183 Session Progress\r\n"+fields)
		st := l.stack.Stats()
		got := map[string]uint64{}
		for _, m := range st.Messages {
			got[m.Direction.String()+" "+m.Method.String()+" "+codeText(m.Code)] = m.N
		}
		want := map[string]uint64{
			"in OPTIONS 0": 3, "out OPTIONS 200": 3, "in BYE 0": 1, "out BYE 200": 1, "out INVITE 400": 1,
			"out INVITE 505": 1, "in INVITE 183": 1,
		}
		for k, n := range want {
			if got[k] != n {
				t.Errorf("%s: %d, want %d", k, got[k], n)
			}
		}
		if len(got) != len(want) {
			t.Errorf("counted %v", got)
		}
		codes := map[int]uint64{}
		for _, p := range st.ParseErrors {
			codes[p.Code] = p.N
		}
		if codes[400] != 1 || codes[505] != 1 || len(codes) != 2 || st.Refusals != 2 {
			t.Errorf("parse errors %v, refusals %d", codes, st.Refusals)
		}
	})
}

func codeText(code int) string {
	if code == 0 {
		return "0"
	}
	return string([]byte{byte('0' + code/100), byte('0' + code/10%10), byte('0' + code%10)})
}

func TestIPv6_RequestAndReply(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		l.core.answerOK(t, l.stack)
		six := netip.MustParseAddrPort("[2001:db8::9]:5060")
		if _, err := l.stack.Listen(transport.ListenSpec{Zone: "six", Proto: transport.UDP, Addr: six}); err != nil {
			t.Fatal(err)
		}
		c := l.socket("[2001:db8::7]:5070")
		if _, err := c.WriteToUDPAddrPort([]byte(request("OPTIONS", "UDP [2001:db8::7]:5070;branch=z9hG4bK1", "")), six); err != nil {
			t.Fatal(err)
		}
		if got, from := receive(t, c); firstLine(got) != "SIP/2.0 200 OK" || from != six {
			t.Errorf("got %q from %s", got, from)
		}
	})
}
