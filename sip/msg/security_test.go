package msg

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"gatehouse/sip/grammar"
)

var testSource = netip.MustParseAddrPort("198.51.100.9:4321")

// replyTo builds the refusal of a message that Parse did not like, as the transport does.
func replyTo(t *testing.T, m *Message, e *Error) []byte {
	t.Helper()
	h := NewReplyHead(m, testSource)
	var b Builder
	h.Start(&b, e.Code, e.Reason, "mal")
	out, err := b.Bytes()
	if err != nil {
		t.Fatalf("reply to %.200q: %v", m.Raw(), err)
	}
	return out
}

func TestSecurity01_ContentLengthForms_OnlyOnePlainNumber(t *testing.T) {
	body := "0123456789"
	for _, value := range []string{
		"2147483647", "2147483648", "4294967296", "4294967306", "18446744073709551616", "18446744073709551626",
		"99999999999999999999999999", "+10", "-1", "-10", "5,5", "10,10", "10 10", "1 0", "0x0a", "10;x", "1e1", "",
		"١٠", "10.0", "\"10\"", "10\v",
	} {
		for _, f := range []Framing{Datagram, Stream} {
			raw := message(append(inviteLines()[:8], "Content-Type: a/b", "Content-Length: "+value), body)
			if e := wantCode(t, raw, f, 400); e != nil {
				var m Message
				_ = m.Parse(raw, f)
				replyTo(t, &m, e)
			}
		}
	}
	for _, line := range []string{"Content-Length: 10", "l:10", "L : 010", "content-length:\t10\t", "CONTENT-LENGTH:\r\n 10"} {
		for _, f := range []Framing{Datagram, Stream} {
			wantCode(t, message(append(inviteLines()[:8], line), body), f, 0)
		}
	}
}

func TestSecurity01_TwoContentLengths_Refused(t *testing.T) {
	for _, second := range []string{"Content-Length: 10", "l: 10", "L: 0", "content-length : 10"} {
		for _, f := range []Framing{Datagram, Stream} {
			wantCode(t, message(append(inviteLines()[:8], "Content-Length: 10", second), "0123456789"), f, 400)
		}
	}
}

func TestSecurity02_BodyAgainstContentLength_PerFraming(t *testing.T) {
	head := inviteLines()[:8]
	cl := func(n int) []string { return append(slices.Clone(head), fmt.Sprintf("Content-Length: %d", n)) }
	wantCode(t, message(cl(6), "hello"), Datagram, 400)
	wantCode(t, message(cl(6), "hello"), Stream, 400)
	wantCode(t, message(cl(4), "hello"), Stream, 400)
	wantCode(t, message(head, "hello"), Stream, 400)
	wantCode(t, message(head, ""), Stream, 400)
	smuggled := string(with())
	m := mustParse(t, message(cl(5), "hello"+smuggled))
	wantBytes(t, "cut body", m.Body(), "hello")
	m = mustParse(t, message(head, "hello"))
	wantBytes(t, "body to the end", m.Body(), "hello")
	if len(mustParse(t, message(head, "")).Body()) != 0 {
		t.Error("body out of nothing")
	}
}

func TestSecurity05_MandatoryHeadersMissing_RefusedAndAnswerable(t *testing.T) {
	names := []string{"Via", "To", "From", "Call-ID", "CSeq"}
	for method := Unknown; method <= PUBLISH; method++ {
		for i, first := range names {
			for _, second := range names[i:] {
				head := inviteLines()
				head[0] = method.String() + " sip:bob@biloxi.example.com SIP/2.0"
				head[6] = "CSeq: 1 " + method.String()
				head = slices.DeleteFunc(head, func(l string) bool {
					return strings.HasPrefix(l, first+":") || strings.HasPrefix(l, second+":")
				})
				raw := message(head, "")
				e := wantCode(t, raw, Datagram, 400)
				if e == nil {
					continue
				}
				var m Message
				_ = m.Parse(raw, Datagram)
				exercise(&m)
				out := string(replyTo(t, &m, e))
				for _, name := range names {
					missing := name == first || name == second
					if strings.Contains(out, "\r\n"+name+": ") == missing {
						t.Errorf("%v without %s and %s: %s in the reply wrong:\n%s", method, first, second, name, out)
					}
				}
				h := NewReplyHead(&m, testSource)
				if wantAnswer := first != "Via" && first != "Call-ID" && second != "Call-ID"; h.Answerable() != wantAnswer {
					t.Errorf("without %s and %s answerable is %v", first, second, h.Answerable())
				}
			}
		}
	}
	wantCode(t, replaced("Max-Forwards", ""), Datagram, 0)
	wantCode(t, replaced("Contact", ""), Datagram, 0)
}

