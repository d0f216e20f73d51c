package msg

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func written(t *testing.T, m *Message) string {
	t.Helper()
	out, err := m.AppendTo([]byte("kept|"))
	if err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutPrefix(string(out), "kept|")
	if !ok {
		t.Fatalf("what stood before is gone: %q", out)
	}
	return text
}

func TestAppendTo_Unedited_IsByteExact(t *testing.T) {
	raw := string(with("sUbJeCt \t:  odd  \r\n\t folded ", "X-A:", "x-a: ;;,"))
	if got := written(t, mustParse(t, []byte(raw))); got != raw {
		t.Errorf("got\n%q\nwant\n%q", got, raw)
	}
}

func TestSet_ExistingHeader_ReplacesAllAtTheFirstPlace(t *testing.T) {
	m := mustParse(t, with("s: one", "X-A: 1", "Subject: two", "X-B: 2"))
	m.Set("SUBJECT", "new")
	got := written(t, m)
	if !strings.HasSuffix(got, "\r\nSUBJECT: new\r\nX-A: 1\r\nX-B: 2\r\n\r\n") || strings.Contains(got, "two") {
		t.Errorf("written\n%s", got)
	}
	v, ok := m.Get(HeaderSubject)
	if !ok || string(v) != "new" || m.Count(HeaderSubject) != 1 {
		t.Errorf("Get gives %q, count %d", v, m.Count(HeaderSubject))
	}
}

func TestSet_AbsentAndUnknownHeaders_AreAppended(t *testing.T) {
	m := mustParse(t, with())
	m.Set("X-New", "1")
	m.Set("x-NEW", "2")
	m.Add("X-New", "3")
	if got := written(t, m); !strings.HasSuffix(got, "\r\nx-NEW: 2\r\nX-New: 3\r\n\r\n") {
		t.Errorf("written\n%s", got)
	}
	m.Remove("X-nEW")
	if got := written(t, m); got != string(with()) {
		t.Errorf("written\n%s", got)
	}
}

func TestEdit_TypedHeaders_AccessorsFollow(t *testing.T) {
	m := mustParse(t, with())
	m.Set("f", `"X" <sip:x@y>;tag=new`)
	m.Set("To", "<sip:z@y>;tag=t2")
	m.Set("Max-Forwards", "12")
	m.Set("Via", "SIP/2.0/TCP other;branch=b2")
	m.Set("Call-ID", "c2")
	m.Set("CSeq", "9 INVITE")
	wantBytes(t, "from", m.From().URI, "sip:x@y")
	wantBytes(t, "from tag", m.FromTag(), "new")
	wantBytes(t, "to tag", m.ToTag(), "t2")
	wantBytes(t, "via", m.TopVia().Host, "other")
	wantBytes(t, "call-id", m.CallID(), "c2")
	if n, _ := m.MaxForwards(); n != 12 || m.CSeq() != 9 {
		t.Errorf("max-forwards %d, cseq %d", n, m.CSeq())
	}
	m.Remove("Max-Forwards")
	if _, ok := m.MaxForwards(); ok {
		t.Error("Max-Forwards is still there")
	}
	again := mustParse(t, []byte(written(t, m)))
	wantBytes(t, "from again", again.From().URI, "sip:x@y")
}

func TestEdit_Illegal_SticksAndIsNotWritten(t *testing.T) {
	for name, edit := range map[string]func(*Message){
		"crlf":           func(m *Message) { m.Set("X", "a\r\nb: c") },
		"nul":            func(m *Message) { m.Add("X", "\x00") },
		"name":           func(m *Message) { m.Add("X Y", "a") },
		"empty name":     func(m *Message) { m.Set("", "a") },
		"length":         func(m *Message) { m.Set("l", "5") },
		"remove length":  func(m *Message) { m.Remove("Content-Length") },
		"malformed from": func(m *Message) { m.Set("From", "nobody") },
		"two to":         func(m *Message) { m.Add("t", "<sip:a@h>") },
		"cseq method":    func(m *Message) { m.Set("CSeq", "1 BYE") },
		"contact":        func(m *Message) { m.Add("m", "*") },
		"two parts":      func(m *Message) { m.Set("X", "a\r", "\nb: c") },
		"uri":            func(m *Message) { m.SetRequestURI("sip:a@h b") },
		"uri headers":    func(m *Message) { m.SetRequestURI("sip:a@h?Route=x") },
		"uri too long":   func(m *Message) { m.SetRequestURI("sip:" + strings.Repeat("a", MaxHeaderBytes) + "@h") },
		"too long":       func(m *Message) { m.Set("X", strings.Repeat("x", MaxHeaderBytes)) },
		"too many": func(m *Message) {
			for range MaxHeaders {
				m.Add("X-A", "y")
			}
		},
	} {
		m := mustParse(t, with())
		edit(m)
		m.Set("Subject", "fine")
		if out, err := m.AppendTo(nil); err == nil || len(out) != 0 {
			t.Errorf("%s: written %q", name, out)
		}
	}
}

func TestSetRequestURI_Request_ReplacesItAlone(t *testing.T) {
	m := mustParse(t, with())
	m.SetRequestURI("tel:+1")
	m.Set("X-A", strings.Repeat("a", 4000)) // the buffer moves
	wantBytes(t, "request uri", m.RequestURI(), "tel:+1")
	want := strings.Replace(string(with()), "sip:bob@biloxi.example.com", "tel:+1", 1)
	m.Remove("X-A")
	if got := written(t, m); got != want {
		t.Errorf("written\n%s\nwant\n%s", got, want)
	}
	response := mustParse(t, []byte(strings.Replace(string(with()), "INVITE sip:bob@biloxi.example.com SIP/2.0", "SIP/2.0 200 OK", 1)))
	response.SetRequestURI("sip:a@h")
	if _, err := response.AppendTo(nil); err == nil {
		t.Error("a response has a request uri")
	}
}

func TestSet_MessageAtTheHeaderLimit_CanStillBeReplaced(t *testing.T) {
	head := inviteLines()
	for len(head)-1 < MaxHeaders {
		head = append(head, "X-A: y")
	}
	m := mustParse(t, message(head, ""))
	m.Set("Max-Forwards", "9")
	m.Set("X-A", "z")
	if got := written(t, m); !strings.Contains(got, "\r\nMax-Forwards: 9\r\n") || strings.Count(got, "X-A") != 1 {
		t.Errorf("written\n%s", got)
	}
	if n := m.Count(HeaderOther); n != 1 {
		t.Errorf("%d unknown header lines counted", n)
	}
}

// Whatever is edited, one allocation holds all that is written.
func TestAppendTo_NilBuffer_OneAllocation(t *testing.T) {
	for name, raw := range map[string][]byte{
		"1 KB": invite1K(), "no length": message(inviteLines()[:8], "body"), "loose": []byte(strings.Replace(string(with()), "SIP/2.0\r\n", "sip/2.0\r\n", 1)),
		"status": []byte(strings.Replace(string(with()), "INVITE sip:bob@biloxi.example.com SIP/2.0", "SIP/2.0 200", 1)),
	} {
		m := mustParse(t, raw)
		m.Set("Subject", "s")
		m.Add("X-A", "")
		if n := testing.AllocsPerRun(100, func() { _, _ = m.AppendTo(nil) }); n > 1 {
			t.Errorf("%s: %v allocations", name, n)
		}
		if out, err := m.AppendTo(nil); err != nil || len(out) > m.sizeBound() {
			t.Errorf("%s: %v, %d bytes, bound %d", name, err, len(out), m.sizeBound())
		}
	}
}

func TestAppendTo_RefusedMessage_IsNotWritten(t *testing.T) {
	var m Message
	_ = m.Parse(with("CSeq: 1 INVITE"), Datagram)
	_, err := m.AppendTo(nil)
	var e *Error
	if !errors.As(err, &e) || e.Code != 400 {
		t.Errorf("error %v", err)
	}
}

func TestAppendTo_MissingLengthAndLooseStartLine_AreCompleted(t *testing.T) {
	head := inviteLines()[:8]
	head[0] = "INVITE sip:a@h sip/2.0"
	got := written(t, mustParse(t, message(head, "body")))
	if !strings.HasPrefix(got, "INVITE sip:a@h SIP/2.0\r\n") || !strings.HasSuffix(got, "\r\nContent-Length: 4\r\n\r\nbody") {
		t.Errorf("written\n%s", got)
	}
	head[0] = "SIP/2.0 200"
	if got := written(t, mustParse(t, message(head, ""))); !strings.HasPrefix(got, "SIP/2.0 200 \r\n") {
		t.Errorf("written\n%s", got)
	}
}

func TestSecurity19_GrownBeyondTheLimit_RefusedNotCut(t *testing.T) {
	m := mustParse(t, message(append(inviteLines()[:8], "Content-Length: 60000"), strings.Repeat("b", 60000)))
	m.Set("X-A", strings.Repeat("x", 6000))
	if _, err := m.AppendTo(nil); !errors.Is(err, ErrTooLarge) {
		t.Errorf("error %v", err)
	}
}

func ExampleMessage_Set() {
	raw := "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nf: <sip:a@h>;tag=1\r\nt: <sip:h>\r\ni: 1\r\nCSeq: 1 OPTIONS\r\nl: 0\r\n\r\n"
	var m Message
	if err := m.Parse([]byte(raw), Datagram); err != nil {
		fmt.Println(err)
		return
	}
	m.Set("Subject", "hello")
	out, err := m.AppendTo(nil)
	fmt.Printf("%q %v\n", out[len(out)-24:], err)
	// Output: "l: 0\r\nSubject: hello\r\n\r\n" <nil>
}