// exercise calls every accessor: none may panic on a half-read message.
func exercise(m *Message) {
	_, _ = m.Get(HeaderVia)
	_, _ = m.Contact()
	_, _ = m.MaxForwards()
	_, _ = m.Lookup("From")
	_ = m.HasToken(HeaderSupported, "x")
	_, _ = m.From().Param("tag")
	_ = m.To().DisplayText()
	_ = m.MethodName()
	_, _ = m.TopVia(), m.Reason()
	for range m.All() {
	}
	for range m.Values(HeaderVia) {
	}
	_, _ = m.AppendTo(nil)
}

func TestSecurity06_ScannerTraffic_RefusedWithoutPanic(t *testing.T) {
	for _, from := range []string{
		"", "   ", "<", ">", "<>", `"`, `"\`, ";tag=1", "<sip:", "sip:", "<sip:>", `"x"`, "x", "*", "<*>", "sip:@",
		"<sip:1.1.1.1>;tag", "<sip:a@b>;tag=", "<sip:a@b>;=x", "<sip:a@b>;;tag=1", "<sip:a@b>;tag=1;", "<sip:a@b>,<sip:c@d>",
		`"sipvicious"<sip:100@1.1.1.1>; tag=a b`, "<sip:100@1.1.1.1>;tag=1;tag=2", "<sip:a@b>x", "<sip:a@b", "100@1.1.1.1",
		"<sip:a b@c>", `<sip:"a"@c>`, "sip:a@b?x=y", "sip:a@b,c", "<sip:a@b>;tag=\"q\"",
		"\xff\xfe", "<sip:\xff@h>", "<sip:a@-\x00>", "<sip:%zz@h>", "<sip:a@h:99999>", "<sip:a@h:>", "<sip:a@[::1>",
	} {
		for _, name := range []string{"From", "To"} {
			raw := replaced(name, name+": "+from)
			if from == "<sip:1.1.1.1>;tag" {
				continue
			}
			if e := wantCode(t, raw, Datagram, 400); e != nil {
				var m Message
				_ = m.Parse(raw, Datagram)
				exercise(&m)
				replyTo(t, &m, e)
			}
		}
	}
	for _, raw := range []string{
		"", "\r\n\r\n", "\r\n", "\x00\x01\x00\x00\x21\x12\xa4\x42", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "INVITE", "SIP/2.0",
		"SIP/2.0 ", "SIP/2.0 200", " SIP/2.0\r\n\r\n", "INVITE  SIP/2.0\r\n\r\n", "A B C D\r\n\r\n", "SIP/", "\r\r\n", ":\r\n\r\n",
	} {
		var m Message
		if err := m.Parse([]byte(raw), Datagram); err == nil {
			t.Errorf("%q accepted", raw)
		}
		exercise(&m)
		NewReplyHead(&m, testSource)
	}
}

func TestSecurity09_HeaderNameVariants_NeverEscapeTheirIdentity(t *testing.T) {
	for c := range 256 {
		b := string([]byte{byte(c)})
		before := with("X-Bypass-me"+b+": x", "X-Last: y")
		inside := with("X-By"+b+"ass: x", "X-Last: y")
		var m Message
		err := m.Parse(before, Datagram)
		v, found := m.Lookup("X-Bypass-me")
		switch {
		case c == ' ' || c == '\t':
			if err != nil || !found || string(v) != "x" {
				t.Errorf("%q before the colon: %v %q", b, err, v)
			}
		case c == ':':
			if err != nil || string(v) != ": x" {
				t.Errorf("second colon: %v %q", err, v)
			}
		case grammar.IsTokenByte(byte(c)):
			if err != nil || found {
				t.Errorf("%q makes another name: %v %v", b, err, found)
			}
		default:
			if codeOf(t, err) != 400 {
				t.Errorf("%q before the colon: %v", b, err)
			}
		}
		err = m.Parse(inside, Datagram)
		if ok := grammar.IsTokenByte(byte(c)) || c == ':'; ok != (err == nil) {
			t.Errorf("%q inside a name: %v", b, err)
		}
	}
	for _, blanks := range []int{1, 255, 256, 257, 4000, 8000} {
		m := mustParse(t, with("X-Bypass-me"+strings.Repeat(" ", blanks)+": x"))
		m.Remove("x-bypass-ME")
		out, err := m.AppendTo(nil)
		if err != nil || strings.Contains(string(out), "Bypass") {
			t.Errorf("%d blanks: %v, header survives", blanks, err)
		}
	}
	long := strings.Repeat("N", 8000)
	m := mustParse(t, with(long+": x"))
	if _, ok := m.Lookup(strings.ToLower(long)); !ok {
		t.Error("a name of 8000 bytes is not found")
	}
	m.Remove(strings.ToLower(long))
	if out, _ := m.AppendTo(nil); strings.Contains(string(out), "NNN") {
		t.Error("a name of 8000 bytes is not removed")
	}
	wantCode(t, with(long+long+": x"), Datagram, 400)
}

func TestSecurity10_OddBytesInNames_Refused(t *testing.T) {
	for _, line := range []string{
		"Contact\x01: <sip:a@b>", "\x01Contact: x", "Con tact: x", "Contact\x00: x", "Cont\xe9act: x", ": x", " : x", "Contact",
		"Contact;: x", "Contact(x): y", "\"Contact\": y", "Contact\v: y", "Contact\r: y",
	} {
		wantCode(t, with(line), Datagram, 400)
	}
}

func TestSecurity14_DuplicateSingletons_Refused(t *testing.T) {
	sample := func(id ID) string {
		for _, l := range inviteLines()[1:] {
			if name, v, _ := strings.Cut(l, ":"); Identify(name) == id {
				return strings.TrimSpace(v)
			}
		}
		return "1"
	}
	short := map[ID]string{}
	for c := byte('a'); c <= 'z'; c++ {
		if id := compactForm(c); id != HeaderOther {
			short[id] = string(c)
		}
	}
	for id := HeaderOther + 1; id < headerCount; id++ {
		if id == HeaderVia || id == HeaderContact {
			continue
		}
		forms := []string{id.String(), strings.ToUpper(id.String())}
		if s := short[id]; s != "" {
			forms = append(forms, s)
		}
		base := replaced(id.String(), "")
		head := strings.Split(strings.TrimSuffix(string(base), "\r\n\r\n"), "\r\n")
		for _, second := range forms {
			raw := message(append(slices.Clone(head), id.String()+": "+sample(id), second+": "+sample(id)), "")
			want := 0
			if singleton[id] {
				want = 400
			}
			wantCode(t, raw, Datagram, want)
		}
	}
	for _, name := range []string{"From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length", "Content-Type", "Expires", "Refer-To", "Replaces"} {
		if !singleton[Identify(name)] {
			t.Errorf("%s may repeat", name)
		}
	}
}

func TestSecurity14_DuplicateTo_ReplyRepeatsTheFirst(t *testing.T) {
	raw := with("To: <sip:evil@example.net>;tag=evil", "From: <sip:evil@example.net>;tag=evil")
	e := wantCode(t, raw, Datagram, 400)
	var m Message
	_ = m.Parse(raw, Datagram)
	out := string(replyTo(t, &m, e))
	if strings.Contains(out, "evil") || strings.Count(out, "\r\nTo: ") != 1 || !strings.Contains(out, ">;tag=mal\r\n") {
		t.Errorf("reply:\n%s", out)
	}
}
